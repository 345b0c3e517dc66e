"""
One migrator at a time on each physical database; whoever comes second waits, and knows for whom.

PostgreSQL has an advisory lock for it, MySQL and MariaDB a named lock, and beside an SQLite file stands a file that is
locked. All three are the system's own, so a holder that is killed leaves nothing that blocks. Other engines, databases
in memory and SQLite on Windows have no lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error, NotSupportedError

from ...exceptions import DbrouteError
from .mutexes import Lock, lock_of, lockable_file

SOMEBODY = "another process"
# Seconds between two attempts.
PAUSE = 0.1


class LockTimeoutError(DbrouteError):
    """
    Somebody else has migrated a database for longer than the caller would wait.

    Attributes:
        alias: The database.
        holder: Who it is, as far as the database tells.
    """

    def __init__(self, alias: str, holder: str, seconds: float) -> None:
        self.alias, self.holder, self.seconds = alias, holder, seconds
        super().__init__(
            f"{alias}: still locked after {seconds:g} seconds; {holder} is migrating this database; "
            "wait for its end, or pass a longer --lock-timeout"
        )

    def __reduce__(self) -> tuple[type, tuple[str, str, float]]:
        return type(self), (self.alias, self.holder, self.seconds)


class LockLostError(DbrouteError):
    """
    The lock on a database is gone although nobody gave it back, so that another migrator may have come in.

    Attributes:
        alias: The database.
    """

    def __init__(self, alias: str, reason: str) -> None:
        self.alias, self.reason = alias, reason
        super().__init__(
            f"{alias}: the lock was lost ({reason}); another process may be migrating this database: "
            "see to it that none is, and run again"
        )

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.alias, self.reason)


class Held:
    """A lock that this process has."""

    def __init__(self, alias: str, lock: Lock | None) -> None:
        self._alias, self._lock = alias, lock

    def verify(self) -> None:
        """
        Make sure that the lock is still there.

        Raises:
            LockLostError: It is not: its connection broke, or somebody removed the file.
        """
        reason = self._lock.missing() if self._lock is not None else ""
        if reason:
            raise LockLostError(self._alias, reason)


@contextmanager
def hold(
    connection: BaseDatabaseWrapper,
    *,
    timeout: float | None = None,
    waiting: Callable[[str], None] = lambda holder: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Held]:
    """
    Be the only migrator of a database.

    The lock has a connection of its own, made from the settings of the one given: a migration may close that one. It is
    not for a second alias of the same database, which would wait for itself: see :func:`lock_order`.

    Args:
        connection: Leads to the database; by ``migrate_url`` where there is one.
        timeout: Seconds to wait for another migrator; ``None`` waits for ever, 0 does not wait.
        waiting: Hears who has the lock before the wait begins, and again whenever somebody else has it.

        stopped: Asked while waiting.

    Raises:
        LockTimeoutError: Another migrator still had the database when the time was over.
        KeyboardInterrupt: The wait was to be stopped.
    """
    lock = lock_of(connection)
    try:
        try:
            if lock is not None:
                _take(lock, connection.alias, timeout, waiting, stopped)
        except NotSupportedError:  # speaks the protocol of an engine, and lacks its locks: a Galera cluster, Yugabyte
            lock.release() if lock is not None else None
            lock = None
        yield Held(connection.alias, lock)
    finally:
        if lock is not None:
            lock.release()


def lock_order(connections: Iterable[BaseDatabaseWrapper]) -> list[list[BaseDatabaseWrapper]]:
    """
    Return the connections in groups, one for each physical database, in the order in which to lock them.

    The order is the same for every process, whatever its aliases and its names of hosts, so that two of them never wait
    for each other. A database that cannot be asked stands at the end, by itself.
    """
    groups: dict[tuple[str, ...], list[BaseDatabaseWrapper]] = {}
    for connection in connections:
        groups.setdefault(physical_identity(connection), []).append(connection)
    return [groups[identity] for identity in sorted(groups)]


def _take(
    lock: Lock, alias: str, timeout: float | None, waiting: Callable[[str], None], stopped: Callable[[], bool]
) -> None:
    started, told = time.monotonic(), ""
    while not lock.attempt():
        holder = lock.holder() or told or SOMEBODY
        if timeout is not None and time.monotonic() - started >= timeout:
            raise LockTimeoutError(alias, holder, timeout)
        if holder != told:
            waiting(holder)
            told = holder
        if stopped():
            raise KeyboardInterrupt
        time.sleep(PAUSE)


def physical_identity(connection: BaseDatabaseWrapper) -> tuple[str, ...]:
    """Return what is the same wherever a physical database is asked, and of no other database."""
    asked = {
        # The start of the server tells clusters apart without the rights that its identifier needs.
        "postgresql": "SELECT extract(epoch FROM pg_postmaster_start_time())::text, lpad(oid::text, 10, '0')"
        " FROM pg_database WHERE datname = current_database()",
        "mysql": "SELECT @@hostname, @@port, @@datadir, DATABASE()",
    }.get(connection.vendor)
    try:
        if asked is not None:
            with connection.cursor() as cursor:
                cursor.execute(asked)
                return "1", connection.vendor, *(str(part) for part in cursor.fetchone())
        file = lockable_file(connection)
        return ("1", "sqlite", str(file)) if file is not None else ("2", connection.alias)
    except Error:
        return "3", connection.alias
