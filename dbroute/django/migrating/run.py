"""Running the plan: one database after another, whatever becomes of the one before."""

from __future__ import annotations

import io
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any, Literal

import attrs
from django.core.checks import Tags
from django.core.management import call_command

from ..folders import make_folder
from .author import load_django_command
from .connection import describe, engine_of, masked, schema_connection
from .pending import touches
from .plan import Target

State = Literal["migrated", "up to date", "failed", "skipped"]


@attrs.frozen
class Outcome:
    """
    What became of one database.

    Attributes:
        alias: The database.
        engine: Short name of its engine.
        state: In one word or two.
        applied: Labels (``app.name``) of the migrations that changed the database, in order.
        recorded: Labels of those that were only recorded, because their tables live elsewhere.
        seconds: How long it took.
        error: What went wrong, beginning with the migration that failed if it was one; may have several lines.
        reason: Why it was skipped.
        trace: The traceback of the error.
    """

    alias: str
    engine: str
    state: State
    applied: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""
    reason: str = ""
    trace: str = ""


@attrs.define
class Journal:
    """
    Listens to Django's executor while it migrates one database.

    Attributes:
        running: The migration that has started and not ended; empty between two.
    """

    alias: str
    applied: list[str] = attrs.field(factory=list)
    recorded: list[str] = attrs.field(factory=list)
    running: str = ""

    def listen(self, command: Any) -> None:
        """Hear of every migration that a migrate command starts and ends; the command hears it too."""
        report = command.migration_progress_callback

        def heard(action: str, migration: Any = None, fake: bool = False) -> None:
            if action == "apply_start":
                self.running = str(migration)
            elif action == "apply_success":
                self.running = ""
                (self.applied if touches(migration, self.alias) else self.recorded).append(str(migration))
            report(action, migration, fake)

        command.migration_progress_callback = heard


def run(
    targets: Iterable[Target],
    *,
    app_label: str = "",
    verbosity: int = 1,
    interactive: bool = True,
    say: Callable[[str], None] = lambda text: None,
    show: Callable[[str], None] = lambda text: None,
) -> list[Outcome]:
    """
    Migrate the targets in their order, past those that fail, and return what became of each.

    Args:
        targets: The plan.
        app_label: Migrate this app only (and what it depends on); empty means all.
        verbosity: Django's, for each database.
        interactive: Whether signal handlers may ask questions.
        say: Receives the alias of each database before its turn.
        show: Receives what Django's migrate printed for a database.
    """
    outcomes = []
    for target in targets:
        if target.skipped:
            outcomes.append(Outcome(target.alias, engine_of(target.alias), "skipped", reason=target.skipped))
            continue
        say(target.alias)
        outcomes.append(_migrate(target.alias, app_label, verbosity, interactive, show))
    return outcomes


def _migrate(alias: str, app_label: str, verbosity: int, interactive: bool, show: Callable[[str], None]) -> Outcome:
    started, journal, output = time.monotonic(), Journal(alias), io.StringIO()
    error = trace = ""
    try:
        _call_migrate(journal, app_label, verbosity, interactive, output)
    except (Exception, SystemExit) as caught:  # noqa: BLE001  the other databases must get their turn
        error = f"{journal.running}: {describe(caught)}" if journal.running else describe(caught)
        trace = masked(traceback.format_exc())
    show(masked(output.getvalue()))
    moved = bool(journal.applied or journal.recorded)
    return Outcome(
        alias,
        engine_of(alias),
        "failed" if error else "migrated" if moved else "up to date",
        tuple(journal.applied),
        tuple(journal.recorded),
        time.monotonic() - started,
        error,
        trace=trace,
    )


def _call_migrate(journal: Journal, app_label: str, verbosity: int, interactive: bool, output: io.StringIO) -> None:
    command = load_django_command("migrate")
    command.stderr = command.stdout = type(command.stdout)(output)
    with schema_connection(journal.alias) as connection:
        make_folder(connection.settings_dict)
        # As `manage.py migrate` does; only the checks of these tags look at the database.
        command.check(tags=[Tags.models, Tags.database], databases=[journal.alias])
        journal.listen(command)
        call_command(
            command,
            *([app_label] if app_label else []),
            database=journal.alias,
            verbosity=verbosity,
            interactive=interactive,
            no_color=True,
            stdout=output,
            stderr=output,
        )
