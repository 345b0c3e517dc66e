"""One migrator at a time: real processes on every engine that has a lock."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

from tests.integration.migration_projects import url_databases
from tests.projects import MYSQL_DRIVER, clean_environment, project
from tests.servers import name_of

pytestmark = pytest.mark.process

# Takes the lock, says so, and has it until its input ends.
HOLDER = """
import sys

import django

django.setup()

from django.db import connections

from dbroute.django.migrating.locks import LockLostError, LockTimeoutError, hold

timeout = float(sys.argv[2]) if len(sys.argv) > 2 else None
try:
    told = lambda by: print(f"waiting: {by}", flush=True)
    with hold(connections[sys.argv[1]], timeout=timeout, waiting=told) as held:
        print("held", flush=True)
        for line in sys.stdin:
            held.verify()
            print("still held", flush=True)
    print("released", flush=True)
except (LockLostError, LockTimeoutError) as error:
    print(f"{type(error).__name__}: {error}", flush=True)
"""

SECONDS = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
PROCESS = rf"process (\d+), since {SECONDS} UTC, of \S+ on {re.escape(socket.gethostname())[:5]}\S*"


class Cluster:
    """A project, and the processes that lock its databases."""

    def __init__(self, made, stack):
        self._made, self._stack = made, stack

    def start(self, alias="default", *options):
        process = self._stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-u", "-c", HOLDER, alias, *options],
                cwd=self._made.root,
                env=clean_environment({"DJANGO_SETTINGS_MODULE": "settings"}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        self._stack.callback(process.kill)
        return process


@contextmanager
def cluster(folder, urls):
    made = project(folder, settings=f'{MYSQL_DRIVER}\nINSTALLED_APPS = ["dbroute.django"]\n{url_databases(urls)}')
    with ExitStack() as stack:
        yield Cluster(made, stack)


def line(process):
    return process.stdout.readline().rstrip("\n")


def end(process):
    """Let a holder go, and return what it still says."""
    rest, _ = process.communicate(timeout=60)
    return rest.splitlines()


def two_in_turn(where, said):
    """One after the other, the waiting one saying who has it; the lock is free afterwards."""
    first = where.start()
    assert line(first) == "held"
    second = where.start()
    assert re.fullmatch(f"waiting: {said}", line(second))
    assert end(first) == ["released"]
    assert line(second) == "held"
    assert end(second) == ["released"]
    assert end(where.start("default", "0")) == ["held", "released"]


def too_late(where, said):
    first = where.start()
    assert line(first) == "held"
    message = (
        rf"LockTimeoutError: default: still locked after 0 seconds; {said} is migrating this database; "
        r"wait for its end, or pass a longer --lock-timeout"
    )
    (told,) = end(where.start("default", "0"))
    assert re.fullmatch(message, told)


def killed(where):
    first = where.start()
    assert line(first) == "held"
    second = where.start()
    assert line(second).startswith("waiting: ")
    os.kill(first.pid, signal.SIGKILL)
    assert line(second) == "held"
    assert end(second) == ["released"]


MARIADB_SAID = r"session \d+, since \d{4}-\d\d-\d\d \d\d:\d\d UTC, of user \w+ from \S+"


def test_sqlite_two_run_one_after_the_other(tmp_path):
    with cluster(tmp_path, {"default": f"sqlite:///{tmp_path}/a.sqlite3"}) as where:
        two_in_turn(where, PROCESS)

    assert sorted(path.name for path in tmp_path.glob("a.sqlite3*")) == []


def test_postgres_two_run_one_after_the_other(tmp_path, postgres):
    with cluster(tmp_path, {"default": postgres.create()}) as where:
        two_in_turn(where, PROCESS)


def test_mariadb_two_run_one_after_the_other(tmp_path, mariadb):
    with cluster(tmp_path, {"default": mariadb.create()}) as where:
        two_in_turn(where, MARIADB_SAID)


def test_sqlite_wait_has_a_limit(tmp_path):
    with cluster(tmp_path, {"default": f"sqlite:///{tmp_path}/a.sqlite3"}) as where:
        too_late(where, PROCESS)


def test_postgres_wait_has_a_limit(tmp_path, postgres):
    with cluster(tmp_path, {"default": postgres.create()}) as where:
        too_late(where, PROCESS)


def test_mariadb_wait_has_a_limit(tmp_path, mariadb):
    with cluster(tmp_path, {"default": mariadb.create()}) as where:
        too_late(where, MARIADB_SAID)


def test_sqlite_killed_holder_blocks_nobody(tmp_path):
    with cluster(tmp_path, {"default": f"sqlite:///{tmp_path}/a.sqlite3"}) as where:
        killed(where)

    assert list(tmp_path.glob("a.sqlite3*")) == []


def test_postgres_killed_holder_blocks_nobody(tmp_path, postgres):
    with cluster(tmp_path, {"default": postgres.create()}) as where:
        killed(where)


def test_mariadb_killed_holder_blocks_nobody(tmp_path, mariadb):
    with cluster(tmp_path, {"default": mariadb.create()}) as where:
        killed(where)


def ask(process):
    process.stdin.write("\n")
    process.stdin.flush()
    return line(process)


LOST = (
    r"LockLostError: default: the lock was lost \(.+\); another process may be migrating this database: "
    r"see to it that none is, and run again"
)


def test_sqlite_lock_that_somebody_removed_is_noticed(tmp_path):
    with cluster(tmp_path, {"default": f"sqlite:///{tmp_path}/a.sqlite3"}) as where:
        first = where.start()
        assert [line(first), ask(first)] == ["held", "still held"]
        file = tmp_path / "a.sqlite3.migrate-lock"
        file.unlink()
        second = where.start()
        assert line(second) == "held"

        told = ask(first)

        assert told == LOST.replace("\\", "").replace(".+", f"the file {file} was replaced")
        first.wait()
        assert ask(second) == "still held"


def test_postgres_connection_lost_while_held_is_noticed(tmp_path, postgres):
    url = postgres.create()
    with cluster(tmp_path, {"default": url}) as where:
        first = where.start()
        assert [line(first), ask(first)] == ["held", "still held"]
        postgres.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(url)}'",
        )

        assert re.fullmatch(LOST, ask(first))
        assert line(where.start()) == "held"


def test_mariadb_connection_lost_while_held_is_noticed(tmp_path, mariadb):
    url = mariadb.create()
    with cluster(tmp_path, {"default": url}) as where:
        first = where.start()
        assert [line(first), ask(first)] == ["held", "still held"]
        rows = mariadb.execute(f"SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{name_of(url)}'")
        for (number,) in rows:
            mariadb.execute(f"KILL {number}")

        assert re.fullmatch(LOST, ask(first))
        assert line(where.start()) == "held"


def test_postgres_other_database_and_other_advisory_locks_are_not_waited_for(tmp_path, postgres):
    url, other = postgres.create("one"), postgres.create("two")
    with cluster(tmp_path, {"default": url, "other": other}) as where, ExitStack() as stack:
        session = stack.enter_context(postgres.server.connect(name_of(url)))
        session.execute("SELECT pg_advisory_lock(1), pg_advisory_lock(1, 1), pg_advisory_lock(1684173423)")
        first = where.start("other")
        assert line(first) == "held"

        second = where.start("default", "0")

        assert line(second) == "held"


def test_postgres_index_is_built_concurrently_while_the_lock_is_held(tmp_path, postgres):
    url = postgres.create()
    postgres.execute("CREATE TABLE t (id int)", url)
    with cluster(tmp_path, {"default": url}) as where:
        first = where.start()
        assert line(first) == "held"

        postgres.execute("CREATE INDEX CONCURRENTLY t_id ON t (id)", url)

        assert postgres.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 't_id'::regclass", url) == [(True,)]


def test_postgres_role_that_may_see_nothing_is_told_the_holder_too(tmp_path, postgres):
    url, role = postgres.create(), postgres.role("app", "secret")
    with cluster(tmp_path, {"default": url, "as_app": postgres.url_as(url, role, "secret")}) as where:
        assert line(where.start()) == "held"

        assert re.fullmatch(f"waiting: {PROCESS}", line(where.start("as_app")))


def test_mariadb_database_whose_name_differs_in_case_is_another_one(tmp_path, mariadb):
    url = mariadb.create("x" * 40)
    upper = url.replace("xxx", "XXX")
    mariadb.execute(f"CREATE DATABASE `{name_of(upper)}`")
    try:
        with cluster(tmp_path, {"default": url, "other": upper}) as where:
            assert line(where.start()) == "held"

            assert line(where.start("other", "0")) == "held"
    finally:
        mariadb.execute(f"DROP DATABASE `{name_of(upper)}`")


@pytest.mark.parametrize("spelling", ["a.sqlite3", "./a.sqlite3", "file:a.sqlite3?mode=rwc", "link.sqlite3"])
def test_sqlite_spellings_of_one_file_are_one_lock(tmp_path, spelling):
    (tmp_path / "link.sqlite3").symlink_to("a.sqlite3")
    made = project(
        tmp_path,
        settings=f"""
        ENGINE = "django.db.backends.sqlite3"
        INSTALLED_APPS = ["dbroute.django"]
        DATABASES = {{"default": {{"ENGINE": ENGINE, "NAME": BASE_DIR / "a.sqlite3"}},
                     "other": {{"ENGINE": ENGINE, "NAME": "{spelling}", "OPTIONS": {{"uri": True}}}}}}
        """,
    )
    with ExitStack() as stack:
        where = Cluster(made, stack)
        assert line(where.start()) == "held"

        assert line(where.start("other")).startswith("waiting: process ")


def test_sqlite_link_in_place_of_the_lock_file_is_not_followed(tmp_path):
    victim = tmp_path / "victim.txt"
    victim.write_text("precious")
    (tmp_path / "a.sqlite3.migrate-lock").symlink_to(victim)
    made = project(
        tmp_path / "site",
        settings=f'INSTALLED_APPS = ["dbroute.django"]\n{url_databases({"default": f"sqlite:///{tmp_path}/a.sqlite3"})}',
    )

    result = made.python("""
        from django.db import connection
        from dbroute.django.migrating.locks import hold
        from dbroute.django.migrating.mutexes import LockFileError
        try:
            with hold(connection):
                print("held")
        except LockFileError as error:
            print(error)
    """)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        f"{tmp_path}/a.sqlite3.migrate-lock: cannot be locked (Too many levels of symbolic links); "
        "remove it if no migrator is running\n"
    )
    assert victim.read_text() == "precious"


ORDER = """
from django.db import connections
from dbroute.django.migrating.locks import lock_order
print([[connection.alias for connection in group] for group in lock_order(map(connections.__getitem__, {aliases}))])
"""


def order(made, aliases):
    result = made.python(ORDER.format(aliases=aliases))
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.strip()


def test_order_is_that_of_the_physical_databases_and_each_stands_once(tmp_path, postgres, mariadb):
    mine, yours = postgres.create("mine"), postgres.create("yours")
    urls = {
        "default": mine,
        "same": mine.replace("127.0.0.1", "localhost"),
        "yours": yours,
        "maria": mariadb.create(),
        "file": f"sqlite:///{tmp_path}/b.sqlite3",
        "memory": "sqlite://:memory:",
        "down": mine.replace(name_of(mine), "dbroute_is_not_there"),
    }
    made = project(tmp_path, settings=f'{MYSQL_DRIVER}\nINSTALLED_APPS = ["dbroute.django"]\n{url_databases(urls)}')

    forwards, backwards = order(made, list(urls)), order(made, list(reversed(urls)))

    expected = "[['maria'], ['default', 'same'], ['yours'], ['file'], ['memory'], ['down']]"
    assert forwards == expected
    assert backwards == expected.replace("'default', 'same'", "'same', 'default'")


def test_database_in_memory_needs_no_lock(tmp_path):
    with cluster(tmp_path, {"default": "sqlite://:memory:"}) as where:
        assert line(where.start()) == "held"

        assert end(where.start("default", "0")) == ["held", "released"]
