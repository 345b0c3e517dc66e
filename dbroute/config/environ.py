"""Turns environment variables into layers: one for ``.env``, one above it for the process."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from .annotations import annotation_like, holds_others
from .convert import FAILED, Converter
from .django_section import nearly
from .files import UnreadableError, text_of
from .locate import Variable
from .nodes import MAX_DEPTH, Branch, Items, Leaf, Node, Source, leaves, means_options
from .problems import Problems, did_you_mean
from .schema import OWNED, Schema
from .spellings import short_names

RESERVED = {"DBROUTE_CONFIG"}
"""Variables that begin like configuration and are switches of dbroute itself."""

_NOT_SETTINGS = {"DJANGO_ENV", "DJANGO_SETTINGS_MODULE"}
_PREFIXES = ("DATABASE_URL", "DBROUTE_", "DJANGO_")

Path_ = tuple[Hashable, ...]


class _UnknownError(Exception):
    """A variable leads to no place in the configuration."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@attrs.frozen(eq=False, repr=False)
class _Section:
    """
    A mapping that parts of variables' names lead to; many variables share it.

    Attributes:
        path: Its keys.
        annotation: What it is.
        known: The keys that the schema has there, by their lower-case form.
        open: Other keys may stand there too.
        lower: The mappings that the lower layers have there, the highest first.
        below: Their keys by their lower-case form.
        query: Texts mean there what they mean in a URL's query.
    """

    path: Path_
    annotation: Any
    known: Mapping[str, set[Hashable]]
    open: bool
    lower: Sequence[Branch]
    below: Mapping[str, set[Hashable]]
    query: bool


