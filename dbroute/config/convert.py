"""
Turns nodes into typed values: what an annotation says, a node becomes, or a fault that names both.

Used twice with the same rules: on what a higher layer hides, whose faults are told all the same, and on the merged
tree, whose values are kept.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from ..models import MaskedText, MaskedUrl, Secret, Url
from .annotations import (
    LISTS,
    attrs_class,
    below,
    element,
    fields_of,
    holds_one,
    holds_others,
    list_kind,
    members,
    unsupported,
    wants_secret,
)
from .nodes import (
    MAX_DEPTH,
    MAX_NODES,
    Branch,
    Items,
    Leaf,
    Node,
    dotted,
    key_source,
    may_hold_login,
    names_secret,
    node_of,
    path_of,
    place_of,
    shown,
)
from .problems import Problems, closest, did_you_mean
from .refusals import refusals
from .scalars import NULL, choices, native, parsed, seconds
from .urls import query_value
from .wording import expected, remedy

Path_ = tuple[Hashable, ...]

_TEXTS = {str, Secret, Path}
_LAST = {*_TEXTS, type(None)}  # take what no other type of a union takes


class _Failed:
    """Stands for a value that could not be had; the reason is noted already."""

    def __bool__(self) -> bool:
        return False


FAILED: Final = _Failed()


@attrs.frozen
class _Plan:
    """
    What has to be done for one field of an attrs class, found once.

    Attributes:
        annotation: What the field wants.
        allowed: The members of the union that it is.
        single: They are single values: no list, no mapping.
        unit: The unit of its number, if it has one.
        least: The least number that it allows.
        plain: Types of the values that stay as they are.
    """

    annotation: Any
    allowed: tuple[Any, ...]
    single: bool
    unit: str
    least: int | None
    plain: frozenset[type]

    def leaves_alone(self, leaf: Leaf) -> bool:
        """Tell whether a leaf's value is what the field wants already: most are."""
        value = leaf.value
        if type(value) not in self.plain or leaf.template or leaf.secret or leaf.reading == "missing":
            return False
        return not (isinstance(value, str) and may_hold_login(value))


@functools.cache
def _plans(cls: type) -> dict[str, _Plan]:
    """Return the plan of each field of an attrs class."""
    plans: dict[str, _Plan] = {}
    for name, (field, annotation) in fields_of(cls).items():
        unit = field.metadata.get("unit", "")
        least, plain = field.metadata.get("least"), _plain(name, annotation, unit)
        plans[name] = _Plan(annotation, members(annotation), holds_one(annotation), unit, least, plain)
    return plans


def _plain(name: str, annotation: Any, unit: str) -> frozenset[type]:
    """Return the types of the values that stay as they are in a field, since nothing else can be meant."""
    allowed = set(members(annotation))
    others = allowed - _LAST
    plain = allowed & {type(None)}
    if not unit and others <= {bool, int}:
        plain |= others
    if not others and str in allowed and not names_secret(name):
        plain |= {str}
    return frozenset(plain)


