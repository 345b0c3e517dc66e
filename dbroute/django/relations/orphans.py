"""
Finds references whose target row is gone, and mends them.

Both ends are read in batches, each from its own database, and compared here: no two databases have to agree on
anything but the values themselves. Numbers and UUIDs are walked in the order of the key, so that a batch is a short
range on the other side; keys that a collation has a say in are walked row by row, and the side that is pointed at
decides what it calls equal.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import attrs
from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import CompositePrimaryKey, Model, QuerySet

from ..routes import project_table
from .references import Key, Reference, Target

SIZE = 10_000
"""Keys or rows of a batch."""

_DENSE = 8
"""How many keys of the other side are read for each one asked for, before asking for each is cheaper."""

_AT_ONCE = 1000
"""Values of one IN list; backends that take fewer parameters get fewer."""


@attrs.frozen
class Batch:
    """
    What one step found.

    Attributes:
        upto: The key, or the primary key of the row, at which the step ended; the next one begins behind it.
        looked_at: Different keys that were looked at.
        missing: Those of them that lead nowhere, as people read them.
        rows: Querysets of the rows that hold them.
    """

    upto: Any
    looked_at: int
    missing: Sequence[str] = ()
    rows: Sequence[QuerySet[Any]] = ()


def scan(reference: Reference, after: Any = None, size: int = SIZE) -> Iterator[Batch]:
    """
    Walk all rows that refer, and yield a :class:`Batch` for each step.

    Args:
        reference: What is walked.
        after: ``Batch.upto`` of the step to go on from; ``None`` begins.
        size: Keys or rows of a step.
    """
    return _by_key(reference, after, size) if _is_walked_by_key(reference) else _by_row(reference, after, size)


def place(upto: Any) -> str:
    """Return ``Batch.upto`` as a text that :func:`place_from` reads."""
    return json.dumps([str(part) for part in upto]) if isinstance(upto, tuple) else str(upto)


def place_from(text: str, reference: Reference) -> Any:
    """
    Return what :func:`scan` takes as ``after``.

    Raises:
        ValidationError: The text is no key of that reference.
    """
    field: Any = _walked_field(reference)
    if not isinstance(field, CompositePrimaryKey):
        return field.to_python(text)
    try:
        parts = json.loads(text)
        fields: Any = field.fields
        return tuple(one.to_python(part) for one, part in zip(fields, parts, strict=True))
    except (ValueError, TypeError) as error:
        raise ValidationError(f"'{text}' is no list of the key's parts.") from error


def _walked_field(reference: Reference) -> Any:
    return reference.target.field if _is_walked_by_key(reference) else reference.model._meta.pk


def bounds(reference: Reference) -> tuple[int, int] | None:
    """Return the least and the greatest value that ``Batch.upto`` can have, for a progress bar; numbers only."""
    if not Target(reference.model, _walked_field(reference)).is_number:
        return None
    name = reference.columns[0] if _is_walked_by_key(reference) else "pk"
    keys = _rows(reference).order_by(name).values_list(name, flat=True)
    first, last = keys.first(), keys.last()
    return None if first is None or last is None else (first, last)


def set_null(rows: QuerySet[Any], reference: Reference) -> int:
    """Take the reference out of the rows; return how many there were."""
    names = (reference.field.ct_field, reference.field.fk_field) if reference.is_generic else (reference.field.name,)
    return rows.update(**dict.fromkeys(names))


def delete(rows: QuerySet[Any]) -> Counter[str]:
    """
    Delete the rows, and what hangs on them, as ``QuerySet.delete()`` does; return how many of each model.

    A missing row may have had a million that refer to it, so they are not all fetched at once.
    """
    deleted: Counter[str] = Counter()
    while pks := list(rows.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        for some in _chunks(pks, rows.db):
            deleted.update(QuerySet(rows.model, using=rows.db).filter(pk__in=some).delete()[1])
        if not deleted[rows.model._meta.label]:
            break  # a trigger keeps them; asking again would not end
    return deleted


def _is_walked_by_key(reference: Reference) -> bool:
    """Without an index each step would sort the whole table; with a collation `a` and `A` could be one step's end."""
    if reference.is_generic or reference.target.is_text:
        return False
    field = reference.field
    return bool(field.db_index or field.unique)


