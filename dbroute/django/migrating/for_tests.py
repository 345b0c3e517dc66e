"""Test databases, made as Django makes them and migrated in lockstep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from typing import Any

from django.conf import settings
from django.core.management import get_commands
from django.core.management.base import CommandError
from django.db import connections
from django.test.utils import get_unique_databases_and_mirrors

from . import stock
from .engine import Engine
from .history import Disk, Goal
from .journal import StillOpenError, put_right
from .lockstep import JOBS
from .member import Member

# Backends whose test databases can be made before Django's own code asks for them.
VENDORS = frozenset({"sqlite", "postgresql", "mysql"})


def setup_databases(
    original: Callable[..., Any],
    verbosity: int,
    interactive: bool,
    *,
    time_keeper: Any = None,
    keepdb: bool = False,
    parallel: int = 0,
    aliases: Any = None,
    **kwargs: Any,
) -> Any:
    """
    Make the test databases; takes and returns what Django's function of this name does.

    Args:
        original: Django's function. It is called for everything that is not making and migrating databases, and for
            all of it where an app brings a ``migrate`` of its own, or a backend is none of those known here.
    """
    whole = {"time_keeper": time_keeper, "keepdb": keepdb, "parallel": parallel, "aliases": aliases, **kwargs}
    unique, _ = get_unique_databases_and_mirrors(aliases)
    owners: Sequence[Any] = [connections[next(iter(names))] for _, names in unique.values()]
    known = all(connection.vendor in VENDORS for connection in owners)
    if not known or stock.is_replaced() or get_commands()["migrate"] != stock.OURS:
        return original(verbosity, interactive, **whole)
    with ExitStack() as memory:
        with _timed(time_keeper, "  Creating and migrating in lockstep"), _under_test_names(owners, memory):
            for connection in owners:
                creation, name = connection.creation, connection.creation._get_test_db_name()
                if verbosity >= 1:
                    verb = "Using existing" if keepdb else "Creating"
                    shown = creation._get_database_display_str(verbosity, name)
                    creation.log(f"{verb} test database for alias {shown}...")
                creation._create_test_db(verbosity, not interactive, keepdb)
                connection.close()
                _rename(connection, name)
            migrated = [connection for connection in owners if connection.settings_dict["TEST"]["MIGRATE"] is not False]
            _migrate(migrated, max(verbosity - 1, 0))
        stock.done.update(connection.alias for connection in migrated)
        try:
            # They are there: Django is to keep them, whatever it would have done with older ones.
            config = original(max(verbosity - 1, 0), interactive, **{**whole, "keepdb": True, "parallel": 0})
        finally:
            stock.done.clear()
    for connection in owners:
        for index in range(parallel if parallel > 1 else 0):
            with _timed(time_keeper, f"  Cloning '{connection.alias}'"):
                connection.creation.clone_test_db(suffix=str(index + 1), verbosity=verbosity, keepdb=keepdb)
    return config


def _timed(time_keeper: Any, text: str) -> AbstractContextManager[Any]:
    timed: AbstractContextManager[Any] = time_keeper.timed(text) if time_keeper else nullcontext()
    return timed


def _migrate(owners: Sequence[Any], verbosity: int) -> None:
    disk = Disk()
    members = []
    for connection in owners:
        with suppress(StillOpenError):
            put_right([connection])
        connection.prepare_database()
        members.append(Member(connection, disk.history(connection), Goal()))
    Engine(verbosity=verbosity, jobs=JOBS, run_syncdb=True).migrate(members)
    failed = [f"{member.alias}: {member.error}" for member in members if member.error]
    if failed:
        raise CommandError("\n".join(["Test databases cannot be migrated.", *failed]))


@contextmanager
def _under_test_names(owners: Sequence[Any], memory: ExitStack) -> Iterator[None]:
    """
    Give the databases their own names back afterwards: Django makes the names of test databases from them.

    Args:
        owners: A connection for each database.
        memory: Keeps those that are in memory, which end with their last connection.
    """
    names = [(connection, connection.settings_dict["NAME"]) for connection in owners]
    try:
        yield
    finally:
        for connection, name in names:
            if connection.vendor == "sqlite" and connection.is_in_memory_db() and connection.connection is not None:
                memory.callback(connection.connection.close)
                connection.connection = None
            connection.close()
            _rename(connection, name)


def _rename(connection: Any, name: Any) -> None:
    settings.DATABASES[connection.alias]["NAME"] = name
    connection.settings_dict["NAME"] = name
