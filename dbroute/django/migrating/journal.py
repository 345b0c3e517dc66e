"""
New SQLite files: they wait for the disk only where rows could be lost.

SQLite waits for the disk three times for every transaction, which is most of what a schema migration of a file costs.
A file that is empty when a run begins has nothing to lose, so it gets a write-ahead log for the length of the run, and
changes of its schema do not wait. Whatever ends the process or the machine, the file is consistent: at worst the last
of these changes are undone together with their records, and running again continues. What code wrote is waited for.
"""

from __future__ import annotations

from typing import Any

import attrs
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

# Stands in the file's header while it has the log, so that a run after one that was killed takes the log away again;
# "dbro" in ASCII.
MARK = 0x6462726F


@attrs.define
class Journal:
    """
    How transactions of one database reach the disk.

    Attributes:
        connection: To the database; one of another engine is left alone.
    """

    connection: BaseDatabaseWrapper
    _usual: Any = attrs.field(default=None, init=False)  # what the connection's ``synchronous`` was; None: nothing done
    _waits: bool = attrs.field(default=True, init=False)

    def begin(self) -> None:
        """Give a new file a write-ahead log; a run that was killed may have done so already."""
        if self.connection.vendor != "sqlite" or self.connection.in_atomic_block:
            return
        mark = self._ask("PRAGMA user_version")
        is_new = not mark and self._ask("PRAGMA journal_mode") == "delete" and not self._ask("PRAGMA schema_version")
        if not is_new and mark != MARK:
            return
        self._usual, self._waits = self._ask("PRAGMA synchronous"), True
        try:
            self._ask(f"PRAGMA user_version = {MARK}")
            self._ask("PRAGMA journal_mode = WAL")
            self._ask(f"PRAGMA user_version = {MARK}")  # where the log's shared memory cannot be had, this fails
        except OperationalError:
            self.connection.close()
            self._ask("PRAGMA locking_mode = EXCLUSIVE")  # needs none
            self.end()
            self.connection.close()

    def wait(self, wanted: bool) -> None:
        """Say whether the next transaction is on the disk when it ends."""
        if self._usual is not None and wanted != self._waits:
            self._ask(f"PRAGMA synchronous = {self._usual if wanted else 'NORMAL'}")
            self._waits = wanted

    def end(self) -> None:
        """Bring everything to the disk, and give the file back its ordinary journal."""
        if self._usual is None or self.connection.connection is None:
            return
        self.wait(True)
        self._usual = None
        try:
            self._ask("PRAGMA journal_mode = DELETE")
        except OperationalError:
            return  # somebody else has the file open: the next run takes the log away
        if self._ask("PRAGMA user_version") == MARK:
            self._ask("PRAGMA user_version = 0")

    def _ask(self, sql: str) -> Any:
        with self.connection.cursor() as cursor:
            row = cursor.execute(sql).fetchone()
        return row[0] if row else None
