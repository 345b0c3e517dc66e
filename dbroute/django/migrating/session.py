"""One call of a migrating command, from its options to its exit code; ``migrate_all`` and ``migrator`` share it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import IO, Any, cast

import attrs
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.db.migrations.loader import MigrationLoader

from ..routes import project_table
from .author import environment, is_terminal, make_migrations, missing_migrations
from .connection import describe
from .pending import find_pending
from .plan import PlanError, Target, choose, choose_app, plan_targets, unknown_app
from .report import pending_lines, table_of
from .run import Outcome, run

DEV = "dev"


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
        label = self.options.get("app")
        try:
            table = project_table()
            targets = plan_targets(table, connections.settings)
            if named := self.options["database"]:
                # call_command(…, database="blog_db") hands over the text itself
                targets = choose(targets, [named] if isinstance(named, str) else named)
            if label:
                targets = choose_app(targets, table, label, _models_of(label))
        except (PlanError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        return targets

    def migrate(self) -> None:
        """
        Make migrations where that is due, migrate the targets and print the table.

        Raises:
            CommandError: A database failed; the others were migrated.
        """
        targets = self.targets
        wanted = not self._has_target() and not self.options["skip_makemigrations"]
        made = self._make_migrations(targets) if wanted else True
        outcomes = run(
            targets,
            app_label=self.options.get("app") or "",
            verbosity=self.options["verbosity"],
            interactive=self._may_ask(),
            say=lambda alias: self._say(f"Migrating {alias}"),
            show=self._writer(2),
        )
        self._print(outcomes)
        failed = [outcome.alias for outcome in outcomes if outcome.state == "failed"]
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
        found = [find_pending(target.alias) for target in targets if not target.skipped]
        for line in pending_lines(targets, found, verbosity=self.options["verbosity"]):
            self._say(line)
        for pending in found:
            if pending.error:
                self.command.stderr.write(f"{pending.alias}: {pending.error}")
        lacking = missing_migrations() if check else ()
        problems = [
            _problem("cannot be asked", [pending.alias for pending in found if pending.error]),
            _problem("not up to date", [pending.alias for pending in found if check and pending.is_behind]),
            _problem("models without migrations", lacking),
        ]
        if any(problems):
            raise CommandError("; ".join(filter(None, problems)))

    def _may_ask(self) -> bool:
        return bool(self.options["interactive"]) and is_terminal()

    def _has_target(self) -> bool:
        return bool(self.options["database"] or self.options.get("app"))

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
                stdout=_unwrapped(self.command.stdout),
                say=self._say,
            )
        except CommandError:
            raise  # the models, not a database: nobody should migrate half of what they meant
        except Exception as error:  # noqa: BLE001  a database's fault; the run will name it
            self.command.stderr.write(f"makemigrations: {describe(error)}")
            return False
        return True

    def _print(self, outcomes: Sequence[Outcome]) -> None:
        self._writer(1)(table_of(outcomes, terminal=_draws(self.command.stdout) and not self.options["no_color"]))
        for outcome in outcomes:
            if outcome.error:
                detail = outcome.trace if self.options["traceback"] else outcome.error
                self.command.stderr.write(f"{outcome.alias}: {detail}")

    def _say(self, text: str) -> None:
        self._writer(1)(text)

    def _writer(self, verbosity: int) -> Callable[[str], None]:
        """Return what prints a text from a verbosity on."""

        def write(text: str) -> None:
            if text and self.options["verbosity"] >= verbosity:
                self.command.stdout.write(text)
                self.command.stdout.flush()

        return write


def _draws(stdout: Any) -> bool:
    """Return whether lines and colours arrive where a command prints."""
    return bool(stdout.isatty()) and (getattr(stdout, "encoding", None) or "").lower().startswith("utf")


def _unwrapped(stdout: Any) -> IO[str]:
    return cast(IO[str], getattr(stdout, "_out", stdout))


def _models_of(label: str) -> list[type[Any]]:
    """
    Return an app's model classes.

    Raises:
        PlanError: There is no such app, or it has no migrations.
    """
    configs = {config.label: config for config in apps.get_app_configs()}
    if label not in configs:
        raise unknown_app(label, configs)
    if label not in MigrationLoader(None).migrated_apps:
        raise PlanError(f"App '{label}' has no migrations.")
    return list(configs[label].get_models())


def _count(outcomes: Sequence[Outcome]) -> str:
    number = sum(outcome.state != "skipped" for outcome in outcomes)
    return f"{number} database{'s' if number > 1 else ''}"


def _problem(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(names)}" if names else ""
