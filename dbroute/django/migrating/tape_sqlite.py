"""
SQLite: a file is told what another file was told, if both have the same schema before and after it.

The schema can be read as a whole. Code and operations of other packages run on each file; a file whose schema they
change goes on alone. One whose schema differs for another reason is rolled back and migrated in the ordinary way.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import chain
from typing import Any

import attrs
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration, RunSQL

from .operations import is_schema
from .remake import copied_table
from .script import Script
from .steps import Step
from .tape import DifferentSchemaError, Tape, Way, depends_on_connection, is_heard, is_made_anew, routed_by_rules_alone

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


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
class SQLiteTape(Tape):
    """
    The statements that one file was given in a migration.

    Attributes:
        connection: To that file.
        before: The schema before the first statement.
        editor: Of that file.
        after: The schema after the last one.
        parts: What each step told the file; steps that every file has to run itself are not in it.
        rest: What the schema editor kept until the end.
        owing: What the schema editor had kept before a step that every file has to run itself.
        usable: Whether others can be told the same.
    """

    connection: BaseDatabaseWrapper
    before: Any
    editor: Any = attrs.field(default=None, init=False)
    after: Any = attrs.field(default=None, init=False)
    parts: dict[Step, list[Statement]] = attrs.field(factory=dict, init=False)
    rest: list[Statement] = attrs.field(factory=list, init=False)
    owing: dict[Step, list[Any]] = attrs.field(factory=dict, init=False)
    usable: bool = attrs.field(default=True, init=False)

    @classmethod
    def begin(cls, schema: Schema, migration: Migration, steps: tuple[Step, ...]) -> Recording | None:
        """Return the way to run a migration so that others may follow; ``None`` if they could not."""
        if not migration.atomic or not routed_by_rules_alone() or not any(map(_can_be_played, steps)):
            return None
        return Recording(cls(steps, schema.connection, schema.read()), schema)

    def way(self, schema: Schema, steps: tuple[Step, ...], *, whole: bool) -> Playing | None:
        """
        Return the way in which a file follows; ``None`` if it cannot.

        Args:
            schema: Of the file.
            steps: What it needs of the migration.
            whole: Whether it may be told all of it at once.
        """
        if not self.usable or steps != self.steps or _kind(schema.connection) != _kind(self.connection):
            return None
        if schema.read() != self.before:
            return None
        return Playing(
            self,
            schema,
            self.script if whole and not (is_heard(schema.connection) or schema.connection.queries_logged) else None,
        )

    def copied(self, deferred: Sequence[Any]) -> list[Any]:
        """Return statements that a schema editor keeps, so that renamings change these and not the others."""
        shared = (self.editor, self.connection, self.connection.ops)
        return copy.deepcopy(list(deferred), {id(one): one for one in shared})

    @cached_property
    def script(self) -> Script | None:
        """All of it at once, where that is possible."""
        told = [*chain.from_iterable(self.parts.values()), *self.rest]
        if len(self.parts) < len(self.steps) or any(statement.params for statement in told):
            return None
        return Script.of([one.text for one in told], self.before, {one.empty for one in told if one.empty})


@attrs.define
class Recording(Way):
    """Runs the steps, and writes down what they come down to."""

    tape: SQLiteTape
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
        if not _can_be_played(step):
            before = self.schema.read(), list(editor.deferred_sql)
            self.tape.editor = editor
            try:
                self.tape.owing[step] = self.tape.copied(editor.deferred_sql)
            except Exception:  # noqa: BLE001  somebody's statement that cannot be copied: nobody follows
                self.tape.usable = False
            step.run(editor)
            self.tape.usable &= before == (self.schema.read(), editor.deferred_sql)
            return
        self._heard = self.tape.parts[step] = []
        self._made_anew = is_made_anew(step)
        step.run(editor)
        self._heard = None

    def complete(self, editor: BaseDatabaseSchemaEditor) -> None:
        """Write down what the schema editor kept until the end."""
        self._heard, self._made_anew = self.tape.rest, False
        super().complete(editor)

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

    tape: SQLiteTape
    schema: Schema
    script: Script | None
    _is_told: bool | None = attrs.field(default=None, init=False)
    _is_alone: bool = attrs.field(default=False, init=False)

    def perform(self, step: Step, editor: BaseDatabaseSchemaEditor) -> None:
        """Run a step by its statements, if it has any that suit the rows; the first one may run all of them."""
        if self._is_told is None:
            self._is_told = self.script is not None and self.script.run(editor.connection)
        if self._is_told:
            return
        part = self.tape.parts.get(step)
        if part is None and not self._is_alone:
            self._run_code(step, editor)
        elif self._is_alone or any(one.empty and _has_rows(editor, one.empty) for one in part or ()):
            step.run(editor)
        else:
            _play(part or (), editor)

    def _run_code(self, step: Step, editor: BaseDatabaseSchemaEditor) -> None:
        """Run what every file runs itself; one whose schema changes by it goes on alone, with what it owes by then."""
        owing = self.tape.copied(self.tape.owing[step])
        before = self.schema.read()
        editor.deferred_sql = [*owing, *editor.deferred_sql]
        told = list(editor.deferred_sql)
        step.run(editor)
        if self.schema.read() == before and editor.deferred_sql == told:
            del editor.deferred_sql[: len(owing)]
        else:
            self._is_alone = True

    def complete(self, editor: BaseDatabaseSchemaEditor) -> None:
        """
        Execute what was kept until the end.

        Raises:
            DifferentSchemaError: The schema is another one afterwards.
        """
        if self._is_alone:
            super().complete(editor)
            return
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


def _kind(connection: BaseDatabaseWrapper) -> Any:
    """Return what statements depend on besides the schema."""
    return type(connection), connection.SchemaEditorClass, connection.timezone_name


def _can_be_played(step: Step) -> bool:
    """Return whether what an operation does follows from the schema alone."""
    return type(step.operation) is RunSQL or (is_schema(step.operation) and not depends_on_connection(step))
