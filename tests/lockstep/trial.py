"""Both sides of a trial, from the same start: ``migrate --database X`` for each X, and one ``migrate_all``."""

import difflib
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from tests import forkserver
from tests.projects import Project, clean_environment

from .dumps import dump
from .generate import ALIASES, Generated
from .sites import Site

# Several commands, each in a process of its own that has Django loaded already. In one process they would not be what a
# shell runs: RenameField changes the fields of other operations in place, and the next command finds them changed.
SEVERAL = """
import json
import os
import sys
import traceback

import django

django.setup()
from django.core.management import execute_from_command_line
from django.db.migrations import autodetector, executor

for arguments in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        code = 1
        try:
            execute_from_command_line(["manage.py", *arguments])
            code = 0
        except SystemExit as end:
            code = end.code
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        sys.exit(status)
"""

# Migrates each database to where it is to start: as a deployment would have done it, content types and all.
START = """
import json
import sys

import django

django.setup()
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

for alias, targets in json.loads(sys.argv[1]).items():
    executor = MigrationExecutor(connections[alias])
    if sys.argv[2:]:
        executor.recorder.ensure_schema()
    if not targets:
        continue
    graph = executor.loader.graph
    nodes = dict.fromkeys(node for target in targets if tuple(target) in graph.nodes
                          for node in graph.forwards_plan(tuple(target)))
    plan = [(graph.nodes[node], False) for node in nodes if node not in executor.loader.applied_migrations]
    before = executor._create_project_state(with_applied_migrations=True)
    emit_pre_migrate_signal(0, False, alias, apps=before.apps, plan=plan)
    state = executor.migrate(None, plan)
    emit_post_migrate_signal(0, False, alias, apps=state.apps, plan=plan)
"""

SHOWN = 60


class TrialError(AssertionError):
    """A command of a trial failed; holds the end of what it wrote."""


@attrs.frozen
class Side:
    """
    One of the projects that are compared, and its databases.

    Attributes:
        urls: By alias.
        several: Whether the stock side's commands are forked from one process that has Django loaded, which is quicker,
            in place of a manage.py for each.
    """

    project: Project
    site: Site
    urls: Mapping[str, str]
    env: Mapping[str, str] = attrs.field(factory=dict)
    several: bool = True

    def stock(self, *arguments: str, aliases: Sequence[str] = ()) -> None:
        """Run ``migrate <arguments> --database X`` for each database, in the order of the configuration."""
        commands = [
            ["migrate", *arguments, "--database", alias, "--verbosity", "0", "--no-input"]
            for alias in aliases or self.urls
        ]
        if self.several:
            self.python(SEVERAL, json.dumps(commands))
        else:
            for command in commands:
                self.manage(*command)

    def all_at_once(self, *arguments: str) -> None:
        """Run ``migrate_all <arguments>``."""
        self.manage("migrate_all", *arguments, "--skip-makemigrations", "--verbosity", "0", "--traceback")

    def manage(self, *arguments: str) -> None:
        """Run manage.py, which has to succeed."""
        self._succeed(self.attempt(*arguments), " ".join(arguments))

    def attempt(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run manage.py and return what came of it."""
        return self._run(["manage.py", *arguments], env)

    def python(self, code: str, *arguments: str) -> None:
        """Run a program in the project, which has to succeed."""
        self._succeed(self._run(["-c", code, *arguments], None), "the program")

    def _run(self, arguments: list[str], env: Mapping[str, str] | None) -> subprocess.CompletedProcess[str]:
        settings = {"DJANGO_SETTINGS_MODULE": "settings", **self.env, **(env or {})}
        return forkserver.run(
            arguments, cwd=self.project.root, env=clean_environment(settings), stdin=subprocess.DEVNULL, timeout=3600
        )

    def _succeed(self, done: subprocess.CompletedProcess[str], what: str) -> None:
        if done.returncode:
            end = [*done.stdout.splitlines()[-5:], *done.stderr.splitlines()[-25:]]
            raise TrialError(f"{what} in {self.project.root} ended with {done.returncode}:\n" + "\n".join(end))

    def dump(self, *, numbers: bool = True) -> dict[str, list[str]]:
        """Return what is in each database."""
        return {alias: dump(self.site.of(url), url, numbers=numbers) for alias, url in self.urls.items()}


def differences(theirs: Mapping[str, list[str]], ours: Mapping[str, list[str]]) -> str:
    """Return where two sets of databases differ, as text; empty where they do not."""
    return "\n".join(difference(theirs[alias], ours[alias], alias) for alias in theirs if theirs[alias] != ours[alias])


def difference(theirs: list[str], ours: list[str], alias: str) -> str:
    """Return where a database differs from what it should be, as text."""
    shown = difflib.unified_diff(theirs, ours, f"{alias}: stock", f"{alias}: migrate_all", lineterm="", n=0)
    return "\n".join(list(shown)[:SHOWN])


def start(side: Side, reached: Mapping[str, Sequence[tuple[str, str]]], *, table: bool = False) -> None:
    """
    Bring the databases of a side to where they are to start.

    Args:
        side: Theirs or ours.
        reached: Alias to migrations that are to be there, with all that they need.
        table: Make the table ``django_migrations`` also where nothing is recorded.
    """
    targets = json.dumps({alias: list(targets) for alias, targets in reached.items()})
    side.python(START, targets, *(["table"] if table else []))


@attrs.frozen
class Trial:
    """
    Two sides that start from the same databases.

    Attributes:
        theirs: Migrated by Django.
        ours: Migrated by ``migrate_all``.
    """

    theirs: Side
    ours: Side

    def both(self, *arguments: str, aliases: Sequence[str] = ()) -> str:
        """Migrate both sides with the same arguments and return how they differ then."""
        self.theirs.stock(*arguments, aliases=aliases)
        self.ours.all_at_once(*arguments)
        return self.compare(self.theirs.dump())

    def compare(self, theirs: Mapping[str, list[str]]) -> str:
        """Return how our side differs from a dump of the other one."""
        return differences(theirs, self.ours.dump())


def from_seed(generated: Generated, site: Site, folder: Path, *, several: bool = True) -> Trial:
    """Write the project of a seed for both sides, and bring the databases of both to its start."""
    first = site.create(ALIASES, folder / "start" / "db")
    early = Side(generated.write(folder / "start", first, late=False), site, first)
    start(early, generated.start)
    sides = []
    for name in ("theirs", "ours"):
        urls = site.clone(first, folder / name / "db")
        sides.append(Side(generated.write(folder / name, urls), site, urls, several=several))
    site.drop(first.values())
    return Trial(*sides)
