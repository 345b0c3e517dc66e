"""The SQL that a database would get, without running any of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from ..folders import sqlite_file
from .connection import describe, schema_connection
from .history import Disk, Goal, History


def write_sql(alias: str, goal: Goal, folder: Path) -> Path:
    """
    Write the SQL of what is pending on a database to ``<folder>/<alias>.sql``, and return the path.

    Args:
        alias: The database; it is only read.
        goal: How far it would be migrated.
        folder: Made if it is missing.

    Raises:
        CommandError: The file cannot be written, or the goal names what does not exist.
    """
    with schema_connection(alias) as connection:
        file = sqlite_file(connection.settings_dict)
        missing = file is not None and not file.exists()
        history = Disk().history(None if missing else connection)
        text = "\n".join(_script(history, history.plan(goal), connection))
    path = folder / f"{alias}.sql"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _script(history: History, plan: list[tuple[Migration, bool]], connection: BaseDatabaseWrapper) -> Iterator[str]:
    yield f"-- {connection.alias}: {len(plan)} migrations are pending"
    state = history.state().clone()
    if any(backwards for _, backwards in plan):
        yield "-- They run backwards; Django tells their SQL: manage.py sqlmigrate APP NAME --backwards"
        return
    for migration, _ in plan:
        yield ""
        yield f"-- {migration}"
        try:
            with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
                state = migration.apply(state, editor, collect_sql=True)
            yield from editor.collected_sql
        except Exception as error:  # noqa: BLE001  what depends on tables that are not there yet
            yield f"-- cannot be told before the migrations above have run: {describe(error)}"
            return
