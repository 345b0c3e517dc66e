"""The options of ``migrate_all``, its locks and its end before its time, from the outside."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import psycopg
import pytest

from tests.integration.migration_projects import (
    APPS,
    FILL,
    SETTINGS,
    applied,
    files_of,
    plain_project,
    sqlite_dump,
    tables,
    url_databases,
    without_seconds,
)
from tests.projects import MYSQL_DRIVER, clean_environment, project

pytestmark = pytest.mark.process

INITIAL = [("blog", "0001_initial"), ("shop", "0001_initial")]
# Tells that it has begun, and waits to be told to go on.
WAIT = """import os, sys, time
    open(f"begun_{schema_editor.connection.alias}", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.01)"""
# Writes a row at each run, to count them.
COUNT = 'apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias).create(name="once")'
# A migration of blog's that runs after the one of shop's.
AFTER_SHOP = FILL.format(label="shop", body="pass").replace(
    '("shop", "0001_initial")', '("blog", "0001_initial"), ("shop", "0002_fill")'
)


def slow_project(folder, settings="", body=WAIT):
    return plain_project(folder, settings, files={"shop/migrations/0002_fill.py": FILL.format(label="shop", body=body)})


@contextmanager
def started(made, *options):
    """A run in the background, killed at the end if it is still there."""
    process = subprocess.Popen(
        [sys.executable, "-u", "manage.py", "migrate_all", "--skip-makemigrations", *options],
        cwd=made.root,
        env=clean_environment({}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(path, process):
    """Wait for a file that a process writes."""
    while not path.exists():
        assert process.poll() is None, process.communicate()


def said_about(stream, what):
    """Read lines up to the one that says something."""
    for line in stream:
        if what in line:
            return line.rstrip("\n")
    raise AssertionError(f"nobody said {what!r}")


def interrupt_twice(run):
    run.send_signal(signal.SIGINT)
    said_about(run.stdout, "Interrupted")
    run.send_signal(signal.SIGINT)


# Locks


def test_second_run_waits_for_the_first_says_for_whom_and_runs_nothing_twice(tmp_path):
    made = slow_project(tmp_path, body=f"{WAIT}\n    {COUNT}")

    with started(made) as first:
        until(tmp_path / "begun_shop_db", first)
        with started(made) as second:
            told = said_about(second.stdout, "waiting")
            (tmp_path / "go").touch()
            ends = [first.wait(60), second.wait(60)]

    assert re.fullmatch(r"\w+: waiting for process \d+, since .* UTC, of .*, who is migrating this database", told)
    assert ends == [0, 0]
    with closing(sqlite3.connect(tmp_path / "shop_db.sqlite3")) as connection:
        assert connection.execute("SELECT name FROM shop_order").fetchall() == [("once",)]
    assert applied(tmp_path / "shop_db.sqlite3") == [*INITIAL, ("shop", "0002_fill")]
    assert not list(tmp_path.glob("*lock*"))


def test_wait_has_a_limit_and_the_lock_s_holder_is_named(tmp_path):
    made = slow_project(tmp_path)

    with started(made) as first:
        until(tmp_path / "begun_shop_db", first)
        result = made.run("migrate_all", "--skip-makemigrations", "--lock-timeout", "0", "-v0")

    assert result.returncode == 1
    assert re.search(
        r"^shop_db: still locked after 0 seconds; process \d+, .* is migrating this database; "
        r"wait for its end, or pass a longer --lock-timeout$",
        result.stderr,
        re.MULTILINE,
    )


def test_killed_run_leaves_nothing_to_clean_up(tmp_path):
    made = slow_project(tmp_path)

    with started(made) as first:
        until(tmp_path / "begun_shop_db", first)
        first.send_signal(signal.SIGKILL)
        first.wait()
    (tmp_path / "go").touch()
    result = made.run("migrate_all", "--skip-makemigrations", "--lock-timeout", "5", "-v0")

    assert (result.returncode, result.stderr) == (0, "")
    assert applied(tmp_path / "shop_db.sqlite3") == [*INITIAL, ("shop", "0002_fill")]
    assert not list(tmp_path.glob("*lock*"))


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_seconds_that_are_none_are_refused(tmp_path, text):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", f"--lock-timeout={text}")

    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        f"manage.py migrate_all: error: argument --lock-timeout: '{text}' is no number of seconds; say 0 or more."
    )


# Ctrl-C


def test_ctrl_c_finishes_the_migration_at_work_and_says_where_everything_stands(tmp_path):
    made = slow_project(tmp_path)
    made.write({"blog/migrations/0002_last.py": AFTER_SHOP})

    with started(made) as run:
        until(tmp_path / "begun_shop_db", run)
        run.send_signal(signal.SIGINT)
        said = said_about(run.stdout, "Interrupted")
        (tmp_path / "go").touch()
        out, err = run.communicate(timeout=60)

    assert said == "Interrupted; the migrations at work are finished first. Press Ctrl-C again to stop them."
    assert run.returncode == 130
    assert without_seconds(out) == (
        "alias    engine   applied          state                         seconds\n"
        "default  sqlite3  0 (+2 recorded)  stopped: the run ended early #\n"
        "shop_db  sqlite3  2                stopped: the run ended early #\n"
        "blog_db  sqlite3  0 (+2 recorded)  stopped: the run ended early #\n"
    )
    assert err == "CommandError: Interrupted; not finished: default, shop_db, blog_db; run again to continue.\n"
    done = [("shop", "0001_initial"), ("shop", "0002_fill")]
    assert [applied(tmp_path / f"{alias}.sqlite3") for alias in ("default", "shop_db", "blog_db")] == [done] * 3


def test_second_ctrl_c_rolls_the_migration_at_work_back(tmp_path):
    made = slow_project(tmp_path, body=f"{COUNT}\n    {WAIT}")

    with started(made) as run:
        until(tmp_path / "begun_shop_db", run)
        interrupt_twice(run)
        _, err = run.communicate(timeout=60)

    assert run.returncode == 130
    assert err.splitlines()[0] == "shop_db: shop.0002_fill: interrupted"
    with closing(sqlite3.connect(tmp_path / "shop_db.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM shop_order").fetchall() == [(0,)]
    assert applied(tmp_path / "shop_db.sqlite3") == INITIAL


def test_second_ctrl_c_on_the_way_back_has_a_table_too(tmp_path):
    made = slow_project(tmp_path)
    made.write({"shop/migrations/0002_fill.py": FILL.format(label="shop", body=WAIT).replace(
        "(fill, migrations.RunPython.noop)", "(migrations.RunPython.noop, fill)")})  # fmt: skip
    assert made.run("migrate_all", "--skip-makemigrations", "-v0").returncode == 0

    with started(made, "shop", "0001_initial") as run:
        until(tmp_path / "begun_shop_db", run)
        interrupt_twice(run)
        out, err = run.communicate(timeout=60)

    assert run.returncode == 130
    assert err.splitlines() == [
        "shop_db: shop.0002_fill: interrupted",
        "CommandError: Interrupted; not finished: shop_db; run again to continue.",
    ]
    assert "failed" in out


def test_ctrl_c_while_waiting_for_somebody_ends_the_wait(tmp_path):
    made = slow_project(tmp_path)

    with started(made) as first:
        until(tmp_path / "begun_shop_db", first)
        with started(made) as second:
            said_about(second.stdout, "waiting for")
            second.send_signal(signal.SIGINT)
            _, err = second.communicate(timeout=60)
        (tmp_path / "go").touch()
        first.wait()

    assert (second.returncode, first.returncode) == (130, 0)
    assert err == "CommandError: Interrupted; not finished: default, shop_db, blog_db; run again to continue.\n"


def test_after_ctrl_c_no_other_database_begins(tmp_path):
    body = f"{COUNT}\n    {WAIT}"
    settings = SETTINGS.replace('["default", "shop_db", "blog_db"]', '["default", "shop_db", "twin_db"]')
    settings = settings.replace('{"blog": "blog_db", "shop": "shop_db"}', "{}")
    files = {**APPS, "shop/migrations/0002_fill.py": FILL.format(label="shop", body=body)}
    made = project(tmp_path, settings=settings, files=files)

    with started(made) as run:
        until(tmp_path / "begun_default", run)
        run.send_signal(signal.SIGINT)
        said_about(run.stdout, "Interrupted")
        (tmp_path / "go").touch()
        _, err = run.communicate(timeout=60)

    assert run.returncode == 130
    assert not (tmp_path / "begun_shop_db").exists()
    assert err == "CommandError: Interrupted; not finished: shop_db, twin_db; run again to continue.\n"


# What is migrated


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--database", "shop_db", "--exclude", "shop_db"], "No database is left: all of them are excluded."),
        (["--prune"], "--prune needs an app: migrate_all APP --prune."),
    ],
)
def test_options_that_mean_nothing_are_refused_in_one_line(options, message, tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", *options)

    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"CommandError: {message}\n")
    assert not list(tmp_path.glob("*.sqlite3"))


def test_excluded_database_is_left_alone(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", "--exclude", "blog_db", "--exclude", "default")

    assert (result.returncode, result.stderr) == (0, "")
    assert [path.name for path in tmp_path.glob("*.sqlite3")] == ["shop_db.sqlite3"]


def test_excluding_what_is_not_there_is_refused(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", "--exclude", "blogdb")

    assert (result.returncode, result.stderr) == (
        1,
        "CommandError: There is no database 'blogdb'; did you mean 'blog_db'? "
        "The databases are: default, shop_db, blog_db.\n",
    )


def test_one_app_there_and_back(tmp_path):
    made = plain_project(tmp_path)

    there = made.run("migrate_all", "--app", "shop", "-v0")
    found_there = tables(tmp_path / "shop_db.sqlite3")
    back = made.run("migrate_all", "shop", "zero", "-v0")

    assert [(run.returncode, run.stderr) for run in (there, back)] == [(0, "")] * 2
    assert (found_there, tables(tmp_path / "shop_db.sqlite3")) == ({"shop_order"}, set())
    assert applied(tmp_path / "shop_db.sqlite3") == []
    assert [path.name for path in tmp_path.glob("*.sqlite3")] == ["shop_db.sqlite3"]


def test_migration_that_the_app_lacks_is_refused_with_those_it_has(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", "shop", "0007", "-v0")

    assert (result.returncode, result.stderr) == (
        1,
        "shop_db: App 'shop' has no migration '0007'; it has: 0001_initial.\n"
        "CommandError: 1 of 1 database failed: shop_db; run again to continue.\n",
    )


def test_first_failure_ends_the_run_if_asked_to(tmp_path):
    made = slow_project(tmp_path, body="raise ValueError(7)")
    made.write({"blog/migrations/0002_last.py": AFTER_SHOP})

    result = made.run("migrate_all", "--skip-makemigrations", "--fail-fast")

    assert result.returncode == 1
    assert [line.split("  ")[0] for line in result.stdout.splitlines()[-3:]] == ["default", "shop_db", "blog_db"]
    assert [" stopped: " in line or " failed: " in line for line in result.stdout.splitlines()[-3:]] == [True] * 3
    assert applied(tmp_path / "blog_db.sqlite3") == [("shop", "0001_initial"), ("shop", "0002_fill")]


def test_tables_of_apps_without_migrations_are_made_if_asked_for(tmp_path):
    made = plain_project(tmp_path, 'INSTALLED_APPS += ["plain"]')
    made.write({"plain/models.py": "from django.db import models\n\n\nclass Thing(models.Model):\n    pass\n"})

    without = made.run("migrate_all", "--skip-makemigrations", "-v0")
    before = tables(tmp_path / "default.sqlite3")
    result = made.run("migrate_all", "--skip-makemigrations", "--run-syncdb", "-v0")

    assert [(run.returncode, run.stderr) for run in (without, result)] == [(0, "")] * 2
    assert (before, tables(tmp_path / "default.sqlite3")) == (set(), {"plain_thing"})
    assert tables(tmp_path / "shop_db.sqlite3") == {"shop_order"}


# What is told


def test_json_has_one_object_for_each_database(tmp_path):
    made = slow_project(tmp_path, body="raise ValueError(7)")

    result = made.run("migrate_all", "--skip-makemigrations", "--json")
    found = [json.loads(line) for line in result.stdout.splitlines()]

    seconds = [entry.pop("seconds") for entry in found]
    assert all(isinstance(number, float) for number in seconds)
    plain = {"engine": "sqlite3", "error": "", "advice": "", "reason": "", "left": 0}
    assert found == [
        {**plain, "alias": "default", "state": "migrated", "applied": [],
         "recorded": ["blog.0001_initial", "shop.0001_initial", "shop.0002_fill"]},
        {**plain, "alias": "shop_db", "state": "failed", "applied": ["shop.0001_initial"],
         "recorded": ["blog.0001_initial"], "error": "shop.0002_fill: ValueError: 7", "left": 1,
         "reason": "stands at shop.0001_initial"},
        {**plain, "alias": "blog_db", "state": "migrated", "applied": ["blog.0001_initial"],
         "recorded": ["shop.0001_initial", "shop.0002_fill"]},
    ]  # fmt: skip
    assert result.returncode == 1


def test_json_of_the_plan(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", "--plan", "--json", "--database", "shop_db")

    assert (result.returncode, result.stderr) == (0, "")
    assert [json.loads(line) for line in result.stdout.splitlines()] == [
        {"alias": "shop_db", "touching": ["shop.0001_initial"], "recorded": ["blog.0001_initial"], "unapplied": [],
         "error": "", "skipped": ""}
    ]  # fmt: skip


def test_sql_is_written_and_makes_the_same_schema(tmp_path):
    made = plain_project(tmp_path)
    before = files_of(tmp_path)

    result = made.run("migrate_all", "--dry-run-sql", "sql")

    written = {name: text.decode() for name, text in files_of(tmp_path).items() if name not in before}
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "default: sql/default.sql\nshop_db: sql/shop_db.sql\nblog_db: sql/blog_db.sql\n"
    assert {name for name in written if "__pycache__" not in name} == {
        "sql/default.sql",
        "sql/shop_db.sql",
        "sql/blog_db.sql",
    }
    assert made.run("migrate_all", "--skip-makemigrations", "-v0").returncode == 0
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(written["sql/shop_db.sql"])
        found = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'shop_order'").fetchall()
    schema = sqlite_dump(tmp_path / "shop_db.sqlite3")["schema"]
    assert found == [(sql,) for _, name, _, sql in schema if name == "shop_order"]


def test_terminal_gets_a_live_table(tmp_path):
    made = plain_project(tmp_path)
    ours, theirs = os.openpty()

    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "migrate_all", "--skip-makemigrations"],
            cwd=made.root,
            env=clean_environment({"TERM": "xterm", "COLUMNS": "120", "LANG": "C.UTF-8"}),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
        )
        os.close(theirs)
        seen = b""
        try:
            while chunk := terminal.read(4096):
                seen += chunk
        except OSError:
            pass  # how the end of a terminal is told
    text = seen.decode()

    assert process.wait() == 0
    assert re.search(r"shop_db .*\d/2", text)
    assert text.count("alias") == 1


# Servers without transactions for their schemas


def test_mariadb_says_what_is_left_to_do_by_hand_and_records_nothing_falsely(tmp_path, mariadb):
    urls = {"default": mariadb.create(), "shop_db": mariadb.create(), "blog_db": mariadb.create()}
    broken = """
