"""
The database that is being migrated here and now.

A data migration that forgets ``using()`` means the database on which it runs, so its models are at home there for as
long. Questions are asked far more often than databases are migrated, and pay nothing for it: the answers that are kept
by model class are thrown away when a migration begins, and none is kept before it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

_here: ContextVar[str | None] = ContextVar("dbroute_migrating_on", default=None)
_guard = Lock()
_open: list[str] = []  # by all threads
_kept: WeakValueDictionary[int, dict[Any, Any]] = WeakValueDictionary()


@contextmanager
def migrating_on(alias: str) -> Iterator[None]:
    """Let the routers of this thread or task answer ``alias`` for every model whose tables are there."""
    with _guard:
        _open.append(alias)
        for answers in list(_kept.values()):
            answers.clear()
    token = _here.set(alias)
    try:
        yield
    finally:
        _here.reset(token)
        with _guard:
            _open.remove(alias)


def migrated_here() -> str | None:
    """Return the alias that this thread or task is migrating; ``None`` outside of migrations."""
    return _here.get() if _open else None


def clear_for_migrations(answers: dict[Any, Any]) -> None:
    """Have answers thrown away whenever a migration begins; they go through :func:`keep`."""
    _kept[id(answers)] = answers


def keep(answers: dict[Any, Any], question: Any, answer: Any) -> None:
    """Keep an answer, unless some thread is migrating: the answers are shared, and the scope is not."""
    with _guard:
        if not _open:
            answers[question] = answer
