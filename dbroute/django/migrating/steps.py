"""One migration, computed once for all databases: its operations, each with the states before and after it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddField, AlterField, Migration, RunPython
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED
from django.db.transaction import atomic

from .operations import (
    alters_nothing,
    changes_anything,
    is_own,
    is_schema,
    is_separate,
    reads_relations,
)
from .states import LeanState


@attrs.frozen(eq=False)
class Step:
    """
    An operation that may change databases.

    Attributes:
        operation: It runs ``database_forwards`` on every database.
        app_label: Its app.
        before: The state before it; the step owns it, as it owns ``after``.
        after: The state after it.
        place: Which operation of the migration it is, or is a part of; counted from 0.
        wrapped: Whether it needs a transaction of its own where the migration as a whole has none.
    """

    operation: Operation
    app_label: str
    before: ProjectState
    after: ProjectState
    place: int
    wrapped: bool

    def run(self, editor: BaseDatabaseSchemaEditor) -> None:
        """Run the operation on the database of a schema editor."""
        if self.wrapped and not editor.atomic_migration:
            with atomic(editor.connection.alias):
                self._run(editor)
        else:
            self._run(editor)

    def _run(self, editor: BaseDatabaseSchemaEditor) -> None:
        self.operation.database_forwards(self.app_label, editor, self.before, self.after)


def is_wrapped(operation: Operation, migration: Migration) -> bool:
    """Return whether Django gives an operation a transaction where its migration has none."""
    return bool(operation.atomic or (migration.atomic and operation.atomic is not False))


def is_schema_only(migration: Migration) -> bool:
    """Return whether a migration is made of Django's own schema operations only: databases can take it in parallel."""
    return all(is_schema(operation) for operation in migration.operations)


@attrs.frozen(eq=False)
class Work:
    """
    What a migration comes down to.

    Attributes:
        migration: Of a walk.
        steps: What of it may change databases.
        moments: The states at places where some database has something to insert, with complete registries.
    """

    migration: Migration
    steps: Sequence[Step]
    moments: Mapping[int, ProjectState]


def compute(
    migration: Migration, state: LeanState, wanted: Callable[[Operation], bool], moments: Collection[int] = ()
) -> Work:
    """
    Take the state past a migration and return what it comes down to.

    Args:
        migration: The next one of the state's walk.
        state: Before the migration; after it when this returns.
        wanted: Whether some database needs an operation; the others change the state only.
        moments: Places before whose operation something else will run; the last one is behind all operations.
    """
    steps, seen = [], {}
    for place, operation in enumerate(migration.operations):
        if place in moments:
            seen[place] = state.picture(state.complete())
        found = _advance(operation, migration.app_label, state, wanted(operation))
        wrapped = is_wrapped(operation, migration)
        steps += [Step(one, migration.app_label, old, new, place, wrapped) for one, old, new in found]
    if len(migration.operations) in moments:
        seen[len(migration.operations)] = state.picture(state.complete())
    return Work(migration, steps, seen)


Found = list[tuple[Operation, ProjectState, ProjectState]]


def _advance(operation: Operation, label: str, state: LeanState, wanted: bool) -> Found:
    """Take the state past an operation, and return what of it has to run with the states that it needs."""
    if not wanted or alters_nothing(operation, label, state.models):
        state.advance(operation, label, everything=changes_anything(operation))
        return []
    if is_separate(operation):
        # Django's own code for it would render the states again for every database.
        branch, found = state.branch(), []
        for inner in operation.database_operations:  # type: ignore[attr-defined]
            found += _advance(inner, label, branch, wanted)
        state.advance(operation, label, everything=changes_anything(operation))
        return found
    look = _look(operation, label, state)
    before = look()
    state.advance(operation, label, everything=changes_anything(operation))
    return [(operation, before, look())]


def _look(operation: Operation, label: str, state: LeanState) -> Callable[[], ProjectState]:
    """Return how an operation looks at a state: only at the models that it changes, at everything, or not at all."""
    if not is_own(operation) or isinstance(operation, RunPython) or reads_relations(operation, label, state.models):
        return lambda: state.picture(state.complete())
    if is_schema(operation):
        return lambda: state.picture(state.lean())
    return state.picture


@contextmanager
def for_many(work: Work) -> Iterator[Work]:
    """
    Lend work that several threads may do at once.

    An operation that does not keep its default writes it on the field, which all databases share, and takes it away
    when the first one has used it. Here it is there as long as any of them is at work.
    """
    fields: list[Any] = []
    lent = []
    for step in work.steps:
        operation = step.operation
        if isinstance(operation, AddField | AlterField) and not operation.preserve_default:
            model = step.after.apps.get_model(step.app_label, operation.model_name)
            field: Any = model._meta.get_field(operation.name)
            field.default = operation.field.default
            fields.append(field)
            operation = copy.copy(operation)
            operation.preserve_default = True
            step = attrs.evolve(step, operation=operation)
        lent.append(step)
    try:
        yield attrs.evolve(work, steps=lent)
    finally:
        for field in fields:
            field.default = NOT_PROVIDED
