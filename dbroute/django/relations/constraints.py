"""
Leaves out the constraint of a foreign key whose target is in another database.

Migrations build their models anew from what the files say; those are changed as they are built, and never the ones
that ``makemigrations`` compares. Where tables are made without migrations, the real models are lent without the
constraint and get it back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.apps import apps
from django.db.migrations.state import StateApps
from django.db.models import ForeignKey, Model
from django.db.models.signals import class_prepared

from ..routes import follows_rules, mark, project_table
from .homes import is_crossing


def install() -> None:
    """Look at every model that a migration builds from now on."""
    class_prepared.connect(_without_constraints, dispatch_uid="dbroute.constraints")


def are_left_out() -> bool:
    """Say whether constraints are left out: not where the project wants to write ``db_constraint=False`` itself."""
    return follows_rules() and mark().get("cross_database_constraints", "skip") == "skip"


def _without_constraints(sender: type[Model], **kwargs: Any) -> None:
    # SQLite rebuilds a table through a model of another name, in a registry of its own: its fields are copies of those
    # that were looked at here.
    if sender.__module__ != "__fake__" or not isinstance(sender._meta.apps, StateApps) or not are_left_out():
        return
    table = project_table()
    fields: list[Any] = sender._meta.local_fields
    for field in fields:
        if _is_constrained(field):
            target = _target(sender, field)
            if target is not None and table.home_of_label(*target) != table.home(sender):
                field.db_constraint = False


def _is_constrained(field: Any) -> bool:
    return isinstance(field, ForeignKey) and bool(getattr(field, "db_constraint", False))


def _target(model: type[Model], field: Any) -> tuple[str, str] | None:
    """Return app label and name of what a field points at; it may not be built yet."""
    target = field.remote_field.model
    if not isinstance(target, str):
        return target._meta.app_label, target._meta.object_name
    if target == "self":
        return None
    label, _, name = target.rpartition(".")
    return label or model._meta.app_label, name


@contextmanager
def left_out() -> Iterator[None]:
    """Take the constraints from the real models, for tables that are made without migrations."""
    lent: list[Any] = []
    if are_left_out():
        for model in apps.get_models(include_auto_created=True):
            lent += [one for one in model._meta.local_fields if _is_constrained(one) and is_crossing(one)]
    for field in lent:
        field.db_constraint = False
    try:
        yield
    finally:
        for field in lent:
            field.db_constraint = True


def sync_apps(original: Callable[..., Any]) -> Callable[..., Any]:
    """Make the tables of apps without migrations, with no constraint into another database."""

    @wraps(original)
    def sync_apps(self: Any, connection: Any, app_labels: Any) -> Any:
        with left_out():
            return original(self, connection, app_labels)

    return sync_apps
