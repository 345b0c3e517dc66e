"""The plan that handlers of pre_migrate are handed, a copy for each database, and what they made of it."""

from __future__ import annotations

import copy
import functools
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.migrations import Migration, RunPython
from django.db.migrations.operations.base import Operation
from django.db.models.signals import pre_migrate
from django.utils.functional import cached_property

from .history import key_of
from .states import Key

Plan = list[tuple[Migration, bool]]
# By the number of a copy: the copy, and the operation that it is one of.
Copies = Mapping[int, tuple[Operation, Operation]]
Insertions = dict[Key, list[tuple[int, Operation]]]


class OddPlanError(Exception):
    """What was made of a plan, or what is in it, only Django's own executor can follow."""


def hand_out(migrations: Iterable[Migration]) -> Plan:
    """Return a plan whose migrations, and their lists of operations, may be changed."""
    return [(_own_copy(migration), False) for migration in migrations]


def with_own_operations(plan: Plan) -> Copies:
    """
    Let the operations of a plan be changed too, where somebody may do that: copies of all of them are many.

    Returns:
        The copies.
    """
    if not any(map(_is_unknown, pre_migrate.receivers)):
        return {}
    copies: dict[int, tuple[Operation, Operation]] = {}
    for migration, _ in plan:
        own = [_copy_of(operation) for operation in migration.operations]
        copies |= {id(one): (one, original) for one, original in zip(own, migration.operations, strict=True)}
        vars(migration)["operations"] = own
    return copies


def insertions_in(plan: Plan, migrations: Sequence[Migration], copies: Copies) -> Insertions:
    """
    Return the operations that were put into the migrations of a plan, each with the place before which it runs.

    Args:
        plan: As it came back.
        migrations: What it was made of.
        copies: Of the operations; the plan has the operations themselves again afterwards.

    Raises:
        OddPlanError: Something else was done, or a migration brings its own way of being applied.
    """
    if [key_of(migration) for migration, _ in plan] != [key_of(migration) for migration in migrations]:
        raise OddPlanError
    if any(map(_has_own_way, migrations)) or any(_said(one) != _said(original) for one, original in copies.values()):
        raise OddPlanError
    found: Insertions = {}
    for migration, (own, _) in zip(migrations, plan, strict=True):
        if _apart(own) != _apart(migration):
            raise OddPlanError
        vars(own)["operations"] = [copies.get(id(one), (one, one))[1] for one in own.operations]
        if own.operations != migration.operations:
            found[key_of(migration)] = _insertions(migration.operations, own.operations)
    return found


def _is_unknown(receiver: Any) -> bool:
    """Return whether an entry of a signal's list is a function that is not Django's."""
    function = receiver[1]() if isinstance(receiver[1], weakref.ReferenceType) else receiver[1]
    return function is not None and not str(getattr(function, "__module__", "")).startswith("django.")


def _own_copy(migration: Migration) -> Migration:
    own = object.__new__(type(migration))
    own.__dict__.update(migration.__dict__, operations=list(migration.operations))
    return own


def _copy_of(operation: Operation) -> Operation:
    own = copy.copy(operation)
    for name, value in vars(operation).items():
        if isinstance(value, dict | list):
            vars(own)[name] = copy.copy(value)
    return own


def _said(operation: Operation) -> dict[str, Any]:
    """Return the attributes of an operation but for those that Django works out and keeps."""
    kept = (cached_property, functools.cached_property)
    return {
        name: value
        for name, value in vars(operation).items()
        if not isinstance(getattr(type(operation), name, None), kept)
    }


def _apart(migration: Migration) -> dict[str, Any]:
    return {name: value for name, value in vars(migration).items() if name != "operations"}


def _has_own_way(migration: Migration) -> bool:
    """Return whether a migration is more than its operations."""
    methods = ("apply", "mutate_state")
    return any(getattr(getattr(migration, name), "__func__", None) is not getattr(Migration, name) for name in methods)


def _insertions(shared: Sequence[Operation], own: Sequence[Operation]) -> list[tuple[int, Operation]]:
    found, place = [], 0
    for operation in own:
        if place < len(shared) and operation is shared[place]:
            place += 1
        elif type(operation).state_forwards is RunPython.state_forwards:
            found.append((place, operation))
        else:
            raise OddPlanError
    if place < len(shared):
        raise OddPlanError
    return found
