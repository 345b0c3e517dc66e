"""Transactions on several databases that end together, as far as that goes without two-phase commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections, transaction

from dbroute.exceptions import CrossDatabaseTransactionError

_Hooks = list[Any]


@contextmanager
def transactions(what: str, aliases: Iterable[str], last: str, tables: Callable[[str], list[str]]) -> Iterator[None]:
    """
    Open a transaction on each database, and commit them at the end if nothing was raised, ``last`` after the others.

    Before the first commit every constraint that waits for one is checked, so that a commit that would fail over it
    never begins. ``on_commit()`` callbacks of all of them run when the last one has committed.

    Args:
        what: What is about to be done, for the error.
        aliases: Databases that will be written to.
        last: The one of them that commits last.
        tables: Returns the tables of a database whose constraints may be broken; for databases that check by reading.

    Raises:
        CrossDatabaseTransactionError: There is an open transaction on some of the databases and not on the others,
            which would be committed whatever becomes of it.
    """
    ordered = [last, *sorted(set(aliases) - {last})]
    closed = [alias for alias in ordered if not is_open(alias)]
    if closed and len(closed) < len(ordered):
        raise CrossDatabaseTransactionError(what, [alias for alias in ordered if alias not in closed], closed)
    with ExitStack() as stack:
        hooks: dict[str, _Hooks] = {}
        for alias in ordered:
            stack.enter_context(transaction.atomic(using=alias, savepoint=False))
        yield
        for alias in closed:
            _check_constraints(alias, tables(alias))
        for alias in closed[1:]:
            connection = connections[alias]
            hooks[alias], connection.run_on_commit = connection.run_on_commit, []
        stack.close()
        for alias, waiting in hooks.items():
            connections[alias].run_on_commit = waiting
            connections[alias].run_and_clear_commit_hooks()


def is_open(alias: str) -> bool:
    """Say whether something else decides when this database commits: an outer block, or a call without autocommit."""
    connection = connections[alias]
    return connection.in_atomic_block or not connection.get_autocommit()


def _check_constraints(alias: str, tables: list[str]) -> None:
    connection = connections[alias]
    if not connection.features.can_defer_constraint_checks:
        return  # each statement was checked
    if connection.vendor != "sqlite":
        connection.check_constraints()
    elif tables:
        connection.check_constraints(tables)  # SQLite reads whole tables