def _by_key(reference: Reference, after: Any, size: int) -> Iterator[Batch]:
    name = reference.columns[0]
    rows = _rows(reference)
    distinct = rows.order_by(name).values_list(name, flat=True).distinct()
    while keys := list((distinct if after is None else distinct.filter(**{f"{name}__gt": after}))[:size]):
        after = keys[-1]
        missing = _missing(set(keys), reference.target)
        found = [rows.filter(**{f"{name}__in": some}) for some in _chunks(sorted(missing), reference.alias)]
        yield Batch(after, len(keys), _shown(missing), found)


def _by_row(reference: Reference, after: Any, size: int) -> Iterator[Batch]:
    rows = _rows(reference)
    columns = rows.order_by("pk").values_list("pk", *reference.columns)
    while some := list((columns if after is None else columns.filter(pk__gt=after))[:size]):
        after = some[-1][0]
        keys: dict[Target | None, dict[Key, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for pk, *values in some:
            target, key = _pointed_at(reference, *values)
            keys[target][key].append(pk)
        looked_at, shown, pks = 0, [], []
        for target, holders in keys.items():
            looked_at += len(holders)
            missing = _missing(set(holders), target) if target is not None else set()
            shown += _shown(missing, prefix=f"{target.model._meta.label} " if reference.is_generic and target else "")
            pks += [pk for key in missing for pk in holders[key]]
        found = [rows.filter(pk__in=part) for part in _chunks(sorted(pks), reference.alias)]
        yield Batch(after, looked_at, shown, found)


def _rows(reference: Reference) -> QuerySet[Any]:
    """Return all rows that refer to something; a manager of the model's own may hide some."""
    filled = {f"{column}__isnull": False for column in reference.columns}
    return QuerySet(reference.model, using=reference.alias).filter(**filled)


def _pointed_at(reference: Reference, *values: Any) -> tuple[Target | None, Key]:
    """Return the target and the key in its type; no target where the installed models do not tell it."""
    if not reference.is_generic:
        return reference.target, values[0]
    content_type_id, key = values
    model = _model_of(content_type_id)
    if model is None:
        return None, key
    target = Target(model, model._meta.pk)
    try:
        return target, model._meta.pk.to_python(key)
    except ValidationError:
        return target, _Impossible(key)


class _Impossible(str):
    """A key that no row of the target can have: not of its type."""

    __slots__ = ()


def _model_of(content_type_id: Any) -> type[Model] | None:
    from django.contrib.contenttypes.models import ContentType

    manager = ContentType.objects.db_manager(project_table().home(ContentType))
    try:
        return manager.get_for_id(content_type_id).model_class()
    except ContentType.DoesNotExist:
        return None  # the key that points at the content type is a reference of its own


def _missing(keys: set[Key], target: Target) -> set[Key]:
    """Return the keys that no row of the target has."""
    impossible = {key for key in keys if isinstance(key, _Impossible)}
    possible = keys - impossible
    missing = possible - _found(possible, target)
    if target.is_text and missing and _found(missing, target):
        # Something was found for keys that none is equal to in Python: a collation is at work. It is right.
        missing = {key for key in missing if not _found({key}, target)}
    return missing | impossible


def _found(keys: set[Key], target: Target) -> set[Key]:
    name = target.field.attname
    there: QuerySet[Any, Any] = QuerySet(target.model, using=target.alias).order_by().values_list(name, flat=True)
    if target.is_number and len(keys) > 1:
        first, last = min(keys), max(keys)
        if last - first < _DENSE * len(keys):
            return set(there.filter(**{f"{name}__gte": first, f"{name}__lte": last}))  # a key of a key has no range
    return {key for some in _chunks(list(keys), target.alias) for key in there.filter(**{f"{name}__in": some})}


def _chunks(values: Sequence[Any], alias: str) -> Iterator[Sequence[Any]]:
    most = min(_AT_ONCE, connections[alias].features.max_query_params or _AT_ONCE)
    return (values[start : start + most] for start in range(0, len(values), most))


def _shown(keys: Iterable[Key], prefix: str = "") -> list[str]:
    return [f"{prefix}{key}" for key in sorted(keys, key=str)]
