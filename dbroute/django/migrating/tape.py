"""
How a migration runs on a database: as Django runs it, or by what another database of its kind was told.

Schema editors spend most of their time working out statements. What they worked out for one database is right for every
other one for which it would come out the same; each kind of database has its own way of making sure of that.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import attrs
from django.db import router
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import AddField, AlterField
from django.db.models import Field, ForeignKey

from ...routing.routers import DatabaseRouter
from .steps import Step


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
