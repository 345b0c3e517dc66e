"""Relations whose ends are on different databases."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Manager, Model, QuerySet

_Model = TypeVar("_Model", bound=Model)

__all__ = ["SplitManager", "SplitQuerySet", "split"]


def split(rows: QuerySet[_Model] | Manager[_Model]) -> QuerySet[_Model]:
    """
    Return a queryset whose lookups into other databases are answered in two steps: the keys there, then the rows here.

    It is for the conditions that are added from then on: ``split(Post.objects).filter(author__username="ada")``.

    Args:
        rows: A queryset or a manager; it is not changed.
    """
    from .splitting import allow

    found: Any = rows.all()
    allow(found.query)
    return found  # type: ignore[no-any-return]


class SplitQuerySet(QuerySet[_Model]):
    """A queryset that has :func:`split` as a method."""

    def split(self) -> QuerySet[_Model]:
        """Do what :func:`split` says."""
        return split(self)


SplitManager = Manager.from_queryset(SplitQuerySet)
