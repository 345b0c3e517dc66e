"""
Refuses a JOIN, a subquery or a union over two databases before its SQL exists, and says what works instead.

For JOINs no code of Django is replaced, so that no other query pays: each relation that crosses gets a condition of its
own for the JOINs along it, and that condition refuses to be compiled. What Django trims away again is never compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial, wraps
from typing import Any

from django.apps import apps
from django.db.models import ForeignObject
from django.db.models.expressions import Col, Expression

from dbroute.exceptions import CrossDatabaseJoinError

from ..routes import project_table
from .homes import is_crossing, is_elsewhere

Call = Callable[..., Any]

_HOOK = "get_extra_restriction"


def install() -> None:
    """Let the relations that cross refuse to be JOINed along; doing it again changes nothing."""
    for field in _crossing_fields():
        vars(field)[_HOOK] = partial(Refusal, field)


def uninstall() -> None:
    """Let every JOIN be made again."""
    for field in _crossing_fields():
        vars(field).pop(_HOOK, None)


class Refusal(Expression):
    """
    The condition that Django asks a relation for, to put it into the ON of a JOIN; this one cannot be compiled.

    Args:
        relation: The foreign key along which the tables would be joined.
        alias: One of them, by its name in the query.
        related_alias: The other one; there may be one only.
    """

    conditional = True

    def __init__(self, relation: Any, alias: str | None, related_alias: str | None) -> None:
        super().__init__()
        self.relation, self.tables = relation, (alias, related_alias)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        """
        Refuse, or do no harm where somebody put both tables onto a database that is nobody's home.

        Raises:
            CrossDatabaseJoinError: The tables are on two databases.
        """
        if is_elsewhere(connection.alias):
            return "1 = 1", ()
        raise self._error(compiler.query)

    def _error(self, query: Any) -> CrossDatabaseJoinError:
        table = project_table()
        ends = (self.relation.model, self.relation.related_model)
        is_backward = table.home(query.model) == table.home(ends[1])
        near, far = ends[::-1] if is_backward else ends
        joined = next((one for one in reversed(list(query.alias_map)) if one in self.tables), None)
        lookup = _lookup(query, joined) if joined is not None else ""
        if not lookup and is_backward:
            lookup = _trimmed(query, self.relation)
        if near._meta.auto_created:  # a many-to-many table that Django made
            near = near._meta.auto_created if table.home(near._meta.auto_created) != table.home(far) else near
        far = far._meta.auto_created or far
        return CrossDatabaseJoinError(
            near._meta.label, table.home(near), far._meta.label, table.home(far), lookup or _name(self.relation)
        )


# The replacements. Each takes Django's own, and is asked only where a query stands in another one.


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
    homes = project_table().homes
    return homes[inner.model] != homes[outer.model] and not is_elsewhere(alias)


def refused(inner: Any, outer: Any, kind: str = "subquery") -> CrossDatabaseJoinError:
    """Return the error for a query inside another."""
    home = project_table().home
    near, far = outer.model, inner.model
    return CrossDatabaseJoinError(near._meta.label, home(near), far._meta.label, home(far), "", kind=kind)


def _crossing_fields() -> Iterator[Any]:
    for model in apps.get_models(include_auto_created=True):
        for field in (*model._meta.local_fields, *model._meta.private_fields):
            if isinstance(field, ForeignObject) and is_crossing(field):
                yield field


def _lookup(query: Any, alias: str) -> str:
    """Return the lookup that needs a table, as far as it can be told: with the first column that is read there."""
    path = _path(query, alias)
    if not path:
        return ""
    words = "__".join(filter(None, path))
    for name in query.order_by:
        if words and isinstance(name, str) and name.lstrip("-").startswith(words):
            return name.lstrip("-")
    for column in _columns([query.where, *query.annotations.values(), *query.select]):
        names = _path(query, column.alias)
        if names[: len(path)] == path:
            return "__".join([*filter(None, names), column.target.name])
    return words


def _trimmed(query: Any, relation: Any) -> str:
    """Return the lookup behind an exclude(): Django took away the table that it began with, and what led from it."""
    table = relation.model._meta.db_table
    aliases = {alias for alias, join in query.alias_map.items() if join.table_name == table}
    columns = (one.target for one in _columns([query.where]) if one.alias in aliases and one.target is not relation)
    column = next(columns, None)
    name = relation.remote_field.name
    return name if column is None else f"{name}__{column.name}"


def _path(query: Any, alias: str | None) -> list[str]:
    """Return the names of the relations from the first table to another; some have none."""
    names: list[str] = []
    while alias is not None:
        join = query.alias_map.get(alias)
        field = getattr(join, "join_field", None)
        if field is not None:
            names.insert(0, _name(field))
        alias = getattr(join, "parent_alias", None)
    return names


def _name(field: Any) -> str:
    """Return the name of a relation in lookups: a many-to-many table that Django made has none, its way out has."""
    if getattr(field.related_model._meta, "auto_created", False):
        return ""
    owner = field.model._meta.auto_created
    if not owner:
        return str(field.field.name if field.name == "+" else field.name)  # a GenericRelation has no other name
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
