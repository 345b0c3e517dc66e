"""One call of a migrating command, from its options to its exit code; ``migrate_all`` and ``migrator`` share it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO, Any, cast

import attrs
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from ..routes import project_table
from .author import environment, is_terminal, make_migrations, missing_migrations
from .connection import describe, masked
from .history import Goal, forget_modules
from .outcome import Outcome
from .pending import find_pending
from .plan import PlanError, Target, choose, choose_app, leave_out, plan_targets, unknown_app
from .progress import Lines, Progress
from .report import json_lines, pending_json, pending_lines
from .request import Request
from .run import Run
from .sql import write_sql

DEV = "dev"
# What a shell reports of a process that Ctrl-C ended.
INTERRUPTED = 130


class MigratingCommand(BaseCommand):
    """What the migrating commands have in common."""

    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """
        Check the code before the command, and each database when its turn comes.

        Without this Django 6.1 asks all databases first: one that is down would keep the others from being migrated.
        """
        kwargs: dict[Any, Any] = {**super().get_check_kwargs(options)}
        return {**kwargs, "databases": []}

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options that all of them take."""
        parser.add_argument(
            "--database",
            action="append",
            default=[],
            metavar="ALIAS",
            help="Migrate this database only; may be given several times.",
        )
        parser.add_argument(
            "--skip-makemigrations",
            action="store_true",
            help="Do not make migrations first, as is done in the dev environment.",
        )
        parser.add_argument(
            "--noinput",
            "--no-input",
            action="store_false",
            dest="interactive",
            help="Ask no questions; a process without a terminal never does.",
        )


