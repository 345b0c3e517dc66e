"""Single values: what a text or a number means for a type."""

from __future__ import annotations

import datetime
import enum
import re
import typing
from collections.abc import Sequence
from typing import Any

from ..models import Size, Url

_WITHOUT_CHOICES = {bool, int, float}
_SECONDS = re.compile(r"[0-9]{1,12}")
_DURATION = re.compile(r"([0-9]{1,9}[smhdw])+")
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")
_FLOAT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = datetime.timedelta.max.days * 86400
NULL = {"null", "none"}  # in any case, where a text cannot be meant
_TRUTH = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def seconds(text: str) -> int | None:
    """Return the seconds that ``600``, ``10m`` or ``1h30m`` mean; ``None`` for anything else."""
    if _SECONDS.fullmatch(text):
        return int(text)
    if not _DURATION.fullmatch(text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([smhdw])", text))


def choices(kind: Any) -> Sequence[tuple[Any, Any]]:
    """Return the values that a Literal or an enum allows, each with what it becomes."""
    if kind in _WITHOUT_CHOICES:
        return ()
    if isinstance(kind, type):
        return [(item.value, item) for item in kind] if issubclass(kind, enum.Enum) else ()
    return [(choice, choice) for choice in typing.get_args(kind)] if typing.get_origin(kind) is typing.Literal else ()


def native(value: Any, kind: Any) -> Any:
    """Return a value that has its type already, where the type is the one wanted."""
    if kind is bool and isinstance(value, bool):
        return value
    if kind is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind in {datetime.timedelta, Size, Url} and isinstance(value, str | int) and not isinstance(value, bool):
        return parsed(str(value), kind)
    return value if kind is datetime.timedelta and isinstance(value, kind) else None


def parsed(value: str, kind: Any) -> Any:
    """Return what a text means for a type; ``None`` where it means nothing."""
    text = value.strip()
    if kind is bool:
        return _TRUTH.get(text.lower())
    if kind is int:
        return int(text) if _INTEGER.fullmatch(text) else None
    if kind is float:
        return float(text) if _FLOAT.fullmatch(text) else None
    if kind is datetime.timedelta and (number := seconds(text)) is not None and number < _LONGEST:
        return datetime.timedelta(seconds=number)
    if kind is Size and (size := re.fullmatch(r"([0-9]{1,18}) ?(B|([kKMGT])(i?)B)?", text)):
        return Size(int(size[1]) * (1024 if size[4] else 1000) ** (" KMGT".index((size[3] or " ").upper())))
    if kind is Url and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#][^\s]*", text):
        return Url(text)
    return None
