"""The database that is being migrated: its own tables come first, also where ``using()`` was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Protocol
from weakref import WeakSet

_alias: ContextVar[str | None] = ContextVar("dbroute_migrating", default=None)
_lock = Lock()
_open = 0
# Answers that were kept outside of a scope.
_kept: WeakSet[Kept] = WeakSet()


class Kept(Protocol):
    """Answers by model class."""

    def clear(self) -> None:
        """Forget them all."""
        ...


def keeps(answers: Kept) -> None:
    """Have kept answers forgotten when a scope opens."""
    _kept.add(answers)


def is_open() -> bool:
    """Say whether a scope is open anywhere in the process: no answer may be kept then."""
    return _open > 0


def migrating() -> str | None:
    """Return the alias that this thread or task migrates; ``None`` outside of a scope."""
    return _alias.get()


@contextmanager
def migrating_on(alias: str) -> Iterator[None]:
    """
    Let the router answer ``alias`` for every model whose tables are on it: its home, or what it ``migrates_like``.

    Data migrations and handlers of signals that forgot ``using()`` then write where they run.
    """
    global _open
    with _lock:
        _open += 1
    for answers in list(_kept):
        answers.clear()
    token = _alias.set(alias)
    try:
        yield
    finally:
        _alias.reset(token)
        with _lock:
            _open -= 1
