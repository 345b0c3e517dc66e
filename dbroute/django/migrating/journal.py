"""
New SQLite files: they wait for the disk only where rows could be lost.

SQLite waits for the disk three times for every transaction, which is most of what a schema migration of a file costs.
A file that is empty when a run begins has nothing to lose, so it gets a write-ahead log for the length of the run, and
changes of its schema do not wait. Whatever ends the process or the machine, the file is consistent: at worst the last
of these changes are undone together with their records, and running again continues. What code wrote is waited for.
"""

from __future__ import annotations

import gc
import inspect
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import attrs
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration

from ..folders import sqlite_file
from .steps import is_schema_only

# Stands in the file's header while it has the log, so that a run after one that was killed takes the log away again;
# "dbro" in ASCII.
MARK = 0x6462726F
# SQLite's ``synchronous``: in a file with a log, commits do not wait, and the log is written in order all the same.
NORMAL = 1
# How often, and after how many seconds, a file is asked for that somebody else has open.
ATTEMPTS, PAUSE = 10, 0.05
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class StillOpenError(Exception):
    """Somebody else has a file open, so that it has to keep its log."""

    def __init__(self) -> None:
        super().__init__(
            "another connection has the file open, so it keeps a write-ahead log beside it (-wal) until the next run; "
            "copy both or neither"
        )


@attrs.define
class FileJournal:
    """
    How transactions of one database reach the disk.

    Attributes:
        connection: To the database; one of another engine is left alone.
    """

    connection: BaseDatabaseWrapper
    _usual: Any = attrs.field(default=None, init=False)  # what the connection's ``synchronous`` was; None: nothing done
    _waits: bool = attrs.field(default=True, init=False)

    def begin(self) -> None:
        """Give a new file a write-ahead log."""
        if not self._is_new():
            return
        usual = _asked(self.connection, "PRAGMA main.synchronous")
        if _add_log(_file(self.connection)):
            self._usual = usual  # first: whatever comes now, the log is taken away at the end
            _asked(self.connection, "PRAGMA main.schema_version")  # reads the file, and sees the log
            self._set(usual)  # some builds of SQLite have another default for files with a log

    def wait(self, wanted: bool) -> None:
        """Say whether the next transaction is on the disk when it ends."""
        if self._usual is not None and wanted != self._waits:
            self._set(self._usual if wanted else min(self._usual, NORMAL))
            self._waits = wanted

    def end(self) -> None:
        """
        Bring everything to the disk, and give the file back its ordinary journal.

        Raises:
            StillOpenError: It has to keep the log for now.
        """
        if self._usual is not None:
            self._usual = None
            self.connection.close()  # an error may have left a transaction open
            _remove_log(_file(self.connection))

    def _is_new(self) -> bool:
        """Return whether nobody has used the file yet, nor said how it is to be written."""
        return (
            _is_plain(self.connection)
            and not _asked(self.connection, "PRAGMA main.schema_version")
            and not _asked(self.connection, "PRAGMA main.user_version")
            and _asked(self.connection, "PRAGMA main.journal_mode") == "delete"
            and not _asked(self.connection, "SELECT name FROM pragma_database_list WHERE name NOT IN ('main', 'temp')")
        )

    def _set(self, level: int) -> None:
        _asked(self.connection, f"PRAGMA main.synchronous = {level}")


def put_right(group: Sequence[BaseDatabaseWrapper]) -> None:
    """
    Do for a file what the end of an earlier run would have done, had it not been killed.

    Args:
        group: All connections of this process to one database.

    Raises:
        StillOpenError: The file has to keep the log for now.
    """
    if _is_plain(group[0]) and _asked(group[0], "PRAGMA main.user_version") == MARK:
        for connection in group:
            connection.close()
        _remove_log(_file(group[0]))


def file_of(connection: BaseDatabaseWrapper) -> Path | None:
    """Return the file of a database that could get a log; ``None`` where there is none."""
    return _file(connection).resolve() if _is_plain(connection) else None


def may_say_how(migration: Migration) -> bool:
    """Return whether code of a migration may say itself how files are written: that has to stay."""
    return not is_schema_only(migration) and _mentions(migration.__module__)


@cache
def _mentions(module: str) -> bool:
    try:
        text = inspect.getsource(sys.modules[module])
    except (OSError, KeyError):
        return True
    return "journal_mode" in text or "user_version" in text


def _file(connection: BaseDatabaseWrapper) -> Path:
    return Path(connection.settings_dict["NAME"])


def _asked(connection: BaseDatabaseWrapper, sql: str) -> Any:
    with connection.cursor() as cursor:
        row = cursor.execute(sql).fetchone()
    return row[0] if row else None


def _is_plain(connection: BaseDatabaseWrapper) -> bool:
    """Return whether a database is a file that Python's own SQLite reads under its plain name."""
    return (
        connection.vendor == "sqlite"
        and getattr(connection, "Database", None) is sqlite3.dbapi2
        and not connection.in_atomic_block
        and not str(connection.settings_dict["NAME"]).startswith("file:")
        and sqlite_file(connection.settings_dict) is not None
    )


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection that has been told nothing, by nobody's settings or signals."""
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as bare:
        yield bare


def _add_log(file: Path) -> bool:
    """Give a new file a log; return whether it has one now."""
    try:
        with _opened(file) as bare:
            bare.execute(f"PRAGMA user_version = {MARK}")
            if bare.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",):
                bare.execute(f"PRAGMA user_version = {MARK}")  # where the log's shared memory cannot be had, this fails
                return True
    except sqlite3.Error:
        pass  # read-only, in use, or no place for a log: the migrations will find out what it means for them
    with suppress(sqlite3.Error), _opened(file) as bare:
        bare.execute("PRAGMA locking_mode = EXCLUSIVE")  # needs no shared memory
        _restore(bare)
    return False


def _remove_log(file: Path) -> None:
    """Take the log away from a file once everything in it is in the file."""
    for _ in range(ATTEMPTS):
        with _opened(file) as bare:
            try:
                return _restore(bare)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in BUSY:
                    raise
            bare.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # as much as others allow
        gc.collect()  # connections of threads that have ended
        time.sleep(PAUSE)
    raise StillOpenError


def _restore(bare: sqlite3.Connection) -> None:
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("PRAGMA journal_mode = DELETE")
    if bare.execute("PRAGMA user_version").fetchone() == (MARK,):
        bare.execute("PRAGMA user_version = 0")