@attrs.define(slots=False)
class Session:
    """
    A migrating command at work.

    Attributes:
        command: What to print through.
        options: As parsed.
    """

    command: BaseCommand
    options: dict[str, Any]

    def __attrs_post_init__(self) -> None:
        from ..checks import settings_problem

        if problem := settings_problem():
            raise CommandError(problem)

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """
        What the options leave of the plan.

        Raises:
            CommandError: They name a database or an app that cannot be migrated.
        """
        label = self.goal.app_label
        try:
            table = project_table()
            targets = plan_targets(table, connections.settings)
            if named := _as_list(self.options["database"]):
                targets = choose(targets, named)
            if unwanted := _as_list(self.options.get("exclude")):
                targets = leave_out(targets, unwanted)
                if not targets:
                    raise PlanError("No database is left: all of them are excluded.")
            if label:
                targets = choose_app(
                    targets, table, label, _models_of(label, migrated=not self.options.get("run_syncdb"))
                )
        except (PlanError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        return targets

    @cached_property
    def goal(self) -> Goal:
        """How far the options say to migrate."""
        named = self.options.get("app") or self.options.get("app_label") or ""
        return Goal(named, self.options.get("migration_name") or "")

    @cached_property
    def request(self) -> Request:
        """What the options say to do on each database."""
        names = ("jobs", "fail_fast", "lock_timeout", "run_syncdb", "fake", "fake_initial", "prune", "stock")
        given = {name: self.options[name] for name in names if self.options.get(name) is not None}
        return Request(self.goal, verbosity=self.options["verbosity"], interactive=self._may_ask(), **given)

    def migrate(self) -> None:
        """
        Make migrations where that is due, migrate the targets and print the table.

        Raises:
            CommandError: A database failed; the others were migrated.
        """
        targets = self.targets
        wanted = not self._has_target() and not self.options["skip_makemigrations"]
        made = self._make_migrations(targets) if wanted else True
        run = Run(targets, self.request, self._progress(), self._writer(2))
        outcomes = run.migrate()
        self._print(outcomes)
        failed = [outcome.alias for outcome in outcomes if outcome.state == "failed"]
        stopped = [outcome.alias for outcome in outcomes if outcome.state == "stopped"]
        if run.interrupted and failed + stopped:
            raise CommandError(
                f"Interrupted; not finished: {', '.join(failed + stopped)}; run again to continue.",
                returncode=INTERRUPTED,
            )
        if failed:
            raise CommandError(
                f"{len(failed)} of {_count(outcomes)} failed: {', '.join(failed)}; run again to continue."
            )
        if not made:
            raise CommandError("Migrations could not be made.")

    def show_pending(self, *, check: bool) -> None:
        """
        Print what is pending, and change nothing.

        Args:
            check: Fail if anything is pending or models lack migrations.

        Raises:
            CommandError: That, or a database could not be asked.
        """
        targets = self.targets
        try:
            found = find_pending((target.alias for target in targets if not target.skipped), self.goal)
            lacking = missing_migrations() if check else ()
        except CommandError:
            raise
        except Exception as error:  # noqa: BLE001  whatever the migrations on disk raise
            shown = masked(traceback.format_exc()) if self.options["traceback"] else describe(error)
            raise CommandError(shown) from None  # whatever Django would print of a chain is not masked
        if self.options.get("json"):
            self._write_json(pending_json(targets, found))
        else:
            for line in pending_lines(targets, found, verbosity=self.options["verbosity"]):
                self._say(line)
        for pending in found:
            if pending.error:
                self.command.stderr.write(f"{pending.alias}: {pending.error}")
        problems = [
            _problem("cannot be asked", [pending.alias for pending in found if pending.error]),
            _problem("not up to date", [pending.alias for pending in found if check and pending.is_behind]),
            _problem("models without migrations", lacking),
        ]
        if any(problems):
            raise CommandError("; ".join(filter(None, problems)))

    def write_sql(self, folder: str) -> None:
        """
        Write the SQL that each database would get into a file of its own, and change nothing.

        Raises:
            CommandError: A database could not be asked, or a file could not be written.
        """
        failed = []
        for target in self.targets:
            if target.skipped:
                continue
            try:
                path = write_sql(target.alias, self.goal, Path(folder))
            except Exception as error:  # noqa: BLE001  a database's fault belongs to its line
                failed.append(target.alias)
                self.command.stderr.write(f"{target.alias}: {describe(error)}")
            else:
                self._say(f"{target.alias}: {path}")
        if failed:
            raise CommandError(_problem("cannot be told", failed))

    def _may_ask(self) -> bool:
        return bool(self.options["interactive"]) and is_terminal()

    def _has_target(self) -> bool:
        return bool(self.options["database"] or self.options.get("exclude") or self.goal.app_label)

    def _make_migrations(self, targets: Sequence[Target]) -> bool:
        """Make migrations in the dev environment; return whether the databases let it."""
        name = environment()
        if name != DEV:
            self._say(f"Migrations are not made in environment '{name}', only in '{DEV}'.")
            return True
        try:
            make_migrations(
                [target.alias for target in targets if not target.skipped],
                verbosity=self.options["verbosity"],
                interactive=self._may_ask(),
                no_color=self.options["no_color"],
                # Without Django's wrapper: a second one would end a prompt with a newline.
                stdout=_unwrapped(self._told),
                say=self._say,
            )
            forget_modules()
        except CommandError:
            raise  # the models, not a database: nobody should migrate half of what they meant
        except Exception as error:  # noqa: BLE001  a database's fault; the run will name it
            self.command.stderr.write(f"makemigrations: {describe(error)}")
            return False
        return True

    def _progress(self) -> Progress:
        if self.options.get("json") or self.options["verbosity"] < 1:
            return Progress(lambda text: self.command.stderr.write(text, self.command.style.NOTICE))
        if self._has_terminal():
            from .display import Display

            return Display(_unwrapped(self.command.stdout))
        return Lines(self._say, self.options["verbosity"])

    def _has_terminal(self) -> bool:
        return _draws(self.command.stdout) and not self.options["no_color"]

    def _print(self, outcomes: Sequence[Outcome]) -> None:
        if self.options.get("json"):
            self._write_json(json_lines(outcomes))
        elif self.options["verbosity"] > 0:
            from .table import table_of

            self._writer(1)(table_of(outcomes, terminal=self._has_terminal()))
        for outcome in outcomes:
            if outcome.error:
                detail = outcome.trace if self.options["traceback"] else outcome.error
                self.command.stderr.write(f"{outcome.alias}: {detail}")
            if outcome.advice:
                self.command.stderr.write(f"{outcome.alias}: {outcome.advice}")

    def _write_json(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.command.stdout.write(line)

    @property
    def _told(self) -> Any:
        """Where people read; with --json, stdout is for machines."""
        return self.command.stderr if self.options.get("json") else self.command.stdout

    def _say(self, text: str) -> None:
        self._writer(1)(text)

    def _writer(self, verbosity: int) -> Callable[[str], None]:
        """Return what prints a text from a verbosity on."""

        def write(text: str) -> None:
            if text and self.options["verbosity"] >= verbosity:
                self._told.write(text)
                self._told.flush()

        return write


def _draws(stdout: Any) -> bool:
    """Return whether lines and colours arrive where a command prints."""
    return bool(stdout.isatty()) and (getattr(stdout, "encoding", None) or "").lower().startswith("utf")


def _unwrapped(stdout: Any) -> IO[str]:
    return cast(IO[str], getattr(stdout, "_out", stdout))


def _as_list(named: str | Sequence[str] | None) -> Sequence[str]:
    """Return the values of an option; ``call_command(…, database="blog_db")`` hands over the text itself."""
    return [named] if isinstance(named, str) else named or []


def _models_of(label: str, *, migrated: bool) -> list[type[Any]]:
    """
    Return an app's model classes.

    Args:
        label: The app's label.
        migrated: Whether it has to have migrations.

    Raises:
        PlanError: There is no such app, or it has no migrations.
    """
    configs = {config.label: config for config in apps.get_app_configs()}
    if label not in configs:
        raise unknown_app(label, configs)
    if migrated and label not in MigrationLoader(None).migrated_apps:
        raise PlanError(f"App '{label}' has no migrations.")
    return list(configs[label].get_models())


def _count(outcomes: Sequence[Outcome]) -> str:
    number = sum(outcome.state != "skipped" for outcome in outcomes)
    return f"{number} database{'s' if number > 1 else ''}"


def _problem(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(names)}" if names else ""
