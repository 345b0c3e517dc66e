"""From one YAML file to many Django databases that behave like one system."""

from typing import Any

from .config import load_config
from .exceptions import (
    ConfigError,
    ConfigWarning,
    CrossDatabaseDeletionError,
    CrossDatabaseJoinError,
    CrossDatabaseLimitError,
    CrossDatabaseTransactionError,
    DbrouteError,
    ReadOnlyDatabaseError,
)
from .models import DatabaseConfig, DatabaseTestConfig, DjangoConfig, PoolConfig, ReplicaConfig, Secret, Size, Url

__all__ = [
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


def __getattr__(name: str) -> str:
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version  # here: it brings zipfile, csv and email along

    try:
        return version("dbroute")
    except PackageNotFoundError:  # a source tree that nobody installed
        return "0+unknown"


def configure(module: str | None, config: DjangoConfig | None = None) -> dict[str, Any]:
    """
    Fill a settings module with the configuration, said explicitly instead of by ``import dbroute.django``.

    Args:
        module: Name of the settings module, ``__name__`` in it. ``None`` fills nothing, for scripts that pass the
            result to ``settings.configure``.
        config: A DjangoConfig whose attributes are the lowest layer; ``config.yaml`` is optional then.

    Returns:
        The settings, name to value.

    Raises:
        django.core.exceptions.ImproperlyConfigured: Something in the configuration is wrong; its cause is the
            :class:`dbroute.exceptions.ConfigError`.
    """
    from .django.settings import configure as fill

    return fill(module, config)
