"""Expands ``${VAR}``, ``${VAR:-default}`` and ``${VAR:?message}``; ``$${`` is a literal ``${``."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from operator import is_not
from typing import Any

import attrs

from .nodes import Hidden, Items, Leaf, Node, Reading, Source, means_options, path_of
from .problems import Problems, did_you_mean

_MAX_NESTED = 10
_MAX_REFERENCES = 1_000  # in one text
_MAX_TEXT = 1_000_000  # characters of one text with its references expanded
_MAX_ALL = 10 * _MAX_TEXT  # characters of all of them: a short file can name a long variable many times
_BRACES = re.compile(r"\$?\{|\}")
_SIMPLE = re.compile(r"\$\{\w*\}")  # most of them
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class TemplateError(ValueError):
    """A text holds something that looks like a reference and is none."""

    def __init__(self, message: str, hint: str = "write $${ for a literal ${") -> None:
        super().__init__(message)
        self.hint = hint


@attrs.frozen
class Reference:
    """
    One ``${…}``.

    Attributes:
        name: The variable.
        operator: Empty, ``:-`` or ``:?``.
        argument: What stands after the operator: a template again for a default, a message for ``:?``.
        text: The reference as it was written.
    """

    name: str
    operator: str
    argument: str
    text: str


Segment = str | Reference


def segments(text: str) -> list[Segment]:
    """
    Split a text into literal parts and references.

    Raises:
        TemplateError: A ``${`` has no end, or no variable's name behind it, or there are too many.
    """
    found: list[Segment] = []
    literal: list[str] = []
    position = count = 0
    while (start := text.find("${", position)) >= 0:
        if text[position:start].endswith("$"):
            literal += text[position : start - 1], "${"
            position = start + 2
            continue
        simple = _SIMPLE.match(text, start)
        end = simple.end() if simple else _end(text, start)
        if before := "".join((*literal, text[position:start])):
            found.append(before)
        found.append(_reference(text[start:end]))
        literal, position, count = [], end, count + 1
        if count > _MAX_REFERENCES:
            raise TemplateError(f"has more than {_MAX_REFERENCES:,} references", "put the whole into one variable")
    if rest := "".join((*literal, text[position:])):
        found.append(rest)
    return found


def _end(text: str, start: int) -> int:
    """Return the position behind the brace that closes the one at ``start``; braces inside have to balance."""
    depth = 0
    for match in _BRACES.finditer(text, start):
        depth += -1 if match.group() == "}" else 1
        if depth > _MAX_NESTED:
            raise TemplateError("references '${' are nested too deep", "flatten them")
        if depth == 0:
            return match.end()
    raise TemplateError("a reference '${' has no closing '}'")


def _reference(text: str) -> Reference:
    body = text[2:-1]
    match = _NAME.match(body)
    rest = body[match.end() :] if match else body
    if match and not rest:
        return Reference(match.group(), "", "", text)
    if match and rest[:2] in {":-", ":?"}:
        return Reference(match.group(), rest[:2], rest[2:], text)
    raise TemplateError("a reference is none of ${NAME}, ${NAME:-default} and ${NAME:?message}")


@attrs.define(eq=False, repr=False)
class Resolver:
    """
    Looks references up.

    Attributes:
        variables: Name to value: the process environment above ``.env``.
        problems: Takes what is missing.
        lenient: A variable that is not set is no fault: the machine that checks is not the one that runs.
    """

    variables: Mapping[str, str]
    problems: Problems
    lenient: bool = False
    _expanded: int = attrs.field(init=False, default=0)
    _told: bool = attrs.field(init=False, default=False)

    def expand(self, text: str, source: Source, path: str) -> str | None:
        """Return the text with its references expanded; ``None`` where one is missing, which is then noted."""
        try:
            parts = segments(text)
        except TemplateError as error:
            self.problems.add(source, path, str(error), error.hint)
            return None
        values = [part if isinstance(part, str) else self._value(part, source, path) for part in parts]
        if None in values:
            return None
        size = sum(len(value) for value in values if value is not None)
        self._expanded += size
        hint = "shorten the variables, or refer to them less often"
        if size > _MAX_TEXT:
            self.problems.add(source, path, f"becomes longer than {_MAX_TEXT:,} characters", hint)
            return None
        if self._expanded > _MAX_ALL:
            if not self._told:  # one line for what may be thousands
                message = f"becomes, with the references before it, longer than {_MAX_ALL:,} characters"
                self.problems.add(source, path, message, hint)
            self._told = True
            return None
        return "".join(value for value in values if value is not None)

    def value(self, reference: Reference) -> str | None:
        """Return what a reference's variable holds; with an operator, an empty one counts as not set."""
        value = self.variables.get(reference.name)
        return value if value or not reference.operator else None

    def _value(self, reference: Reference, source: Source, path: str) -> str | None:
        value = self.value(reference)
        if value is not None:
            return self._checked(value, reference, source, path)
        if reference.operator == ":-":
            return self.expand(reference.argument, source, path)
        if self.lenient:
            return None
        if reference.operator == ":?":
            state = "is empty" if reference.name in self.variables else "is not set"
            message = f"variable {reference.name} {state}" + (f": {reference.argument}" if reference.argument else "")
            self.problems.add(source, path, message, f"set {reference.name}")
            return None
        hint = f"set {reference.name}, or write ${{{reference.name}:-default}}"
        if close := did_you_mean(reference.name, self.variables, cutoff=0.85):
            hint = f"{close} Otherwise {hint}"
        self.problems.add(source, path, f"variable {reference.name} is not set", hint)
        return None

    def _checked(self, value: str, reference: Reference, source: Source, path: str) -> str | None:
        """Return a variable's value, unless it is no text."""
        try:
            value.encode()
        except UnicodeEncodeError:
            self.problems.add(source, path, f"variable {reference.name} is not UTF-8", f"set {reference.name} again")
            return None
        return value

    def resolvable(self, text: str) -> str | None:
        """Return the text expanded, or ``None`` without noting anything."""
        quiet = Resolver(self.variables, Problems())
        quiet._expanded = self._expanded
        found = quiet.expand(text, Source(""), "")
        self._expanded = quiet._expanded
        return found


def interpolate(node: Node, resolver: Resolver, path: tuple[Any, ...] = (), reading: Reading = "text") -> Node:
    """
    Return the node with every reference in it expanded; what came out of one is secret.

    Args:
        node: The node; what has no references stays the object that it is.
        resolver: Looks the references up.
        path: The node's keys.
        reading: How a value with a reference in it is to be read.
    """
    if isinstance(node, Leaf):
        return _expanded(node, resolver, path, reading) if node.template else node
    if isinstance(node, Items):
        found = [interpolate(item, resolver, (*path, number)) for number, item in enumerate(node.nodes)]
        return attrs.evolve(node, nodes=tuple(found)) if any(map(is_not, found, node.nodes)) else node
    if means_options(path):
        reading = "query"
    changed: dict[Hashable, Node] = {}
    for key, item in node.nodes.items():
        if key is Hidden.URL or (isinstance(item, Leaf) and not item.template):
            continue
        here = (*path, key)
        new = interpolate(item, resolver, here, reading)
        if new is not item:
            changed[key] = new
    return node.with_nodes({**node.nodes, **changed}) if changed else node


def _expanded(node: Leaf, resolver: Resolver, path: tuple[Any, ...], reading: Reading) -> Leaf:
    value = resolver.expand(node.value, node.source, path_of(node, path))
    if value is None:
        return attrs.evolve(node, value=None, template=False, secret=True, reading="missing")
    secret = node.secret or any(isinstance(part, Reference) for part in segments(node.value))
    read = reading if secret and node.reading in {"value", "text"} else node.reading
    return attrs.evolve(node, value=value, template=False, secret=secret, reading=read)
