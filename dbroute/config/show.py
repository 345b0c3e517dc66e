"""Draws what ``explain`` found, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .explain import Explained, Said


def as_json(rows: Sequence[Explained]) -> str:
    """Return the rows as a JSON list."""
    return json.dumps([row.as_json() for row in rows], indent=2, ensure_ascii=False)


def as_table(rows: Sequence[Explained], *, width: int | None = None, colors: bool = False) -> str:
    """
    Return the rows as a table.

    Args:
        rows: What was found.
        width: Columns of the terminal; ``None`` never breaks a line, for programs that read it.
        colors: Use them.
    """
    shadowed = any(row.shadows for row in rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    # A path is not broken, unless it leaves no room for the rest.
    longest = max((len(row.path) for row in rows), default=0)
    table.add_column("path", overflow="fold", no_wrap=width is None or longest <= width * 2 // 3)
    for title in ("value", "source", *(["instead of"] if shadowed else [])):
        table.add_column(title, overflow="fold")
    for row in rows:
        cells = [row.path, _value(row.said), row.said.source]
        if shadowed:
            cells.append("\n".join(f"{_value(said)} ({said.source})" for said in row.shadows))
        table.add_row(*(Text(cell) for cell in cells))
    out = StringIO()
    console = Console(file=out, width=width or 10_000, force_terminal=colors, no_color=not colors, highlight=False)
    console.print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _value(said: Said) -> str:
    """Return a value as a file would have it, and what was written where that differs."""
    text = said.value if isinstance(said.value, str) else json.dumps(said.value, ensure_ascii=False, default=str)
    return f"{text} from {said.raw}" if said.raw is not None and said.raw != text else text
