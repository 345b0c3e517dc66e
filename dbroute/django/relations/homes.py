"""Which databases the two ends of something are on; asked for each query, so that each answer is a look-up or two."""

from __future__ import annotations

from typing import Any

from django.db.models import Model

from dbroute.routing.table import RouteTable

from ..routes import project_table


def are_apart(near: type[Model], far: type[Model]) -> bool:
    """Say whether two models live on different databases."""
    homes = project_table().homes
    return homes[near] != homes[far]


def is_crossing(relation: Any) -> bool:
    """Say whether a field, or what Django puts at its other end, leads into another database."""
    far = relation.related_model
    return isinstance(far, type) and are_apart(relation.model, far)


def is_elsewhere(alias: str | None) -> bool:
    """Say whether a database is nobody's home: what is there was put there by hand, and is read as it is."""
    if alias is None:
        return False
    table = project_table()
    return _home_like(table, alias) not in table.homes_in_rules()


def beside(model: type[Model], alias: str | None) -> str | None:
    """
    Return where rows of a model are that belong to something on another database.

    Args:
        model: Whose rows are wanted.
        alias: Where Django would look, because that something is there.
    """
    table = project_table()
    home = table.homes[model]
    if alias is None or home is None or is_elsewhere(alias) or _home_like(table, alias) == home:
        return alias
    return home


def _home_like(table: RouteTable, alias: str) -> str:
    return table.modelled_on(table.primary(alias) or alias)
