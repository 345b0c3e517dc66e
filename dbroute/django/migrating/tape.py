"""
Playing to a database what another one of the same kind and with the same schema was told.

Schema editors spend most of their time working out statements. On SQLite, where the schema can be read as a whole, what
they worked out for one database is right for every other one that has the same schema. Code and operations of other
packages run on each database. Afterwards the schemas are compared again: a database whose schema differs is rolled back
and migrated in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from itertools import chain
from typing import Any

import attrs
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddField, AlterField, Migration, RunSQL
from django.db.models import Field, ForeignKey

from ...routing.routers import DatabaseRouter
from .operations import is_schema
from .remake import copied_table
from .script import Script
from .steps import Step

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


class DifferentSchemaError(Exception):
    """A database turned out not to be like the one whose statements were recorded."""


@attrs.frozen
class Statement:
    """
    What a database was told.

    Attributes:
        sql: The statement.
        params: Its parameters.
        empty: A table that has to be empty, as the statement would write into its rows what belongs to one database.
    """

    sql: str
    params: Any
    empty: str = ""

    @property
    def text(self) -> str:
        """The statement as SQLite gets it, if it has no parameters."""
        return self.sql if self.params is None else self.sql.replace("%%", "%")


@attrs.define(slots=False)
class Tape:
    """
    The statements that one database was given in a migration.

    Attributes:
        steps: Those of the migration's that ran.
        before: The schema before the first statement.
        after: The schema after the last one.
        parts: What each step told the database; steps that every database has to run itself are not in it.
        rest: What the schema editor kept until the end.
        usable: Whether others can be told the same.
    """

    steps: tuple[Step, ...]
    before: Any
    after: Any = None
    parts: dict[Step, list[Statement]] = attrs.field(factory=dict, init=False)
    rest: list[Statement] = attrs.field(factory=list, init=False)
    usable: bool = True

    @cached_property
    def script(self) -> Script | None:
        """All of it at once, where that is possible."""
        told = [*chain.from_iterable(self.parts.values()), *self.rest]
        if len(self.parts) < len(self.steps) or any(statement.params for statement in told):
            return None
        return Script.of([one.text for one in told], self.before, {one.empty for one in told if one.empty})


class Way:
    """How the steps of a migration run on a database: as Django runs them."""

    def perform(self, step: Step, editor: BaseDatabaseSchemaEditor) -> None:
        """Run a step."""
        step.run(editor)

    def enter(self, editor: BaseDatabaseSchemaEditor) -> AbstractContextManager[Any]:
        """Return what is entered before the schema editor."""
        return nullcontext()

    def complete(self, editor: BaseDatabaseSchemaEditor) -> None:
        """Hear that all steps are done; the schema editor still has to execute what it kept until the end."""

    def close(self) -> None:
        """Hear that all of it is done and committed."""


@attrs.define
class Recording(Way):
    """Runs the steps, and writes down what they come down to."""

    tape: Tape
    schema: Schema
    _heard: list[Statement] | None = attrs.field(default=None, init=False)
    _made_anew: bool = attrs.field(default=False, init=False)

    @contextmanager
    def enter(self, editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
        """Listen to what the schema editor executes."""
        execute: Any = editor.execute

        def written(sql: Any, params: Any = ()) -> Any:
            if self._heard is not None:
                # A statement of Django's is an object that later operations may still change.
                self._note(str(sql), params, self._heard)
            return execute(sql, params)

        editor.execute = written  # type: ignore[method-assign]
        try:
            yield
        finally:
            editor.execute = execute  # type: ignore[method-assign]

    def perform(self, step: Step, editor: BaseDatabaseSchemaEditor) -> None:
        """Run a step, and write down its statements if they suit others."""
        if not can_be_played(step):
            before = self.schema.read(), list(editor.deferred_sql)
            step.run(editor)
            self.tape.usable &= before == (self.schema.read(), editor.deferred_sql)
            return
        self._heard = self.tape.parts[step] = []
        self._made_anew = is_made_anew(step)
        step.run(editor)
        self._heard = None

    def complete(self, editor: BaseDatabaseSchemaEditor) -> None:
        """Write down what comes now as what was kept until the end."""
        self._heard, self._made_anew = self.tape.rest, False

    def close(self) -> None:
        """Note the schema that others have to arrive at."""
        self.tape.after = self.schema.read()

    def _note(self, sql: str, params: Any, part: list[Statement]) -> None:
        empty = copied_table(sql) if self._made_anew else ""
        if self._made_anew and not empty and sql.startswith(("INSERT", "UPDATE")):
            self.tape.usable = False
        part.append(Statement(sql, params, empty))


@attrs.define
class Playing(Way):
    """Runs the steps by the statements that another database was given."""

    tape: Tape
    schema: Schema
    script: Script | None
    _is_told: bool | None = attrs.field(default=None, init=False)

    def perform(self, step: Step, editor: BaseDatabaseSchemaEditor) -> None:
        """Run a step by its statements, if it has any that suit the rows; the first one may run all of them."""
        if self._is_told is None:
            self._is_told = self.script is not None and self.script.run(editor.connection)
        if self._is_told:
            return
        part = self.tape.parts.get(step)
        if part is None or any(one.empty and _has_rows(editor, one.empty) for one in part):
            step.run(editor)
        else:
            _play(part, editor)

    def complete(self, editor: BaseDatabaseSchemaEditor) -> None:
        """
        Execute what was kept until the end.

        Raises:
            DifferentSchemaError: The schema is another one afterwards.
        """
        if not self._is_told:
            _play(self.tape.rest, editor)
        if editor.deferred_sql or self.schema.read() != self.tape.after:
            raise DifferentSchemaError


def _play(statements: Sequence[Statement], editor: BaseDatabaseSchemaEditor) -> None:
    for statement in statements:
        editor.execute(statement.sql, statement.params)


def _has_rows(editor: BaseDatabaseSchemaEditor, table: str) -> bool:
    with editor.connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS(SELECT 1 FROM {editor.quote_name(table)})")  # noqa: S608  Django's own
        return bool(cursor.fetchone()[0])


@attrs.define
class Schema:
    """Reads the whole schema of an SQLite database, again only if it changed."""

    connection: BaseDatabaseWrapper
    _version: int = attrs.field(default=-1, init=False)
    _rows: Any = attrs.field(default=None, init=False)

    def read(self) -> Any:
        """Return the schema."""
        with self.connection.cursor() as cursor:
            version = cursor.execute("PRAGMA schema_version").fetchone()[0]
            if version != self._version:
                self._version, self._rows = version, cursor.execute(SCHEMA).fetchall()
        return self._rows

    def forget(self) -> None:
        """Forget what was read: after a rollback, another schema may get the same number."""
        self._version = -1


def can_be_recorded(connection: BaseDatabaseWrapper, migration: Migration, steps: Sequence[Step]) -> bool:
    """
    Return whether another database may be told the same in parts of a migration at least.

    Not where nothing rolls back, and not where a router of somebody else may decide otherwise.
    """
    return (
        connection.vendor == "sqlite"
        and migration.atomic
        and all(type(one) is DatabaseRouter for one in router.routers)
        and any(can_be_played(step) for step in steps)
    )


def can_be_played(step: Step) -> bool:
    """Return whether what an operation does follows from the schema alone."""
    return is_schema(step.operation) or type(step.operation) is RunSQL


def is_made_anew(step: Step) -> bool:
    """Return whether an operation writes a default into rows that is another one for each database."""
    if not isinstance(step.operation, AddField | AlterField):
        return False
    field: Any = step.operation.field
    made = field.has_default() and callable(field.default)
    made = made or getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return made or type(field).get_default not in (Field.get_default, ForeignKey.get_default)
