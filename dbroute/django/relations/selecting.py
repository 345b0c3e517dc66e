"""
``select_related()`` into another database: one more query where Django would JOIN.

Django compiles the query without what crosses. As its rows arrive, the rows that they point at are fetched by their
keys, with whatever was asked for behind them, and put where a JOIN would have put them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import islice
from typing import Any

import attrs
from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.models import Field, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.sql.query import Query

from .homes import is_crossing

Call = Callable[..., Any]
Wanted = dict[str, Any] | bool
"""What Django has in ``query.select_related``: names within names, or true for everything that is not nullable."""

MAX_KEYS = 30_000
"""Keys in one query, where the database does not take fewer."""


@attrs.frozen
class Step:
    """
    One place where ``select_related()`` leaves the database.

    Attributes:
        path: The relations that lead there from the rows of the query, all within the database.
        field: The relation that crosses: a foreign key, or what Django puts at the other end of a one-to-one field.
        wanted: What was asked for behind it.
        depth: How much further everything that is not nullable is followed.
    """

    path: tuple[Any, ...]
    field: Any
    wanted: Wanted
    depth: int

    @property
    def name(self) -> str:
        """The names up to here, as a lookup has them."""
        return LOOKUP_SEP.join(one.name for one in (*self.path, self.field))

    @property
    def near(self) -> Field[Any, Any]:
        """The field on this side that holds the keys."""
        found: Field[Any, Any] = self.field if self.field.concrete else self.field.field.target_field
        return found

    @property
    def far(self) -> Field[Any, Any]:
        """The field on the other side whose values they are."""
        found: Field[Any, Any] = self.field.target_field if self.field.concrete else self.field.field
        return found


# The replacements. Each takes Django's own.


def select_related_descend(original: Call) -> Call:
    """Let the compiler JOIN no relation that crosses."""

    @wraps(original)
    def select_related_descend(field: Any, restricted: Any, requested: Any, select_mask: Any) -> bool:
        return bool(original(field, restricted, requested, select_mask)) and not is_crossing(field)

    return select_related_descend


def get_related_selections(original: Call) -> Call:
    """Take the one-to-one relations that cross backwards off the list, which the compiler would not find."""

    @wraps(original)
    def get_related_selections(
        self: Any,
        select: Any,
        select_mask: Any,
        opts: Any = None,
        root_alias: Any = None,
        cur_depth: int = 1,
        requested: Any = None,
        restricted: Any = None,
    ) -> Any:
        meta = opts or self.query.get_meta()
        if requested is None and isinstance(self.query.select_related, dict):
            requested, restricted = self.query.select_related, True
        if requested:
            crossing = {one.name for one in meta.related_objects if one.name in requested and is_crossing(one)}
            requested = {name: behind for name, behind in requested.items() if name not in crossing}
        if opts is None:
            opts, root_alias = meta, self.query.get_initial_alias()
        return original(self, select, select_mask, opts, root_alias, cur_depth, requested, restricted)

    return get_related_selections


def iterate(original: Call) -> Call:
    """Fetch what crosses as the rows arrive."""

    @wraps(original)
    def __iter__(self: Any) -> Iterator[Any]:  # noqa: N807 - it stands in for one
        query = self.queryset.query
        if query.select_related:
            found = list(steps(query.model, query.select_related, query.max_depth))
            if found:
                return _followed(original, self, found)
        return iter(original(self))

    return __iter__


# Where to go


def steps(model: type[Model], wanted: Wanted, depth: int, path: tuple[Any, ...] = ()) -> Iterator[Step]:
    """Yield the places where a query leaves the database; unknown names are left to Django, which says so."""
    if isinstance(wanted, dict):
        named = ((_relation(model, name), behind, depth) for name, behind in wanted.items())
    elif depth > 0:
        named = ((one, True, depth - 1) for one in model._meta.fields if one.remote_field and not one.null)
    else:
        return
    for field, behind, left in named:
        if field is None or getattr(field.remote_field, "parent_link", False):
            continue
        if is_crossing(field):
            yield Step(path, field, behind, left)
        elif behind:
            yield from steps(field.related_model, behind, left, (*path, field))


def _relation(model: type[Model], name: str) -> Any:
    """Return the field, or the other end of one, if ``select_related()`` can follow it."""
    try:
        field: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None  # unknown, or a FilteredRelation
    is_single = field.name == name and (field.many_to_one or field.one_to_one)
    return field if is_single and field.remote_field and field.related_model else None


# Going there


def _followed(original: Call, iterable: Any, found: list[Step]) -> Iterator[Any]:
    """Yield the rows of a query, with what crosses in its place."""
    iterable.queryset = queryset = _with_keys(iterable.queryset, found)
    rows = iter(original(iterable))
    chunk = iterable.chunk_size if iterable.chunked_fetch else None
    for step in found:
        if step.wanted:
            # A wrong name behind it has to be found also where no row is.
            behind = _behind(queryset, step)
            behind.query.get_compiler(using=behind.db).pre_sql_setup()
    while batch := list(islice(rows, chunk)):
        for step in found:
            _attach(queryset, batch, step)
        yield from batch


def _with_keys(queryset: Any, found: list[Step]) -> Any:
    """Return a query that reads the columns by which the other rows are found, and knows none of those beforehand."""
    queryset = queryset._chain()
    first = {step.field.name for step in found if not step.path}
    queryset._known_related_objects = {
        field: objects for field, objects in queryset._known_related_objects.items() if field.name not in first
    }
    names, deferred = queryset.query.deferred_loading
    by_name = isinstance(queryset.query.select_related, dict)
    for step in found:
        if step.field.concrete and by_name:
            continue  # Django refuses the key to be deferred, and says so
        prefix = LOOKUP_SEP.join(one.name for one in step.path)
        keys = {LOOKUP_SEP.join(filter(None, [prefix, name])) for name in (step.near.name, step.near.attname)}
        if deferred:
            names = names - keys
        elif any(name.startswith(f"{prefix}{LOOKUP_SEP}" if prefix else "") for name in names):
            names = names | {min(keys, key=len)}
    queryset.query.deferred_loading = names, deferred
    return queryset


def _attach(queryset: QuerySet[Any], rows: list[Any], step: Step) -> None:
    """Fetch what rows point at, and put it where a JOIN would have put it."""
    for field in step.path:
        rows = [one for row in rows if (one := field.get_cached_value(row, default=None)) is not None]
    near, far = step.near.attname, step.far.attname
    keys = {key for row in rows if (key := getattr(row, near)) is not None}
    found = {getattr(one, far): one for one in _fetch(_behind(queryset, step), step.far.name, keys)}
    forward, backward = step.field.set_cached_value, step.field.remote_field.set_cached_value
    points_back = step.far.unique if not step.field.concrete else step.field.unique
    for row in rows:
        one = found.get(getattr(row, near))
        forward(row, one)
        if one is not None and points_back:
            backward(one, row)


def _fetch(queryset: QuerySet[Any], name: str, keys: Iterable[Any]) -> Iterator[Any]:
    """Yield the rows that have a key, in as few queries as the database takes parameters for."""
    waiting = iter(keys)
    while some := list(islice(waiting, max_keys(queryset.db))):
        yield from queryset.filter(**{f"{name}__in": some})


def max_keys(alias: str) -> int:
    """Return how many keys a query on a database may have."""
    connection = connections[alias]
    if connection.vendor == "sqlite":
        import sqlite3

        connection.ensure_connection()
        limit: int = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        return min(limit, MAX_KEYS)
    return min(connection.features.max_query_params or MAX_KEYS, MAX_KEYS)


def _behind(queryset: Any, step: Step) -> QuerySet[Any]:
    """Return the query for the rows behind a step: no manager has a say in it, as in a JOIN."""
    behind: Any = QuerySet(step.field.related_model)
    query: Query = behind.query
    if isinstance(step.wanted, dict):
        query.select_related = step.wanted or False
    else:
        query.select_related, query.max_depth = step.depth > 0, step.depth
    if hasattr(queryset, "_fetch_mode"):  # Django 6.1
        behind._fetch_mode = queryset._fetch_mode
    query.deferred_loading = _mask(queryset.query, step)
    return behind.order_by()  # type: ignore[no-any-return]


def _mask(query: Query, step: Step) -> tuple[Any, bool]:
    """Return what ``only()`` and ``defer()`` say of the rows behind a step; their key is always read."""
    names, deferred = query.deferred_loading
    prefix = f"{step.name}{LOOKUP_SEP}"
    inner = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
    keys = {step.far.name, step.far.attname}
    if deferred:
        return frozenset(inner - keys), True
    return (frozenset(inner | {step.far.name}), False) if inner else (frozenset(), True)
