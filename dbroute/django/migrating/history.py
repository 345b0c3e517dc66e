"""What is on disk and what each database has recorded; together they say what is left to run there."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Sequence
from inspect import signature
from typing import Any

import attrs
from django.apps import apps
from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.exceptions import AmbiguityError, InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from .states import Key, LeanState

# How Django writes a target: app label and name of a migration, or None for "nothing of this app".
Node = tuple[str, str | None]


# Until Django 5.2 the executor is handed the migration instead.
TAKES_NAMES = "name" in signature(MigrationExecutor.record_migration).parameters


@attrs.frozen
class Goal:
    """
    What a run was asked for.

    Attributes:
        app_label: Migrate this app only, and what it depends on; empty means all.
        migration_name: The app's migration to go to: its name, the beginning of it, or ``zero``; empty means the last.
    """

    app_label: str = ""
    migration_name: str = ""


@attrs.define(eq=False)
class Disk:
    """The migrations on disk: read once, whatever the number of databases."""

    loader: MigrationLoader = attrs.field(factory=lambda: MigrationLoader(None))
    _graphs: dict[Any, tuple[MigrationGraph, Any, dict[Key, bool]]] = attrs.field(factory=dict, init=False)
    _orders: dict[int, list[Migration]] = attrs.field(factory=dict, init=False)
    _squashed: frozenset[Key] = attrs.field(init=False)

    @_squashed.default
    def _those_of_squashes(self) -> frozenset[Key]:
        replacements: Any = self.loader.replacements
        return frozenset(replacements) | {key for migration in replacements.values() for key in migration.replaces}

    def history(self, connection: BaseDatabaseWrapper | None) -> History:
        """
        Return what a database has recorded; without a connection, nothing.

        Raises:
            CommandError: Migrations conflict.
            InconsistentMigrationHistory: One was recorded before one that it depends on.
        """
        loader = DiskLoader(self, connection)
        loader.check_consistent_history(connection)
        if conflicts := loader.detect_conflicts():
            names = "; ".join(f"{', '.join(leaves)} in {label}" for label, leaves in conflicts.items())
            raise CommandError(
                f"Several last migrations: {names}; run `manage.py makemigrations --merge` to make them one."
            )
        return History(loader)

    def graph(self, loader: DiskLoader) -> tuple[MigrationGraph, Any, dict[Key, bool]]:
        """Return the graph for what a database has recorded, the replacing migrations, and which are applied."""
        known = (frozenset(loader.recorded) & self._squashed, loader.replace_migrations)
        if known not in self._graphs:
            loader.build_own_graph()
            applied: Any = loader.applied_migrations
            replaced = {key: key in applied for key in loader.replacements} if loader.replace_migrations else {}
            self._graphs[known] = (loader.graph, loader.replacements, replaced)
        return self._graphs[known]

    def order(self, planner: Planner) -> list[Migration]:
        """Return all migrations in the order in which an empty database gets them."""
        graph: Any = planner.loader.graph
        if id(graph) not in self._orders:
            plan = planner.migration_plan(graph.leaf_nodes(), clean_start=True)
            self._orders[id(graph)] = [migration for migration, _ in plan]
        return self._orders[id(graph)]


class DiskLoader(MigrationLoader):
    """
    Django's loader for one database, which shares what was read from disk and built from it.

    Attributes:
        recorded: What the table ``django_migrations`` has; ``applied_migrations`` is what follows for squashed ones.
    """

    def __init__(self, disk: Disk, connection: BaseDatabaseWrapper | None) -> None:
        self.disk = disk
        self.replace_migrations = True
        self.recorded: dict[Any, Any] = {}
        super().__init__(connection)

    def build_graph(self) -> None:
        """Build the graph, or take the one of a database that has applied the same part of the squashed migrations."""
        if self.connection is not None:
            recorder = MigrationRecorder(self.connection)
            # Names are all that is asked for; hundreds of objects for each database would be made for nothing.
            names = recorder.migration_qs.values_list("app", "name") if recorder.has_table() else ()
            self.recorded = dict.fromkeys(names)
        self.graph, self.replacements, replaced = self.disk.graph(self)
        self.load_disk()
        self.applied_migrations = dict(self.recorded)
        for key, done in replaced.items():
            if done:
                self.applied_migrations[key] = self.replacements[key]
            else:
                self.applied_migrations.pop(key, None)

    def build_own_graph(self) -> None:
        """Build the graph as Django does."""
        super().build_graph()

    def load_disk(self) -> None:
        """Take what was read."""
        read = self.disk.loader
        self.disk_migrations = read.disk_migrations
        self.unmigrated_apps, self.migrated_apps = read.unmigrated_apps, read.migrated_apps

    def is_replaced(self, key: Key, recorded: Container[Key]) -> bool:
        """Return whether a migration replaces others all of which are recorded, or replaced in their turn."""
        replacement = self.replacements.get(key)
        return replacement is not None and all(
            (app, name) in recorded or self.is_replaced((app, name), recorded) for app, name in replacement.replaces
        )

    def check_consistent_history(self, connection: Any) -> None:
        """Do as Django does, without asking the database for its records again."""
        graph: Any = self.graph
        for key in self.recorded:
            if key not in graph.nodes:
                continue
            for parent in graph.node_map[key].parents:
                if parent.key in self.recorded or self.is_replaced(parent.key, self.recorded):
                    continue
                raise InconsistentMigrationHistory(
                    f"Migration {'.'.join(key)} is recorded, and {'.'.join(parent.key)}, which it depends on, is not."
                )


class Planner(MigrationExecutor):
    """Django's executor where it decides what is left to do; it runs nothing."""

    def __init__(self, loader: DiskLoader) -> None:
        self.loader = loader
        self.connection: Any = loader.connection
        self.recorder = _Notebook()  # type: ignore[assignment]

    def records(self, migration: Migration) -> list[Key]:
        """Return the rows that Django would add once a migration has run: its own, and those that it replaces."""
        notebook = self.recorder = _Notebook()  # type: ignore[assignment]
        record: Any = self.record_migration
        if TAKES_NAMES:
            record(migration.app_label, migration.name)
        else:
            record(migration)
        return notebook.rows


