"""What an operation of a migration needs, and whether it does anything on a database at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db import migrations, router
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import IndexOperation, ModelOperation
from django.db.migrations.state import ModelState
from django.db.models import Field

from ...routing.routers import DatabaseRouter

# Operations that change what Django knows about a model, and nothing in the database.
STATE_ONLY = (migrations.AlterModelOptions, migrations.AlterModelManagers)
# Arguments of a field that decide neither its type nor that of the foreign keys to it.
TYPELESS = frozenset({"null", "default", "db_default", "unique", "db_index", "db_constraint", "preserve_default"})


def is_own(operation: Operation) -> bool:
    """Return whether an operation is Django's, so that what it does is known."""
    return type(operation).__module__.startswith("django.")


def is_separate(operation: Operation) -> bool:
    """Return whether an operation is Django's pair of lists, one for the database and one for the state."""
    return type(operation) is migrations.SeparateDatabaseAndState


def is_schema(operation: Operation) -> bool:
    """Return whether an operation is one of Django's that do nothing but change the schema of one model."""
    return is_own(operation) and isinstance(operation, ModelOperation | FieldOperation | IndexOperation)


def changes_anything(operation: Operation) -> bool:
    """Return whether an operation may change the states of models that it does not ask for by name."""
    if isinstance(operation, migrations.RenameModel | migrations.RenameField):
        return True
    inner = getattr(operation, "state_operations", ())
    return not is_own(operation) or any(changes_anything(one) for one in inner)


def does_nothing(operation: Operation) -> bool:
    """Return whether an operation's code is Django's empty function."""
    return type(operation) is migrations.RunPython and operation.code is migrations.RunPython.noop


def model_name(operation: Operation) -> str:
    """Return the lower-case name that the model whose table an operation changes has after it."""
    if isinstance(operation, migrations.RenameModel):
        return str(operation.new_name_lower)
    if isinstance(operation, ModelOperation):
        return str(operation.name_lower)
    return str(getattr(operation, "model_name", "")).lower()


def alters_nothing(operation: Operation, label: str, before: Mapping[tuple[str, str], ModelState]) -> bool:
    """
    Return whether an operation leaves every database as it is, whatever the routers say.

    Args:
        operation: Of the app ``label``.
        label: The app.
        before: The states of all models before the operation.
    """
    if isinstance(operation, STATE_ONLY):
        return is_own(operation)
    if does_nothing(operation):
        return True
    if type(operation) is migrations.CreateModel:
        return bool(operation.options.get("proxy")) or operation.options.get("managed") is False
    if type(operation) is migrations.AlterField and operation.preserve_default:
        state = before.get((label, operation.model_name_lower))
        old = state.fields.get(operation.name) if state else None
        return old is not None and _in_database(old) == _in_database(operation.field)
    return False


def _in_database(field: Field[Any, Any]) -> Any:
    """Return what of a field a database sees, as schema editors decide it; the name stays the same."""
    _, path, args, kwargs = field.deconstruct()
    column = kwargs.get("db_column")
    seen = {name: value for name, value in kwargs.items() if name not in field.non_db_attrs}
    return path, list(args), seen, column


def reads_relations(operation: Operation, label: str, before: Mapping[tuple[str, str], ModelState]) -> bool:
    """Return whether an operation follows the foreign keys that lead to its model; then all classes must be right."""
    if isinstance(operation, migrations.RenameModel):
        return True
    if not isinstance(operation, migrations.AlterField):
        return False
    state = before.get((label, operation.model_name_lower))
    old = state.fields.get(operation.name) if state else None
    if old is None:
        return True
    new = operation.field
    if not (old.primary_key or old.unique or new.primary_key or new.unique):
        return False
    return bool(_type_of(old) != _type_of(new))


def _type_of(field: Field[Any, Any]) -> Any:
    _, path, args, kwargs = field.deconstruct()
    return (
        path,
        list(args),
        {key: value for key, value in kwargs.items() if key not in {*TYPELESS, *field.non_db_attrs}},
    )


def touches(migration: migrations.Migration, alias: str) -> bool:
    """Return whether a migration changes a database, by what the routers say of the names in it; for reports."""
    label = migration.app_label
    return any(_runs(operation, label, alias, _said) for operation in migration.operations)


def may_run(operation: Operation, label: str, alias: str) -> bool:
    """
    Return whether an operation has to be run on a database: ``False`` only where it certainly does nothing there.

    Args:
        operation: Of the app ``label``.
        label: The app.
        alias: The database.
    """
    return _runs(operation, label, alias, _known)


def _runs(operation: Operation, label: str, alias: str, takes: Callable[[str, str, str], bool]) -> bool:
    if is_separate(operation):
        inner = operation.database_operations  # type: ignore[attr-defined]
        return any(_runs(one, label, alias, takes) for one in inner)
    if not is_own(operation):
        return True  # only Django's own operations are known to ask the routers
    if isinstance(operation, STATE_ONLY) or does_nothing(operation):
        return False
    if type(operation) is migrations.CreateModel and alters_nothing(operation, label, {}):
        return False
    if is_schema(operation):
        return takes(alias, label, model_name(operation))
    return _said(alias, label, **(getattr(operation, "hints", None) or {}))


def _known(alias: str, label: str, name: str) -> bool:
    """Ask our own router; another one may look at the model class, and is left to ask when the operation runs."""
    for one in router.routers:
        if type(one) is not DatabaseRouter:
            return True
        if one.table.has_opinion:
            return one.table.takes_historical(alias, label, name)
    return True


def _said(alias: str, label: str, model_name: str | None = None, **hints: Any) -> bool:
    try:
        return bool(router.allow_migrate(alias, label, model_name=model_name, **hints))
    except Exception:  # noqa: BLE001  a foreign router may insist on the model class, which a look ahead has not
        return True
