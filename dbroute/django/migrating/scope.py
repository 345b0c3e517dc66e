"""
What code in a migration means that names no database: the one on which it runs.

The routers answer so while a database is migrated. Three functions of Django's contrib apps never ask them, since
``using="default"`` stands in their signatures, and migrations of third parties call them without an alias. So for as
long they have another default: this is the one place that changes them, and it always changes them back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from types import FunctionType
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS

from dbroute.routing.scope import migrating_on

from ..routes import has_router, project_table

# App, function, and the model that it writes; seen in Django 5.2, 6.0 and 6.1.
FUNCTIONS = (
    ("django.contrib.contenttypes", "create_contenttypes", ("contenttypes", "contenttype")),
    ("django.contrib.auth", "create_permissions", ("auth", "permission")),
    ("django.contrib.sites", "create_default_site", ("sites", "site")),
)

_guard = Lock()
_open: list[str] = []  # by all threads; the last one decides


@contextmanager
def migrating(alias: str) -> Iterator[None]:
    """Let whatever names no database mean this one, if its tables are there; for one database's whole migration."""
    with _guard:
        _open.append(alias)
        _set_defaults(alias)
    try:
        with migrating_on(alias):
            yield
    finally:
        with _guard:
            _open.remove(alias)
            _set_defaults(_open[-1] if _open else DEFAULT_DB_ALIAS)


def _set_defaults(alias: str) -> None:
    for app, name, model in FUNCTIONS:
        if apps.is_installed(app):
            function = getattr(import_module(f"{app}.management"), name, None)
            if isinstance(function, FunctionType) and function.__module__ == f"{app}.management":
                _set_default(function, alias if _is_there(alias, *model) else DEFAULT_DB_ALIAS)


def _set_default(function: FunctionType, alias: str) -> None:
    """Change what ``using`` is where it is not given; leave a function alone that has no such argument."""
    defaults: tuple[Any, ...] = function.__defaults__ or ()
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    with_default = names[len(names) - len(defaults) :]
    if "using" in with_default:
        place = with_default.index("using")
        function.__defaults__ = (*defaults[:place], alias, *defaults[place + 1 :])


def _is_there(alias: str, app_label: str, model_name: str) -> bool:
    """Return whether the rules put a model's table on a database; not where Django decides alone."""
    if not has_router():
        return False
    table = project_table()
    original = table.modelled_on(alias)
    said = table.has_opinion or original != alias
    return said and original == table.home_of_label(app_label, model_name)
