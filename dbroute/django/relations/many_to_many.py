"""Many-to-many relations whose ends are in two databases: the table in between first, then the rows it leads to."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import wraps
from typing import Any

from django.db import router
from django.db.models import QuerySet

from .homes import are_apart, beside
from .splitting import allow

Call = Callable[..., Any]

_LEADS_FROM = "_dbroute_leads_from"


def create_forward_many_to_many_manager(original: Call) -> Call:
    """Make another manager where the relation crosses."""

    @wraps(original)
    def create_forward_many_to_many_manager(superclass: type, rel: Any, reverse: bool) -> type:
        manager: type = original(superclass, rel, reverse)
        return _crossing(manager) if are_apart(rel.model, rel.related_model) else manager

    return create_forward_many_to_many_manager


def _crossing(superclass: Any) -> type:
    class CrossingManager(superclass):  # type: ignore[misc]
        """Goes over the table in between, on its own database."""

        # Django may count in the table in between alone; that would count what leads nowhere, too.
        constrained_target = None

        def using(self, alias: str | None) -> Any:
            """Go to where the rows are, also if asked to go to the table in between."""
            return super().using(beside(self.model, alias))

        def db_manager(self, using: str | None = None, hints: Any = None) -> Any:
            """Write where the rows are, also if asked to write where the object is."""
            return super().db_manager(beside(self.model, using), hints)

        def _apply_rel_filters(self, queryset: Any) -> Any:
            queryset._add_hints(instance=self.instance)
            if self._db:
                queryset = queryset.using(self._db)
            if hasattr(queryset, "_fetch_mode"):  # Django 6.1
                queryset._fetch_mode = self.instance._state.fetch_mode
            rows = self._between(self.related_val[0:1])
            target = self.target_field
            queryset._defer_next_filter = True
            return queryset.filter(**{f"{target.target_field.name}__in": rows.values(target.attname)})

        def _between(self, keys: Any) -> Any:
            """Return the rows in between that come from some objects."""
            rows: Any = QuerySet(self.through)
            allow(rows.query)
            rows = rows.using(router.db_for_read(self.through, instance=self.instance))
            return rows.filter(**{f"{self.source_field_name}__in": keys}).order_by()

        def _build_remove_filters(self, removed_vals: Any) -> Any:
            if isinstance(removed_vals, QuerySet):
                allow(removed_vals.query)
            return super()._build_remove_filters(removed_vals)

        def get_prefetch_querysets(self, instances: Any, querysets: Any = None) -> Any:
            if querysets and len(querysets) != 1:
                raise ValueError("querysets argument of get_prefetch_querysets() should have a length of 1.")
            queryset = querysets[0] if querysets else super(superclass, self).get_queryset()
            queryset._add_hints(instance=instances[0])
            queryset = queryset.using(queryset._db or self._db)
            source, target = self.source_field, self.target_field
            near, far = source.target_field.attname, target.target_field

            pairs = self._between({getattr(one, near) for one in instances})
            sources: dict[Any, list[Any]] = {}
            for key, found in pairs.order_by("pk").values_list(target.attname, source.attname):
                sources.setdefault(key, []).append(found)
            queryset = _filled(queryset, f"{far.name}__in", far.attname, sources)
            return (
                queryset,
                lambda one: getattr(one, _LEADS_FROM),
                lambda one: getattr(one, near),
                False,
                self.prefetch_cache_name,
                False,
            )

    CrossingManager.__name__ = CrossingManager.__qualname__ = superclass.__name__
    return CrossingManager


def _filled(queryset: Any, lookup: str, key: str, sources: dict[Any, list[Any]]) -> Any:
    """
    Return a queryset that has its rows already, each as often as something leads to it.

    Args:
        queryset: What is wanted of the rows.
        lookup: How they are found by their keys.
        key: The attribute that has the key.
        sources: Key to the keys of what leads there.
    """
    query = queryset.query
    low, high = query.low_mark, query.high_mark
    queryset = queryset._chain()
    queryset.query.clear_limits()
    lookups, queryset._prefetch_related_lookups = queryset._prefetch_related_lookups, ()
    queryset = queryset.filter(**{lookup: list(sources)})
    found: list[Any] = []
    numbers: dict[Any, int] = {}
    for one in queryset:
        for at, source in enumerate(sources[getattr(one, key)]):
            number = numbers[source] = numbers.get(source, 0) + 1
            if low < number and (high is None or number <= high):
                twin = copy(one) if at else one
                setattr(twin, _LEADS_FROM, source)
                found.append(twin)
    queryset._result_cache = found
    queryset._prefetch_related_lookups = lookups
    return queryset
