"""Checks one environment or all of them, and says of each what was read or what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs

from ..exceptions import ConfigError, Problem
from .tree import Config


@attrs.frozen
class Verdict:
    """
    What is to be said of one environment.

    Attributes:
        environment: Its name; empty where the variables choose it.
        summary: What was read, in one line; empty where something is wrong.
        problems: What is wrong and was not told of an earlier environment already.
    """

    environment: str
    summary: str = ""
    problems: tuple[Problem, ...] = ()


def verdicts(names: Iterable[str | None], load: Callable[[str | None], Config]) -> Iterator[Verdict]:
    """
    Yield a verdict for each environment; what is wrong in ``config.yaml`` is wrong in all of them, and told once.

    Args:
        names: The environments; ``None`` for the one that the variables choose.
        load: Returns the configuration of one environment, or raises what is wrong with it.
    """
    seen: set[str] = set()
    for name in names:
        try:
            yield Verdict(name or "", _summary(load(name)))
        except ConfigError as error:
            fresh = tuple(problem for problem in error.problems if str(problem) not in seen)
            seen |= {str(problem) for problem in fresh}
            yield Verdict(name or "", problems=fresh)


def _summary(config: Config) -> str:
    files = ", ".join(config.files) or "no files"
    counts = _count(len(config.databases), "database"), _count(len(config.routing), "rule")
    return f"{config.environment}: {files}: {', '.join(counts)}; nothing is wrong"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
