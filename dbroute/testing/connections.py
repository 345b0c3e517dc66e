"""Lets the connections of this thread follow DATABASES, and puts them back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ..config.declared import CHANGES
from ..exceptions import ConfigError, Problem
from ..routing.databases import Database
from .databases import PLACE, Entry, differs

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


def refuse_inside_transactions(entries: Mapping[str, Entry], source_of: Any) -> None:
    """
    Refuse another connection to a database whose open transaction the new one would neither see nor be part of.

    Args:
        entries: DATABASES as they are to be.
        source_of: Says where an alias is configured.

    Raises:
        ConfigError: There is such a transaction; in a TestCase there always is one.
    """
    problems = [
        Problem(
            f"databases.{wrapper.alias}",
            "needs a new connection, and the open one is inside a transaction",
            source_of("databases", wrapper.alias),
            "decorate the whole test class, or use TransactionTestCase or transaction=True",
        )
        for wrapper in _initialised()
        if wrapper.in_atomic_block
        and wrapper.alias in entries
        and differs(wrapper.settings_dict, entries[wrapper.alias])
        and not differs(wrapper.settings_dict, entries[wrapper.alias], PLACE)
    ]
    if problems:
        raise ConfigError(problems)


def refuse_in_coroutines() -> None:
    """
    Refuse other databases inside of a coroutine: the connections of its thread follow, and the ORM has another thread.

    Raises:
        ConfigError: Django's ORM refuses to work here.
    """
    from django.core.exceptions import SynchronousOnlyOperation
    from django.utils.asyncio import async_unsafe

    try:
        async_unsafe(lambda: None)()
    except SynchronousOnlyOperation:
        message = "change inside of a coroutine, and its connections are those of another thread"
        raise ConfigError([Problem("databases", message, CHANGES, "write `async with`")]) from None


@contextmanager
def connected(entries: dict[str, Any], opened: Mapping[str, str]) -> Iterator[None]:
    """
    Let ``django.db.connections`` have other databases; connections whose database stays are kept, transactions too.

    Args:
        entries: DATABASES, its entries completed by Django; those that do not change are the very objects.
        opened: New aliases that tests may use, each to the alias whose database it has. They are opened at once, since
            a test cannot have named them among its databases; a mirror only where the test has what it mirrors.
    """
    from django.db import connections

    before = connections.settings
    other = {alias for alias in {*before, *entries} if _moves(before.get(alias), entries.get(alias))}
    laid_aside = [_lay_aside(wrapper) for wrapper in _initialised() if wrapper.alias in other]
    connections.settings = entries
    try:
        _tune(entries)
        for alias, mirrored in opened.items():
            if mirrored == alias or connections[mirrored].connection is not None:
                _open(connections[alias])
        yield
    finally:
        made = [_lay_aside(wrapper) for wrapper in _initialised() if wrapper.alias in other]
        connections.settings = before
        _tune(before)
        for wrapper, pool in laid_aside:
            connections[wrapper.alias] = wrapper
            if pool is not None:
                _pools(wrapper)[wrapper.alias] = pool
        for wrapper, pool in made:
            _close(wrapper, pool)


def _moves(one: Entry | None, other: Entry | None) -> bool:
    """Tell whether an alias comes, goes, or needs another connection."""
    if one is None or other is None:
        return True
    return one is not other and differs(one, other)


def _initialised() -> list[BaseDatabaseWrapper]:
    from django.db import connections

    return list(connections.all(initialized_only=True))


def _lay_aside(wrapper: BaseDatabaseWrapper) -> tuple[BaseDatabaseWrapper, Any]:
    """Take this thread's connection away from its alias, open as it is, with the pool that belongs to the alias."""
    from django.db import connections

    del connections[wrapper.alias]
    return wrapper, _pools(wrapper).pop(wrapper.alias, None)


def _pools(wrapper: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return the pools that the backend keeps by alias for the whole process; whatever the alias's settings are."""
    return getattr(wrapper, "_connection_pools", {})


def _tune(entries: Mapping[str, Entry]) -> None:
    """Let connections that stay look up their settings in the new entries."""
    for wrapper in _initialised():
        entry: Any = entries[wrapper.alias]
        if wrapper.settings_dict is entry:
            continue
        zone = wrapper.settings_dict.get("TIME_ZONE")
        wrapper.settings_dict = entry
        if zone != entry.get("TIME_ZONE"):
            for name in ("timezone", "timezone_name"):
                wrapper.__dict__.pop(name, None)
            wrapper.ensure_timezone()
        _guard(wrapper, entry)


def _guard(wrapper: BaseDatabaseWrapper, entry: Entry) -> None:
    """Watch an open connection whose database has become read-only, and no other one."""
    from django.apps import apps

    if not apps.is_installed("dbroute.django"):
        return
    from dbroute.django.guard import refuse_writes

    wanted = Database.from_settings(wrapper.alias, entry).refuses_writes
    if not wanted:
        with suppress(ValueError):
            wrapper.execute_wrappers.remove(refuse_writes)
    elif wrapper.connection is not None and refuse_writes not in wrapper.execute_wrappers:
        wrapper.execute_wrappers.append(refuse_writes)


def _open(wrapper: BaseDatabaseWrapper) -> None:
    """Open a connection that exists only inside an override; Django's own guard allows what is open."""
    from django.test.testcases import DatabaseOperationForbidden  # type: ignore[attr-defined]

    try:
        wrapper.ensure_connection()
    except DatabaseOperationForbidden:
        # A TestCase cannot name the alias, which did not exist when its class was set up.
        wrapper.connect()
    except RuntimeError:
        pass  # pytest-django lets this test have no database at all


def _close(wrapper: BaseDatabaseWrapper, pool: Any) -> None:
    """Close a connection for good; SQLite's own close() would keep a database in memory."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    BaseDatabaseWrapper.close(wrapper)
    if pool is not None:
        pool.close()
