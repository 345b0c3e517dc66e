"""What messages say of a type: what it wants, and how to write it."""

from __future__ import annotations

import datetime
import enum
import typing
from pathlib import Path
from typing import Any

from ..models import Secret, Size, Url
from .annotations import SCALARS, list_kind, members
from .nodes import Leaf, Node
from .scalars import choices

REMEDIES = {
    bool: "write true or false",
    int: "write digits only",
    float: "write a number",
    Size: "write 10MB or 512KiB",
    Url: "write it as https://host/path",
    Path: "write a path, in quotes if it is a number",
}


def expected(annotation: Any, unit: str = "") -> str:
    """Return what an annotation wants, in words."""
    if unit:
        number = "a number" if float in members(annotation) else "a whole number"
        return f"{number} of seconds, a duration such as 10m, or null"
    names: list[str] = []
    for member in members(annotation):
        origin = typing.get_origin(member) or member
        if origin in {Secret, Path} and "a text" in names:
            continue
        if origin is typing.Literal:
            names.append("one of " + ", ".join(map(str, typing.get_args(member))))
        elif isinstance(origin, type) and issubclass(origin, enum.Enum):
            names.append("one of " + ", ".join(str(item.value) for item in origin))
        elif origin in SCALARS:
            names.append(SCALARS[origin])
        elif list_kind(member):
            names.append("a list")
        elif "a mapping" not in names:
            names.append("a mapping")
    return " or ".join(names)


def remedy(node: Node, annotation: Any, unit: str) -> str:
    """Return how to write what an annotation wants."""
    allowed = members(annotation)
    if unit or datetime.timedelta in allowed:
        return "write 600 or 10m"
    if any(choices(kind) for kind in allowed):
        return "write one of them"
    if str in allowed or Secret in allowed:
        if not isinstance(node, Leaf):
            return "write one text"
        return "put it into quotes" if node.value is not None else "write a text"
    for kind, text in REMEDIES.items():
        if kind in allowed:
            return text
    return "write [one, two]" if list_kind(annotation) else "write {key: value}"
