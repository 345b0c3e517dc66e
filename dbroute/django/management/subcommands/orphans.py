"""Find references whose target row is gone, and mend them if you say how."""

from __future__ import annotations

import csv
import json as json_module
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from shutil import get_terminal_size
from typing import IO, Any, cast

import attrs
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from dbroute.django.migrating.author import is_terminal
from dbroute.django.relations import orphans
from dbroute.django.relations.findings import Each, Finding, mending, survey, unmendable
from dbroute.django.relations.references import Reference, UnknownReferenceError, references

KINDS = ("null", "delete", "export")


def add_arguments(parser: CommandParser) -> None:
    """Take references, what to do about them, and where to go on."""
    parser.add_argument(
        "labels",
        nargs="*",
        metavar="app[.Model[.field]]",
        help="A reference, or all of a model or an app. Without any: all that no database watches over.",
    )
    parser.add_argument(
        "--fix",
        nargs="+",
        metavar=("null|delete|export", "FILE"),
        help="Set the references to NULL, delete the rows, or write their keys to a CSV file and change nothing.",
    )
    parser.add_argument("--after", metavar="KEY", help="Go on behind this key of the first reference.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    parser.add_argument(
        "--noinput", "--no-input", action="store_false", dest="interactive", help="Mend without a question."
    )


@attrs.frozen
class Order:
    """
    What is to be done about orphans.

    Attributes:
        kind: One of :data:`KINDS`; empty to look only.
        file: Where to export to.
    """

    kind: str = ""
    file: str = ""

    @property
    def mends(self) -> bool:
        """Whether rows are changed."""
        return self.kind in ("null", "delete")

    def __str__(self) -> str:
        return " ".join(filter(None, ["--fix", self.kind, shlex.quote(self.file) if self.file else ""]))


def run(
    *,
    labels: Sequence[str],
    fix: Sequence[str] | None,
    after: str | None,
    json: bool,
    interactive: bool,
    wide: bool,
    command: BaseCommand,
    **options: Any,
) -> str:
    """
    Return what was found and what was done, as a table or as JSON.

    Raises:
        CommandError: An argument is wrong, orphans were found and nothing is to be done about them, the walk was
            interrupted, or a database failed.
    """
    order, labels = _parsed(fix, labels)
    found = [Finding(reference) for reference in _references(labels)]
    start = _start(after, labels, found)
    if order.mends:
        _refuse(order, found, asks=interactive and not json)
    report = as_json if json else as_table(wide=wide)
    with _export(order, goes_on=start is not None) as exports:
        _walk(command, order, found, [*exports], start)
    if order.mends and any(finding.rows for finding in found):
        if not json:
            command.stdout.write(report(found))
        _ended_well(found)
        if interactive and not _agreed(order, found):
            raise CommandError("Nothing was changed.")
        mended = [Finding(finding.reference) for finding in found if finding.rows]
        _walk(command, order, mended, [mending("null" if order.kind == "null" else "delete")], start)
        _ended_well(mended)
        return as_json(mended) if json else _done(order, mended)
    if any(finding.rows or finding.error for finding in found) and order.kind != "export":
        command.stdout.write(report(found))
        _ended_well(found)
        raise CommandError(
            f"{_rows(found)} to what is gone; --fix null, --fix delete or --fix export FILE does something about it."
        )
    _ended_well(found)
    return report(found)


def as_json(found: Sequence[Finding]) -> str:
    """Return the findings as a JSON list."""
    return json_module.dumps([finding.as_json() for finding in found], indent=2, ensure_ascii=False)


def as_table(*, wide: bool) -> Callable[[Sequence[Finding]], str]:
    """Return what draws the findings; ``wide`` never breaks a line, because a program reads it."""

    def draw(found: Sequence[Finding]) -> str:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("reference", "from", "to", "keys looked at", "orphans", "for example"):
            table.add_column(title, justify="right" if title in ("keys looked at", "orphans") else "left")
        for finding in found:
            reference = finding.reference
            cells = [reference.label, reference.alias, "-" if reference.is_generic else reference.target.alias]
            cells += [str(finding.looked_at), str(finding.rows), ", ".join(finding.examples)]
            table.add_row(*(Text(cell) for cell in cells))
        out = StringIO()
        width = 1000 if wide else get_terminal_size().columns
        Console(file=out, width=width, force_terminal=not wide, highlight=False).print(table)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines())

    return draw


def _parsed(fix: Sequence[str] | None, labels: Sequence[str]) -> tuple[Order, list[str]]:
    """Tell apart what ``--fix`` has taken: one word, a file after ``export``, and labels."""
    if not fix:
        return Order(), list(labels)
    kind, *rest = fix
    if kind not in KINDS:
        raise CommandError(f"--fix takes null, delete or export FILE, not '{kind}'.")
    if kind != "export":
        return Order(kind), [*labels, *rest]
    if not rest:
        raise CommandError("--fix export needs the name of a file.")
    return Order(kind, rest[0]), [*labels, *rest[1:]]


