"""Reaching a database in order to change its schema, and telling of failures without telling secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from ...exceptions import DbrouteError
from ...models import MASK
from ..routes import under_test

# What a second URL for the same database does not change.
KEPT = ("TEST", "TIME_ZONE", "DBROUTE")
SHORT = 5
SECRET_NAMES = re.compile(r"pass|secret|token|key", re.IGNORECASE)


def engine_of(alias: str) -> str:
    """Return the short name of a database's engine: the last part of its dotted path, ``sqlite3`` or ``postgresql``."""
    return str(connections.settings[alias]["ENGINE"]).rpartition(".")[2]


@contextmanager
def schema_connection(alias: str) -> Iterator[BaseDatabaseWrapper]:
    """
    Lend this thread's connection to a database, made from its ``migrate_url`` where it has one; closed afterwards.

    While it is lent, ``connections[alias]`` is that connection. A test environment has other names than the
    configuration, so ``migrate_url`` is not followed there.
    """
    regular = connections[alias]
    migrate_url = _declared(alias).get("migrate_url")
    if not migrate_url or under_test():
        try:
            yield regular
        finally:
            _close(regular)
        return
    own = _build(alias, migrate_url)
    connections[alias] = own
    try:
        yield own
    finally:
        connections[alias] = regular
        _close(own)
        _close(regular)


def _declared(alias: str) -> Mapping[str, Any]:
    return connections.settings[alias].get("DBROUTE") or {}


def _build(alias: str, settings: Mapping[str, Any]) -> BaseDatabaseWrapper:
    configured = connections.settings[alias]
    # Django keeps pools by alias, so a pool here would hand out the application's connections.
    options = {key: value for key, value in (settings.get("OPTIONS") or {}).items() if key != "pool"}
    merged = {**{key: configured[key] for key in KEPT if key in configured}, **settings, "OPTIONS": options}
    # Django's handler fills in what a complete settings dict has.
    return ConnectionHandler({DEFAULT_DB_ALIAS: {}, alias: merged}).create_connection(alias)


def _close(connection: BaseDatabaseWrapper) -> None:
    # A caller's open transaction (a TestCase) must survive; it will close the connection itself.
    if connection.in_atomic_block:
        return
    connection.close()


def describe(error: BaseException) -> str:
    """Return an error as text: the whole message, with its kind where the message alone would not tell, no secrets."""
    text = str(error).strip()
    if not isinstance(error, CommandError | ImproperlyConfigured | DbrouteError) or not text:
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
        if state := getattr(error.__cause__, "sqlstate", None) or getattr(error.__cause__, "pgcode", None):
            text += f" (SQLSTATE {state})"
    return masked(text)


def masked(text: str) -> str:
    """Return a text in which every secret of the project's database settings is ``***``."""
    if not text:
        return text
    secrets = set(_secrets(dict(connections.settings), secret=False))
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret))}
    # Longest first: one secret may be the beginning of another.
    for form in sorted(forms, key=len, reverse=True):
        # A short secret is masked where it stands alone only: inside words it would tell itself by what is missing.
        pattern = re.escape(form) if len(form) > SHORT else rf"(?<!\w){re.escape(form)}(?!\w)"
        text = re.sub(pattern, MASK, text)
    return text


def _secrets(value: Any, *, secret: bool) -> Iterator[str]:
    """Walk settings and yield the texts that stand under a name like ``PASSWORD``."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _secrets(item, secret=secret or bool(SECRET_NAMES.search(str(name))))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _secrets(item, secret=secret)
    elif secret and isinstance(value, str | int) and value and not isinstance(value, bool):
        yield str(value)
