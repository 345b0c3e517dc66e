"""When transactions of SQLite files wait for the disk while they are migrated, and what is left of that afterwards."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from dbroute.django.migrating.journal import MARK, Journal
from tests.projects import project

from .migration_projects import APPS, FILL, SETTINGS

ASKED = ("journal_mode", "synchronous", "user_version")
ORDINARY = ("delete", 2, 0)
NORMAL, FULL = 1, 2


def connect(name: object) -> BaseDatabaseWrapper:
    entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(name)}
    return ConnectionHandler({DEFAULT_DB_ALIAS: entry}).create_connection(DEFAULT_DB_ALIAS)


@pytest.fixture(autouse=True)
def _databases(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.sqlite3"


@pytest.fixture
def connection(path: Path) -> Iterator[BaseDatabaseWrapper]:
    made = connect(path)
    yield made
    made.close()


def state(connection: BaseDatabaseWrapper) -> tuple[object, ...]:
    with connection.cursor() as cursor:
        return tuple(cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ASKED)


def execute(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(sql)


def test_a_new_file_waits_where_it_has_to_and_is_ordinary_afterwards(connection, path):
    journal = Journal(connection)

    journal.begin()
    assert state(connection) == ("wal", FULL, MARK)
    journal.wait(False)
    assert state(connection) == ("wal", NORMAL, MARK)
    journal.wait(True)
    assert state(connection) == ("wal", FULL, MARK)
    journal.wait(False)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE a (b)")
    journal.end()

    assert state(connection) == ORDINARY
    assert [file.name for file in path.parent.iterdir()] == ["a.sqlite3"]
    journal.wait(False)
    assert state(connection) == ORDINARY


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE a (b)"],
        ["CREATE TABLE a (b)", "DROP TABLE a"],
        ["PRAGMA journal_mode = WAL"],
        ["PRAGMA journal_mode = WAL", "CREATE TABLE a (b)"],
        ["PRAGMA user_version = 7"],
    ],
    ids=["tables", "tables once", "a log of its own", "a log and tables", "somebody's number"],
)
def test_a_file_that_somebody_has_used_is_left_alone(connection, path, statements):
    for statement in statements:
        execute(path, statement)
    before = state(connection)
    journal = Journal(connection)

    journal.begin()
    journal.wait(False)
    assert state(connection) == before
    journal.end()

    assert state(connection) == before


def test_memory_is_left_alone():
    connection = connect(":memory:")
    before = state(connection)
    journal = Journal(connection)

    journal.begin()
    journal.wait(False)
    journal.end()

    assert state(connection)[:2] == before[:2] == ("memory", FULL)
    connection.close()


def test_an_open_transaction_is_left_alone(connection):
    connection.ensure_connection()
    connection.in_atomic_block = True
    journal = Journal(connection)

    journal.begin()
    journal.wait(False)
    journal.end()
    connection.in_atomic_block = False

    assert state(connection) == ORDINARY


def test_where_there_can_be_no_log_all_is_as_usual(connection, path):
    path.with_name("a.sqlite3-shm").mkdir()
    journal = Journal(connection)

    journal.begin()
    journal.wait(False)

    assert state(connection) == ORDINARY
    journal.end()


def test_a_file_that_somebody_has_open_is_put_right_by_the_next_run(connection, path):
    journal = Journal(connection)
    journal.begin()
    journal.wait(False)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE a (b)")
    with closing(sqlite3.connect(path)) as other:
        other.execute("SELECT * FROM a").fetchall()
        journal.end()
        assert state(connection) == ("wal", FULL, MARK)

    again = Journal(connection)
    again.begin()
    again.end()

    assert state(connection) == ORDINARY


def test_what_a_connection_was_told_itself_comes_back(connection):
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous = OFF")
    journal = Journal(connection)

    journal.begin()
    journal.wait(False)
    journal.end()

    assert state(connection) == ("delete", 0, 0)


TELL = """from pathlib import Path
    with schema_editor.connection.cursor() as cursor:
        found = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    with Path("told.txt").open("a") as told:
        print(schema_editor.connection.alias, *found, file=told)"""
KILL = """import os, signal
    os.kill(os.getpid(), signal.SIGKILL)"""
FILLED = "apps.get_model('shop', 'Order').objects.using('shop_db').create(name='one')"


def asked(path: Path) -> tuple[object, ...]:
    with closing(sqlite3.connect(path)) as connection:
        return tuple(connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ASKED)


@pytest.mark.process
def test_code_of_migrations_is_waited_for(tmp_path):
    fill = {f"{label}/migrations/0002_fill.py": FILL.format(label=label, body=TELL) for label in ("blog", "shop")}
    made = project(tmp_path, settings=SETTINGS, files={**APPS, **fill})

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stderr) == (0, "")
    told = sorted((tmp_path / "told.txt").read_text().splitlines())
    assert told == ["blog_db wal 2", "shop_db wal 2"]
    assert {asked(file) for file in tmp_path.glob("*.sqlite3")} == {ORDINARY}


@pytest.mark.process
def test_a_run_after_one_that_was_killed_puts_files_right(tmp_path):
    fill = {"shop/migrations/0002_fill.py": FILL.format(label="shop", body=KILL)}
    made = project(tmp_path, settings=SETTINGS, files={**APPS, **fill})

    killed = made.run("migrate_all", "--skip-makemigrations", "-v0")
    assert killed.returncode == -signal.SIGKILL
    assert asked(tmp_path / "shop_db.sqlite3")[0] == "wal"
    made.write({"shop/migrations/0002_fill.py": FILL.format(label="shop", body=FILLED)})
    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stderr) == (0, "")
    assert {asked(file) for file in tmp_path.glob("*.sqlite3")} == {ORDINARY}
    with closing(sqlite3.connect(tmp_path / "shop_db.sqlite3")) as connection:
        assert connection.execute("SELECT name FROM shop_order").fetchall() == [("one",)]


@pytest.mark.process
def test_an_error_of_a_migration_leaves_files_as_usual(tmp_path):
    fill = {"shop/migrations/0002_fill.py": FILL.format(label="shop", body="raise ValueError('no')")}
    made = project(tmp_path, settings=SETTINGS, files={**APPS, **fill})

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert result.returncode == 1
    assert {asked(file) for file in tmp_path.glob("*.sqlite3")} == {ORDINARY}
