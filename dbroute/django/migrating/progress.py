"""What a person sees while databases are being migrated."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import IO, Any, Self

import attrs
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from .member import Member
from .outcome import Outcome

# Seconds between two drawings of the live table.
EVERY = 0.1


class Progress:
    """Says nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let a display go."""

    def say(self, text: str) -> None:
        """Show a sentence."""

    def begin(self, alias: str) -> None:
        """Hear that a database is being opened."""

    def hear(self, member: Member) -> None:
        """Hear that a migration begins or has ended."""

    def end(self, outcome: Outcome) -> None:
        """Hear what became of a database."""


@attrs.define
class Lines(Progress):
    """
    A line when a database's turn comes, and from verbosity 2 on one for each migration.

    Attributes:
        write: Prints a line.
        verbosity: Django's.
    """

    write: Callable[[str], None]
    verbosity: int = 1

    def say(self, text: str) -> None:
        """Print it."""
        self.write(text)

    def begin(self, alias: str) -> None:
        """Print the alias."""
        self.write(f"Migrating {alias}")

    def hear(self, member: Member) -> None:
        """Print the migration that begins."""
        if member.running and not member.error and self.verbosity > 1:
            self.write(f"{member.alias}: {member.running}")


class Display(Progress):
    """
    A live table on a terminal: for each database a bar, the migration at work and the time since it began.

    Args:
        out: The terminal.
    """

    def __init__(self, out: IO[str]) -> None:
        self._console = Console(file=out, markup=False, highlight=False, emoji=False)
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.completed}/{task.total}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[at]}", markup=False),
            console=self._console,
        )
        self._tasks: dict[str, TaskID] = {}
        # Refreshed by what happens and not by a thread, which would have to share Python with the migrations.
        self._drawn = 0.0
        self._lock = threading.Lock()
        self._live = Live(self._bars, console=self._console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *about: Any) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """Print it above the table."""
        self._console.print(text)

    def begin(self, alias: str) -> None:
        """Add a row."""
        self._tasks[alias] = self._bars.add_task(alias, total=None, at="")
        self._refresh()

    def hear(self, member: Member) -> None:
        """Move the bar."""
        done = member.total - len(member.left)
        self._bars.update(self._tasks[member.alias], total=member.total, completed=done, at=member.running)
        self._refresh()

    def end(self, outcome: Outcome) -> None:
        """Write what became of a database into its row."""
        if outcome.alias in self._tasks:
            task = self._tasks[outcome.alias]
            self._bars.update(task, at=outcome.state)
            self._bars.stop_task(task)
            self._refresh()

    def _refresh(self) -> None:
        """Draw, unless it was drawn a moment ago: databases may have hundreds of events in a second."""
        with self._lock:
            now = time.monotonic()
            if now - self._drawn >= EVERY:
                self._drawn = now
                self._live.refresh()
