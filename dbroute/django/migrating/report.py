"""What is written of a run besides its table: what is pending before it, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import attrs

from .outcome import Outcome
from .pending import Pending
from .plan import Target


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