class _MismatchError(Exception):
    """A value is not what its place wants; without a hint the place's own remedy is told."""

    def __init__(self, message: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@attrs.frozen(eq=False, repr=False)
class Converter:
    """
    Converts nodes, and notes what cannot be converted.

    Attributes:
        problems: Takes the faults.
        resolved: False while references are not expanded yet; texts that hold one are then left alone.
    """

    problems: Problems
    resolved: bool = True

    def convert(self, node: Node, annotation: Any, path: Path_, unit: str = "") -> Any:
        """Return the node's value as the annotation wants it, or ``FAILED``."""
        if isinstance(node, Leaf) and (node.reading == "missing" or (node.template and not self.resolved)):
            return FAILED
        if annotation is Any:
            return self.untyped(node, path)
        try:
            return self._typed(node, annotation, path, unit)
        except _MismatchError as mismatch:
            return self._mismatched(mismatch, node, annotation, path, unit)

    def field(self, node: Node, plan: _Plan, path: Path_) -> Any:
        """Convert the node for a field of an attrs class; a text for a single value is never a list or a mapping."""
        if not isinstance(node, Leaf):
            return self.convert(node, plan.annotation, path, plan.unit)
        if plan.leaves_alone(node):
            return node.value
        if node.reading == "value" or not plan.single or node.template:
            return self.convert(node, plan.annotation, path, plan.unit)
        try:
            return FAILED if node.reading == "missing" else _single(node, plan.allowed, path, plan.unit)
        except _MismatchError as mismatch:
            return self._mismatched(mismatch, node, plan.annotation, path, plan.unit)

    def _mismatched(self, mismatch: _MismatchError, node: Node, annotation: Any, path: Path_, unit: str) -> _Failed:
        """Note that a node is not what its place wants."""
        if not unsupported(annotation):  # the class that says so is refused
            message = str(mismatch) or f"expected {expected(annotation, unit)}, got {shown(node, path)}"
            hint = mismatch.hint or remedy(node, annotation, unit)
            self.problems.add(node.source, path_of(node, path), message, hint)
        return FAILED

    def unfolded(self, leaf: Leaf, annotation: Any, path: Path_) -> Node:
        """Return the list or mapping that a text means where one is wanted; any other text as it is."""
        try:
            return from_text(leaf, annotation)
        except _MismatchError as mismatch:
            self.problems.add(leaf.source, dotted(path), str(mismatch), mismatch.hint or remedy(leaf, annotation, ""))
            return attrs.evolve(leaf, reading="missing")

    def untyped(self, node: Node, path: Path_) -> Any:
        """Return the node's value as it is; texts that nobody may see become :class:`Secret`."""
        if isinstance(node, Branch):
            found = {key: self.convert(item, Any, (*path, key)) for key, item in node.nodes.items()}
            return {key: value for key, value in found.items() if value is not FAILED}
        if isinstance(node, Items):
            values = [self.convert(item, Any, (*path, number)) for number, item in enumerate(node.nodes)]
            return [value for value in values if value is not FAILED]
        value, hidden = node.value, names_secret(_last_key(path))
        if node.reading == "query" and isinstance(value, str) and not hidden:
            value = query_value(value)
        if isinstance(value, str) and (node.secret or hidden):
            return Secret(value)
        return MaskedText(value) if may_hold_login(value) else value

    def _typed(self, node: Node, annotation: Any, path: Path_, unit: str) -> Any:
        node = from_text(node, annotation)
        if isinstance(node, Branch):
            cls = attrs_class(annotation)
            if cls is not None:
                return self.instance(node, cls, path)
            inner = element(annotation, Mapping)
            if inner is None:
                raise _MismatchError
            found = {key: self.convert(item, inner, (*path, key)) for key, item in node.nodes.items()}
            return {key: value for key, value in found.items() if value is not FAILED}
        if isinstance(node, Items):
            kind = list_kind(annotation)
            if kind is None:
                raise _MismatchError
            inner = element(annotation, LISTS)
            values = [self.convert(item, inner, (*path, number)) for number, item in enumerate(node.nodes)]
            return kind(value for value in values if value is not FAILED)
        return _single(node, members(annotation), path, unit)

    def instance(self, node: Branch, cls: type, path: Path_) -> Any:
        """Return an instance of an attrs class; keys that it does not have are faults."""
        values = self.fields(node, cls, path)
        fields = fields_of(cls)
        for name, (field, _) in fields.items():
            if self.resolved and field.default is attrs.NOTHING and name not in node.nodes:
                misspelt = any(closest(str(key), fields) == name for key in node.nodes if key not in fields)
                if not (node.lost or misspelt):
                    self.problems.add(place_of(node), dotted((*path, name)), "is missing", "add it")
                values[name] = FAILED
        if not self.resolved:
            return FAILED
        unknown = {name for name, value in values.items() if value is FAILED}
        failure: Exception | None = None
        if not unknown:
            try:
                return cls(**values)
            except Exception as error:  # noqa: BLE001 - a validator may raise anything; the traceback holds the values
                failure = error
        known = {name: value for name, value in values.items() if name not in unknown}
        refused = dict(refusals(cls, known, unknown))
        if failure is not None and not refused:
            # Whatever looked at the whole may name a field in quotes, as the validators of attrs do.
            quoted = re.findall(r"'(\w+)'", str(failure.args[0])) if failure.args else []
            refused = {next((name for name in quoted if name in node.nodes), ""): failure}
        for name, reason in refused.items():
            part = (node.get(name) if name else None) or node
            # The validators of attrs tell the value that they looked at; anybody else's may tell anything.
            alone = part is not node and not names_secret(name) and _raised_by_attrs(reason)
            hidden = not reason.args or (_holds_secret(part, fields[name][1]) if alone else _holds_secret(node, cls))
            message = f"is refused by {cls.__name__}" if hidden else f"is refused: {reason.args[0]}"
            self.problems.add(place_of(part), dotted((*path, name) if name else path), message, "correct it")
        return FAILED

    def fields(self, node: Branch, cls: type, path: Path_, ignore: Collection[Hashable] = ()) -> dict[str, Any]:
        """Return the converted fields of an attrs class that the mapping has."""
        fields = _plans(cls)
        values: dict[str, Any] = {}
        for key, item in node.nodes.items():
            if key in ignore:
                continue
            if not isinstance(key, str) or key not in fields:
                hint = did_you_mean(str(key), fields) or f"known are {', '.join(fields)}"
                self.problems.add(key_source(item), dotted((*path, key)), "unknown key", hint)
                continue
            plan, here = fields[key], (*path, key)
            value = self.field(item, plan, here)
            values[key] = value if plan.least is None else self.at_least(plan.least, value, item, here)
        return values

    def at_least(self, least: int, value: Any, node: Node, path: Path_) -> Any:
        """Return a number that is not less than what its field allows."""
        if not isinstance(value, int) or value >= least:
            return value
        self.problems.add(node.source, path_of(node, path), f"is less than {least}", f"write {least} or more")
        return FAILED


def from_text(node: Node, annotation: Any) -> Node:
    """Return what a text from a variable or a reference means where a list or a mapping is wanted."""
    if not isinstance(node, Leaf):
        return node
    if node.reading == "value":
        # A text first: it takes long to learn that one is no Mapping.
        holds = not isinstance(node.value, (str, int)) and isinstance(node.value, (list, tuple, Mapping))
        return node_of(node.value, node.source, template=True) if holds else node
    if node.reading != "text" or not isinstance(node.value, str) or not holds_others(annotation):
        return node
    text = node.value.strip()
    if text.count(",") >= MAX_NODES:
        raise _MismatchError(f"has more than {MAX_NODES:,} values", "shorten it")
    wants_list, wants_mapping = list_kind(annotation), element(annotation, Mapping) or attrs_class(annotation)
    if (wants_list and text.startswith("[")) or (wants_mapping and text.startswith("{")):
        try:
            return _from_json(json.loads(text), node)
        except (ValueError, RecursionError):
            raise _MismatchError(f"expected {expected(annotation)}, got a text that is not JSON") from None
    if wants_list and str not in members(annotation):
        parts = [part.strip() for part in text.split(",")] if text else []
        return Items(tuple(attrs.evolve(node, value=part) for part in parts), node.source, node.key)
    return node


def _from_json(value: Any, leaf: Leaf, depth: int = 0) -> Node:
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        return Branch({key: _from_json(item, leaf, depth + 1) for key, item in value.items()}, leaf.source, leaf.key)
    if isinstance(value, list):
        return Items(tuple(_from_json(item, leaf, depth + 1) for item in value), leaf.source, leaf.key)
    return attrs.evolve(leaf, value=value, reading="value")


def _single(node: Leaf, allowed: tuple[Any, ...], path: Path_, unit: str) -> Any:
    """Return a single value as the first of the allowed types that fits."""
    value = node.value
    if value is None:
        if type(None) in allowed:
            return None
        raise _MismatchError
    if unit:
        return _seconds(node, fractions=float in allowed)
    is_text = isinstance(value, str) and node.reading in {"text", "query"}
    for kind in allowed:
        if kind in _LAST:
            continue
        for choice, found in choices(kind):
            if choice == value if type(choice) is type(value) else is_text and str(choice) == value:
                return found
        found = parsed(value, kind) if is_text else native(value, kind)
        if found is not None:
            return MaskedUrl(found) if kind is Url and (node.secret or may_hold_login(found)) else found
    return _text(node, allowed, path, is_text=is_text)


def _text(node: Leaf, allowed: tuple[Any, ...], path: Path_, *, is_text: bool) -> Any:
    """Return a single value as one of the types that take whatever text there is."""
    value = node.value
    if is_text and value.strip().lower() in NULL and type(None) in allowed and _TEXTS.isdisjoint(allowed):
        return None
    if str in allowed and (isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))):
        named = names_secret(_last_key(path)) and path[0] != "routing"  # a rule is no name of a secret
        if not node.secret and not named and not may_hold_login(value):
            return str(value)
        return Secret(str(value)) if Secret in allowed else MaskedText(value)
    if Secret in allowed and isinstance(value, (str, int)) and not isinstance(value, bool):
        return Secret(str(value))
    if isinstance(value, Secret) and Secret in allowed:
        return value
    if Path in allowed and isinstance(value, str | Path):
        return node.source.folder / value if node.source.folder else Path(value)
    raise _MismatchError


def _seconds(node: Leaf, *, fractions: bool) -> float | None:
    value: Any = node.value
    if isinstance(value, str):
        text = value.strip()
        if node.reading != "value" and text.lower() in NULL:
            return None
        value = seconds(text)
        if value is None and fractions and node.reading != "value":
            value = parsed(text, float)
    number = native(value, float) if fractions and isinstance(value, float) else native(value, int)
    if number is None or not 0 <= number < float("inf"):
        raise _MismatchError
    found: float = number
    return found


def _last_key(path: Path_) -> Hashable:
    """Return the last key on a path; numbers are positions in a list."""
    for part in reversed(path):
        if not isinstance(part, int):
            return part
    return ""


def _raised_by_attrs(error: BaseException) -> bool:
    """Tell whether one of the validators that attrs brings along raised an exception itself."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "attr.validators"


def _holds_secret(node: Node, annotation: Any) -> bool:
    if isinstance(node, Leaf):
        return node.secret or wants_secret(annotation) or may_hold_login(node.value)
    if isinstance(node, Items):
        return any(_holds_secret(item, element(annotation, LISTS)) for item in node.nodes)
    return any(_holds_secret(item, below(annotation, key)) or names_secret(key) for key, item in node.nodes.items())
