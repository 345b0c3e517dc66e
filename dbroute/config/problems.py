"""Collects what is wrong, so that all of it is told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import attrs

from ..exceptions import ConfigError, Problem
from .nodes import Source


@attrs.define
class Problems:
    """The faults found so far; each counts once, however often it is met."""

    _found: dict[Problem, tuple[int, str, int, int]] = attrs.field(factory=dict)
    _places: set[tuple[Source, str]] = attrs.field(factory=set)
    _refused: set[Source] = attrs.field(factory=set)

    def add(self, source: Source, path: str, message: str, hint: str = "") -> None:
        """Note one fault; the same one at the same place of a file is not noted again under another path."""
        if source in self._refused or (source.column and (source, message) in self._places):
            return
        self._places.add((source, message))
        self._found.setdefault(Problem(path, message, str(source), hint, source.location), source.order)

    def refuse(self, source: Source, path: str, message: str, hint: str) -> None:
        """Note the fault of a value that cannot be used whatever it means; nothing more is said of its place."""
        self.add(source, path, message, hint)
        self._refused.add(source)

    def __bool__(self) -> bool:
        return bool(self._found)

    def error(self) -> ConfigError:
        """Return all faults as one exception, sorted by source."""
        return ConfigError(
            sorted(self._found, key=lambda problem: (self._found[problem], problem.path, problem.message))
        )

    def raise_if_any(self) -> None:
        """Raise the faults, if there are any."""
        if self._found:
            raise self.error()


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known word that is closest to ``word``; ``None`` where none is close."""
    folded = {name.lower(): name for name in reversed(list(known))}
    close = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Return the hint that names the known word closest to ``word``; empty where none is close."""
    name = closest(word, known, cutoff=cutoff)
    return f"did you mean '{name}'?" if name is not None else ""


def nearly(name: str, known: Iterable[str]) -> str | None:
    """Return the known word from which another one is one edit away."""
    return next((other for other in known if _one_edit(name, other)), None)


def _one_edit(one: str, two: str) -> bool:
    """Tell whether inserting, deleting, replacing or swapping one character makes the one the other."""
    if abs(len(one) - len(two)) > 1:
        return False
    if len(one) != len(two):
        short, long = sorted((one, two), key=len)
        return any(long[:position] + long[position + 1 :] == short for position in range(len(long)))
    different = [position for position in range(len(one)) if one[position] != two[position]]
    if len(different) == 2:
        first, second = different
        return second == first + 1 and one[first] == two[second] and one[second] == two[first]
    return len(different) == 1


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence holds them."""
    return ", ".join(sorted(names))
