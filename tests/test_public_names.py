"""The names that people import are a literal list: whoever changes it changes the reference and the changelog too."""

import dbroute
import dbroute.routing
import dbroute.routing.routers
from dbroute import exceptions, models


def test_public_names_of_the_package() -> None:
    assert dbroute.__all__ == [
        "ConfigError",
        "ConfigWarning",
        "CrossDatabaseDeletionError",
        "CrossDatabaseJoinError",
        "CrossDatabaseLimitError",
        "CrossDatabaseTransactionError",
        "DatabaseConfig",
        "DatabaseTestConfig",
        "DbrouteError",
        "DjangoConfig",
        "PoolConfig",
        "ReadOnlyDatabaseError",
        "ReplicaConfig",
        "Secret",
        "Size",
        "Url",
        "configure",
        "load_config",
    ]


def test_every_public_name_is_there() -> None:
    missing = [name for name in dbroute.__all__ if not hasattr(dbroute, name)]

    assert missing == []


def test_names_are_the_same_objects_in_the_rooms_they_come_from() -> None:
    assert dbroute.DatabaseConfig is models.DatabaseConfig
    assert dbroute.DjangoConfig is models.DjangoConfig
    assert dbroute.ConfigError is exceptions.ConfigError


def test_router_has_two_names() -> None:
    assert dbroute.routing.DatabaseRouter is dbroute.routing.routers.AppDatabaseRouter