@attrs.frozen(eq=False, repr=False)
class Environ:
    """
    Reads the variables that mean configuration.

    Attributes:
        process: Name to variable of the process.
        dotenv: Name to variable of ``.env``.
        schema: What may stand where.
        lower: The layers below, before they are normalised.
        problems: Takes what is wrong.
    """

    process: Mapping[str, Variable]
    dotenv: Mapping[str, Variable]
    schema: Schema
    lower: Sequence[Branch]
    problems: Problems
    _names: set[str] = attrs.field(init=False, factory=set)
    _sections: dict[tuple[str, ...], _Section] = attrs.field(init=False, factory=dict)
    _at: dict[Path_, _Section] = attrs.field(init=False, factory=dict)

    def layers(self) -> tuple[list[Branch], list[str]]:
        """Return both layers, and a sentence for each variable that looks like configuration and leads nowhere."""
        dotenv, process = map(_mine, (self.dotenv, self.process))
        self._names.update(short_names(self.lower, self.aliases({**dotenv, **process})))
        ignored: list[str] = []
        roots = [
            self.layer(variables, Source("environment", rank=rank), ignored)
            for variables, rank in ((dotenv, 4), (process, 5))
        ]
        return roots, list(dict.fromkeys(ignored))

    def aliases(self, names: Mapping[str, Variable]) -> set[str]:
        """Return the aliases that variables themselves declare, or give to a rule."""
        found: set[str] = set()
        for name, variable in names.items():
            section, _, rest = name.removeprefix("DBROUTE_").partition("__")
            if name.startswith("DBROUTE_") and section.upper() == "DATABASES":
                found.add(rest.partition("__")[0])
            elif name.startswith("DBROUTE_") and section.upper() == "ROUTING":
                found.add(variable.value)
        return found

    def layer(self, variables: Mapping[str, Variable], source: Source, ignored: list[str]) -> Branch:
        """Return one layer; add sentences about variables that lead nowhere to ``ignored``."""
        tree: dict[Hashable, Any] = {}
        for name, variable in variables.items():
            if name in RESERVED or name in _NOT_SETTINGS:
                continue
            try:
                found = self.target(name)
            except _UnknownError as error:
                self.problems.add(variable.source, "", str(error), error.hint)
                continue
            if found is None:
                ignored += self.passed_over(name)
                continue
            path, from_file = found
            twin = name.removesuffix("_FILE")
            if from_file and twin in variables:
                self.problems.add(variable.source, "", f"{twin} is set too", "unset one of the two")
                continue
            value = self.typed(self.leaf(variable, from_file), path)
            for below, node in ((path, value),) if isinstance(value, Leaf) else leaves(value, path):
                if (other := _place(tree, below, node)) is not None:
                    self.problems.add(variable.source, "", f"{other} sets the same value", "unset one of the two")
        return _branch(tree, source)

    def passed_over(self, name: str) -> list[str]:
        """Return a sentence about a variable that means nothing here and looks as if it was meant to."""
        if name.startswith("DATABASE_URL_"):
            hint = did_you_mean(name.removeprefix("DATABASE_URL_").lower(), self._names)
            said = f"{name} names no rule and no declared database, and is ignored"
            return [f"{said}; {_as_variable(hint, 'DATABASE_URL_')}" if hint else said]
        setting = name.removeprefix("DJANGO_")
        near = nearly(setting, self.schema.known or ()) if name.startswith("DJANGO_") else None
        return [f"{name} names no setting, and is ignored; did you mean 'DJANGO_{near}'?"] if near else []

    def target(self, name: str) -> tuple[Path_, bool] | None:
        """Return the path that a variable sets, and whether it names a file; ``None`` for other people's variables."""
        read = self.database
        if not name.startswith("DATABASE_URL"):
            read = self.path if name.startswith("DBROUTE_") else self.setting
        failure: _UnknownError | None = None
        exact: Path_ | None = None
        try:
            exact = read(name)
        except _UnknownError as error:
            failure = error
        if exact is not None:
            return exact, False
        behind = self.behind(name, read) if name.endswith("_FILE") else None
        if behind is not None:
            return behind, True
        if failure is not None:
            raise failure
        return None

    def behind(self, name: str, read: Any) -> Path_ | None:
        """Return the path that a variable sets through a file."""
        try:
            found: Path_ | None = read(name.removesuffix("_FILE"))
        except _UnknownError:
            return None
        return found

    def database(self, name: str) -> Path_ | None:
        """DATABASE_URL, DATABASE_URL_<NAME>."""
        if name == "DATABASE_URL":
            return ("database", "url")
        short = name.removeprefix("DATABASE_URL_").lower()
        return ("database", f"url_{short}") if name.startswith("DATABASE_URL_") and short in self._names else None

    def setting(self, name: str) -> Path_ | None:
        """DJANGO_<SETTING>."""
        setting = name.removeprefix("DJANGO_")
        if setting in OWNED:
            raise _UnknownError(f"{setting} cannot be set by a variable", OWNED[setting][1])
        mentioned = any(root.get("django", setting) is not None for root in self.lower)
        return ("django", setting) if mentioned or setting in (self.schema.known or ()) else None

    def path(self, name: str) -> Path_ | None:
        """DBROUTE_<PATH>, with two underscores between its parts."""
        *before, part = name.removeprefix("DBROUTE_").split("__", MAX_DEPTH)
        if len(before) == MAX_DEPTH:
            raise _UnknownError(f"has more than {MAX_DEPTH} parts", "name a value of the configuration")
        above = self.section(tuple(before))
        # A new key whose name ends in _FILE is nothing that is known: the variable names a file.
        key = self.part(above, part, before, new=not part.upper().endswith("_FILE"))
        if not before:
            raise _UnknownError("names a section, not a value", f"name the value: {name}__…")
        return (*above.path, key)

    def section(self, parts: tuple[str, ...]) -> _Section:
        """Return what the parts of a name before its last one lead to."""
        if parts not in self._sections:
            path: Path_ = ()
            if parts:
                above = self.section(parts[:-1])
                path = (*above.path, self.part(above, parts[-1], parts[:-1], new=True))
            self._sections[parts] = self.at(path)
        return self._sections[parts]

    def at(self, path: Path_) -> _Section:
        """Return what stands at a path."""
        if path not in self._at:
            found = (root.branch(*path) for root in reversed(self.lower)) if path else ()
            lower = [branch for branch in found if branch.nodes]
            below: dict[str, set[Hashable]] = {}
            for key in {key for branch in lower for key in branch.nodes}:
                # Django's own names of a database's fields, in settings.py, are the known ones in capitals.
                if not (len(path) == 2 and path[0] == "databases" and isinstance(key, str) and key.isupper()):
                    below.setdefault(str(key).lower(), set()).add(key)
            query = any(means_options(path[:end]) for end in range(3, len(path) + 1))
            known, open_ = self.schema.keys(path)
            self._at[path] = _Section(path, self.schema.annotation(path), known, open_, lower, below, query)
        return self._at[path]

    def part(self, above: _Section, part: str, before: Sequence[str], *, new: bool) -> Hashable:
        """
        Return the key that one part of a variable's name means.

        Args:
            above: What the parts before it lead to.
            part: The part.
            before: The parts before it, as they stand in the name.
            new: It may be a key that nobody mentions, where any key may stand.
        """
        folded = part.lower()
        path, known, below = above.path, above.known, above.below
        if same := below.get(folded) or known.get(folded):
            if len(same) > 1:
                raise _UnknownError(f"'{part}' may mean {' and '.join(sorted(map(str, same)))}", "rename one of them")
            return next(iter(same))
        start = "DBROUTE_" + "".join(f"{earlier}__" for earlier in before)
        if path == ("databases",) and part and (slip := _without_underscores(part, below)):
            raise _UnknownError(f"unknown part '{part}'", f"did you mean '{start}{slip.upper()}__…'?")
        if above.open and part and new:
            return folded
        if path == ("django",) and self.schema.known is None and part.isupper() and new:
            return part
        raise _UnknownError(f"unknown part '{part}'", self.remedy(part, start, known, below))

    def remedy(self, part: str, before: str, known: Iterable[str], below: Mapping[str, object]) -> str:
        """Return what to do about an unknown part."""
        names = sorted({*(name.upper() for name in known), *(name.upper() for name in below)})
        if not names:
            return f"nothing can stand below {before.removesuffix('__')}"
        switches = [name.removeprefix(before) for name in RESERVED] if before == "DBROUTE_" else []
        if close := did_you_mean(part, [*names, *switches]):
            return close.replace("'", f"'{before}", 1)
        listed = ", ".join(names)
        return f"known here are {listed}" if len(listed) < 400 else "see the reference of settings"

    def leaf(self, variable: Variable, from_file: bool) -> Leaf:
        """Return the variable's text, or the text of the file that it names."""
        unknown = Leaf(None, variable.source, reading="missing")
        if not from_file:
            if not _encodable(variable.value):
                self.problems.add(variable.source, "", "is not UTF-8", "set it again, in UTF-8")
                return unknown
            return Leaf(variable.value, variable.source, reading="text")
        where = variable.source._replace(name=f"{variable.source} ({variable.value})", line=0)
        try:
            text = text_of(Path(variable.source.folder or "", variable.value))
        except UnreadableError as error:
            self.problems.add(variable.source, "", f"names a file that {error.message}", error.hint)
            return unknown
        for newline in ("\r\n", "\n"):
            if text.endswith(newline):
                text = text[: -len(newline)]
                break
        return Leaf(text, where, reading="text", secret=True)

    def typed(self, leaf: Leaf, path: Path_) -> Node:
        """Return what a text means where a list or a mapping stands, or where a lower layer has a typed value."""
        section = self.at(path[:-1])
        annotation = self.schema.below(section.path, section.annotation, path[-1])
        if annotation is not Any and not holds_others(annotation):
            return leaf
        if annotation is Any:
            lower = next((branch.nodes[path[-1]] for branch in section.lower if path[-1] in branch.nodes), None)
            if lower is None:
                return leaf.with_value(leaf.value, "query", template=False) if section.query else leaf
            value = lower.value if isinstance(lower, Leaf) else [] if isinstance(lower, Items) else None
            annotation = dict[Any, Any] if isinstance(lower, Branch) else annotation_like(value)
            if isinstance(value, bool | int | float):
                converted = Converter(self.problems).convert(leaf, annotation, path)
                return attrs.evolve(leaf, **({"reading": "missing"} if converted is FAILED else {"value": converted}))
        node = Converter(self.problems).unfolded(leaf, annotation, path)
        return leaf.with_value(leaf.value, "query", template=False) if section.query and node is leaf else node


