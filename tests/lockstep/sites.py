"""Where the databases of a trial are: files in a folder, or databases on a server."""

import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any, Protocol

import attrs

from tests.servers import Databases, name_of


class Site(Protocol):
    """
    A place for databases.

    Attributes:
        vendor: As Django's connections call it.
    """

    vendor: str

    def create(self, aliases: Iterable[str], folder: Path) -> dict[str, str]:
        """Make room for empty databases and return their URLs by alias."""

    def clone(self, urls: Mapping[str, str], folder: Path) -> dict[str, str]:
        """Copy databases as they are, and return the URLs of the copies."""

    def connect(self, url: str) -> Any:
        """Return a DB-API connection that commits by itself."""

    def drop(self, urls: Iterable[str]) -> None:
        """Take databases away that nobody reads any more."""

    def of(self, url: str) -> "Site":
        """Return the place of one database: itself, where all are of one kind."""


@attrs.frozen
class Files:
    """SQLite files; each set is in a folder of its own."""

    vendor: str = "sqlite"

    def create(self, aliases: Iterable[str], folder: Path) -> dict[str, str]:
        folder.mkdir(parents=True, exist_ok=True)
        return {alias: f"sqlite:///{folder.resolve() / alias}.sqlite3" for alias in aliases}

    def clone(self, urls: Mapping[str, str], folder: Path) -> dict[str, str]:
        copies = self.create(urls, folder)
        for alias, url in urls.items():
            if _file(url).exists():
                shutil.copy(_file(url), _file(copies[alias]))
        return copies

    def of(self, url: str) -> Site:
        return self

    def connect(self, url: str) -> Any:
        return sqlite3.connect(_file(url), isolation_level=None)

    def drop(self, urls: Iterable[str]) -> None:
        for url in urls:
            _file(url).unlink(missing_ok=True)


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


@attrs.frozen
class Postgres:
    """Databases on a PostgreSQL server."""

    lent: Databases
    vendor: str = "postgresql"

    def create(self, aliases: Iterable[str], folder: Path) -> dict[str, str]:
        return {alias: self.lent.create(alias) for alias in aliases}

    def clone(self, urls: Mapping[str, str], folder: Path) -> dict[str, str]:
        copies = {}
        for alias, url in urls.items():
            copies[alias] = self.lent.create(alias)
            # In place of the empty one: a template can only be named when a database is made.
            mark = self.lent.server.quote
            self.lent.execute(f"DROP DATABASE {mark(name_of(copies[alias]))}")
            self.lent.execute(f"CREATE DATABASE {mark(name_of(copies[alias]))} TEMPLATE {mark(name_of(url))}")
        return copies

    def of(self, url: str) -> Site:
        return self

    def connect(self, url: str) -> Any:
        return self.lent.server.connect(name_of(url))

    def drop(self, urls: Iterable[str]) -> None:
        for url in urls:
            self.lent.drop(url)


@attrs.frozen
class MariaDB:
    """Databases on a MariaDB server."""

    lent: Databases
    vendor: str = "mysql"

    def create(self, aliases: Iterable[str], folder: Path) -> dict[str, str]:
        return {alias: self.lent.create(alias) for alias in aliases}

    def clone(self, urls: Mapping[str, str], folder: Path) -> dict[str, str]:
        copies = self.create(urls, folder)
        for alias, url in urls.items():
            with closing(self.connect(copies[alias])) as connection, closing(connection.cursor()) as cursor:
                _copy(cursor, name_of(url))
        return copies

    def of(self, url: str) -> Site:
        return self

    def connect(self, url: str) -> Any:
        return self.lent.server.connect(name_of(url))

    def drop(self, urls: Iterable[str]) -> None:
        for url in urls:
            self.lent.drop(url)


def _copy(cursor: Any, source: str) -> None:
    """Copy every table and view of a database on the same server into the cursor's, as MariaDB has no template."""
    cursor.execute("SELECT DATABASE()")
    ((target,),) = cursor.fetchall()
    cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
    cursor.execute(f"SHOW FULL TABLES FROM `{source}`")
    found = sorted(cursor.fetchall(), key=lambda row: (row[1] == "VIEW", row[0]))
    for name, kind in found:
        cursor.execute(f"SHOW CREATE TABLE `{source}`.`{name}`")
        statement = cursor.fetchall()[0][1]
        cursor.execute(statement.replace(f"`{source}`.", f"`{target}`."))
        if kind == "VIEW":
            continue
        cursor.execute(f"SHOW COLUMNS FROM `{source}`.`{name}`")
        columns = ", ".join(f"`{row[0]}`" for row in cursor.fetchall() if "GENERATED" not in row[5])
        cursor.execute(f"INSERT INTO `{name}` ({columns}) SELECT {columns} FROM `{source}`.`{name}`")


@attrs.frozen
class Mixed:
    """
    Databases of several kinds in one project, one after the other.

    Attributes:
        parts: Where they are, by the beginning of their URLs.
    """

    parts: Mapping[str, Site]
    vendor: str = "several"

    def create(self, aliases: Iterable[str], folder: Path) -> dict[str, str]:
        named = zip(aliases, cycle(self.parts.values()), strict=False)
        return {alias: part.create([alias], folder)[alias] for alias, part in named}

    def clone(self, urls: Mapping[str, str], folder: Path) -> dict[str, str]:
        return {alias: self.of(url).clone({alias: url}, folder)[alias] for alias, url in urls.items()}

    def connect(self, url: str) -> Any:
        return self.of(url).connect(url)

    def drop(self, urls: Iterable[str]) -> None:
        for url in urls:
            self.of(url).drop([url])

    def of(self, url: str) -> Site:
        return self.parts[url.partition(":")[0]]
