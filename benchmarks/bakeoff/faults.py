"""
The eight faults, and what an answer to each of them has to hold.

A fault is planted into a project that works: a line of a file is replaced, or the environment changed. So file, line
and layer of each fault are known without looking at any answer.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import attrs

SECRET = "s3cr3t-pa55"
"""The password in the URLs of every project; nobody's answer may show it, or one half of it."""

# What counts as a remedy: the answer says what may stand there, or what to do. Nothing else does, "invalid" say.
REMEDIES = {
    "typo": r"conn_?max_?age\b(?!e)",
    "wrong type": r"\b(int|integer|number|digits|seconds|\d+m)\b",
    "missing variable": r"\b(set|export|define|required|missing)\b",
    "bad URL": r"\b65535\b|%[0-9A-F]{2}|\bquote",
    "unknown scheme": r"\bpostgres(ql)?\b(?!:)",
    "not parsable": r"\b(expected|check|could not find|write)\b",
    "unknown DJANGO_ENV": r"\bprod\b",
    "duplicate key": r"\b(keep|remove|twice|overwrite|duplicate|first)\b",
}
FAULTS = tuple(REMEDIES)
VALUES = ("typo", "wrong type", "missing variable", "bad URL", "unknown scheme")
"""The faults that leave every file readable, and every environment known."""


@attrs.frozen(kw_only=True)
class Plant:
    """
    How one fault gets into a project.

    Attributes:
        key: A pattern of what names the key or the variable at fault; empty where the syntax of a file is.
        file: The file that changes; empty where only the environment does.
        old: A text that the file holds once; empty to write the file anew.
        new: What stands there instead.
        mark: The part of ``new`` whose line is wrong; all of it where empty.
        environ: Variables that change; an empty one is unset.
        layer: A pattern of what names the layer besides its file.
    """

    key: str = ""
    file: str = ""
    old: str = ""
    new: str = ""
    mark: str = ""
    environ: Mapping[str, str] = attrs.field(factory=dict)
    layer: str = ""

    def into(self, folder: Path, environ: dict[str, str]) -> int:
        """Change the project and its variables; return the line that is wrong, 0 where none is."""
        environ.update(self.environ)
        if not self.file:
            return 0
        path = folder / self.file
        text = path.read_text(encoding="utf-8") if self.old else self.new
        if self.old and text.count(self.old) != 1:
            raise ValueError(f"{path} holds {self.old!r} {text.count(self.old)} times")
        text = text.replace(self.old, self.new) if self.old else text
        path.write_text(text, encoding="utf-8")
        return text.count("\n", 0, text.index(self.mark or self.new)) + 1


@attrs.frozen(kw_only=True)
class Marks:
    """What one answer to one fault gets; ``None`` where there is nothing to name."""

    noticed: bool
    key: bool | None
    file: bool
    line: bool | None
    layer: bool
    remedy: bool
    kept: bool


def judged(fault: str, plant: Plant, line: int, noticed: bool, output: str) -> Marks:
    """
    Judge what a process printed about a fault.

    Args:
        fault: The fault.
        plant: How it got into the project.
        line: The line that is wrong; 0 where it is in no file.
        noticed: The process failed, or printed what it does not print without the fault.
        output: All that it printed.
    """
    message = without_frames(output)
    where = re.escape(plant.file) or "|".join(plant.environ)
    return Marks(
        noticed=noticed,
        key=_holds(plant.key, message) if plant.key else None,
        file=_holds(where, message),
        line=_holds(rf":{line}\b|\blines? {line}\b", message) if line else None,
        layer=_holds("|".join(filter(None, (where, plant.layer))), message),
        remedy=noticed and _holds(REMEDIES[fault], message),
        kept=not leaks(output),
    )


def leaks(output: str) -> bool:
    """Tell whether an output shows the password, or as much of it as a shortened value does."""
    return any(half in output for half in SECRET.split("-"))


def _holds(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def without_frames(output: str) -> str:
    """
    Return an output without the frames of tracebacks.

    A frame shows the lines of the program, which hold names of keys and numbers of lines whatever is wrong.
    """
    kept: list[str] = []
    depth: int | None = None
    for line in output.splitlines():
        bare = re.sub(r"^(\s*\|)+", "", line)  # a group of exceptions draws a bar before its members
        indent = len(bare) - len(bare.lstrip())
        if re.match(r'\s*File ".*", line \d+', bare):
            depth = indent
        elif depth is None or indent <= depth:
            depth = None
            kept.append(line)
    return "\n".join(kept)


def named(plant: Plant, output: str) -> bool:
    """Tell whether an answer to several faults names this one: its key, or the file where that has none."""
    return _holds(plant.key or re.escape(plant.file), without_frames(output))
