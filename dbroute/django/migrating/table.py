"""The table after a run; imported only where it is printed."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table

from .outcome import Outcome

STYLES = {"migrated": "green", "up to date": "", "failed": "bold red", "stopped": "red", "skipped": "yellow"}
# Wider than any row: a line that is piped somewhere must not be folded.
UNFOLDED = 2000


def table_of(outcomes: Iterable[Outcome], *, terminal: bool = False, width: int | None = None) -> str:
    """
    Return the table of a run, with its trailing newline.

    Args:
        outcomes: One row each.
        terminal: Draw it with colours and a rule, as a terminal shows it; otherwise it is plain text.
        width: Columns of the terminal; measured where ``None``.
    """
    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=terminal, header_style="bold" if terminal else "")
    for heading in ("alias", "engine", "applied", "state", "seconds"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left", overflow="fold")
    for outcome in outcomes:
        style = STYLES[outcome.state] if terminal else ""
        table.add_row(outcome.alias, outcome.engine, _applied(outcome), _state(outcome), _seconds(outcome), style=style)
    out = io.StringIO()
    console = Console(
        file=out,
        force_terminal=terminal,
        width=width if terminal else UNFOLDED,
        color_system="auto" if terminal else None,
        markup=False,
        highlight=False,
        emoji=False,
    )
    console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _applied(outcome: Outcome) -> str:
    if outcome.state == "skipped":
        return "-"
    return f"{len(outcome.applied)}" + (f" (+{len(outcome.recorded)} recorded)" if outcome.recorded else "")


def _state(outcome: Outcome) -> str:
    return f"{outcome.state}: {outcome.reason}" if outcome.reason else outcome.state


def _seconds(outcome: Outcome) -> str:
    return "-" if outcome.state == "skipped" else f"{outcome.seconds:.2f}"
