"""When transactions of SQLite files wait for the disk while they are migrated, and what is left of that afterwards."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from dbroute.django.migrating.journal import MARK, FileJournal, StillOpenError, put_right
from tests.projects import project

from .migration_projects import APPS, FILL, SETTINGS

ASKED = ("journal_mode", "synchronous", "user_version")
ORDINARY = ("delete", 2, 0)
NORMAL, FULL = 1, 2


def connect(name: object, init_command: str = "") -> BaseDatabaseWrapper:
    entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(name), "OPTIONS": {"init_command": init_command}}
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


def assert_left_alone(connection: BaseDatabaseWrapper) -> None:
    before = state(connection)
    journal = FileJournal(connection)
    journal.begin()
    journal.wait(False)
    assert state(connection) == before
    journal.end()
    assert state(connection) == before


def execute(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(sql)


def test_a_new_file_waits_where_it_has_to_and_is_ordinary_afterwards(connection, path):
    journal = FileJournal(connection)

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

    assert_left_alone(connection)


def test_memory_is_left_alone():
    connection = connect(":memory:")
    before = state(connection)
    journal = FileJournal(connection)

    journal.begin()
    journal.wait(False)
    journal.end()

    assert state(connection)[:2] == before[:2] == ("memory", FULL)
    connection.connection.close()  # Django's own close() keeps what is in memory


@pytest.mark.parametrize(
    "init_command",
    ["PRAGMA journal_mode = WAL", "PRAGMA journal_mode = TRUNCATE", "ATTACH '{folder}/other.sqlite3' AS other"],
    ids=["a log", "another journal", "a file beside it"],
)
def test_a_connection_that_says_how_is_left_alone(init_command, path):
    connection = connect(path, init_command.format(folder=path.parent))

    assert_left_alone(connection)

    connection.close()


@pytest.mark.parametrize("query", ["nolock=1", "vfs=unix-dotfile", "mode=rwc"])
def test_a_uri_is_left_alone(query, path):
    connection = connect(f"file:{path}?{query}")
    journal = FileJournal(connection)

    journal.begin()
    journal.wait(False)

    assert state(connection) == ORDINARY
    connection.close()


def test_an_open_transaction_is_left_alone(connection):
    connection.ensure_connection()
    connection.in_atomic_block = True
    journal = FileJournal(connection)

    journal.begin()
    journal.wait(False)
    journal.end()
    connection.in_atomic_block = False

    assert state(connection) == ORDINARY


@pytest.mark.parametrize("init_command", ["", "PRAGMA synchronous = FULL"], ids=["plain", "told something"])
@pytest.mark.parametrize("obstacle", ["folder", "link"])
def test_where_there_can_be_no_log_all_is_as_usual(obstacle, init_command, path):
    beside = path.with_name("a.sqlite3-shm")
    if obstacle == "folder":
        beside.mkdir()
    else:
        beside.symlink_to(path.parent / "nowhere" / "x")
    connection = connect(path, init_command)
    connection.ensure_connection()
    journal = FileJournal(connection)

    journal.begin()
    journal.wait(False)

    assert state(connection) == ORDINARY
    journal.end()
    connection.close()
    assert asked(path) == ORDINARY


def test_a_read_only_file_is_left_alone(monkeypatch, connection, path):
    execute(path, "VACUUM")
    before = path.read_bytes()
    connection.close()
    connection = connect(path, "PRAGMA query_only = ON")
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, uri=True))
    monkeypatch.setattr("dbroute.django.migrating.journal._file", lambda _: f"file:{path}?mode=ro")
    journal = FileJournal(connection)

    journal.begin()
    journal.wait(False)
    journal.end()

    assert path.read_bytes() == before
    connection.close()


def fill(connection: BaseDatabaseWrapper) -> FileJournal:
    """Make a table in a file that does not wait."""
    journal = FileJournal(connection)
    journal.begin()
    journal.wait(False)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE a (b)")
    return journal


def test_a_file_that_somebody_has_open_is_complete_and_is_put_right_later(connection, path):
    journal = fill(connection)
    with closing(sqlite3.connect(path)) as other:
        other.execute("SELECT * FROM a").fetchall()
        with pytest.raises(StillOpenError):
            journal.end()
        assert state(connection) == ("wal", FULL, MARK)
        alone = path.with_name("copy.sqlite3")
        alone.write_bytes(path.read_bytes())
        with pytest.raises(StillOpenError):
            put_right([connection])

    put_right([connection])

    assert state(connection) == ORDINARY
    with closing(sqlite3.connect(alone)) as copied:
        assert copied.execute("SELECT * FROM a").fetchall() == []


@pytest.mark.parametrize("leave", ["closed", "in a transaction"])
def test_whatever_state_a_connection_is_left_in(leave, connection, path):
    journal = fill(connection)
    if leave == "closed":
        connection.close()
    else:
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO a VALUES (1)")

    journal.end()

    assert asked(path) == ORDINARY


def test_files_of_nobody_s_interest_are_not_put_right(connection, path):
    execute(path, "PRAGMA user_version = 7")
    execute(path, "PRAGMA journal_mode = WAL")

    put_right([connection])

    assert state(connection) == ("wal", FULL, 7)


@pytest.mark.parametrize(("usual", "meanwhile"), [("OFF", 0), ("NORMAL", 1), ("EXTRA", 1)])
def test_what_a_connection_was_told_itself_is_kept(usual, meanwhile, path):
    connection = connect(path, f"PRAGMA synchronous = {usual}")
    before = state(connection)
    journal = FileJournal(connection)

    journal.begin()
    assert state(connection)[1] == before[1]
    journal.wait(False)
    assert state(connection)[1] == meanwhile
    journal.end()

    assert state(connection) == before
    connection.close()


# Not by its whole name: a migration that has that in it is taken to say how the file is to be written.
TELL = """from pathlib import Path
    with schema_editor.connection.cursor() as cursor:
        found = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal" + "_mode", "synchronous")]
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


