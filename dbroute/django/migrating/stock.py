"""Migrating one database with Django's own command, where lockstep would be a guess."""

from __future__ import annotations

import io
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from django.apps import apps
from django.core.management import call_command, find_commands, get_commands
from django.db import connections

from .author import load_django_command
from .connection import describe, engine_of, masked
from .history import forget_modules
from .operations import touches
from .outcome import Outcome
from .request import Request

OURS = "dbroute.django"
# Test databases that have just been migrated in lockstep: Django's code for them calls ``migrate`` all the same.
done: set[str] = set()
DJANGOS = "django.core"


def provider() -> str:
    """Return the package whose ``migrate`` is Django's, or stands in its place, with ours out of sight."""
    found = get_commands()["migrate"]
    if found != OURS:
        return str(found)
    for config in apps.get_app_configs():
        if config.name != OURS and "migrate" in find_commands(str(Path(config.path) / "management")):
            return config.name
    return DJANGOS


def is_replaced() -> bool:
    """Return whether an app brings a ``migrate`` of its own, which nobody else can stand in for."""
    return provider() != DJANGOS


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
            if action in ("apply_start", "unapply_start"):
                self.running = str(migration)
            elif action in ("apply_success", "unapply_success"):
                self.running = ""
                changed = touches(migration, self.alias) and not fake
                (self.applied if changed else self.recorded).append(str(migration))
            report(action, migration, fake)

        command.migration_progress_callback = heard


def migrate(alias: str, request: Request, show: Callable[[str], None]) -> Outcome:
    """
    Run Django's ``migrate`` on a database that has been opened and checked.

    Args:
        alias: The database.
        request: What to do.
        show: Receives what the command printed.
    """
    started, journal, output = time.monotonic(), Journal(alias), io.StringIO()
    error = trace = advice = ""
    try:
        _call(journal, request, output)
    except (Exception, SystemExit, KeyboardInterrupt) as caught:  # noqa: BLE001  the others must get their turn
        error = "interrupted" if isinstance(caught, KeyboardInterrupt) else describe(caught)
        error = f"{journal.running}: {error}" if journal.running else error
        trace = masked(traceback.format_exc())
        if journal.running and not connections[alias].features.can_rollback_ddl:
            advice = (
                f"What {journal.running} did before the error stays done: compare the database with its operations, "
                "undo by hand what is there already, then run again."
            )
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
        advice,
        left=None if error else 0,
        trace=trace,
    )


def _call(journal: Journal, request: Request, output: io.StringIO) -> None:
    forget_modules()
    command = load_django_command("migrate")
    command.stderr = command.stdout = type(command.stdout)(output)
    journal.listen(command)
    named = (request.goal.app_label, request.goal.migration_name)
    call_command(
        command,
        *(name for name in named if name),
        database=journal.alias,
        verbosity=request.verbosity,
        interactive=request.interactive,
        run_syncdb=request.run_syncdb,
        fake=request.fake,
        fake_initial=request.fake_initial,
        prune=request.prune,
        skip_checks=True,
        no_color=True,
        stdout=output,
        stderr=output,
    )
