"""What is left to do on a database; asking changes nothing."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ..folders import sqlite_file
from .connection import describe, schema_connection
from .history import Disk, Goal
from .operations import touches


@attrs.frozen
class Pending:
    """
    The migrations that a database has not recorded yet, in the order in which they will run.

    Attributes:
        alias: The database.
        touching: Labels (``app.name``) of those that change the database.
        recorded: Labels of those that are only recorded, because their tables live elsewhere.
        unapplied: Labels of those that will run backwards.
        error: Why the database could not be asked; empty where it could.
    """

    alias: str
    touching: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    unapplied: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_behind(self) -> bool:
        """Return whether anything is left to do."""
        return bool(self.touching or self.recorded or self.unapplied)


def find_pending(aliases: Iterable[str], goal: Goal | None = None) -> list[Pending]:
    """Return what is left to do on each database. An error is returned, not raised, so that all others are asked."""
    disk = Disk()
    return [_ask(disk, alias, goal or Goal()) for alias in aliases]


def _ask(disk: Disk, alias: str, goal: Goal) -> Pending:
    try:
        with schema_connection(alias) as connection:
            file = sqlite_file(connection.settings_dict)
            # Connecting would create the file; a file that is missing has recorded nothing.
            missing = file is not None and not file.exists()
            plan = disk.history(None if missing else connection).plan(goal)
    except Exception as error:  # noqa: BLE001  whatever a driver raises belongs to this database's line
        return Pending(alias, error=describe(error))
    forwards = [migration for migration, backwards in plan if not backwards]
    touching = [str(migration) for migration in forwards if touches(migration, alias)]
    return Pending(
        alias,
        tuple(touching),
        tuple(str(migration) for migration in forwards if str(migration) not in touching),
        tuple(str(migration) for migration, backwards in plan if backwards),
    )
