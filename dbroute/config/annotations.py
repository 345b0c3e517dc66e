"""Reads annotations: the fields of an attrs class, the members of a union, what a list or a mapping holds."""

from __future__ import annotations

import datetime
import enum
import functools
import types
import typing
from collections.abc import Hashable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import attrs

from ..models import Secret, Size, Text, Url

LISTS = (Sequence, Set)
SCALARS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Secret: "a text",
    Path: "a path",
    datetime.timedelta: "a duration such as 30s or 10m",
    Size: "a size such as 10MB or 512KiB",
    Url: "a URL",
    type(None): "null",
}
"""Type of a single value to what messages call it."""

_LIKE: tuple[tuple[Any, Any], ...] = (
    (bool, bool),
    (int, int | None),
    (float, float | None),
    (str, Text | None),
    (Mapping, Mapping[Any, Any] | None),
    ((list, tuple, set), Sequence[Any] | None),
)


@functools.cache
def fields_of(cls: type) -> dict[str, tuple[attrs.Attribute[Any], Any]]:
    """Return the public fields of an attrs class, each with its annotation resolved."""
    hints = typing.get_type_hints(cls)
    return {field.name: (field, hints[field.name]) for field in attrs.fields(cls) if field.init}


def default_of(field: attrs.Attribute[Any]) -> Any:
    """Return the default of a field; ``attrs.NOTHING`` where it has none, or where only an instance could tell."""
    default: Any = field.default
    if not isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return default
    return attrs.NOTHING if default.takes_self else default.factory()


@functools.cache
def folded_fields(cls: type) -> dict[str, set[Hashable]]:
    """Return the names of the public fields of an attrs class by their lower-case form."""
    return {name.lower(): {name} for name in fields_of(cls)}


def members(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union; of anything else, itself."""
    if isinstance(annotation, type):
        return (annotation,)  # the two usual cases, and quick ones; a cache would take "int | str" for "str | int"
    if isinstance(annotation, types.UnionType):
        return annotation.__args__
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Union else (annotation,)


@functools.cache
def attrs_class(annotation: Any) -> type | None:
    """Return the attrs class that an annotation allows, if it does."""
    return next((member for member in members(annotation) if isinstance(member, type) and attrs.has(member)), None)


@functools.cache
def element(annotation: Any, container: type | tuple[type, ...]) -> Any:
    """Return what a list or mapping of this annotation holds; ``None`` where the annotation allows no such thing."""
    for member in members(annotation):
        origin = typing.get_origin(member) or member
        if isinstance(origin, type) and not issubclass(origin, str | bytes) and issubclass(origin, container):
            arguments = typing.get_args(member)
            return arguments[-1 if container is Mapping else 0] if arguments else Any
    return None


@functools.cache
def list_kind(annotation: Any) -> type | None:
    """Return the type of the lists that an annotation allows: list, tuple, set or frozenset."""
    for member in members(annotation):
        origin = typing.get_origin(member) or member
        if isinstance(origin, type) and issubclass(origin, LISTS) and not issubclass(origin, str | bytes):
            return origin if origin in {tuple, set, frozenset} else list
    return None


def below(annotation: Any, part: Hashable) -> Any:
    """Return what stands under a key, or at a position, of what is annotated so; ``None`` where nothing may."""
    if annotation is Any:
        return Any
    cls = attrs_class(annotation)
    if cls is not None:
        fields = fields_of(cls)
        return fields[str(part)][1] if part in fields else None
    return element(annotation, Mapping) or (element(annotation, LISTS) if isinstance(part, int) else None)


@functools.cache
def wants_secret(annotation: Any) -> bool:
    """Tell whether an annotation says that a text is secret, also one in a list or a mapping."""
    return annotation is Secret or any(map(wants_secret, typing.get_args(annotation)))


@functools.cache
def holds_others(annotation: Any) -> bool:
    """Tell whether an annotation allows a list or a mapping."""
    return bool(list_kind(annotation) or element(annotation, Mapping) or attrs_class(annotation))


def holds_one(annotation: Any) -> bool:
    """Tell whether an annotation allows single values only; of what may be anything nobody knows."""
    return annotation is not Any and not holds_others(annotation)


@functools.cache
def single_fields(annotation: Any) -> frozenset[str]:
    """Return the fields of the attrs class that an annotation allows which hold one value: no list, no mapping."""
    cls = attrs_class(annotation)
    fields = fields_of(cls) if cls else {}
    return frozenset(name for name, (_, inner) in fields.items() if holds_one(inner))


@functools.cache
def unsupported(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union that nothing in a file or a variable is ever converted to."""
    return tuple(member for member in members(annotation) if not _is_supported(member))


def _is_supported(member: Any) -> bool:
    arguments = typing.get_args(member)
    if typing.get_origin(member) is tuple and arguments[1:] != (...,):
        return False  # one type for each position
    if member is Any or member in SCALARS or typing.get_origin(member) is typing.Literal or holds_others(member):
        return True
    return isinstance(member, type) and issubclass(member, enum.Enum)


def annotation_like(value: Any) -> Any:
    """Return the annotation for a setting whose default is ``value``; ``None`` as a default says nothing."""
    return next((annotation for kinds, annotation in _LIKE if isinstance(value, kinds)), Any)
