"""What has the right type and cannot work all the same is refused at load."""

from pathlib import Path

import pytest

from tests.config.loading import DEFAULT, config, error, view, write

ZONE = "is no time zone; name one such as Europe/Berlin or UTC"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("pool: {min_size: -1}", "pool.min_size: is less than 0; write 0 or more"),
        ("pool: {max_size: 0}", "pool.max_size: is less than 1; write 1 or more"),
        ("pool: {num_workers: 0}", "pool.num_workers: is less than 1; write 1 or more"),
        ("pool: {max_waiting: -1}", "pool.max_waiting: is less than 0; write 0 or more"),
        ("pool: {max_size: 2}", "pool.max_size: is less than min_size, which is 4, psycopg's default; "
         "raise it, or lower min_size"),
        ("pool: {min_size: 5, max_size: 3}", "pool.max_size: is less than min_size, which is 5; "
         "raise it, or lower min_size"),
        ("pool: {min_size: 0}", "pool.min_size: leaves a pool of no connections; set max_size too"),
        ("pool: {timeout: -1}", "pool.timeout: expected a number of seconds, a duration such as 10m, or null, got -1; "
         "write 600 or 10m"),
        ("pool: {timeout: .inf}", "pool.timeout: expected a number of seconds, a duration such as 10m, or null, "
         "got inf; write 600 or 10m"),
        ("replicas: [{weight: -1}]", "replicas[0].weight: is less than 0; write 0 or more"),
        ("time_zone: Mars/Base", f"time_zone: {ZONE}"),
        ("time_zone: ../passwd", f"time_zone: {ZONE}"),
        ("time_zone: Europe/Berlni", "time_zone: is no time zone; did you mean 'Europe/Berlin'?"),
        (r'name: "a\0b"', "name: has a NUL character in it; remove it"),
        (r'password: "a\0b"', "password: has a NUL character in it; remove it"),
        ("host: 'a,b,c', port: '1,2'", "port: has 2 ports for 3 hosts; give one port, or one for each host"),
        ("port: '1,2'", "port: has 2 ports for 1 host; give one port, or one for each host"),
        ("port: 70000", "port: the port is no number from 1 to 65535; correct it"),
        ("host: 'postgresql://x'", "host: is a URL; write the host alone, or the whole as 'url'"),
        (f"name: {'x' * 64}", "name: is longer than the 63 letters that PostgreSQL allows; shorten it"),
        ("test: {collation: C}", "test.collation: cannot be set when PostgreSQL creates a database; "
         "remove it; use template"),
        ("test: {mirror: default}", "test.mirror: 'default' has no test database of its own; "
         "name the database that is copied"),
        ("test: {dependencies: [default]}", "test.dependencies: the database waits for itself; "
         "remove one of the dependencies; without any, a database waits for default"),
        ("conn_max_age: -1", "conn_max_age: expected a whole number of seconds, a duration such as 10m, or null, "
         "got -1; write 600 or 10m"),
        ("HOST: a, host: b", "host: is the same key as the one in config.yaml:3:5; keep one of the two"),
        ("test: {name: a, NAME: b}", "test.NAME: is the same key as the one in config.yaml:3:12; keep one of the two"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(fields: str, message: str, tmp_path: Path) -> None:
    text = f"databases:\n  default: {{url: 'postgresql://h/n',\n    {fields}}}\n"

    (line,) = error(tmp_path, text).splitlines()

    assert line.partition("  databases.default.")[2] == message
    assert line.startswith("config.yaml:3:")


@pytest.mark.parametrize(
    "fields",
    [
        "pool: {min_size: 0, max_size: 2}",
        "pool: {max_size: 4}",
        "replicas: [{weight: 0}]",
        "time_zone: UTC",
        "host: 'a,b', port: '1,2'",
        "host: 'a,b', port: 1",
        f"name: {'x' * 63}",
        "test: {dependencies: []}",
    ],
)
def test_what_works_is_accepted(fields: str, tmp_path: Path) -> None:
    assert config(tmp_path, f"databases: {{default: {{url: 'postgresql://h/n', {fields}}}}}\n").databases


def test_times_of_a_pool_are_seconds_or_durations(tmp_path: Path) -> None:
    text = "databases: {default: {url: 'postgresql://h/n', pool: {timeout: 1.5, max_lifetime: 1h, max_idle: 5m}}}\n"

    pool = (
        config(tmp_path, text, {"DBROUTE_DATABASES__DEFAULT__POOL__RECONNECT_TIMEOUT": "2.5"}).databases["default"].pool
    )

    assert (pool.timeout, pool.max_lifetime, pool.max_idle, pool.reconnect_timeout) == (1.5, 3600, 300, 2.5)


def test_nul_in_the_path_of_an_sqlite_file_is_refused(tmp_path: Path) -> None:
    assert error(tmp_path, "database: {url: 'sqlite:///a%00b'}") == (
        "config.yaml:1:17  database.url: has a NUL character in it; remove it"
    )


def test_time_zone_of_django_is_checked_before_django_raises(tmp_path: Path) -> None:
    assert error(tmp_path, f"{DEFAULT}django: {{TIME_ZONE: Mars/Base}}", settings=view()) == (
        f"config.yaml:2:21  django.TIME_ZONE: {ZONE}"
    )


def test_mirror_of_a_mirror_is_refused(tmp_path: Path) -> None:
    text = """\
        databases:
          default: sqlite:///a
          b: {url: 'sqlite:///b', test: {mirror: default}}
          c: {url: 'sqlite:///c', test: {mirror: b}}
        """

    assert error(tmp_path, text) == (
        "config.yaml:4:42  databases.c.test.mirror: 'b' has no test database of its own; "
        "name the database that is copied"
    )


def test_test_databases_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    text = """\
        databases:
          default: {url: 'sqlite:///a', test: {dependencies: [b]}}
          b: sqlite:///b
        """

    assert error(tmp_path, text) == (
        "config.yaml:2:54  databases.default.test.dependencies: b, default wait for each other; "
        "remove one of the dependencies; without any, a database waits for default"
    )


# One slip, one line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("databse:\n  url: sqlite:///a\nrouting: {x: default}", "1:1  databse: unknown key; did you mean 'database'?"),
        ("databse:\n  default: sqlite:///a\nrouting: {x: default}", "1:1  databse: unknown key; "
         "did you mean 'databases'?"),
        ("databases: soon\nrouting: {x: default}", "1:12  databases: expected a mapping, got 'soon'; "
         "write keys below it, or remove it"),
        ("database: {ulr: 'sqlite:///a'}", "1:12  database.ulr: unknown key; did you mean 'url'?"),
        ("database: {url: null}", "1:17  database.url: expected a URL, got null; write a URL, or remove the key"),
        ("default: sqlite:///a\nblog: sqlite:///b", "1:1  default: unknown key, as are blog; "
         "write 'databases:' above them, and indent them below it"),
        ("databases: {default: null}\nrouting: {x: default}", "1:22  databases.default: expected a URL or a mapping, "
         "got null; write {url: …}"),
        ("databases: {defautl: 'sqlite:///a'}", "1:1  databases: there is no database 'default'; rename 'defautl', or "
         "add databases.default, or database.url, or set DATABASE_URL"),
        ("databases: {default: {engien: sqlite, name: a}}", "1:23  databases.default.engien: unknown key; "
         "did you mean 'engine'?"),
        ("databases: {default: {engine: sqlite, nmae: a}}", "1:39  databases.default.nmae: unknown key; "
         "did you mean 'name'?"),
        ("databases: {default: {engine: postgresql, name: [a]}}", "1:49  databases.default.name: expected a text or "
         "null, got a list; write one text"),
        ("databases: {default: {engine: null, name: a}}", "1:23  databases.default: has neither url nor engine; "
         "write url: engine://user:password@host:port/name, or engine and name"),
        ("databases: {default: {url: null}}", "1:23  databases.default: has neither url nor engine; "
         "write url: engine://user:password@host:port/name, or engine and name"),
        ("databases: {default: {url: !x 'sqlite:///a'}}", "1:28  databases.default.url: has a tag; "
         "remove it, or quote a text that begins with '!'"),
        ("databases: {default: 'sqlite:///a', blog: default}", "1:37  databases.blog: is a rule; "
         "write it below 'routing:'"),
        ("database: {url: 'sqlite:///a', DEBUG: true}", "1:32  database.DEBUG: unknown key; write it below 'django:'"),
        ("database: {url: 'sqlite:///a', url_b: 'sqlite:///b', b: b_db}", "1:54  database.b: unknown key; "
         "write it below 'routing:'"),
    ],
)  # fmt: skip
def test_what_follows_from_another_fault_is_not_told(text: str, message: str, tmp_path: Path) -> None:
    assert error(tmp_path, text) == f"config.yaml:{message}"


def test_a_file_of_a_variable_that_cannot_be_read_is_the_only_fault(tmp_path: Path) -> None:
    write(tmp_path, {})

    message = error(tmp_path, "routing: {x: default}\n", {"DATABASE_URL_FILE": "nowhere"})

    assert message == (
        "DATABASE_URL_FILE  names a file that cannot be read: no such file or directory; "
        "check the file and its permissions"
    )
