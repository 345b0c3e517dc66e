"""
Playing to a database what another one of the same kind and with the same schema was told.

Schema editors spend most of their time working out statements. On SQLite, where the schema can be read as a whole, what
they worked out for one database is right for every other one that has the same schema. Afterwards the schemas are
compared again: a database whose schema differs is migrated in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddField, AlterField
from django.db.models import Field, ForeignKey

from ...routing.routers import DatabaseRouter
from .steps import Step

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


class DifferentSchemaError(Exception):
    """After the statements a schema was another one than where they were recorded."""


@attrs.define
class Tape:
    """
    The statements that one database was given in a migration.

    Attributes:
        steps: Those of the migration's that ran.
        before: The schema before the first statement.
        after: The schema after the last one.
        statements: With their parameters.
    """

    steps: tuple[Step, ...]
    before: Any
    after: Any = None
    statements: list[tuple[str, Any]] = attrs.field(factory=list)

    @contextmanager
    def recording(self, editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
        """Write down what a schema editor executes."""
        execute: Any = editor.execute

        def written(sql: Any, params: Any = ()) -> Any:
            # A statement of Django's is an object that later operations may still change.
            self.statements.append((str(sql), params))
            return execute(sql, params)

        editor.execute = written  # type: ignore[method-assign]
        try:
            yield
        finally:
            del editor.execute

    def play(self, editor: BaseDatabaseSchemaEditor) -> None:
        """
        Execute the statements.

        Raises:
            DifferentSchemaError: The schema is another one afterwards.
        """
        for sql, params in self.statements:
            editor.execute(sql, params)
        if schema_of(editor.connection) != self.after:
            raise DifferentSchemaError


def schema_of(connection: BaseDatabaseWrapper) -> Any:
    """Return the whole schema of an SQLite database."""
    with connection.cursor() as cursor:
        return cursor.execute(SCHEMA).fetchall()


def can_be_recorded(connection: BaseDatabaseWrapper, steps: Sequence[Step]) -> bool:
    """
    Return whether another database may be told the same.

    Not where a default is made anew for each of them, and not where a router of somebody else may decide otherwise.
    """
    return (
        connection.vendor == "sqlite"
        and all(type(one) is DatabaseRouter for one in router.routers)
        and all(_is_the_same_everywhere(step) for step in steps)
    )


def _is_the_same_everywhere(step: Step) -> bool:
    if not isinstance(step.operation, AddField | AlterField):
        return True
    field: Any = step.operation.field
    made = field.has_default() and callable(field.default)
    made = made or getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return not made and type(field).get_default in (Field.get_default, ForeignKey.get_default)
