"""``pytest -p dbroute.testing.plugin``: pytest-django's test databases, all made in one pass."""

from functools import partial
from typing import Any


def pytest_configure(config: Any) -> None:
    """Have pytest-django call our function where it calls Django's."""
    from django.test import utils

    config.dbroute_setup_databases = utils.setup_databases
    utils.setup_databases = partial(_setup_databases, utils.setup_databases)


def pytest_unconfigure(config: Any) -> None:
    """Give Django its function back."""
    from django.test import utils

    utils.setup_databases = config.dbroute_setup_databases


def _setup_databases(original: Any, *args: Any, **kwargs: Any) -> Any:
    from dbroute.django.migrating.for_tests import setup_databases

    return setup_databases(original, *args, **kwargs)
