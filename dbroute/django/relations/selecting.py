"""
``select_related()`` into another database: one more query where Django would JOIN.

Django is given a query without what crosses. As its rows arrive, the rows that they point at are fetched by their
keys, with whatever was asked for behind them, and put where a JOIN would have put them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import islice
from types import FunctionType
from typing import Any

import attrs
from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import connections
from django.db.models import Field, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.query import ModelIterable
from django.db.models.sql.query import Query

from dbroute.exceptions import CrossDatabaseJoinError

from ..routes import project_table
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


class _Reaching(dict[type[Model], bool]):
    """Whether ``select_related()`` can lead from a model into another database; a look-up, for every queryset asks."""

    def __missing__(self, model: type[Model]) -> bool:
        seen = [model]
        for one in seen:
            for relation in _single_relations(one):
                if is_crossing(relation):
                    self[model] = True
                    return True
                if relation.related_model not in seen:
                    seen.append(relation.related_model)
        self[model] = False
        return False


reaching = _Reaching()


class Following(ModelIterable):  # type: ignore[type-arg]
    """Yields the rows of a query as Django does, with what crosses in its place."""

    def __iter__(self) -> Iterator[Any]:
        query: Any = self.queryset.query
        found = list(steps(query.model, query.select_related, query.max_depth)) if query.select_related else []
        if not found and not query.combined_queries:
            return iter(super().__iter__())
        return self._followed(found)

    def _followed(self, found: list[Step]) -> Iterator[Any]:
        given: Any = self.queryset
        self.queryset = queryset = given._chain()
        first = {step.field.name for step in found if not step.path}
        queryset._known_related_objects = {
            field: objects for field, objects in queryset._known_related_objects.items() if field.name not in first
        }
        queryset.query = within(queryset.query)
        rows = iter(super().__iter__())
        chunk = self.chunk_size if self.chunked_fetch else None
        for step in found:
            if step.wanted:
                # A wrong name behind it has to be found also where no row is.
                within(_behind(queryset, step).query).get_compiler(using=_behind(queryset, step).db).pre_sql_setup()
        while batch := list(islice(rows, chunk)):
            for step in found:
                _attach(queryset, batch, step)
            yield from batch


# The replacements. Each takes Django's own.


def select_related(original: Call) -> Call:
    """Have the rows of a queryset followed, if they can lead into another database at all."""
    leads, plain, following = reaching, ModelIterable, Following

    def select_related(self: Any, *fields: Any) -> Any:
        rows = original(self, *fields)
        if leads[rows.model] and rows._iterable_class is plain:
            rows._iterable_class = following
        return rows

    # Django 6.1 warns whoever calls it without names. It looks for the first caller that is not a module of its own:
    # that has to be the project's code and not this, so this is said to be where the original is.
    there = {"__name__": original.__module__}
    named = FunctionType(select_related.__code__, there, closure=select_related.__closure__)
    return wraps(original)(named)


def as_sent(original: Call) -> Call:
    """Explain a query, or show it as text, as it will be sent: without what is fetched by another one."""

    @wraps(original)
    def of_query(self: Query, *args: Any, **options: Any) -> Any:
        return original(within(self) if self.select_related else self, *args, **options)

    return of_query


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


def _single_relations(model: type[Model]) -> Iterator[Any]:
    """Yield what ``select_related()`` can follow: keys, and what Django puts at the other end of one-to-one fields."""
    meta: Any = model._meta
    for field in (*meta.fields, *meta.related_objects):
        if (field.many_to_one or field.one_to_one) and field.remote_field and isinstance(field.related_model, type):
            yield field


def _relation(model: type[Model], name: str) -> Any:
    """Return the field, or the other end of one, if ``select_related()`` can follow it."""
    try:
        field: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        return None  # unknown, or a FilteredRelation
    is_single = field.name == name and (field.many_to_one or field.one_to_one)
    return field if is_single and field.remote_field and field.related_model else None


def within(query: Any) -> Any:
    """
    Return a query that follows nothing into another database, and reads the columns by which the other rows are found.

    Raises:
        FieldError: Such a column is deferred by name; Django raises the same over a JOIN.
    """
    combined = tuple(within(part) for part in query.combined_queries)
    found = list(steps(query.model, query.select_related, query.max_depth)) if query.select_related else []
    if not found and combined == query.combined_queries:
        return query
    wanted, query = query.select_related, query.clone()
    query.combined_queries = combined
    if not found:
        return query
    query.select_related = _local(query.model, wanted, query.max_depth) or False
    for step in found:
        _refuse_lock(query, step)
        _load(query, step.path, step.near, named=isinstance(wanted, dict) and step.field.concrete)
    if wanted is True:
        # Django JOINs along keys that are deferred as long as they were not asked for by name; here they have names.
        for path in _paths(query.select_related, query.model):
            _load(query, path[:-1], path[-1])
    return query


def _local(model: type[Model], wanted: Wanted, depth: int) -> dict[str, Any]:
    """Return what was asked for within the database, by name."""
    local: dict[str, Any] = {}
    if isinstance(wanted, dict):
        for name, behind in wanted.items():
            field = _relation(model, name)
            if field is None:
                local[name] = behind
            elif not is_crossing(field):
                local[name] = _local(field.related_model, behind, depth)
    elif depth > 0:
        fields: Any = model._meta.fields
        for field in fields:
            if field.remote_field and not field.null and not field.remote_field.parent_link and not is_crossing(field):
                local[field.name] = _local(field.related_model, True, depth - 1)
    return local


def _paths(local: Any, model: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for name, behind in (local or {}).items():
        field = model._meta.get_field(name)
        yield (*path, field)
        yield from _paths(behind, field.related_model, (*path, field))


def _load(query: Query, path: tuple[Any, ...], near: Any, *, named: bool = False) -> None:
    """Have a column read whatever ``only()`` and ``defer()`` say, except where it was deferred by name."""
    names, deferred = query.deferred_loading
    prefix = "".join(f"{one.name}{LOOKUP_SEP}" for one in path)
    keys = {f"{prefix}{name}" for name in (near.name, near.attname)}
    level = {name.removeprefix(prefix).partition(LOOKUP_SEP)[0] for name in names if name.startswith(prefix)}
    is_missing = bool(names & keys) if deferred else bool(level) and not level & {near.name, near.attname}
    if not is_missing or (near.primary_key and not deferred):
        return
    if named:
        raise FieldError(
            f"Field {near.model._meta.object_name}.{near.name} cannot be both deferred and traversed using "
            "select_related at the same time."
        )
    query.deferred_loading = names - keys if deferred else names | {f"{prefix}{near.name}"}, deferred


def _refuse_lock(query: Any, step: Step) -> None:
    """Refuse to lock rows of another database together with these."""
    for name in query.select_for_update_of:
        if name == step.name or name.startswith(f"{step.name}{LOOKUP_SEP}"):
            table, far = project_table(), step.field.related_model
            raise CrossDatabaseJoinError(
                query.model._meta.label, table.home(query.model), far._meta.label, table.home(far), name
            )


# Going there


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
    if query.select_related:
        behind._iterable_class = Following
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
