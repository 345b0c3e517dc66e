"""Shows the key under which a fault stands, with a caret at its column; and the value, if the fault shows it too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..exceptions import ConfigError, Problem, printable
from ..models import MASK
from .nodes import names_secret

_LONGEST = 120  # columns of a line that are shown at the most
_KEY = re.compile(r"""\s*(?:-\s+)*["']?[\w.*?-]{1,80}["']?\s*:(?=\s|$)""")
_QUOTES = "'\""
_SAID = re.compile(r"'[^']+'|got \S+$")  # values in a message
_NAME = re.compile(r"\s*(?:export\s+)?\w{1,200}\s*=")


def report(error: ConfigError, *, excerpts: bool) -> str:
    """
    Return an error as the text for a terminal.

    Args:
        error: The error.
        excerpts: Show the line of each fault too, for somebody who looks at it; programs read one line a fault.
    """
    return "\n".join(line for problem in error.problems for line in _lines(problem, excerpts=excerpts))


def _lines(problem: Problem, *, excerpts: bool) -> Iterator[str]:
    yield str(problem)
    if not excerpts or problem.location is None:
        return
    file, number, column = problem.location
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as lines:
            line = next((text for at, text in enumerate(lines, 1) if at == number), "")
    except OSError:
        return
    if line.strip() and column <= _LONGEST:
        gutter = f"{number:>6} | "
        dotenv = file.name == ".env"
        yield gutter + masked(line.rstrip(), _NAME if dotenv else _KEY, "" if dotenv else problem.message)
        if column:
            yield f"{' ' * (len(gutter) - 2)}| {' ' * (column - 1)}^"


def masked(line: str, pattern: re.Pattern[str] = _KEY, message: str = "") -> str:
    """
    Return a line up to its key; what follows is ``***``, and a line that begins with no key is nothing else.

    Args:
        line: The line.
        pattern: What a key looks like: in YAML, or in ``.env``.
        message: What is said of the line; a value that it shows is shown here too.
    """
    key = pattern.match(line)
    if key is None:
        return line[: len(line) - len(line.lstrip())] + MASK
    rest = line[key.end() :]
    space = rest[: len(rest) - len(rest.lstrip())]
    value = rest.strip()
    bare = f"'{value.strip(_QUOTES)}'"
    said = {bare, f"got {bare}", f"got {value}"}
    told = value and not names_secret(key.group()) and any(word in said for word in _SAID.findall(message))
    return printable(key.group()) + (f"{space}{printable(value) if told else MASK}" if value else "")
