"""What is left to do on a database; asking changes nothing."""

from __future__ import annotations

from typing import Any

import attrs
from django.db import migrations, router
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.fields import FieldOperation
from django.db.migrations.operations.models import IndexOperation, ModelOperation

from ..folders import sqlite_file
from .connection import describe, schema_connection

# Operations that change what Django knows about a model, and nothing in the database.
STATE_ONLY = (migrations.AlterModelOptions, migrations.AlterModelManagers)


@attrs.frozen
class Pending:
    """
    The migrations that a database has not recorded yet, in the order in which they will run.

    Attributes:
        alias: The database.
        touching: Labels (``app.name``) of those that change the database.
        recorded: Labels of those that are only recorded, because their tables live elsewhere.
        error: Why the database could not be asked; empty where it could.
    """

    alias: str
    touching: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_behind(self) -> bool:
        """Return whether anything is left to do."""
        return bool(self.touching or self.recorded)


def find_pending(alias: str) -> Pending:
    """Return what is left to do on a database. An error is returned, not raised, so that others can be asked too."""
    try:
        left = _unapplied(alias)
    except Exception as error:  # noqa: BLE001  whatever a driver raises belongs to this database's line
        return Pending(alias, error=describe(error))
    touching = [str(migration) for migration in left if touches(migration, alias)]
    return Pending(
        alias, tuple(touching), tuple(str(migration) for migration in left if str(migration) not in touching)
    )


def _unapplied(alias: str) -> list[migrations.Migration]:
    with schema_connection(alias) as connection:
        file = sqlite_file(connection.settings_dict)
        # Connecting would create the file; a file that is missing has recorded nothing.
        missing = file is not None and not file.exists()
        executor: Any = MigrationExecutor(None if missing else connection)
        if not missing:
            executor.loader.check_consistent_history(connection)
        if conflicts := executor.loader.detect_conflicts():
            names = "; ".join(f"{', '.join(leaves)} in {label}" for label, leaves in conflicts.items())
            raise InconsistentMigrationHistory(f"several last migrations: {names}")
        return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def touches(migration: migrations.Migration, alias: str) -> bool:
    """Return whether a migration changes a database: whether the routers let one of its operations run there."""
    return any(_runs(operation, migration.app_label, alias) for operation in migration.operations)


def _runs(operation: Operation, label: str, alias: str) -> bool:
    if isinstance(operation, STATE_ONLY):
        return False
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        return any(_runs(inner, label, alias) for inner in operation.database_operations)
    if not type(operation).__module__.startswith("django."):
        return True  # only Django's own operations are known to ask the routers
    if isinstance(operation, migrations.CreateModel) and _has_no_table(operation):
        return False
    if isinstance(operation, ModelOperation | FieldOperation | IndexOperation):
        return _allowed(alias, label, model_name=_model_name(operation))
    return _allowed(alias, label, **(getattr(operation, "hints", None) or {}))


def _has_no_table(operation: migrations.CreateModel) -> bool:
    return bool(operation.options.get("proxy")) or operation.options.get("managed") is False


def _model_name(operation: ModelOperation | FieldOperation | IndexOperation) -> str:
    """Return the lower-case name of the model whose table an operation changes."""
    if isinstance(operation, migrations.RenameModel):
        return operation.new_name_lower
    if isinstance(operation, ModelOperation):
        return operation.name_lower
    return str(getattr(operation, "model_name", "")).lower()


def _allowed(alias: str, label: str, **hints: Any) -> bool:
    try:
        return bool(router.allow_migrate(alias, label, **hints))
    except Exception:  # noqa: BLE001  a foreign router may insist on the model class, which a look ahead has not
        return True