@attrs.define
class _Notebook:
    """Writes down what a recorder would be told."""

    rows: list[Key] = attrs.field(factory=list)

    def record_applied(self, app: str, name: str) -> None:
        self.rows.append((app, name))


@attrs.define(eq=False)
class History:
    """
    What one database has recorded, and what follows from it.

    Attributes:
        loader: Django's, with the graph of this database.
    """

    loader: DiskLoader
    planner: Planner = attrs.field(init=False)

    @planner.default
    def _of_loader(self) -> Planner:
        return Planner(self.loader)

    @property
    def applied(self) -> set[Key]:
        """The migrations that count as applied."""
        applied: Any = self.loader.applied_migrations
        return set(applied)

    @property
    def order(self) -> list[Migration]:
        """All migrations, in the order in which an empty database gets them."""
        return self.loader.disk.order(self.planner)

    def plan(self, goal: Goal) -> list[tuple[Migration, bool]]:
        """
        Return what is left to do, as Django writes a plan: migrations, and whether each runs backwards.

        Raises:
            CommandError: The goal names what does not exist.
        """
        if not goal.app_label:
            applied = self.applied
            return [(migration, False) for migration in self.order if key_of(migration) not in applied]
        found = self.planner.migration_plan(self._targets(goal))
        if any(backwards for _, backwards in found):
            return found
        place = {key_of(migration): number for number, migration in enumerate(self.order)}
        return sorted(found, key=lambda step: place[key_of(step[0])])

    def state(self) -> LeanState:
        """Return the state that the applied migrations lead to."""
        state = LeanState(real_apps=set(self.loader.unmigrated_apps))
        applied = self.applied
        for migration in self.order:
            if key_of(migration) in applied:
                migration.mutate_state(state, preserve=False)
        return state

    def late_records(self, recorded: Iterable[Key]) -> list[Key]:
        """Return the squashed migrations that count as applied now and have no row of their own."""
        rows = set(recorded)
        return [key for key in self.loader.replacements if key not in rows and self.loader.is_replaced(key, rows)]

    def _targets(self, goal: Goal) -> Sequence[Node]:
        label, graph = goal.app_label, self.loader.graph
        _require(label in {config.label for config in apps.get_app_configs()}, f"There is no app '{label}'.")
        if label in self.loader.unmigrated_apps and not goal.migration_name:
            return []  # its tables are made without; whoever may not ask for that is told so before
        _require(label in self.loader.migrated_apps, f"App '{label}' has no migrations.")
        if not goal.migration_name:
            return [key for key in graph.leaf_nodes() if key[0] == label]
        if goal.migration_name == "zero":
            return [(label, None)]
        return [self._named(label, goal.migration_name)]

    def _named(self, label: str, name: str) -> Node:
        known = ", ".join(sorted(name for app, name in self.loader.disk_migrations if app == label))
        try:
            migration = self.loader.get_migration_by_prefix(label, name)
        except AmbiguityError:
            raise CommandError(f"App '{label}' has several migrations that begin with '{name}': {known}.") from None
        except KeyError:
            raise CommandError(f"App '{label}' has no migration '{name}'; it has: {known}.") from None
        target = key_of(migration)
        if target not in self.loader.graph.nodes and target in self.loader.replacements:
            # A squash that was applied in part is not in the graph; its last part stands for it.
            return tuple(self.loader.replacements[target].replaces[-1])  # type: ignore[return-value]
        return target


def key_of(migration: Migration) -> Key:
    """Return the app label and the name of a migration."""
    return migration.app_label, migration.name


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise CommandError(message)


def forget_modules() -> None:
    """
    Have migrations read from their files again.

    Whoever computes a state may change the operations that it is computed from (Django writes the new name of a renamed
    field into the fields that refer to it), and they are the module's.
    """
    for config in apps.get_app_configs():
        package, _ = MigrationLoader.migrations_module(config.label)
        for name in [name for name in sys.modules if package and name.startswith(f"{package}.")]:
            del sys.modules[name]
