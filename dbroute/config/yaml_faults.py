"""
Says what is wrong with a text that is not YAML: the line to look at, the fault, and what to do about it.

The parser tells where it gave up, which is often some lines behind the slip. What it was reading at that moment, and
how the lines above begin, tell more. No word of a value is ever told: any may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs
import yaml

_KEY_WITHOUT_SPACE = re.compile(r"""\s*(?:- +)*["']?[\w.*?-]+["']?:[^\s:]""")
_SECOND_COLON = re.compile(r".*?:\s+.*\S\s*$")


@attrs.frozen
class Fault:
    """
    Where and why a text is not YAML.

    Attributes:
        line: The line to look at, from 1.
        column: The column in it, from 1.
        message: What is wrong.
        hint: What to do.
    """

    line: int
    column: int
    message: str
    hint: str


def fault(error: yaml.MarkedYAMLError, text: str, parser: Any) -> Fault:
    """
    Return what is wrong.

    Args:
        error: What the parser raised.
        text: The text.
        parser: The parser, to look at the text once more with.
    """
    if error.problem_mark is None:
        return Fault(1, 1, "nothing more is known", "check indentation, colons and quotes")
    lines = text.splitlines() or [""]
    line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
    problem, context = error.problem or "", error.context or ""
    begun = error.context_mark
    if "mapping values are not allowed" in problem:
        return _value_goes_on(lines, line, column)
    if context.startswith("while parsing a flow") and (opened := _unclosed(text, parser)) is not None:
        opening, closing = ("[", "]") if isinstance(opened, yaml.SequenceStartEvent) else ("{", "}")
        hint = f"close it, or quote a text that begins with '{opening}'"
        mark = opened.start_mark
        return Fault(mark.line + 1, mark.column + 1, f"'{opening}' has no '{closing}' that belongs to it", hint)
    if begun is not None and context == "while scanning a quoted scalar":
        return Fault(begun.line + 1, begun.column + 1, "a quote has no end", "close the quote in its line")
    if begun is not None and context == "while scanning a simple key":
        return Fault(begun.line + 1, begun.column + 1, "a key has no colon", "write key: value")
    if "<document start>" in problem or (context.startswith("while parsing a block") and "content" not in problem):
        top = next(number for number, content in enumerate(lines, 1) if _has_content(content))
        first = begun.line + 1 if begun is not None else top
        return _block_ends(lines, line, column, first, text, parser)
    if "cannot start any token" in problem:
        return _bad_beginning(lines[line - 1], line, column)
    # What the pure parser adds behind these quotes the file.
    said = re.split(r", but |(?<=character) '", problem)[0]
    return Fault(line, column, said, "check indentation, colons and quotes")


def _value_goes_on(lines: list[str], line: int, column: int) -> Fault:
    """Return the fault of a colon in what is still the value of a key, or a key itself that goes on."""
    above = _above(lines, line)
    if _SECOND_COLON.fullmatch(lines[line - 1][: column - 1]) or not above:
        return Fault(line, column, "a value has a colon and a space in it", "quote the value")
    if (found := _no_key(lines, above)) is not None:
        return found
    hint = f"indent the two lines alike, or leave no value in line {above}"
    return Fault(line, _indent(lines, line), f"keys stand below line {above}, which has a value", hint)


def _block_ends(lines: list[str], line: int, column: int, first: int, text: str, parser: Any) -> Fault:
    """Return the fault of a line that does not go on with the mapping or the list that it stands in."""
    if (quote := _last_quote(text, parser)) is not None and quote.end_mark.line + 1 == line > quote.start_mark.line + 1:
        begin = quote.start_mark
        return Fault(begin.line + 1, begin.column + 1, f"a quote has its end in line {line}", "close it in its line")
    if lines[line - 1][: column - 1].strip():
        return Fault(line, column, "there is more behind a value that has ended", "quote the whole value")
    starts = lines[first - 1].lstrip().startswith("- "), lines[line - 1].lstrip().startswith("- ")
    if starts == (True, False) and column <= _indent(lines, first):
        return Fault(line, column, f"is no item of the list that begins in line {first}", "begin all items with '- '")
    if starts == (False, True) and column >= _indent(lines, first):
        message = f"is an item of a list in the mapping that begins in line {first}"
        return Fault(line, column, message, "remove the '- ', or begin all lines of the list with it")
    above = _above(lines, line)
    if _indent(lines, above) == column and (found := _no_key(lines, above)) is not None:
        return found
    return _indented(lines, line, column)


def _indented(lines: list[str], line: int, column: int) -> Fault:
    """Return the fault of a line whose indentation is that of no line it could belong to."""
    outer = deeper = _above(lines, line)
    while outer and _indent(lines, outer) > column:
        outer, deeper = _above(lines, outer), outer
    message = f"is indented less than line {deeper}"
    if outer and _indent(lines, outer) < column:
        message += f" and more than line {outer}"
    return Fault(line, column, message, "indent lines that belong together alike")


def _no_key(lines: list[str], line: int) -> Fault | None:
    """Return the fault of a line that was meant to be a key and lacks its colon, or the space behind it."""
    if _KEY_WITHOUT_SPACE.match(lines[line - 1]):
        return Fault(line, _indent(lines, line), "a key has no space behind its colon", "write key: value")
    if ":" not in lines[line - 1].partition(" #")[0]:
        hint = "write key: value, or key: with its keys below it"
        return Fault(line, _indent(lines, line), "a key has no colon", hint)
    return None


def _bad_beginning(start: str, line: int, column: int) -> Fault:
    letter = start[column - 1 : column]
    if letter == "\t":
        return Fault(line, column, "a line is indented with a tab", "indent with spaces")
    return Fault(line, column, f"a value begins with '{letter}'", "quote the value")


def _events(text: str, parser: Any) -> Iterator[Any]:
    """Yield what the parser reads up to the fault."""
    try:
        yield from yaml.parse(text, Loader=parser)
    except yaml.YAMLError:
        return


def _last_quote(text: str, parser: Any) -> Any:
    """Return the last event before the fault, if it is a text in quotes."""
    last: Any = None
    for event in _events(text, parser):
        last = event
    return last if isinstance(last, yaml.ScalarEvent) and last.style in {"'", '"'} else None


def _unclosed(text: str, parser: Any) -> Any:
    """Return the event that begins the innermost list or mapping in brackets that is still open at the fault."""
    opened: list[Any] = []
    for event in _events(text, parser):
        if isinstance(event, yaml.CollectionStartEvent):
            opened.append(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            opened.pop()
    return next((event for event in reversed(opened) if event.flow_style), None)


def _above(lines: list[str], line: int) -> int:
    """Return the next line above that has content; 0 where there is none."""
    return next((number for number in range(line - 1, 0, -1) if _has_content(lines[number - 1])), 0)


def _has_content(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#") and not line.startswith("---")


def _indent(lines: list[str], line: int) -> int:
    """Return the column of the first letter of a line."""
    text = lines[line - 1]
    return len(text) - len(text.lstrip()) + 1
