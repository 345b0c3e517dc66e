"""Bakes: writes a contestant's projects, runs each in a process of its own, and makes a row of the table of it."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from benchmarks.peers import run

from .contestants import Contestant
from .faults import FAULTS, VALUES, Marks, Plant, judged, leaks, named

PROJECTS = Path(__file__).resolve().parent / "projects"
MANAGE = """\
import os
import sys

from django.core.management import execute_from_command_line

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
execute_from_command_line(sys.argv)
"""


@attrs.frozen
class Row:
    """
    What a contestant reached.

    Attributes:
        contestant: Who.
        marks: The marks for each fault alone.
        at_once: The faults that got named in each project that has several of them, by those that it has.
        kept_at_once: Whether those projects' answers keep the password.
    """

    contestant: Contestant
    marks: dict[str, Marks]
    at_once: dict[tuple[str, ...], frozenset[str]]
    kept_at_once: tuple[bool, ...]

    def cells(self) -> list[str]:
        """Return the columns of the table, ``reached/possible`` each."""
        columns = ("noticed", "key", "file", "line", "layer", "remedy")
        counted = [[getattr(marks, column) for marks in self.marks.values()] for column in columns]
        cells = [_fraction(mark for mark in column if mark is not None) for column in counted]
        at_once = [_fraction(fault in found for fault in faults) for faults, found in self.at_once.items()]
        kept = [*(marks.kept for marks in self.marks.values()), *self.kept_at_once]
        return [*cells, *at_once, _fraction(kept)]


def bake(contestant: Contestant, python: Path | str, root: Path, *, show: bool = False) -> Row:
    """
    Run a contestant's project with each fault, and with all of them.

    Args:
        contestant: Who.
        python: An interpreter that has the contestant.
        root: A folder that is empty.
        show: Print what the processes print.

    Raises:
        RuntimeError: The project does not work without a fault.
    """

    def answer(name: str, plants: Iterable[Plant]) -> tuple[int, int, str]:
        folder = root / str(len(list(root.iterdir())))  # no name of it may be mistaken for a part of an answer
        _write(contestant, folder)
        environ = dict(contestant.environ)
        lines = [plant.into(folder, environ) for plant in plants]
        present = {name: value for name, value in environ.items() if value}
        result = run(python, ["manage.py", "check"], folder, present)
        output = result.stdout + result.stderr
        if show:
            print(f"--- {contestant.name}: {name}: exit code {result.returncode}, line {lines}\n{output}")
        return lines[0] if lines else 0, result.returncode, output

    _, code, healthy = answer("healthy", [])
    if code:
        raise RuntimeError(f"{contestant.name} does not work without a fault:\n{healthy}")
    alone, together = contestant.alone(), contestant.together()
    marks = {}
    for fault in FAULTS:
        line, code, output = answer(fault, [alone[fault]])
        marks[fault] = judged(fault, alone[fault], line, code != 0 or output != healthy, output)
    at_once, kept = {}, []
    for faults, plants in ((VALUES, alone), (FAULTS, together)):
        _, code, output = answer(f"{len(faults)} at once", [plants[fault] for fault in faults])
        at_once[faults] = frozenset(fault for fault in faults if named(plants[fault], output))
        kept.append(not leaks(output))
    return Row(contestant, marks, at_once, tuple(kept))


def _write(contestant: Contestant, folder: Path) -> None:
    """Write a contestant's project without a fault."""
    shutil.copytree(PROJECTS / contestant.project, folder)
    for file in folder.glob("dot.*"):
        file.rename(folder / file.name.removeprefix("dot"))
    (folder / "manage.py").write_text(MANAGE, encoding="utf-8")
    settings = folder / "settings.py"
    text = settings.read_text(encoding="utf-8")
    for old, new in contestant.edits.items():
        if old not in text:
            raise ValueError(f"{settings} does not hold {old!r}")
        text = text.replace(old, new)
    settings.write_text(text, encoding="utf-8")


def table(rows: Sequence[Row], seen: dict[str, str]) -> str:
    """Return the rows as a Markdown table, with the versions above it."""
    head = ["", "noticed", "key", "file", "line", "layer", "remedy", "5 at once", "8 at once", "secret kept"]
    lines = [f"Python {seen['python']}, " + ", ".join(f"{name} {seen[name]}" for name in seen if name != "python"), ""]
    lines += [f"| {' | '.join(head)} |".replace("|  |", "| |"), "|---" * len(head) + "|"]
    lines += [f"| {' | '.join([row.contestant.name, *row.cells()])} |" for row in rows]
    return "\n".join(lines) + "\n"


def missed(row: Row) -> list[str]:
    """Return what a contestant did not reach, one mark each."""
    found = [
        f"{fault}: {column}"
        for fault, marks in row.marks.items()
        for column, mark in attrs.asdict(marks).items()
        if mark is False
    ]
    for faults, named_there in row.at_once.items():
        found += [f"{len(faults)} at once: {fault}" for fault in faults if fault not in named_there]
    return [*found, *("at once: kept" for kept in row.kept_at_once if not kept)]


def _fraction(marks: Iterable[bool]) -> str:
    found = list(marks)
    return f"{sum(found)}/{len(found)}"
