"""
Lookups into another database, answered in two steps where that was asked for: first the keys there, then the rows here.

A condition that crosses is rewritten, as it is added to a query, into ``…__in=`` a query on the other side. That one is
run when the query around it is compiled, and its keys are put in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import attrs
from django.core.exceptions import EmptyResultSet, FieldDoesNotExist
from django.db import router
from django.db.models import ForeignKey, ManyToManyField, Model, Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.db.models.fields.reverse_related import ManyToManyRel, ManyToOneRel
from django.db.models.lookups import In
from django.db.models.sql.query import Query

from dbroute.exceptions import CrossDatabaseJoinError, CrossDatabaseLimitError

from ..routes import mark, project_table
from .homes import is_crossing, is_elsewhere
from .joins import refused
from .selecting import MAX_KEYS

Call = Callable[..., Any]

_SPLITS = "_dbroute_splits"

LIMIT = MAX_KEYS
"""The most keys that are taken from one database to another."""


class SplitQuery(Query):
    """A query whose lookups into other databases are answered in two steps."""

    def add_q(self, q_object: Any, reuse_all: bool = False) -> None:
        """Rewrite what crosses."""
        super().add_q(_rewritten(self, q_object), reuse_all)


def allow(query: Query) -> None:
    """Let the lookups of a query be answered in two steps."""
    setattr(query, _SPLITS, True)  # stays when it becomes an update, say
    if type(query) is Query:
        query.__class__ = SplitQuery


def is_for_all() -> bool:
    """Say whether the project wants it for every query."""
    return bool(mark().get("cross_database_lookups") == "split")


def is_allowed(query: Any) -> bool:
    """Say whether the lookups of a query are answered in two steps."""
    return getattr(query, _SPLITS, False) or is_for_all()


# The replacements. Each takes Django's own.


def add_q(original: Call) -> Call:
    """Rewrite what crosses, in every query of the project."""

    @wraps(original)
    def add_q(self: Query, q_object: Any, reuse_all: bool = False) -> Any:
        return original(self, _rewritten(self, q_object), reuse_all)

    return add_q


def as_sql(original: Call) -> Call:
    """Put keys in the place of a query on another database, or refuse it; asked only for a query in another one."""

    @wraps(original)
    def as_sql(self: Any, compiler: Any, connection: Any) -> Any:
        outer, homes = compiler.query, project_table().homes
        if homes[outer.model] == homes[self.model] or is_elsewhere(connection.alias):
            return original(self, compiler, connection)
        lookup = _asking(compiler, self)
        if lookup is None or self.get_external_cols() or not (is_allowed(self) or is_allowed(outer)):
            raise refused(self, outer)
        known = vars(compiler).setdefault("_dbroute_keys", {})
        if id(self) not in known:
            known[id(self)] = _keys(self)
        keys = known[id(self)]
        if not keys:
            raise EmptyResultSet
        prepare = lookup.lhs.output_field.get_db_prep_value
        params = [prepare(key, connection) for key in keys if key is not None]
        # With a NULL among them, what is not found is unknown and not false: it has to stay.
        return f"({', '.join(['%s'] * len(params) + ['NULL'] * (None in keys))})", tuple(params)

    return as_sql


def resolve_expression(original: Call) -> Call:
    """Forget that an inner query was sent to its own home, where it goes anyway; Django would refuse it."""

    @wraps(original)
    def resolve_expression(self: Any, *args: Any, **kwargs: Any) -> Any:
        query = original(self, *args, **kwargs)
        if query._db is not None and query._db == project_table().homes[self.model]:
            query._db = None
        return query

    return resolve_expression


def _asking(compiler: Any, inner: Any) -> Any:
    """Return the ``__in`` lookup whose right side a query is."""
    outer = compiler.query
    waiting = [outer.where, *(getattr(compiler, name, None) for name in ("where", "having", "qualify"))]
    waiting += [*outer.annotations.values(), *outer.select, *outer.order_by]
    while waiting:
        one = waiting.pop()
        if isinstance(one, In) and (one.rhs is inner or getattr(one.rhs, "query", None) is inner):
            return one
        waiting += getattr(one, "children", ())
        if hasattr(one, "get_source_expressions"):
            waiting += one.get_source_expressions()
    return None


def _keys(inner: Any) -> list[Any]:
    """Run a query where its tables are, and return its first column."""
    inner = inner.clone()
    inner.clear_ordering(clear_default=True)
    if not inner.is_sliced:
        inner.distinct = True
        inner.set_limits(high=LIMIT + 1)
    keys = [
        row[0] for row in inner.get_compiler(using=router.db_for_read(inner.model)).results_iter(chunked_fetch=False)
    ]
    if len(keys) > LIMIT:
        raise CrossDatabaseLimitError(inner.model._meta.label, LIMIT)
    return keys


# Rewriting


@attrs.frozen
class Hop:
    """
    Where a lookup leaves the database.

    Attributes:
        before: The names that lead to the relation.
        name: The name of the relation.
        field: A foreign key, a many-to-many field, or the other end of one of them.
        model: The model that has the relation.
    """

    before: tuple[str, ...]
    name: str
    field: Any
    model: type[Model]

    @property
    def is_single(self) -> bool:
        """Whether it leads to one row at most."""
        return bool(self.field.many_to_one or self.field.one_to_one)

    def here(self, *names: str) -> str:
        """Return a lookup on this side."""
        return LOOKUP_SEP.join((*self.before, *names))


Condition = tuple[str, Any]


def _rewritten(query: Query, node: Any) -> Any:
    """Return a condition in which nothing crosses, or what cannot be rewritten as it is."""
    if not isinstance(node, Q) or not any(_hop(query, one) for one in _leaves(node)):
        return node
    return _node(query, node, negated=False)


def _node(query: Query, node: Q, *, negated: bool) -> Q:
    negated ^= node.negated
    apart = negated and node.connector == Q.AND  # Django then asks for each condition by itself
    groups: dict[Hop, list[Any]] = {}
    children: list[Any] = []
    for child in node.children:
        hop = _hop_of(query, child)
        if hop is None:
            children.append(_node(query, child, negated=negated) if isinstance(child, Q) else child)
        elif apart and not hop.is_single:
            children.append(_answered(hop, [child], Q.AND))
        else:
            groups.setdefault(hop, []).append(child)
    if node.connector == Q.XOR:
        # Django compares row by row of a JOIN, which two steps cannot do where there are several.
        for hop in groups:
            if not hop.is_single:
                raise _error(hop, hop.here(hop.name))
    if not negated and node.connector == Q.AND:
        _refuse_tangled(query, node, groups)
    children += [_answered(hop, conditions, node.connector) for hop, conditions in groups.items()]
    return Q.create(children, connector=node.connector, negated=node.negated)


def _refuse_tangled(query: Query, node: Q, groups: dict[Hop, list[Any]]) -> None:
    """Refuse conditions on one and the same far row that stand in different brackets, with others between them."""
    seen = {hop for hop in groups if not hop.is_single}
    for child in node.children:
        if isinstance(child, Q) and not child.negated and _hop_of(query, child) is None:
            hops = {hop for one in _leaves(child) if (hop := _hop(query, one)) and not hop.is_single}
            for hop in hops & seen:
                raise _error(hop, hop.here(hop.name))
            seen |= hops


def _hop_of(query: Query, child: Any) -> Hop | None:
    """Return the hop that a condition takes, or every condition in a bracket."""
    if not isinstance(child, Q):
        return _hop(query, child)
    hops = {_hop(query, one) for one in _leaves(child)}
    only = hops.pop() if len(hops) == 1 else None
    return only if only is not None and (only.is_single or not _negates(child)) else None


def _negates(node: Q) -> bool:
    return node.negated or any(_negates(child) for child in node.children if isinstance(child, Q))


def _leaves(node: Q) -> Iterator[Any]:
    for child in node.children:
        if isinstance(child, Q):
            yield from _leaves(child)
        else:
            yield child


def _hop(query: Any, leaf: Any) -> Hop | None:
    """Return where a condition crosses, if it reads more than the key on this side."""
    if not isinstance(leaf, tuple):
        return None
    names = leaf[0].split(LOOKUP_SEP)
    if names[0] in query.annotations or names[0] in query._filtered_relations:
        return None
    model: Any = query.model
    for at, name in enumerate(names):
        try:
            field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
        except FieldDoesNotExist:
            return None
        if not isinstance(field, (ForeignKey, ManyToManyField, ManyToOneRel, ManyToManyRel)):
            return None
        if is_crossing(field) and not _is_key(field, names[at + 1 :]):
            return Hop(tuple(names[:at]), name, field, model)
        model = field.related_model
    return None


def _is_key(field: Any, rest: list[str]) -> bool:
    """Say whether what stands behind a relation reads nothing but the key, which is here."""
    if not isinstance(field, ForeignKey):
        return False
    if not rest:
        return True
    target = field.target_field
    if rest[0] in {target.name, target.attname} or (rest[0] == "pk" and target.primary_key):
        return True
    try:
        field.related_model._meta.get_field(rest[0])
    except FieldDoesNotExist:
        return rest[0] != "pk"
    return False


def _answered(hop: Hop, conditions: list[Any], connector: str) -> Q:
    """Return the condition on this side that says what conditions on the other side say."""
    depth = len(hop.before) + 1
    inner = Q.create([_behind(hop, one, depth) for one in conditions], connector=connector)
    if inner.children == [(f"{_far_key(hop)}__isnull", True)]:
        return _nothing_there(hop)
    found = _there(hop, inner)
    return found | _nothing_there(hop) if _holds_for_nothing(inner) else found


def _behind(hop: Hop, condition: Any, depth: int) -> Any:
    if isinstance(condition, Q):
        children = [_behind(hop, child, depth) for child in condition.children]
        return Q.create(children, connector=condition.connector, negated=condition.negated)
    words, value = condition
    rest = words.split(LOOKUP_SEP)[depth:]
    if hasattr(value, "resolve_expression") and not isinstance(value, (Query, QuerySet)):
        raise _error(hop, words)  # an F() in it would mean a column here
    if not rest or _is_lookup(hop.field.related_model, rest[0]):
        # Django compares a relation with rows, or with the keys that it holds.
        rest = [_far_key(hop), *rest]
    return LOOKUP_SEP.join(rest), value


def _is_lookup(model: Any, name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return name != "pk"
    return False


def _far_key(hop: Hop) -> str:
    field = hop.field
    if isinstance(field, ForeignKey):
        return str(field.target_field.name)
    return "pk"


def _there(hop: Hop, inner: Q) -> Q:
    """Return the condition that a row here is one of those that lead to what is looked for."""
    far: Any = QuerySet(hop.field.related_model)
    allow(far.query)
    far = far.filter(inner)
    field = hop.field
    if isinstance(field, ForeignKey):
        return Q((hop.here(hop.name, "in"), far.values(field.target_field.name)))
    if isinstance(field, ManyToOneRel):
        key = field.field
        far = far.filter(**{f"{key.name}__isnull": False}).values(key.attname)
        return Q((hop.here(key.target_field.name, "in"), far))
    towards, back = _through(field)
    rows: Any = QuerySet(field.through if isinstance(field, ManyToManyRel) else field.remote_field.through)
    allow(rows.query)
    rows = rows.filter(**{f"{towards.name}__in": far.values(towards.target_field.name)}).values(back.attname)
    return Q((hop.here(back.target_field.name, "in"), rows))


def _through(field: Any) -> tuple[Any, Any]:
    """Return the foreign keys of a many-to-many table: the one that leads to the other side, and the one back."""
    made: Any = field.field if isinstance(field, ManyToManyRel) else field
    meta = made.remote_field.through._meta
    towards, back = meta.get_field(made.m2m_reverse_field_name()), meta.get_field(made.m2m_field_name())
    return (back, towards) if isinstance(field, ManyToManyRel) else (towards, back)


def _nothing_there(hop: Hop) -> Q:
    """Return the condition that a row here leads to nothing: a JOIN would have put NULL into every column."""
    if isinstance(hop.field, ForeignKey):
        return Q((hop.here(hop.name, "isnull"), True))
    return ~_there(hop, Q())


def _holds_for_nothing(node: Q) -> bool:
    """Say whether a condition is true of a row in which everything is NULL."""
    held = (_holds_for_nothing(one) if isinstance(one, Q) else _asks_for_null(one) for one in node.children)
    result = any(held) if node.connector == Q.OR else all(held)
    return result is not node.negated


def _asks_for_null(condition: Any) -> bool:
    words, value = condition
    last = words.split(LOOKUP_SEP)[-1]
    return value is True if last == "isnull" else value is None


def _error(hop: Hop, words: str) -> CrossDatabaseJoinError:
    table, far = project_table(), hop.field.related_model
    return CrossDatabaseJoinError(hop.model._meta.label, table.home(hop.model), far._meta.label, table.home(far), words)