def told(sql: str, alias: str = "shop_db") -> str:
    """Return what a migration's code does to hear one number from a database."""
    return f"""from pathlib import Path
    from django.db import connections
    with connections["{alias}"].cursor() as cursor, Path("told.txt").open("a") as told:
        print(schema_editor.connection.alias, *cursor.execute("{sql}").fetchone(), file=told)"""


TWICE = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.CreateModel("Again", [("id", models.AutoField(primary_key=True))], {"db_table": "shop_order"}),
    ]
"""


@pytest.mark.process
def test_code_that_writes_to_a_database_that_has_failed_is_waited_for(tmp_path):
    files = {
        "shop/migrations/0002_twice.py": TWICE,
        "blog/migrations/0002_fill.py": FILL.format(label="blog", body=told("PRAGMA synchronous")).replace(
            '("blog", "0001_initial")', '("blog", "0001_initial"), ("shop", "0001_initial")'
        ),
    }
    made = project(tmp_path, settings=SETTINGS, files={**APPS, **files})

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert result.returncode == 1
    assert "shop_db: shop.0002_twice: OperationalError" in result.stderr
    assert (tmp_path / "told.txt").read_text() == "blog_db 2\n"


# An app whose ``hear`` is a handler of a signal.
HEARING = """
from django.apps import AppConfig
from django.core.management import call_command
from django.db.migrations import RunPython
from django.db.models import signals

