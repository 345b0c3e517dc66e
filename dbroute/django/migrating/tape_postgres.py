"""
PostgreSQL: a database is told in one go what another one was told, and has to answer the same.

What a schema editor says follows from the models and from what it reads in the catalogue: the names of constraints,
say. The statements of one database are therefore right for another one whose catalogue gives the same answers at the
same places. They are sent together; if an answer is different, the migration is rolled back there and run in the
ordinary way. Only migrations that consist of schema operations are told like this: code must not run twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
from django.db import DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration

from .operations import is_schema
from .steps import Step
from .tape import DifferentSchemaError, Tape, Way, depends_on_connection, is_heard, is_made_anew, routed_by_rules_alone

# What the server says of statements; that it cannot be reached, or is full, it says in other errors.
REFUSED = (DataError, IntegrityError, InternalError, NotSupportedError, ProgrammingError)


@attrs.frozen
class Told:
    """
    What a database was told.

    Attributes:
        sql: The statement, complete.
        answer: The rows that came back; ``None`` where none can.
    """

    sql: str
    answer: list[Any] | None


@attrs.define
class PostgresTape(Tape):
    """
    What one database was told in a migration.

    Attributes:
        kind: What has to be the same in a database that is told the same.
        parts: What each step told the database; steps that every database has to run itself are not in it.
        rest: What the schema editor kept until the end.
        usable: Whether others can be told the same.
    """

    kind: Any
    parts: dict[Step, list[Told]] = attrs.field(factory=dict, init=False)
    rest: list[Told] = attrs.field(factory=list, init=False)
    usable: bool = attrs.field(default=True, init=False)

    @classmethod
    def begin(cls, connection: BaseDatabaseWrapper, migration: Migration, steps: tuple[Step, ...]) -> Recording | None:
        """Return the way to run a migration so that others may follow; ``None`` if they could not."""
        kind = _kind(connection)
        if not kind or not migration.atomic or not routed_by_rules_alone():
            return None
        if not all(is_schema(step.operation) for step in steps) or not any(map(_can_be_played, steps)):
            return None
        return Recording(cls(steps, kind))

    def way(self, connection: BaseDatabaseWrapper, steps: tuple[Step, ...]) -> Playing | None:
        """Return the way in which a database follows; ``None`` if it cannot."""
        return Playing(self) if self.usable and steps == self.steps and _kind(connection) == self.kind else None


@attrs.define
class Recording(Way):
    """Runs the steps, and writes down what the database was told."""

    tape: PostgresTape
    _heard: list[Told] | None = attrs.field(default=None, init=False)

    @contextmanager
    def enter(self, editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
        """Listen to the connection."""
        with editor.connection.execute_wrapper(self._hear):
            yield

    def perform(self, step: Step, editor: BaseDatabaseSchemaEditor) -> None:
        """Run a step; whatever it tells the database can be told others, unless it is made anew for each of them."""
        if _can_be_played(step):
            self._heard = self.tape.parts[step] = []
            step.run(editor)
            self._heard = None
            return
        kept = list(editor.deferred_sql)
        step.run(editor)
        # The others keep it as well, and would be told of it too.
        self.tape.usable &= kept == editor.deferred_sql

    def complete(self, editor: BaseDatabaseSchemaEditor) -> None:
        """Write down what the schema editor kept until the end."""
        self._heard = self.tape.rest
        super().complete(editor)
        self._heard = None

    def _hear(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if self._heard is not None:
            cursor = context["cursor"].cursor
            answer = None
            if cursor.description is not None:
                answer = cursor.fetchall()
                if answer:
                    cursor.scroll(0, mode="absolute")
            text = sql if params is None else context["connection"].ops.compose_sql(sql, params)
            self._heard.append(Told(text, answer))
        return done


@attrs.define
class Playing(Way):
    """Runs the steps by what another database was told."""

    tape: PostgresTape
    _due: list[Told] = attrs.field(factory=list, init=False)

    def perform(self, step: Step, editor: BaseDatabaseSchemaEditor) -> None:
        """Keep what a step comes down to until it has to be said; run a step that comes down to nothing certain."""
        part = self.tape.parts.get(step)
        if part is None:
            self._tell(editor)
            step.run(editor)
        else:
            self._due += part

    def complete(self, editor: BaseDatabaseSchemaEditor) -> None:
        """
        Say what is left.

        Raises:
            DifferentSchemaError: The database is another one.
        """
        self._due += self.tape.rest
        self._tell(editor)
        if editor.deferred_sql:
            raise DifferentSchemaError

    def _tell(self, editor: BaseDatabaseSchemaEditor) -> None:
        due, self._due = self._due, []
        if not due:
            return
        with editor.connection.cursor() as cursor:
            try:
                cursor.execute(";\n".join(one.sql for one in due))
            except REFUSED as error:
                raise DifferentSchemaError from error  # run in the ordinary way, it names the statement
            answers = list(_answers(cursor.cursor))
        if answers != [one.answer for one in due if one.answer is not None]:
            raise DifferentSchemaError


def _answers(cursor: Any) -> Iterator[Sequence[Any]]:
    """Yield the rows of each statement that returns some."""
    while True:
        if cursor.description is not None:
            yield cursor.fetchall()
        if not cursor.nextset():
            return


def _kind(connection: Any) -> Any:
    """Return what statements depend on besides the catalogue; ``None`` where they cannot be sent together."""
    if connection.vendor != "postgresql" or is_heard(connection) or not hasattr(connection.connection, "pgconn"):
        return None
    from django.db.backends.postgresql.schema import DatabaseSchemaEditor  # here: it needs the driver

    if connection.SchemaEditorClass is not DatabaseSchemaEditor:
        return None
    return type(connection), connection.pg_version, connection.timezone_name


def _can_be_played(step: Step) -> bool:
    """Return whether what an operation says follows from the models and the catalogue."""
    return not is_made_anew(step) and not depends_on_connection(step)
