"""Turns environment variables into a layer."""

from __future__ import annotations

import stat
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from .locate import Variable
from .nodes import Branch, Leaf, Node, Source
from .problems import Problems, did_you_mean
from .schema import OWNED, Schema

RESERVED = {"DBROUTE_CONFIG"}
"""Variables that begin like configuration and are switches of dbroute itself."""

_NOT_SETTINGS = {"DJANGO_ENV", "DJANGO_SETTINGS_MODULE"}
_MAX_SECRET = 1_000_000

Path_ = tuple[Hashable, ...]


class _UnknownError(Exception):
    """A variable leads to no place in the configuration."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@attrs.frozen
class Environ:
    """
    Reads the variables that mean configuration.

    Attributes:
        variables: All variables.
        schema: What may stand where.
        lower: The layers below, before they are normalised.
        names: Names that ``DATABASE_URL_<NAME>`` may use, in lower case.
        problems: Takes what is wrong.
    """

    variables: Mapping[str, Variable]
    schema: Schema
    lower: Sequence[Branch]
    names: set[str]
    problems: Problems

    def layer(self) -> tuple[Branch, list[str]]:
        """Return the layer, and the names of variables that look like configuration and lead nowhere."""
        root: dict[Hashable, Any] = {}
        ignored: list[str] = []
        for name in sorted(self.variables):
            if name in RESERVED or name in _NOT_SETTINGS:
                continue
            try:
                found = self.target(name)
            except _UnknownError as error:
                self.problems.add(self.variables[name].source, "", str(error), error.hint)
                continue
            if found is None:
                if name.startswith("DATABASE_URL_"):
                    ignored.append(name)
                continue
            path, from_file = found
            twin = name.removesuffix("_FILE")
            if from_file and twin in self.variables:
                if self.variables[twin].inherited == self.variables[name].inherited:
                    self.problems.add(self.variables[name].source, "", f"{twin} is set too", "unset one of the two")
                    continue
                if self.variables[twin].inherited:
                    continue
            leaf = self.leaf(name, from_file)
            if leaf is not None:
                _place(root, path, leaf)
        return _branch(root, Source("environment", rank=5)), ignored

    def target(self, name: str) -> tuple[Path_, bool] | None:
        """Return the path that a variable sets, and whether it names a file; ``None`` for other people's variables."""
        for read, prefix in ((self.database, "DATABASE_URL"), (self.path, "DBROUTE_"), (self.setting, "DJANGO_")):
            if not name.startswith(prefix):
                continue
            try:
                exact = read(name)
                failure = None
            except _UnknownError as error:
                exact, failure = None, error
            if exact is not None:
                return exact, False
            if name.endswith("_FILE"):
                try:
                    behind = read(name.removesuffix("_FILE"))
                except _UnknownError:
                    behind = None
                if behind is not None:
                    return behind, True
            if failure is not None:
                raise failure
        return None

    def database(self, name: str) -> Path_ | None:
        """DATABASE_URL, DATABASE_URL_<NAME>."""
        if name == "DATABASE_URL":
            return ("database", "url")
        short = name.removeprefix("DATABASE_URL_").lower()
        return ("database", f"url_{short}") if name.startswith("DATABASE_URL_") and short in self.names else None

    def setting(self, name: str) -> Path_ | None:
        """DJANGO_<SETTING>."""
        setting = name.removeprefix("DJANGO_")
        if setting in OWNED and (self.schema.known is None or setting in self.schema.known):
            section = OWNED[setting]
            raise _UnknownError(f"{setting} cannot be set like this", f"use DBROUTE_{section.upper()}__…")
        mentioned = any(root.get("django", setting) is not None for root in self.lower)
        return ("django", setting) if mentioned or setting in (self.schema.known or ()) else None

    def path(self, name: str) -> Path_ | None:
        """DBROUTE_<PATH>, with two underscores between its parts."""
        path: Path_ = ()
        for part in name.removeprefix("DBROUTE_").split("__"):
            path = (*path, self.part(name, path, part))
        if len(path) < 2:
            raise _UnknownError("names a section, not a value", f"name the value: {name}__…")
        return path

    def part(self, name: str, path: Path_, part: str) -> Hashable:
        """Return the key that one part of a variable's name means."""
        below = {key for root in self.lower for key in root.branch(*path).nodes}
        if path[:1] == ("databases",) and len(path) == 2:
            below = {key for key in below if not (isinstance(key, str) and key.isupper())}
        known, open_ = self.schema.keys(path)
        folded = part.lower()
        for keys in (below, known):
            same = sorted({str(key) for key in keys if str(key).lower() == folded})
            if len(same) > 1:
                raise _UnknownError(f"'{part}' may mean {' and '.join(same)}", "rename one of them")
            if same:
                return next(key for key in keys if str(key) == same[0])
        if open_ and part:
            return folded
        if path == ("django",) and self.schema.known is None and part.isupper():
            return part
        suggestion = _closest(part, [*map(str, known), *map(str, below)])
        corrected = name.replace(part, suggestion.upper(), 1) if suggestion else ""
        known_here = ", ".join(sorted({str(key).upper() for key in known}))
        hint = f"did you mean '{corrected}'?" if corrected else f"known here are {known_here}"
        raise _UnknownError(f"unknown part '{part}'", hint if len(hint) < 400 else "see the reference of settings")

    def leaf(self, name: str, from_file: bool) -> Leaf | None:
        """Return the variable's text, or the text of the file that it names."""
        variable = self.variables[name]
        if not from_file:
            return Leaf(variable.value, variable.source, reading="text")
        path = Path(variable.value)
        where = attrs.evolve(variable.source, name=f"{variable.source} ({variable.value})")
        try:
            if not stat.S_ISREG(path.stat().st_mode) or path.stat().st_size > _MAX_SECRET:
                raise OSError
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, ValueError):
            self.problems.add(variable.source, "", "names a file that cannot be read", "check path and permissions")
            return None
        text = text[:-1] if text.endswith("\n") else text
        return Leaf(text.removesuffix("\r"), where, reading="text", secret=True)


def _closest(part: str, names: Iterable[str]) -> str:
    return did_you_mean(part, names).removeprefix("did you mean '").removesuffix("'?")


def _place(root: dict[Hashable, Any], path: Path_, leaf: Leaf) -> None:
    for part in path[:-1]:
        below = root.setdefault(part, {})
        if not isinstance(below, dict):  # DBROUTE_DATABASES__X beside DBROUTE_DATABASES__X__URL
            below = root[part] = {"url": below}
        root = below
    if isinstance(root.get(path[-1]), dict):
        root[path[-1]]["url"] = leaf
    else:
        root[path[-1]] = leaf


def _branch(nodes: Mapping[Hashable, Any], source: Source) -> Branch:
    below: dict[Hashable, Node] = {
        key: _branch(node, source) if isinstance(node, dict) else node for key, node in nodes.items()
    }
    return Branch(below, source)
