"""Migrating databases that have been opened: signals, the walk, and what comes after it."""

from __future__ import annotations

import gc
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

import attrs
from django.apps import apps as installed
from django.core.management.base import OutputWrapper
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState, StateApps
from django.utils import translation
from django.utils.module_loading import module_has_submodule

from .author import load_django_command
from .handed import OddPlanError
from .handlers import Inventory
from .history import key_of
from .journal import file_of
from .lockstep import Walk, walk_all
from .member import Member
from .scope import migrating
from .states import LeanState, with_relations


@attrs.frozen
class Engine:
    """
    Migrates databases forwards, in lockstep.

    Attributes:
        verbosity: Django's, for the handlers of signals.
        interactive: Whether these handlers may ask questions.
        jobs: Databases at a time, where a migration allows it; ``None`` for what suits each engine.
        run_syncdb: Whether apps without migrations get their tables.
        sync_labels: Of which apps; ``None`` means all of them.
        stopped: Asked between two migrations; ends the run early.
        show: Receives what handlers of signals printed.
    """

    verbosity: int = 1
    interactive: bool = False
    jobs: int | None = 1
    run_syncdb: bool = False
    sync_labels: frozenset[str] | None = None
    stopped: Callable[[], bool] = lambda: False
    show: Callable[[str], None] = lambda text: None

    def migrate(self, members: Sequence[Member]) -> None:
        """Take every member as far as it goes; what became of it is in the member."""
        with _without_collector(), translation.override(None), _begun(members):
            _import_handlers()
            walks = Walk.all_of(members)
            odd = [member for walk in walks for member in self._announce(walk)]
            for walk in walks:
                walk.members = [member for member in walk.members if member not in odd and not member.error]
            try:
                walks = walk_all([walk for walk in walks if walk.members], jobs=self.jobs, stopped=self.stopped)
            finally:
                # What ran is recorded already; what only had to be recorded is still to be written, come what may.
                for member in members:
                    with keeping(member):
                        member.flush()
            for walk in walks:
                self._complete(walk)
            for member in odd:
                self._migrate_alone(member)

    def _announce(self, walk: Walk) -> Iterator[Member]:
        """Send pre_migrate for each database of a walk, and yield those that Django's own executor has to migrate."""
        apps = _complete(walk.state, walk.members)
        for member in walk.members if apps is not None else ():
            with keeping(member), migrating(member.alias):
                member.expect_changes()
                with self._printing() as out:
                    emit_pre_migrate_signal(
                        self.verbosity, self.interactive, member.alias, stdout=out, apps=apps, plan=member.plan
                    )
                if self.run_syncdb:
                    self._sync(member)
                member.prepare()
                try:
                    member.take_insertions()
                except OddPlanError:
                    yield member

    def _complete(self, walk: Walk) -> None:
        """End the run on the databases of a walk, and send post_migrate for those that arrived."""
        arrived = [member for member in walk.members if not member.error and not member.left]
        for member in arrived:
            with keeping(member):
                member.finish()
        if arrived and (apps := _complete(walk.state, arrived, in_order=True)) is not None:
            self._announce_end(with_relations(apps), arrived)

    def _announce_end(self, apps: StateApps, members: Sequence[Member]) -> None:
        inventory: Inventory | None = None
        for member in (member for member in members if not member.error):
            with (
                keeping(member),
                migrating(member.alias),
                self._printing() as out,
                (inventory := inventory or Inventory.of(apps)).sparing(member.alias, silent=self.verbosity < 2),
            ):
                emit_post_migrate_signal(
                    self.verbosity, self.interactive, member.alias, stdout=out, apps=apps, plan=member.plan
                )

    def _migrate_alone(self, member: Member) -> None:
        """Migrate by Django's executor: a handler of pre_migrate gave this database a plan of its own."""
        with keeping(member), migrating(member.alias):
            executor: Any = MigrationExecutor(member.connection, cast(Any, member.hear_executor))
            nodes = executor.loader.graph.nodes
            for migration, _ in member.plan:
                nodes[key_of(migration)] = migration
            state = executor.migrate([], plan=member.plan, state=member.history.state().clone())
            member.left = []
            self._announce_end(with_relations(_rendered(state)), [member])

    def _sync(self, member: Member) -> None:
        labels = member.history.loader.unmigrated_apps
        command = load_django_command("migrate")
        with self._printing() as out:
            command.stdout = out
            command.verbosity = self.verbosity  # type: ignore[attr-defined]
            wanted = labels if self.sync_labels is None else labels & self.sync_labels
            if wanted:
                command.sync_apps(member.connection, wanted)  # type: ignore[attr-defined]

    @contextmanager
    def _printing(self) -> Iterator[OutputWrapper]:
        """Lend what handlers print to; a text of theirs is a line, as with Django's command."""
        text = io.StringIO()
        try:
            yield OutputWrapper(cast(Any, text))
        finally:
            self.show(text.getvalue())


def _complete(state: LeanState, members: Sequence[Member], *, in_order: bool = False) -> StateApps | None:
    """Return the models of a state; ``None`` where they cannot be made, which stops all who stand there."""
    try:
        return state.complete(in_order=in_order)
    except Exception as error:  # noqa: BLE001  whatever models raise
        for member in members:
            member.fail(error)
        return None


@contextmanager
def _begun(members: Sequence[Member]) -> Iterator[None]:
    """Have members ready for a run, and end it for each of them whatever becomes of it."""
    files = Counter(file_of(member.connection) for member in members)
    try:
        for member in members:
            if files[file_of(member.connection)] == 1:  # two connections to one file would be in each other's way
                with keeping(member):
                    member.begin()
        yield
    finally:
        for member in members:
            member.end()


@contextmanager
def keeping(member: Member) -> Iterator[None]:
    """Keep an error for the report: it stops this database, and the others get their turn."""
    try:
        yield
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a driver or a handler raises
        member.fail(error)


def _rendered(state: ProjectState) -> StateApps:
    state.clear_delayed_apps_cache()
    return state.apps


def _import_handlers() -> None:
    """Import each app's ``management``, where handlers of signals are registered."""
    for config in installed.get_app_configs():
        if module_has_submodule(config.module, "management"):
            import_module(".management", config.name)


@contextmanager
def _without_collector() -> Iterator[None]:
    """
    Keep the garbage collector from walking all model classes again and again.

    Rendering makes so many objects that it would run hundreds of times, and find next to nothing.
    """
    was_on = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
