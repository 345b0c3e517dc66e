"""The menu of ``migrator``: how every database stands, and what can be done about it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, cast

import attrs
import questionary
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db.migrations.loader import MigrationLoader
from prompt_toolkit.key_binding import KeyBindings, merge_key_bindings
from prompt_toolkit.key_binding.key_processor import KeyPressEvent

from ..folders import sqlite_file
from ..routes import project_table
from .author import environment, make_migrations
from .connection import describe, engine_of, schema_connection
from .pending import Pending, find_pending
from .plan import PlanError, Target, choose_app
from .session import DEV, Session

HINT = "(arrow keys, Enter; Esc leaves)"


@attrs.frozen
class Menu:
    """
    The menu at work.

    Attributes:
        command: What to print through.
        options: Of ``migrator``; a choice adds what an option would have said.
    """

    command: BaseCommand
    options: Mapping[str, Any]

    def run(self) -> None:
        """
        Show the databases and ask what to do, until something was migrated or nobody wants anything more.

        Raises:
            CommandError: What was chosen failed.
        """
        actions: dict[str, tuple[Callable[[], bool], str]] = {
            "Migrate everything": (self._migrate_everything, ""),
            "Migrate one database": (self._migrate_database, ""),
            "Migrate one app": (self._migrate_app, ""),
            "Show the plan": (self._show_plan, ""),
            "Show the status": (self._show_status, ""),
            "Make migrations": (self._make_migrations, "" if environment() == DEV else f"only in '{DEV}'"),
        }
        finished = False
        while not finished:
            self._say("\n".join(_states(self._targets())))
            chosen = self._ask("What should be done?", {name: reason for name, (_, reason) in actions.items()})
            if chosen is None:
                self._say("Nothing was migrated.")
                return
            finished = actions[chosen][0]()

    def _migrate_everything(self) -> bool:
        self._session().migrate()
        return True

    def _migrate_database(self) -> bool:
        alias = self._ask("Which database?", {target.alias: target.skipped for target in self._targets()})
        if alias is not None:
            self._session(database=[alias]).migrate()
        return alias is not None

    def _migrate_app(self) -> bool:
        label = self._ask("Which app?", dict(_apps(self._targets())))
        if label is not None:
            self._session(app=label).migrate()
        return label is not None

    def _show_plan(self) -> bool:
        try:
            self._session().show_pending(check=False)
        except CommandError as error:
            self.command.stderr.write(str(error))
        return False

    def _show_status(self) -> bool:
        for target in self._targets():
            if not target.skipped:
                self._say(f"{target.alias}:")
                try:
                    self._show_migrations(target.alias)
                except Exception as error:  # noqa: BLE001  the other databases get their turn
                    self.command.stderr.write(f"{target.alias}: {describe(error)}")
        return False

    def _show_migrations(self, alias: str) -> None:
        with schema_connection(alias) as connection:
            file = sqlite_file(connection.settings_dict)
            if file is not None and not file.exists():  # connecting would make it
                self._say(" (no database yet)")
                return
            call_command("showmigrations", database=alias, no_color=self.options["no_color"], stdout=self._stdout())

    def _make_migrations(self) -> bool:
        try:
            make_migrations(
                [target.alias for target in self._targets() if not target.skipped],
                verbosity=self.options["verbosity"],
                interactive=True,
                no_color=self.options["no_color"],
                stdout=self._stdout(),
                say=self._say,
            )
        except CommandError as error:
            self.command.stderr.write(str(error))
        return False

    def _ask(self, question: str, choices: Mapping[str, str]) -> str | None:
        """
        Let somebody choose; return ``None`` if they would rather not (Esc, Ctrl-C, or the terminal is gone).

        Args:
            question: What to ask.
            choices: What there is, each with the reason why it cannot be chosen; empty where it can.
        """
        if all(choices.values()):
            self._say("There is nothing to choose from.")
            return None
        asked = questionary.select(
            question,
            choices=[questionary.Choice(name, disabled=reason or None) for name, reason in choices.items()],
            instruction=HINT,
        )
        own = KeyBindings()

        @own.add("escape", eager=True)
        def _leave(event: KeyPressEvent) -> None:
            event.app.exit(result=None)

        bindings = asked.application.key_bindings
        asked.application.key_bindings = merge_key_bindings([bindings, own]) if bindings is not None else own
        try:
            chosen: str | None = asked.unsafe_ask()
        except (KeyboardInterrupt, EOFError):
            return None
        return chosen

    def _session(self, **chosen: Any) -> Session:
        return Session(self.command, {**self.options, **chosen})

    def _targets(self) -> Sequence[Target]:
        return self._session().targets

    def _stdout(self) -> IO[str]:
        """Return where the command prints, without Django's wrapper: a second one would add newlines of its own."""
        return cast(IO[str], getattr(self.command.stdout, "_out", sys.stdout))

    def _say(self, text: str) -> None:
        self.command.stdout.write(text)
        self.command.stdout.flush()


def _states(targets: Sequence[Target]) -> Iterator[str]:
    """Yield a line for each database, in columns."""
    found = {pending.alias: pending for pending in find_pending(one.alias for one in targets if not one.skipped)}
    rows = [(one.alias, engine_of(one.alias), _state(one, found.get(one.alias))) for one in targets]
    aliases, engines = (max(len(row[column]) for row in rows) for column in (0, 1))
    for alias, engine, state in rows:
        yield f"{alias:{aliases}}  {engine:{engines}}  {state}"


def _state(target: Target, pending: Pending | None) -> str:
    if pending is None:
        return f"skipped, {target.skipped}"
    if pending.error:
        return f"cannot be asked: {pending.error}"
    if not pending.is_behind:
        return "up to date"
    return f"{len(pending.touching)} to apply, {len(pending.recorded)} only to record"


def _apps(targets: Sequence[Target]) -> Iterator[tuple[str, str]]:
    """Yield the apps that have migrations, each with the reason why it cannot be migrated; empty where it can."""
    table = project_table()
    for label in sorted(MigrationLoader(None).migrated_apps):
        try:
            choose_app(targets, table, label, apps.get_app_config(label).get_models())
        except PlanError as error:
            yield label, str(error)
        else:
            yield label, ""
