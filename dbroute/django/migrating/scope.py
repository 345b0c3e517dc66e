"""Being on the side of the database that is migrated, wherever a data migration or a handler forgot to name it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType
from typing import cast

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, router

from ...routing.scope import migrating_on

# Functions of Django that data migrations call, whose argument ``using`` is ``default`` where it is left out; and the
# model whose rows they make.
FORGETFUL = {
    ("django.contrib.auth.management", "create_permissions"): "auth.Permission",
    ("django.contrib.contenttypes.management", "create_contenttypes"): "contenttypes.ContentType",
    ("django.contrib.sites.management", "create_default_site"): "sites.Site",
}


@contextmanager
def scope(alias: str) -> Iterator[None]:
    """
    Migrate a database: between pre_migrate and post_migrate it is the one that is meant if none is named.

    The router answers it for every model whose tables are on it, and Django's own helpers take it for granted. Whoever
    names a database gets the one that was named.

    Args:
        alias: The database.
    """
    with ExitStack() as entered:
        entered.enter_context(migrating_on(alias))
        for (module, name), label in FORGETFUL.items():
            if module in sys.modules and _has_table(alias, label):
                entered.enter_context(_taking(getattr(sys.modules[module], name), alias))
        yield


def _has_table(alias: str, label: str) -> bool:
    """Return whether a model's table is on a database other than ``default``."""
    if alias == DEFAULT_DB_ALIAS or label.partition(".")[0] not in apps.app_configs:
        return False
    return router.allow_migrate_model(alias, apps.get_model(label))


@contextmanager
def _taking(function: FunctionType, alias: str) -> Iterator[None]:
    """Let a function take a database for granted in place of ``default``."""
    before = function.__defaults__ or ()
    function.__defaults__ = tuple(cast(object, alias) if value == DEFAULT_DB_ALIAS else value for value in before)
    try:
        yield
    finally:
        function.__defaults__ = before
