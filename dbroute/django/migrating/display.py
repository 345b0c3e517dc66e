"""The live table of a run on a terminal; imported only where there is one."""

from __future__ import annotations

import threading
import time
from typing import IO, Any, Self

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from .member import Member
from .outcome import Outcome
from .progress import Progress

# Seconds between two drawings of the live table.
EVERY = 0.1


class Display(Progress):
    """
    A live table on a terminal: for each database a bar, the migration at work and the time since it began.

    Args:
        out: The terminal.
    """

    def __init__(self, out: IO[str]) -> None:
        super().__init__()
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
            if self._bars.tasks[task].total is None:  # nothing was to be done, or nobody knows what
                done = len(outcome.applied) + len(outcome.recorded)
                self._bars.update(task, total=done, completed=done)
            self._bars.stop_task(task)
            self._refresh()

    def _refresh(self) -> None:
        """Draw, unless it was drawn a moment ago: databases may have hundreds of events in a second."""
        with self._lock:
            now = time.monotonic()
            if now - self._drawn >= EVERY:
                self._drawn = now
                self._live.refresh()
