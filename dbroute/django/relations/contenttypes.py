"""Content types, and the rows that they are about, each looked up where it lives."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from .homes import beside

Call = Callable[..., Any]


def db_manager(original: Call) -> Call:
    """Ask the home of the content types, where Django would ask that of the object."""

    @wraps(original)
    def db_manager(self: Any, using: str | None = None, hints: Any = None) -> Any:
        return original(self, using=beside(self.model, using), hints=hints)

    return db_manager


def get_object_for_this_type(original: Call) -> Call:
    """Read the row where its model lives, and not where the generic foreign key is."""

    @wraps(original)
    def get_object_for_this_type(self: Any, using: str | None = None, **kwargs: Any) -> Any:
        return original(self, using=beside(self.model_class(), using), **kwargs)

    return get_object_for_this_type