def _mine(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return the variables that may mean configuration, sorted by name."""
    return {name: found for name, found in sorted(variables.items()) if name.startswith(_PREFIXES)}


def _encodable(text: str) -> bool:
    """Tell whether a text is one: what is no UTF-8 in a variable reads as half a surrogate pair."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _without_underscores(part: str, names: Iterable[str]) -> str:
    """Return the name that differs from ``part`` in underscores only."""
    bare = part.lower().replace("_", "")
    return next((name for name in names if name.replace("_", "") == bare), "")


def _place(tree: dict[Hashable, Any], path: Path_, node: Leaf | Items) -> Source | None:
    """Put a node into nested dicts; return the source of the node that stands there already."""
    if len(path) == 2 and path[0] == "databases":
        path = (*path, "url")  # DBROUTE_DATABASES__X is short for DBROUTE_DATABASES__X__URL
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            return tree.source
    other = tree.setdefault(path[-1], node)
    while isinstance(other, dict):
        other = next(iter(other.values()))
    return None if other is node else other.source


def _branch(nodes: Mapping[Hashable, Any], source: Source) -> Branch:
    below: dict[Hashable, Node] = {
        key: _branch(node, source) if isinstance(node, dict) else node for key, node in nodes.items()
    }
    return Branch(below, source)


def _as_variable(hint: str, prefix: str) -> str:
    """Return a suggestion with the suggested word as the variable that it stands for."""
    before, quote, rest = hint.partition("'")
    return f"{before}{quote}{prefix}{rest.upper()}" if quote else hint
