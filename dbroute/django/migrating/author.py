"""Making migrations before they are run: only the project's own, and never hanging on a question."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError
from django.db.migrations import Migration
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.questioner import MigrationQuestioner
from django.db.migrations.state import ProjectState
from django.db.migrations.writer import MigrationWriter

from ..routes import mark
from .connection import schema_connection

Changes = dict[str, list[Migration]]
# Folders that package managers own, also where a virtual environment stands inside the project.
INSTALLED = {"site-packages", "dist-packages"}


def environment() -> str:
    """Return the project's environment, by the patch's mark or else by DJANGO_ENV."""
    if "environment" in mark():
        return str(mark()["environment"])
    from ...config import environment_name

    return environment_name()


def is_terminal() -> bool:
    """Return whether somebody can answer a question."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def load_django_command(name: str) -> BaseCommand:
    """Return a command by its name: Django's, or the one by which an installed app replaces it."""
    found = get_commands()[name]
    return found if isinstance(found, BaseCommand) else load_command_class(found, name)


def make_migrations(
    aliases: Iterable[str],
    *,
    verbosity: int,
    interactive: bool,
    no_color: bool,
    stdout: IO[str],
    say: Callable[[str], None],
) -> None:
    """
    Write the migrations that the project's models lack; those of other people's apps are left out and named.

    Args:
        aliases: Databases that will be migrated; makemigrations asks them whether their history is consistent.
        verbosity: Django's.
        interactive: Whether questions may be asked; without a terminal one would hang or fail.
        no_color: Django's.
        stdout: Where makemigrations writes.
        say: Receives the line about apps that were left out.

    Raises:
        CommandError: Only a person can answer, or migrations conflict.
    """
    command: Any = load_django_command("makemigrations")
    left_out: set[str] = set()
    command.autodetector = _project_only(command.autodetector, left_out)
    with warnings.catch_warnings(), _reachable(aliases):
        # A database that does not answer will be reported by the run itself, with its alias.
        warnings.filterwarnings("ignore", "Got an error checking a consistent migration history", RuntimeWarning)
        try:
            call_command(command, verbosity=verbosity, interactive=interactive, no_color=no_color, stdout=stdout)
        except SystemExit as error:
            raise CommandError(
                "makemigrations has a question that only a person can answer; "
                "run `manage.py makemigrations` in a terminal, or pass --skip-makemigrations."
            ) from error
    if left_out:
        say(f"No migrations were made for {_names(left_out)}: not a part of this project.")


def missing_migrations() -> tuple[str, ...]:
    """Return the labels of the project's apps whose models have changes that no migration has; writes nothing."""
    command: Any = load_django_command("makemigrations")
    loader = MigrationLoader(None, ignore_no_migrations=True)
    detector = _project_only(command.autodetector, set())(
        loader.project_state(),
        ProjectState.from_apps(apps),
        MigrationQuestioner(specified_apps=set(), dry_run=True),
    )
    return tuple(sorted(detector.changes(graph=loader.graph)))


def _names(labels: Iterable[str]) -> str:
    return ", ".join(f"'{label}'" for label in sorted(labels))


@contextmanager
def _reachable(aliases: Iterable[str]) -> Iterator[None]:
    """Let every database be asked the way its migrations will run: by its ``migrate_url``."""
    with ExitStack() as stack:
        for alias in aliases:
            stack.enter_context(schema_connection(alias))
        yield


def _project_only(detector: type[MigrationAutodetector], left_out: set[str]) -> type[MigrationAutodetector]:
    """Return an autodetector that forgets what it detects outside the project, and says so in ``left_out``."""

    class ProjectAutodetector(detector):  # type: ignore[misc, valid-type]
        def changes(self, graph: MigrationGraph, *args: Any, **kwargs: Any) -> Changes:
            found: Changes = super().changes(graph, *args, **kwargs)
            foreign = {label: found.pop(label) for label in list(found) if not _is_ours(found[label][0])}
            left_out.update(foreign)
            for migration in (migration for ours in found.values() for migration in ours):
                dependencies: Any = migration.dependencies  # a list, whatever the stubs say
                dependencies[:] = [_existing(dependency, foreign, graph) for dependency in dependencies]
            return found

    return ProjectAutodetector


def _existing(dependency: tuple[str, str], foreign: Changes, graph: MigrationGraph) -> tuple[str, str]:
    """Return the last migration that an app has on disk, in place of one that will not be written."""
    label, name = dependency
    if name not in {migration.name for migration in foreign.get(label, ())}:
        return dependency
    leaves = graph.leaf_nodes(label)
    return leaves[0] if leaves else (label, "__first__")


def _is_ours(migration: Migration) -> bool:
    """Return whether a migration would be written into the project."""
    written = Path(MigrationWriter(migration).path)
    if INSTALLED & set(written.resolve().parts):
        return False
    return any(written.is_relative_to(root) or written.resolve().is_relative_to(root.resolve()) for root in _roots())


def _roots() -> Iterator[Path]:
    yield Path.cwd()
    for folder in (mark().get("folder"), getattr(settings, "BASE_DIR", None), _folder_of_manage_py()):
        if folder:
            yield Path(folder)


def _folder_of_manage_py() -> str:
    script = os.path.abspath(sys.argv[0]) if sys.argv else ""  # noqa: PTH100  keeps a symlink a symlink
    return os.path.dirname(script) if os.path.basename(script) == "manage.py" else ""  # noqa: PTH119, PTH120
