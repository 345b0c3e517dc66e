"""The lock of one database, as PostgreSQL, MySQL and SQLite have it."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

from ...exceptions import DbrouteError, printable
from ..folders import sqlite_file
from .connection import masked

if sys.platform != "win32":
    import fcntl

# The pair of numbers is a name space of its own beside the single numbers that most programs lock; "dbro" in ASCII.
POSTGRES_KEY = (0x6462726F, 1)
MYSQL_PREFIX = "dbroute:migrate:"
SUFFIX = ".migrate-lock"
# What PostgreSQL keeps of a session's name, in bytes.
NAME_LIMIT = 63
TEXT_LIMIT = 300
# Seconds that MySQL keeps an idle session; hosts set it to a minute, and migrations may take hours.
MYSQL_IDLE = 28_800


class LockFileError(DbrouteError):
    """The file that would be locked beside an SQLite database cannot be opened."""

    def __init__(self, path: Path, error: OSError) -> None:
        self.path, self.error = path, error
        super().__init__(f"{path}: cannot be locked ({error.strerror}); remove it if no migrator is running")

    def __reduce__(self) -> tuple[type, tuple[Path, OSError]]:
        return type(self), (self.path, self.error)


class Lock(Protocol):
    """The lock of one physical database, as one engine has it."""

    def attempt(self) -> bool:
        """Try once to take it, without waiting."""
        ...

    def holder(self) -> str:
        """Say who has it."""
        ...

    def missing(self) -> str:
        """Say why a lock that was taken is no longer there; empty while it is."""
        ...

    def release(self) -> None:
        """Give it back, and whatever was opened for it; also where it was never taken or is lost."""
        ...


def lock_of(connection: BaseDatabaseWrapper) -> Lock | None:
    """Return the lock of the database that a connection leads to; ``None`` where the engine has none."""
    if connection.vendor == "postgresql":
        return PostgresLock(connection)
    if connection.vendor == "mysql":
        return MysqlLock(connection)
    file = lockable_file(connection)
    return FileLock(file) if file is not None else None


def lockable_file(connection: BaseDatabaseWrapper) -> Path | None:
    """Return the real path of an SQLite file; ``None`` where there is none, or no way to lock it."""
    if sys.platform == "win32" or connection.vendor != "sqlite":
        return None
    file = sqlite_file(connection.settings_dict)
    return file.resolve() if file is not None else None


def _myself() -> str:
    """Say who this process is and since when; the most telling parts first."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid()) if hasattr(os, "getuid") else "?"
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()}, since {since} UTC, of {user} on {socket.gethostname()}"


def _shown(text: str) -> str:
    """Return what somebody else wrote, fit for a terminal."""
    return printable(text.strip()[:TEXT_LIMIT])