from django.db import migrations, models


def fail(apps, schema_editor):
    raise ValueError(7)


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AddField("order", "size", models.IntegerField(default=0)),
        migrations.RunPython(fail),
    ]
"""
    made = plain_project(
        tmp_path, f"{MYSQL_DRIVER}\n{url_databases(urls)}", files={"shop/migrations/0002_broken.py": broken}
    )

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stderr) == (
        1,
        "shop_db: shop.0002_broken: ValueError: 7\n"
        "shop_db: shop.0002_broken is not recorded, and what it did before the error stays done: "
        "Add field size to order. It failed at: Raw Python operation. Undo that by hand (or finish the migration by "
        "hand and record it with `manage.py migrate_all shop 0002_broken --fake --database shop_db`), then run again.\n"
        "CommandError: 1 of 3 databases failed: shop_db; run again to continue.\n",
    )
    recorded = "SELECT app, name FROM django_migrations ORDER BY id"
    assert [tuple(row) for row in mariadb.execute(recorded, urls["shop_db"])] == INITIAL
    assert [tuple(row) for row in mariadb.execute(recorded, urls["blog_db"])] == [*INITIAL, ("shop", "0002_broken")]


def test_second_ctrl_c_stops_what_threads_wait_for(tmp_path, postgres):
    urls = {"default": postgres.create(), "shop_db": postgres.create(), "blog_db": postgres.create()}
    settings = f"{url_databases(urls)}\nDATABASE_ROUTING_RULES = {{}}\n"
    made = plain_project(tmp_path, settings)
    assert made.run("migrate_all", "--skip-makemigrations", "-v0").returncode == 0
    add = """
        from django.db import migrations, models


        class Migration(migrations.Migration):
            dependencies = [("shop", "0001_initial")]
            operations = [migrations.AddField("Order", "size", models.IntegerField(default=1))]
    """
    made.write({"shop/migrations/0002_add.py": add})

    with closing(psycopg.connect(urls["shop_db"])) as other:
        other.execute("SELECT * FROM shop_order")  # keeps the table until the transaction ends
        with started(made, "-v2") as run:
            said_about(run.stdout, "shop_db: shop.0002_add")
            time.sleep(1)
            interrupt_twice(run)
            _, err = run.communicate(timeout=60)

    assert run.returncode == 130
    assert "CommandError: Interrupted; not finished: " in err
    assert "Traceback" not in err


def test_mariadb_says_on_the_way_back_too_that_nothing_is_rolled_back(tmp_path, mariadb):
    urls = {"default": mariadb.create(), "shop_db": mariadb.create(), "blog_db": mariadb.create()}
    half = """
        from django.db import migrations, models


        class Migration(migrations.Migration):
            dependencies = [("shop", "0001_initial")]
            operations = [
                migrations.RunSQL("SELECT 1", "SELECT * FROM nosuch"),
                migrations.AddField("Order", "size", models.IntegerField(default=1)),
            ]
    """
    files = {"shop/migrations/0002_half.py": half}
    made = plain_project(tmp_path, f"{MYSQL_DRIVER}\n{url_databases(urls)}", files=files)
    assert made.run("migrate_all", "--skip-makemigrations", "-v0").returncode == 0

    result = made.run("migrate_all", "shop", "0001", "-v0")

    assert result.returncode == 1
    assert result.stderr.splitlines()[0].startswith("shop_db: shop.0002_half: ProgrammingError: (1146")
    assert result.stderr.splitlines()[1:] == [
        "shop_db: What shop.0002_half did before the error stays done: compare the database with its operations, "
        "undo by hand what is there already, then run again.",
        "CommandError: 1 of 1 database failed: shop_db; run again to continue.",
    ]
