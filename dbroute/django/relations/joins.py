"""Refuses a JOIN, a subquery or a union over two databases before its SQL exists, and says what works instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.db.models.expressions import Col
from django.db.models.sql.query import Query

from dbroute.exceptions import CrossDatabaseJoinError

from ..routes import project_table
from .homes import homes_of_table, is_elsewhere

Call = Callable[..., Any]


# The replacements. Each takes Django's own.


def get_from_clause(original: Call) -> Call:
    """Refuse a JOIN; reference counts are final here, so that a table which was trimmed away does not count."""

    @wraps(original)
    def get_from_clause(self: Any) -> Any:
        if len(self.query.alias_map) > 1:
            _refuse_join(self)
        return original(self)

    return get_from_clause


def as_sql(original: Call) -> Call:
    """Refuse a subquery."""

    @wraps(original)
    def as_sql(self: Query, compiler: Any, connection: Any) -> Any:
        outer = getattr(compiler, "query", None)
        if outer is not None and are_apart(self, outer, connection.alias):
            raise refused(self, outer)
        return original(self, compiler, connection)

    return as_sql


def get_combinator_sql(original: Call) -> Call:
    """Refuse a union, an intersection or a difference."""

    @wraps(original)
    def get_combinator_sql(self: Any, combinator: str, all: bool) -> Any:  # noqa: A002 - Django's name
        for part in self.query.combined_queries:
            if are_apart(part, self.query, self.connection.alias):
                raise refused(part, self.query, combinator)
        return original(self, combinator, all)

    return get_combinator_sql


# What they ask


def are_apart(inner: Any, outer: Any, alias: str | None) -> bool:
    """Say whether a query reads tables that are not where the query around it is sent."""
    if inner.model is None or outer.model is None:
        return False
    home = project_table().homes[outer.model]
    if home is None:
        return False
    return home not in homes_read(inner) and not is_elsewhere(alias)


def homes_read(query: Any) -> frozenset[str]:
    """
    Return where the first table of a query is.

    That is not always the table of its model: of the subquery that an exclude() is turned into, Django takes away the
    table that it would begin with.
    """
    base = query.base_table
    found = homes_of_table(query.alias_map[base].table_name) if base else frozenset()
    return found or frozenset({project_table().home(query.model)})


def refused(inner: Any, outer: Any, kind: str = "subquery") -> CrossDatabaseJoinError:
    """Return the error for a query inside another."""
    table = project_table()
    far = min(homes_read(inner))
    model = inner.model
    if table.home(model) != far:  # the table that Django began with was taken away
        model = next(iter(_models_of(inner.alias_map[inner.base_table].table_name)), model)
    return CrossDatabaseJoinError(
        outer.model._meta.label, table.home(outer.model), model._meta.label, far, "", kind=kind
    )


def _models_of(name: str) -> Iterator[Any]:
    from django.apps import apps

    return (model for model in apps.get_models(include_auto_created=True) if model._meta.db_table == name)


def _refuse_join(compiler: Any) -> None:
    query = compiler.query
    home = project_table().homes[query.model] if query.model is not None else None
    if home is None:
        return
    for alias, join in query.alias_map.items():
        homes = homes_of_table(join.table_name)
        if query.alias_refcount[alias] and homes and home not in homes:
            if is_elsewhere(compiler.using or compiler.connection.alias):
                return
            raise _error(query, alias, home, min(homes))


def _error(query: Any, alias: str, home: str, far: str) -> CrossDatabaseJoinError:
    model = next(_models_of(query.alias_map[alias].table_name))
    near = query.model
    parent = getattr(query.alias_map[alias], "join_field", None)
    if parent is not None and parent.model._meta.auto_created is False:
        near = parent.model
    return CrossDatabaseJoinError(near._meta.label, home, model._meta.label, far, _lookup(query, alias))


def _lookup(query: Any, alias: str) -> str:
    """Return the lookup that needs a table, as far as it can be told: with the first column that is read there."""
    path = _path(query, alias)
    words = "__".join(path)
    for name in query.order_by:
        if isinstance(name, str) and name.lstrip("-").startswith(words):
            return name.lstrip("-")
    for column in _columns([query.where, *query.annotations.values(), *query.select]):
        names = _path(query, column.alias)
        if names[: len(path)] == path:
            return "__".join([*names, column.target.name])
    return words


def _path(query: Any, alias: str | None) -> list[str]:
    """Return the names of the relations from the first table to another."""
    names: list[str] = []
    while alias is not None:
        join = query.alias_map.get(alias)
        field = getattr(join, "join_field", None)
        if field is not None:
            names.insert(0, _name(field))
        alias = getattr(join, "parent_alias", None)
    return [name for name in names if name]


def _name(field: Any) -> str:
    """Return the name of a relation in lookups: a many-to-many table that Django made has none, its way out has."""
    if getattr(field.related_model._meta, "auto_created", False):
        return ""
    owner = field.model._meta.auto_created
    if not owner:
        return str(field.name)
    made = next(one for one in owner._meta.local_many_to_many if one.remote_field.through is field.model)
    return str(made.name if field.name == made.m2m_reverse_field_name() else made.related_query_name())


def _columns(expressions: list[Any]) -> Iterator[Col]:
    for one in expressions:
        if isinstance(one, Col):
            yield one
        elif hasattr(one, "children"):
            yield from _columns(one.children)
        elif hasattr(one, "get_source_expressions"):
            yield from _columns(one.get_source_expressions())
