"""
How a migration runs on a database: as Django runs it, or by what another database of its kind was told.

Schema editors spend most of their time working out statements. What they worked out for one database is right for every
other one for which it would come out the same; each kind of database has its own way of making sure of that.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import attrs
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddField, AlterField
from django.db.migrations.state import ModelState
from django.db.models import Field, ForeignKey

from ...routing.routers import DatabaseRouter
from .operations import model_name
from .states import targets_of
from .steps import Step

LOG = logging.getLogger("django.db.backends.schema")
# Methods of fields, indexes and constraints that are handed a connection or its schema editor.
TELLING = (
    "cast_db_type", "constraint_sql", "create_sql", "db_check", "db_parameters", "db_type", "db_type_parameters",
    "db_type_suffix", "get_db_prep_save", "get_db_prep_value", "rel_db_type", "rel_db_type_suffix", "remove_sql",
)  # fmt: skip


class DifferentSchemaError(Exception):
    """A database turned out not to be like the one whose statements were recorded."""


@attrs.define(slots=False)
class Tape:
    """
    What one database was told in a migration.

    Attributes:
        steps: Those of the migration's that ran.
    """

    steps: tuple[Step, ...]


class Way:
    """
    How the steps of a migration run on a database: as Django runs them.

    Attributes:
        tape: What is recorded meanwhile.
    """

    tape: Tape | None = None

    def perform(self, step: Step, editor: BaseDatabaseSchemaEditor) -> None:
        """Run a step."""
        step.run(editor)

    def enter(self, editor: BaseDatabaseSchemaEditor) -> AbstractContextManager[object]:
        """Return what is entered before the schema editor."""
        return nullcontext()

    def complete(self, editor: BaseDatabaseSchemaEditor) -> None:
        """Execute what the schema editor kept until the end."""
        if editor.atomic_migration:
            # Django records after the transaction if anything was deferred; a process that is killed between the two
            # would find its tables there and not recorded.
            for sql in editor.deferred_sql:
                editor.execute(sql, None)
            editor.deferred_sql.clear()

    def close(self) -> None:
        """Hear that all of it is done and committed."""


def is_heard(connection: BaseDatabaseWrapper) -> bool:
    """Return whether somebody listens to the single statements of a connection, or reads Django's log of them."""
    return bool(connection.execute_wrappers) or LOG.isEnabledFor(logging.DEBUG)


def routed_by_rules_alone() -> bool:
    """Return whether nobody else's router may decide otherwise for another database."""
    return all(type(one) is DatabaseRouter for one in router.routers)


def is_made_anew(step: Step) -> bool:
    """Return whether an operation writes a default into rows that is another one for each database."""
    if not isinstance(step.operation, AddField | AlterField):
        return False
    field: Any = step.operation.field
    made = field.has_default() and callable(field.default)
    made = made or getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return made or type(field).get_default not in (Field.get_default, ForeignKey.get_default)


def depends_on_connection(step: Step) -> bool:
    """
    Return whether a class of somebody else may say another thing in SQL for each database.

    Looked at are the fields, indexes and constraints of the model that an operation changes, and the keys of the models
    that these fields point at.
    """
    names = {model_name(step.operation), str(getattr(step.operation, "old_name", "")).lower()}
    found = [
        state
        for models in (step.before.models, step.after.models)
        for name in names
        if (state := models.get((step.app_label, name))) is not None
    ]
    seen: list[ModelState] = []
    while found:
        state = found.pop()
        if any(state is one for one in seen):
            continue
        seen.append(state)
        parts: list[Any] = [*state.fields.values(), *state.options["indexes"], *state.options["constraints"]]
        kinds: set[Any] = {type(part) for part in parts}
        if not all(map(_is_plain, kinds)):
            return True
        targets = {target for field in state.fields.values() for target in targets_of(field, state)}
        found += [target for key in targets if (target := step.after.models.get(key)) is not None]
    return False


@cache
def _is_plain(cls: Any) -> bool:
    """Return whether a class leaves what it says in SQL to Django's."""
    methods = (getattr(cls, name, None) for name in TELLING)
    return all(method is None or method.__module__.startswith("django.") for method in methods)