def _own_session(connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """Return a connection that nobody else has: no pool, no alias, any thread."""
    own = connection.copy()
    own.settings_dict["AUTOCOMMIT"] = True
    own.settings_dict["OPTIONS"].pop("pool", None)
    own.inc_thread_sharing()
    return own


class PostgresLock:
    """
    An advisory lock of an open transaction: a pooler between this process and the server cannot take it away.

    Between two statements it has no snapshot, so neither VACUUM nor CREATE INDEX CONCURRENTLY waits for it.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._session = _own_session(connection)

    def attempt(self) -> bool:
        """Try once to take it, without waiting."""
        if self._session.connection is None:
            self._begin()
        with self._session.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", POSTGRES_KEY)
            taken = bool(cursor.fetchone()[0])
            if taken:
                # The one column that every role may read of every session.
                name = _myself().encode()[:NAME_LIMIT].decode(errors="ignore")
                cursor.execute("SELECT set_config('application_name', %s, true)", [name])
        return taken

    def holder(self) -> str:
        """Say who has it: what its session is named, or else what the server knows of it."""
        with self._session.cursor() as cursor:
            cursor.execute(
                "SELECT session.application_name, session.pid, session.usename, host(session.client_addr)"
                " FROM pg_locks JOIN pg_stat_activity session USING (pid)"
                " WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s AND objsubid = 2"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                POSTGRES_KEY,
            )
            found = cursor.fetchone()
        if found is None:
            return ""
        name, pid, role, address = found
        where = f" from {address}" if address else ""
        return _shown(name if name.startswith("process ") else f"session {pid} of role {role}{where}")

    def missing(self) -> str:
        """Say why the lock is gone; empty while it is there."""
        return _broken(self._session, "SELECT 1")

    def release(self) -> None:
        """Give it back now; the end of a session may take the server a moment."""
        _end(self._session, "ROLLBACK")

    def _begin(self) -> None:
        self._session.connect()
        self._session.set_autocommit(False)
        with self._session.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            # Being idle is this session's work; and a machine that lost its power has lost the lock in two minutes.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SET LOCAL tcp_keepalives_idle = 60")
            cursor.execute("SET LOCAL tcp_keepalives_interval = 15")
            cursor.execute("SET LOCAL tcp_keepalives_count = 4")


class MysqlLock:
    """A named lock of a session; names are the server's, so the database is a part of it."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._session = _own_session(connection)
        # A name may have 64 characters and ignores case; that of a database may have 64 and does not.
        digest = hashlib.sha256(str(connection.settings_dict["NAME"]).encode()).hexdigest()
        self._name = MYSQL_PREFIX + digest[:40]

    def attempt(self) -> bool:
        """Try once to take it, without waiting."""
        if self._session.connection is None:
            self._session.connect()
            with self._session.cursor() as cursor:
                cursor.execute(f"SET SESSION wait_timeout = {MYSQL_IDLE}")
        with self._session.cursor() as cursor:
            cursor.execute("SELECT GET_LOCK(%s, 0)", [self._name])
            return bool(cursor.fetchone()[0])

    def holder(self) -> str:
        """Say who has it: the session, and what the process list tells this user of it."""
        with self._session.cursor() as cursor:
            cursor.execute("SELECT IS_USED_LOCK(%s)", [self._name])
            number = cursor.fetchone()[0]
            if number is None:
                return ""
            cursor.execute("SELECT USER, HOST, TIME FROM information_schema.PROCESSLIST WHERE ID = %s", [number])
            found = cursor.fetchone()
        if found is None:
            return f"session {number}"
        user, host, idle = found
        # Minutes only: the server counts seconds since the last statement, and a text that changes would be told again.
        since = datetime.now(UTC) - timedelta(seconds=int(idle))
        return _shown(f"session {number}, since {since:%Y-%m-%d %H:%M} UTC, of user {user} from {host}")

    def missing(self) -> str:
        """Say why the lock is gone; empty while it is there."""
        return _broken(self._session, "SELECT 1")

    def release(self) -> None:
        """Give it back now; the end of a session may take the server a moment."""
        _end(self._session, f"DO RELEASE_LOCK('{self._name}')")


class FileLock:
    """
    A file beside the database that is locked, and that says by whom; removed by its holder alone.

    Whoever took the lock of a file that its holder had just removed looks again: the name has to lead to the same file.
    """

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + SUFFIX)
        self._file: int | None = None
        self._taken = False

    def attempt(self) -> bool:
        """Try once to take it, without waiting."""
        if sys.platform == "win32":
            return True
        self._close()
        self._open()
        if self._file is None:
            return self._taken
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if self.missing():
            return False
        self._taken = True
        try:
            os.ftruncate(self._file, 0)
            os.write(self._file, f"{_myself()}\n".encode())
        except OSError:
            pass  # another user's file, open for reading, or a full disk: the lock is as good without a name
        return True

    def holder(self) -> str:
        """Say who has it: what the file says."""
        try:
            return _shown(self._path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return ""

    def missing(self) -> str:
        """Say why the lock is gone; empty while it is there."""
        if self._file is None:
            return ""
        try:
            there = self._path.lstat()
        except OSError:
            return f"the file {self._path} was removed"
        return "" if os.path.samestat(there, os.fstat(self._file)) else f"the file {self._path} was replaced"

    def release(self) -> None:
        """Remove the file and give it back, in this order: afterwards it may be somebody else's."""
        if self._taken and self._file is not None and not self.missing():
            try:
                self._path.unlink()
            except OSError:
                pass  # a folder in which this user may not remove; an unlocked file blocks nobody
        self._taken = False
        self._close()

    def _open(self) -> None:
        flags = os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._file = os.open(self._path, flags | os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            self._taken = True  # no folder, no database; connecting will tell
        except OSError as error:
            self._open_for_reading(flags, error)

    def _open_for_reading(self, flags: int, error: OSError) -> None:
        """Open what another user left, or do without where nothing can be written: no migrator can either."""
        try:
            self._file = os.open(self._path, flags | os.O_RDONLY)
        except FileNotFoundError:
            self._taken = True
        except OSError:
            raise LockFileError(self._path, error) from None

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _broken(session: BaseDatabaseWrapper, sql: str) -> str:
    """Return why a statement cannot be sent; empty where it can."""
    try:
        with session.cursor() as cursor:
            cursor.execute(sql)
    except Error as error:
        return masked(printable(str(error).strip()))
    return ""


def _end(session: BaseDatabaseWrapper, sql: str) -> None:
    """Send what gives the lock back and end the session; where it broke, the server has done so."""
    try:
        if session.connection is not None:
            with session.cursor() as cursor:
                cursor.execute(sql)
    except Error:
        pass
    finally:
        session.close()