{hear}


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        signals.{signal}.connect(hear, sender=self)
"""
INSERT = """
def note(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor, open("told.txt", "a") as told:
        print(schema_editor.connection.alias, *cursor.execute("PRAGMA synchronous").fetchone(), file=told)


def hear(plan, **kwargs):
    for migration, backwards in plan:
        if migration.app_label == "shop":
            migration.operations.append(RunPython(note))
"""
LOAD = """
def hear(using, **kwargs):
    if using == "shop_db":
        call_command("loaddata", "one", database=using, verbosity=0)
"""


@pytest.mark.process
def test_code_that_a_handler_put_into_a_migration_is_waited_for(tmp_path):
    settings = SETTINGS.replace('"shop"]', '"shop.apps.ShopConfig"]')
    made = project(
        tmp_path, settings=settings, files={**APPS, "shop/apps.py": HEARING.format(hear=INSERT, signal="pre_migrate")}
    )

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stderr) == (0, "")
    assert "shop_db 2" in (tmp_path / "told.txt").read_text().splitlines()


SAYS = """
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.RunSQL({sql!r}, migrations.RunSQL.noop)]
"""


@pytest.mark.process
@pytest.mark.parametrize("sql", ["PRAGMA journal_mode = WAL", "PRAGMA user_version = 7"])
def test_what_a_migration_says_of_the_file_stays(sql, tmp_path):
    files = {**APPS, "shop/migrations/0002_says.py": SAYS.format(sql=sql)}
    made, stock = (project(tmp_path / side, settings=SETTINGS, files=files) for side in ("ours", "theirs"))

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")
    other = stock.run("migrate", "--database", "shop_db", "-v0")

    assert (result.returncode, other.returncode) == (0, 0)
    ours, theirs = (asked(tmp_path / side / "shop_db.sqlite3") for side in ("ours", "theirs"))
    assert ours == theirs != ORDINARY


@pytest.mark.process
def test_two_aliases_of_one_file_are_as_usual(tmp_path):
    settings = SETTINGS.replace('f"{alias}.sqlite3"', '"one.sqlite3"')
    made = project(tmp_path, settings=settings, files=APPS)

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stderr) == (0, "")
    assert asked(tmp_path / "one.sqlite3") == ORDINARY


@pytest.mark.process
def test_a_handler_that_closes_the_connection(tmp_path):
    settings = SETTINGS.replace('"shop"]', '"shop.apps.ShopConfig"]')
    fixture = '[{"model": "shop.order", "pk": 1, "fields": {"name": "a"}}]'
    apps = {"shop/apps.py": HEARING.format(hear=LOAD, signal="post_migrate"), "shop/fixtures/one.json": fixture}
    made = project(tmp_path, settings=settings, files={**APPS, **apps})

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stderr) == (0, "")
    assert {asked(file) for file in tmp_path.glob("*.sqlite3")} == {ORDINARY}


BROKEN = """
from django.db import migrations, models


def point_nowhere(apps, schema_editor):
    apps.get_model("shop", "Ref").objects.using("shop_db").create(id=1, item_id=77)


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.CreateModel("Ref", [
            ("id", models.AutoField(primary_key=True)),
            ("item", models.ForeignKey("shop.Order", models.CASCADE)),
        ]),
        migrations.RunPython(point_nowhere),
    ]
"""


@pytest.mark.process
def test_a_key_that_points_nowhere_leaves_the_file_as_usual(tmp_path):
    made = project(tmp_path, settings=SETTINGS, files={**APPS, "shop/migrations/0002_broken.py": BROKEN})

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert result.returncode == 1
    assert "shop_db: shop.0002_broken: IntegrityError" in result.stderr
    assert {asked(file) for file in tmp_path.glob("*.sqlite3")} == {ORDINARY}


POOL = """from concurrent.futures import ThreadPoolExecutor
    global pool
    pool = ThreadPoolExecutor(2)
    model = apps.get_model("shop", "Order").objects.using("shop_db")
    list(pool.map(lambda _: model.count(), range(2)))"""


@pytest.mark.process
@pytest.mark.parametrize("kept", [False, True], ids=["threads that end", "threads that stay"])
def test_threads_of_a_migration_that_have_the_file_open(kept, tmp_path):
    body = POOL if kept else POOL + "\n    pool.shutdown()"
    files = {**APPS, "shop/migrations/0002_fill.py": FILL.format(label="shop", body=body)}
    made = project(tmp_path, settings=SETTINGS, files=files)

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")
    after = asked(tmp_path / "shop_db.sqlite3")
    again = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, again.returncode, again.stderr) == (0, 0, "")
    assert ("another connection has the file open" in result.stderr) == kept == (after != ORDINARY)
    assert asked(tmp_path / "shop_db.sqlite3") == ORDINARY
