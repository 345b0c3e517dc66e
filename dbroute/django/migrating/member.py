"""One database in a run: what it still needs, what it has done, and how it takes a migration."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from ...routing.scope import migrating_on
from .connection import describe, masked
from .handed import Copies, Insertions, Plan, hand_out, insertions_in, with_own_operations
from .history import Goal, History, key_of
from .journal import FileJournal, StillOpenError, may_say_how
from .operations import may_run, touches
from .remake import without_renaming
from .scope import migrating
from .states import Key
from .steps import Step, Work, is_schema_only, is_wrapped
from .tape import DifferentSchemaError, Tape, Way
from .tape_postgres import PostgresTape
from .tape_sqlite import Schema, SQLiteTape

# Seconds after which a database makes sure again that it is locked.
EVERY = 5


@attrs.define(eq=False)
class Member:
    """
    One database in a run.

    Attributes:
        connection: Open, for the schema.
        history: What the database had recorded when the run began.
        plan: What it will run, as handlers of pre_migrate and post_migrate see it: copies that are its own.
        inserted: Operations that handlers put into a migration, each with the place before which it runs.
        applied: Labels of the migrations that changed the database.
        recorded: Labels of those that were only recorded.
        running: The migration at work; empty between two.
        seconds: Time spent on this database alone.
        error: Why it stopped; empty while all is well.
        advice: What has to be done by hand before the next run; mostly empty.
        trace: The traceback of the error.
        heard: Hears of each migration that begins and ends.
        verify: Raises if another process may be migrating the database by now; asked every few seconds.
    """

    connection: BaseDatabaseWrapper
    history: History
    goal: Goal
    heard: Callable[[Member], None] = lambda member: None
    verify: Callable[[], None] = lambda: None
    plan: Plan = attrs.field(factory=list, init=False)
    left: list[Migration] = attrs.field(factory=list, init=False)
    inserted: Insertions = attrs.field(factory=dict, init=False)
    applied: list[str] = attrs.field(factory=list, init=False)
    recorded: list[str] = attrs.field(factory=list, init=False)
    running: str = attrs.field(default="", init=False)
    seconds: float = attrs.field(default=0.0, init=False)
    error: str = attrs.field(default="", init=False)
    advice: str = attrs.field(default="", init=False)
    trace: str = attrs.field(default="", init=False)
    _rows: list[Key] = attrs.field(factory=list, init=False)
    _written: list[Key] = attrs.field(factory=list, init=False)
    _recorder: Any = attrs.field(init=False)
    _schema: Schema = attrs.field(init=False)
    _journal: FileJournal = attrs.field(init=False)
    _copies: Copies = attrs.field(factory=dict, init=False)
    _done: list[str] = attrs.field(factory=list, init=False)
    _at: str = attrs.field(default="", init=False)
    _rolls_back: bool = attrs.field(default=True, init=False)
    _verified: float = attrs.field(factory=time.monotonic, init=False)

    @_recorder.default
    def _of_connection(self) -> MigrationRecorder:
        return MigrationRecorder(self.connection)

    @_schema.default
    def _of_file(self) -> Schema:
        return Schema(self.connection)

    @_journal.default
    def _of_transactions(self) -> FileJournal:
        return FileJournal(self.connection)

    def __attrs_post_init__(self) -> None:
        self.left = [migration for migration, _ in self.history.plan(self.goal)]
        self.plan = hand_out(self.left)

    @property
    def alias(self) -> str:
        """The database."""
        return str(self.connection.alias)

    @property
    def total(self) -> int:
        """Number of migrations that it had to run when the run began."""
        return len(self.plan)

    def expect_changes(self) -> None:
        """Have the plan ready for handlers of pre_migrate."""
        self._copies = with_own_operations(self.plan)

    def take_insertions(self) -> None:
        """
        Find out what handlers of pre_migrate put into the plan.

        Raises:
            OddPlanError: They did more than put in operations, or the plan was odd from the start.
        """
        copies, self._copies = self._copies, {}
        self.inserted = insertions_in(self.plan, self.left, copies)

    @property
    def standing(self) -> str:
        """Say how far the app is whose migration failed here; empty if it was none of a migration's."""
        app = self.running.partition(".")[0]
        done = {*self.history.applied, *self._written}
        there = [one for one in self.history.order if one.app_label == app and key_of(one) in done]
        reached = [one for one in there if str(one) != self.running]
        return f"stands at {reached[-1]}" if reached else f"has no migration of {app}" if app else ""

    def is_next(self, migration: Migration) -> bool:
        """Return whether a migration is the next one here."""
        return not self.error and bool(self.left) and self.left[0] is migration

    def needs(self, operation: Operation, app_label: str) -> bool:
        """Return whether an operation of an app has to be run here."""
        return may_run(operation, app_label, self.alias)

    def is_idle(self, work: Work) -> bool:
        """Return whether a migration comes down to nothing here: what it changes is what Django knows of models."""
        return not work.steps and not self.insertions(work.migration)

    def only_records(self, migration: Migration) -> bool:
        """Return whether a migration does nothing here, so that recording it is all there is to do."""
        return not self.insertions(migration) and not any(
            self.needs(operation, migration.app_label) for operation in migration.operations
        )

    def record(self, migration: Migration) -> None:
        """Note that a migration is done although nothing of it ran here."""
        self.left.remove(migration)
        self._rows += self.history.planner.records(migration)
        self._note(migration)

    def run(self, work: Work, *, record: bool = False) -> Tape | None:
        """
        Run a migration and record it; an error stops this database and is kept, not raised.

        Args:
            work: What the migration comes down to.
            record: Whether to return what the database was told, for others of its kind.
        """
        with self._keeping():
            way = (self._recording(work) if record else None) or Way()
            self._work(work, way)
            return None if self.error else way.tape
        return None

    def follow(self, work: Work, tape: Tape) -> None:
        """Run a migration by what another database was told; do nothing if this one stands elsewhere."""
        with self._keeping():
            if way := self._following(work, tape):
                self._work(work, way)

    def stop_at(self, migration: Migration, error: Exception) -> None:
        """Stop this database before a migration that nobody can make sense of."""
        self.running, self._rolls_back = str(migration), True
        self.fail(error)

    def insertions(self, migration: Migration) -> list[int]:
        """Return the places of a migration at which something was put in for this database."""
        return [place for place, _ in self.inserted.get(key_of(migration), ())]

    def _recording(self, work: Work) -> Way | None:
        if self.connection.vendor == "sqlite":
            return SQLiteTape.begin(self._schema, work.migration, self._due(work))
        return PostgresTape.begin(self.connection, work.migration, self._due(work))

    def _following(self, work: Work, tape: Tape) -> Way | None:
        inserted = self.insertions(work.migration)
        if isinstance(tape, SQLiteTape) and self.connection.vendor == "sqlite":
            return tape.way(self._schema, self._due(work), whole=not inserted)
        if isinstance(tape, PostgresTape) and not inserted:
            return tape.way(self.connection, self._due(work))
        return None

    def _due(self, work: Work) -> tuple[Step, ...]:
        return tuple(step for step in work.steps if self.needs(step.operation, step.app_label))

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  whatever a driver raises
            self.fail(error)

    def _note(self, migration: Migration) -> None:
        (self.applied if touches(migration, self.alias) else self.recorded).append(str(migration))

    def _work(self, work: Work, way: Way) -> None:
        migration = work.migration
        begun = time.monotonic()
        self.running = str(migration)
        self._done, self._at = [], ""
        self.heard(self)
        try:
            if begun - self._verified > EVERY:
                self._verified = begun
                self.verify()
            only_schema = is_schema_only(migration)
            if not only_schema:
                self.flush()  # code may look at what is recorded
            with migrating_on(self.alias) if only_schema else migrating(self.alias):
                self._run(work, way)
        except DifferentSchemaError:
            self.running = ""  # rolled back; it will be run in the ordinary way
            self._schema.forget()
        except BaseException as error:
            self.fail(error)
            if not isinstance(error, Exception | SystemExit):
                raise
        else:
            self.left.remove(migration)
            self._note(migration)
            self.running = ""
        finally:
            self.seconds += time.monotonic() - begun
            self.heard(self)

    def hear_executor(self, action: str, migration: Any = None, fake: bool = False) -> None:
        """Hear of what Django's own executor does with this database."""
        if action == "apply_start":
            self.running = str(migration)
        elif action == "apply_success":
            self._note(migration)
            self.running = ""
        self.heard(self)

    def fail(self, error: BaseException) -> None:
        """Stop this database for an error."""
        text = (
            "interrupted" if isinstance(error, KeyboardInterrupt) else describe(error).removeprefix(f"{self.alias}: ")
        )
        self.error = f"{self.running}: {text}" if self.running else text
        self.trace = masked("".join(traceback.format_exception(error)))
        if self.running and not self._rolls_back:
            self.advice = self._advice(error)

    def _advice(self, error: BaseException) -> str:
        """Return what has to be done by hand after an error where nothing is rolled back."""
        app, _, name = self.running.partition(".")
        record = f"manage.py migrate_all {app} {name} --fake --database {self.alias}"
        finish = f"(or finish the migration by hand and record it with `{record}`), then run again."
        if self._done:
            done = "; ".join(self._done)
            at = f" It failed at: {self._at}." if self._at else ""
            return (
                f"{self.running} is not recorded, and what it did before the error stays done: {done}.{at} "
                f"Undo that by hand {finish}"
            )
        if not isinstance(error, DatabaseError):
            return ""
        return (
            f"{self.running} is not recorded. If an earlier run ended in the middle of it, what it did stays done: "
            f"compare the database with the operations of the migration, undo by hand what is there already {finish}"
        )

    def flush(self) -> None:
        """Write the rows of migrations that were only recorded."""
        if self._rows:
            self._write(self._rows)
            self._rows = []

    def finish(self) -> None:
        """Write what Django writes after the last migration: squashed migrations whose parts are all applied."""
        self.flush()
        known = [*self.history.loader.recorded, *self._written]
        if late := self.history.late_records(known):
            self._write(late)

    def begin(self) -> None:
        """Get ready for the run."""
        if not any(map(may_say_how, self.left)):
            self._journal.begin()

    def wait(self, wanted: bool) -> None:
        """Say whether what follows is on the disk when its transaction ends; others may write here after an error."""
        try:
            self._journal.wait(wanted)
        except Exception as error:  # noqa: BLE001  whatever a driver raises
            self._also(error)

    def end(self) -> None:
        """Take back what was done for the run."""
        try:
            self._journal.end()
        except StillOpenError as error:
            self.advice = self.advice or str(error)
        except Exception as error:  # noqa: BLE001  whatever a driver raises
            self._also(error)

    def _also(self, error: Exception) -> None:
        """Stop for an error that counts if there was none before."""
        if not self.error:
            self.fail(error)

    def prepare(self) -> None:
        """Make the table ``django_migrations`` if anything is going to be recorded."""
        if self.left:
            self._recorder.ensure_schema()

    def _run(self, work: Work, way: Way) -> None:
        migration = work.migration
        rows = [*self._rows, *self.history.planner.records(migration)]
        written = False
        self._rolls_back = self.connection.features.can_rollback_ddl and migration.atomic
        with ExitStack() as entered:
            editor = self.connection.schema_editor(atomic=migration.atomic)
            if self.connection.vendor == "sqlite":
                entered.enter_context(without_renaming(editor))
            entered.enter_context(way.enter(editor))
            entered.enter_context(editor)
            self._perform(work, way, editor)
            way.complete(editor)
            if not editor.deferred_sql:
                self._write(rows)
                written = True
        way.close()
        if not written:
            self._write(rows)
        self._rows = []

    def _perform(self, work: Work, way: Way, editor: BaseDatabaseSchemaEditor) -> None:
        inserted = list(self.inserted.get(key_of(work.migration), ()))
        for step in self._due(work):
            while inserted and inserted[0][0] <= step.place:
                self._insert(work, *inserted.pop(0), editor)
            self._at = step.operation.describe()
            way.perform(step, editor)
            self._done.append(self._at)
        self._at = ""
        for place, operation in inserted:
            self._insert(work, place, operation, editor)

    def _insert(self, work: Work, place: int, operation: Operation, editor: BaseDatabaseSchemaEditor) -> None:
        state, wrapped = work.moments[place], is_wrapped(operation, work.migration)
        Step(operation, work.migration.app_label, state, state, place, wrapped).run(editor)

    def _write(self, rows: Sequence[Key]) -> None:
        self._recorder.ensure_schema()
        # A quarter of a thousand rows for each of many databases: written without the ORM's preparations.
        quote, ops = self.connection.ops.quote_name, self.connection.ops
        table = quote(self._recorder.Migration._meta.db_table)
        columns = ", ".join(quote(name) for name in ("app", "name", "applied"))
        applied = ops.adapt_datetimefield_value(timezone.now())
        values = [value for app, name in rows for value in (app, name, applied)]
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({columns}) VALUES " + ", ".join(["(%s, %s, %s)"] * len(rows)),  # noqa: S608
                values,
            )
        self._written += rows
