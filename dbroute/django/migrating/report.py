"""What people read: one table after a run, and a list of what is pending before one."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence

import attrs
from rich import box
from rich.console import Console
from rich.table import Table

from .outcome import Outcome
from .pending import Pending
from .plan import Target

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


def pending_lines(targets: Iterable[Target], found: Sequence[Pending], *, verbosity: int = 1) -> Iterator[str]:
    """
    Yield the lines of ``--plan`` and ``--check``: what will run, under the databases that will run just that.

    Args:
        targets: The plan, skipped databases included.
        found: What is pending on those that are not skipped.
        verbosity: From 2 on, migrations that will only be recorded are listed by name too.
    """
    by_alias = {pending.alias: pending for pending in found}
    groups: dict[object, list[str]] = {}
    for target in targets:
        what: object = target.skipped or attrs.evolve(by_alias[target.alias], alias="")
        groups.setdefault(what, []).append(target.alias)
    for what, aliases in groups.items():
        names = ", ".join(aliases)
        if isinstance(what, Pending):
            yield from _lines(names, what, verbosity)
        else:
            yield f"{names}: skipped, {what}"


def _lines(names: str, pending: Pending, verbosity: int) -> Iterator[str]:
    if pending.error:
        yield f"{names}: failed"
        return
    if not pending.is_behind:
        yield f"{names}: up to date"
        return
    if pending.unapplied:
        yield f"{names}: {len(pending.unapplied)} to unapply"
        yield from (f"  {label} (unapplied)" for label in pending.unapplied)
        return
    yield f"{names}: {len(pending.touching)} to apply, {len(pending.recorded)} only to record"
    yield from (f"  {label}" for label in pending.touching)
    if verbosity > 1:
        yield from (f"  {label} (recorded)" for label in pending.recorded)


def json_lines(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """Yield one JSON object for each database, without tracebacks."""
    for outcome in outcomes:
        entry = attrs.asdict(outcome, filter=lambda attribute, value: attribute.name != "trace")
        yield json.dumps({**entry, "seconds": round(outcome.seconds, 3)})


def pending_json(targets: Iterable[Target], found: Sequence[Pending]) -> Iterator[str]:
    """Yield one JSON object for each database: what is pending there, or why it is skipped."""
    by_alias = {pending.alias: pending for pending in found}
    for target in targets:
        pending = by_alias.get(target.alias, Pending(target.alias))
        yield json.dumps({**attrs.asdict(pending), "skipped": target.skipped})