def _references(labels: Sequence[str]) -> list[Reference]:
    try:
        return references(labels)
    except UnknownReferenceError as error:
        raise CommandError(str(error)) from None


def _start(after: str | None, labels: Sequence[str], found: Sequence[Finding]) -> Any:
    if after is None:
        return None
    if not labels:
        raise CommandError("--after needs the names of the references: it is a key of the first one.")
    try:
        return orphans.place_from(after, found[0].reference)
    except ValidationError as error:
        raise CommandError(f"--after: {' '.join(error.messages)}") from None


def _refuse(order: Order, found: Sequence[Finding], *, asks: bool) -> None:
    """Refuse what cannot be done before an hour was spent looking."""
    obstacles = unmendable("null" if order.kind == "null" else "delete", found)
    if obstacles:
        raise CommandError("\n".join([*obstacles, "Name the references that --fix is meant for."]))
    if asks and not is_terminal():
        raise CommandError("There is no terminal to ask at: say --noinput to change rows without a question.")


@contextmanager
def _export(order: Order, *, goes_on: bool) -> Iterator[list[Each]]:
    """Open the file to export to, and lend what writes each step into it: at its end where a walk goes on."""
    if order.kind != "export":
        yield []
        return
    try:
        file = Path(order.file).open("a" if goes_on else "x", encoding="utf-8", newline="")  # noqa: SIM115  closed below
    except OSError as error:
        raise CommandError(f"{order.file}: {error.strerror}.") from None
    with file:
        writer = csv.writer(file)
        if not file.tell():
            writer.writerow(["reference", "database", "pk", "key"])

        def write(finding: Finding, batch: orphans.Batch) -> None:
            reference = finding.reference
            for rows in batch.rows:
                for pk, *key in rows.values_list("pk", *reference.columns).iterator():
                    writer.writerow([reference.label, reference.alias, pk, " ".join(map(str, key))])

        yield [write]


def _walk(command: BaseCommand, order: Order, found: Sequence[Finding], each: list[Each], start: Any) -> None:
    """Survey the references below a progress bar; an interruption says how to go on."""
    try:
        with _bar(command) as bar:
            survey(found, [*each, _advance(bar)], start)
    except KeyboardInterrupt:
        left = [finding for finding in found if not finding.ended]
        behind = ["--after", shlex.quote(left[0].upto)] if left[0].upto else []
        labels = [finding.reference.label for finding in left]
        again = " ".join(["manage.py dbroute orphans", *labels, *behind, *([str(order)] if order.kind else [])])
        raise CommandError(f"Interrupted; {_rows(found)} to what is gone so far. Go on with: {again}") from None


def _bar(command: BaseCommand) -> Progress:
    stream = cast(IO[str], getattr(command.stderr, "_out", command.stderr))
    shown = stream.isatty()
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(file=stream, force_terminal=shown),
        disable=not shown,
        transient=True,
    )


def _advance(bar: Progress) -> Each:
    """Return what moves the bar: along the key where that is a number, by keys looked at elsewhere."""
    tasks: dict[str, tuple[TaskID, int | None]] = {}

    def advance(finding: Finding, batch: orphans.Batch) -> None:
        label = finding.reference.label
        if bar.disable:
            return
        if label not in tasks:
            ends = orphans.bounds(finding.reference)
            least, total = (ends[0], ends[1] - ends[0] + 1) if ends is not None else (None, None)
            tasks[label] = bar.add_task(label, total=total), least
        task, least = tasks[label]
        bar.update(task, completed=batch.upto - least + 1 if least is not None else finding.looked_at)

    return advance


def _ended_well(found: Sequence[Finding]) -> None:
    """Raise what went wrong on a database, with how to go on there."""
    lines = []
    for finding in found:
        if finding.error:
            behind = f" --after {shlex.quote(finding.upto)}" if finding.upto else ""
            again = f"manage.py dbroute orphans {finding.reference.label}{behind}"
            lines.append(f"{finding.reference.label}: {finding.error}; go on with: {again}")
    if lines:
        raise CommandError("\n".join(lines))


def _rows(found: Sequence[Finding]) -> str:
    number = sum(finding.rows for finding in found)
    return "1 row refers" if number == 1 else f"{number} rows refer"


def _agreed(order: Order, found: Sequence[Finding]) -> bool:
    number = sum(finding.rows for finding in found)
    what = "Set {} to NULL" if order.kind == "null" else "Delete {} and what hangs on them"
    rows = f"{number} reference{'' if number == 1 else 's'}" if order.kind == "null" else f"{number} rows"
    sys.stdout.flush()
    try:
        return input(f"{what.format(rows)}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _done(order: Order, found: Sequence[Finding]) -> str:
    if order.kind == "null":
        return f"Set to NULL: {sum(finding.cleared for finding in found)}."
    deleted = {label: number for finding in found for label, number in finding.deleted.items()}
    return f"Deleted: {', '.join(f'{label} {number}' for label, number in sorted(deleted.items()))}."
