"""Databases: their spellings, what they inherit, and which of them cannot work."""

from pathlib import Path
from typing import Any

import pytest

from dbroute import ConfigError, PoolConfig
from dbroute.config import Config, load
from dbroute.models import reveal
from tests.config.loading import config, error, view

KNOWN = (
    "known are url, engine, name, user, password, host, port, conn_max_age, conn_health_checks, pool, options, "
    "atomic_requests, autocommit, time_zone, disable_server_side_cursors, test, apps, replicas, readonly, migrate, "
    "migrates_like, migrate_url"
)
PG = "postgresql://u:p@h:5432/n?connect_timeout=10"


def one(folder: Path, lines: str, url: str = PG) -> Config:
    """Load a configuration whose database ``x`` has further lines."""
    return config(folder, f"databases: {{default: 'sqlite:///d', x: {{url: '{url}', {lines}}}}}")


def fault(folder: Path, lines: str, url: str = PG) -> str:
    return error(folder, f"databases:\n  default: sqlite:///d\n  x: {{url: '{url}', {lines}}}\n")


# Aliases


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("database: {url: 'sqlite:///d', url_blog: 'sqlite:///b'}", "blog_db"),
        ("database: {url: 'sqlite:///d', url_blog: 'sqlite:///b'}\nrouting: {blog: blog}", "blog"),
        ("database: {url: 'sqlite:///d', url_blog: 'sqlite:///b'}\nrouting: {blog: blog_db}", "blog_db"),
        ("database: {url: 'sqlite:///d', url_blog: 'sqlite:///b'}\ndatabases: {blog: {conn_max_age: 5}}", "blog"),
        ("database: {url: 'sqlite:///d', url_blog_db: 'sqlite:///b'}\nrouting: {blog: blog_db}", "blog_db"),
        ("database: {url: 'sqlite:///d', url_Blog: 'sqlite:///b'}", "Blog_db"),
    ],
)
def test_short_form_takes_the_alias_that_rules_and_databases_use(text: str, alias: str, tmp_path: Path) -> None:
    loaded = config(tmp_path, text)

    assert list(loaded.databases) == ["default", alias]


def test_short_form_that_may_mean_two_databases_is_refused(tmp_path: Path) -> None:
    text = "database:\n  url: sqlite:///d\n  url_blog: sqlite:///b\nrouting: {a: blog, b: blog_db}\n"

    message = error(tmp_path, text + "databases: {blog: 'sqlite:///c', blog_db: {conn_max_age: 5, url: 'sqlite:///e'}}")

    assert "config.yaml:3:3  database.url_blog: may mean 'blog' and 'blog_db'; " in message
    assert "write the database in full below 'databases:'" in message


def test_url_default_is_another_name_of_url(tmp_path: Path) -> None:
    loaded = config(tmp_path, "database: {url_default: 'sqlite:///d'}")

    assert list(loaded.databases) == ["default"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "database:\n  url: sqlite:///a\ndatabases:\n  default: sqlite:///b\n",
            "config.yaml:4:3  databases.default.url: sets the URL of the same database as config.yaml:2:3; "
            "keep one of the two",
        ),
        (
            "database:\n  url: sqlite:///d\n  url_blog: sqlite:///a\n  url_blog_db: sqlite:///b\nrouting: {b: blog_db}",
            "config.yaml:4:3  database.url_blog_db: sets the URL of the same database as config.yaml:3:3; "
            "keep one of the two",
        ),
    ],
)
def test_url_in_two_spellings_of_one_layer_is_refused(text: str, message: str, tmp_path: Path) -> None:
    assert error(tmp_path, text) == message


def test_short_and_full_form_of_one_layer_go_together(tmp_path: Path) -> None:
    loaded = config(tmp_path, "database: {url: 'postgresql://u@h/n'}\ndatabases: {default: {host: other}}")

    database = loaded.databases["default"]
    assert (database.user, database.host) == ("u", "other")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("database: 5", "config.yaml:1:11  database: expected a mapping, got 5; write database: {url: …}"),
        ("databases: [a]", "config.yaml:1:12  databases: expected a mapping, got a list; write keys below it, "
         "or remove it"),
        ("routing: x", "config.yaml:1:10  routing: expected a mapping, got 'x'; write keys below it, or remove it"),
        ("django: null", "config.yaml:1:9  django: expected a mapping, got null; write keys below it, or remove it"),
        ("database: {urll: x}", "config.yaml:1:12  database.urll: unknown key; did you mean 'url'?"),
        ("database: {url_: x}", "config.yaml:1:12  database.url_: unknown key; did you mean 'url'?"),
        ("database: {port: 5}", "config.yaml:1:12  database.port: unknown key; write url, or url_<name>"),
        ("database: {url: 5}", "config.yaml:1:17  database.url: expected a URL, got 5; write a text"),
        ("database: {url: [hunter2]}", "config.yaml:1:17  database.url: expected a URL, got a list; write a text"),
        ("databases: {x: null}", "config.yaml:1:16  databases.x: expected a URL or a mapping, got null; "
         "write {url: …}"),
        ("databases: {x: 5}", "config.yaml:1:16  databases.x: expected a URL or a mapping, got 5; write {url: …}"),
        ("databases: {5: 'sqlite:///x'}", "config.yaml:1:13  databases[5]: an alias has to be a text; "
         "put it into quotes"),
        ("databases: {x: {}}", "config.yaml:1:13  databases.x: has neither url nor engine; "
         "write url: engine://user:password@host:port/name, or engine and name"),
        ("databases: {x: {name: n}}", "config.yaml:1:13  databases.x: has neither url nor engine; "
         "write url: engine://user:password@host:port/name, or engine and name"),
        ("databases: {x: {engine: [a]}}", "config.yaml:1:25  databases.x.engine: expected a text or null, "
         "got a list; write one text"),
        ("databases: {x: {engine: postgresql}}", "config.yaml:1:13  databases.x.name: the name of the database is "
         "empty; name the database"),
        ("databases: {x: {engine: postgresql, name: ''}}", "config.yaml:1:43  databases.x.name: the name of the "
         "database is empty; name the database"),
        ("databas: {}", "config.yaml:1:1  databas: unknown key; did you mean 'databases'?"),
        ("xyz: {}", "config.yaml:1:1  xyz: unknown key; known are database, databases, django, routing"),
        ("dynaconf_include: [x.py]", "config.yaml:1:1  dynaconf_include: is a word of Dynaconf's and means nothing "
         "here; remove it"),
        ("django: {X: {dynaconf_merge: true}}", "config.yaml:1:14  django.X.dynaconf_merge: is a word of Dynaconf's "
         "and means nothing here; remove it"),
    ],
)  # fmt: skip
def test_wrong_shape_is_told_once(text: str, message: str, tmp_path: Path) -> None:
    found = error(tmp_path, text, {"DATABASE_URL": "sqlite:///d"} if not text.startswith("database:") else {})

    assert [line for line in found.splitlines() if "no database 'default'" not in line] == [message]


# Fields


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("conn_max_agee: 5", ":60  databases.x.conn_max_agee: unknown key; did you mean 'conn_max_age'?"),
        ("conn_max_age: soon", ":74  databases.x.conn_max_age: expected a whole number of seconds, a duration such as "
         "10m, or null, got 'soon'; write 600 or 10m"),
        ("conn_max_age: true", ":74  databases.x.conn_max_age: expected a whole number of seconds, a duration such as "
         "10m, or null, got true; write 600 or 10m"),
        ("conn_max_age: -1", ":74  databases.x.conn_max_age: expected a whole number of seconds, a duration such as "
         "10m, or null, got -1; write 600 or 10m"),
        ("conn_max_age: 1.5", ":74  databases.x.conn_max_age: expected a whole number of seconds, a duration such as "
         "10m, or null, got 1.5; write 600 or 10m"),
        ("readonly: 'yes'", ":70  databases.x.readonly: expected true or false, got 'yes'; write true or false"),
        ("readonly: on", ":70  databases.x.readonly: expected true or false, got 'on'; write true or false"),
        ("readonly: null", ":70  databases.x.readonly: expected true or false, got null; write true or false"),
        ("options: [a]", ":69  databases.x.options: expected a mapping, got a list; write {key: value}"),
        ("options: null", ":69  databases.x.options: expected a mapping, got null; write {key: value}"),
        ("apps: blog", ":66  databases.x.apps: expected a list, got 'blog'; write [one, two]"),
        ("apps: [5]", None),
        ("apps: [[a]]", ":67  databases.x.apps[0]: expected a text, got a list; write one text"),
        ("test: {nam: x}", ":67  databases.x.test.nam: unknown key; did you mean 'name'?"),
        ("test: x", ":66  databases.x.test: expected a mapping, got 'x'; write {key: value}"),
        ("pool: {min: 5}", ":67  databases.x.pool.min: unknown key; known are min_size, max_size, timeout, "
         "max_waiting, max_lifetime, max_idle, reconnect_timeout, num_workers"),
        ("pool: 5", ":66  databases.x.pool: expected true or false or a mapping, got 5; write true or false"),
        ("port: 99999", ":66  databases.x.port: the port is no number from 1 to 65535; correct it"),
        ("port: 0", ":66  databases.x.port: the port is no number from 1 to 65535; correct it"),
        ("port: 0543", ":66  databases.x.port: '0543' has a leading zero; write 0o543 for octal, or quote it"),
        ("host: 'h:5432'", ":66  databases.x.host: holds a port; write it as 'port'"),
        ("password: [hunter2]", ":70  databases.x.password: expected a text or null, got a list; write one text"),
        ("password: 1.5", ":70  databases.x.password: expected a text or null, got ***; put it into quotes"),
        ("password: true", ":70  databases.x.password: expected a text or null, got ***; put it into quotes"),
        ("password: 012", ":70  databases.x.password: *** has a leading zero; quote it"),
        ("extra: {a: 1}", ":60  databases.x.extra: unknown key; " + KNOWN),
        ("sqlite_mode: ro", ":60  databases.x.sqlite_mode: unknown key; " + KNOWN),
        ("migrate_url: {host: x}", ":73  databases.x.migrate_url: expected a URL, got a mapping; write a text"),
        ("replicas: x", ":70  databases.x.replicas: expected a list, got 'x'; write [one, two]"),
        ("replicas: [5]", ":71  databases.x.replicas[0]: expected a URL or a mapping, got 5; write {url: …}"),
        ("replicas: [{wait: 5}]", ":72  databases.x.replicas[0].wait: unknown key; did you mean 'weight'?"),
        ("replicas: [{host: r, replicas: []}]", ":81  databases.x.replicas[0].replicas: a replica has no replicas; "
         "list it among the replicas of the primary"),
        ("replicas: [{host: r, readonly: true}]", ":81  databases.x.replicas[0].readonly: unknown key; known are url, "
         "engine, name, user, password, host, port, conn_max_age, conn_health_checks, pool, options, atomic_requests, "
         "autocommit, time_zone, disable_server_side_cursors, weight"),
        ("migrates_like: y", ":75  databases.x.migrates_like: there is no database 'y'; known are default, x"),
        ("migrates_like: defalt", ":75  databases.x.migrates_like: there is no database 'defalt'; "
         "did you mean 'default'?"),
        ("migrates_like: x", ":75  databases.x.migrates_like: 'x' has no tables of its own to be like; "
         "name the database whose rules are meant"),
        ("test: {mirror: y}", ":75  databases.x.test.mirror: there is no database 'y'; known are default, x"),
        ("pool: true, conn_max_age: 5", ":66  databases.x.pool: cannot be combined with conn_max_age; "
         "remove one of them; the pool keeps connections open itself (max_lifetime)"),
        ("pool: true, conn_max_age: null", ":66  databases.x.pool: cannot be combined with conn_max_age; "
         "remove one of them; the pool keeps connections open itself (max_lifetime)"),
        ("options: {pool: true}, conn_max_age: 5", ":69  databases.x.options: cannot be combined with conn_max_age; "
         "remove one of them; the pool keeps connections open itself (max_lifetime)"),
    ],
)  # fmt: skip
def test_wrong_field_is_told_once_with_its_place(lines: str, message: str | None, tmp_path: Path) -> None:
    if message is None:
        assert dict(one(tmp_path, lines).routing) == {"5": "x"}
        return

    assert fault(tmp_path, lines) == f"config.yaml:3{message}"


@pytest.mark.parametrize(
    ("lines", "field", "expected"),
    [
        ("conn_max_age: 600", "conn_max_age", 600),
        ("conn_max_age: 10m", "conn_max_age", 600),
        ("conn_max_age: '600'", "conn_max_age", 600),
        ("conn_max_age: null", "conn_max_age", None),
        ("CONN_MAX_AGE: 600", "conn_max_age", 600),
        ("pool: true", "pool", True),
        ("pool: {max_size: 8, timeout: 2}", "pool", PoolConfig(max_size=8, timeout=2.0)),
        ("pool: true, conn_max_age: 0", "pool", True),
        ("password: 123456", "password", "123456"),
        ("password: '0123'", "password", "0123"),
        ("password: ''", "password", None),
        ("host: ''", "host", None),
        ("port: ''", "port", None),
        ("port: '5433'", "port", 5433),
        ("name: 5", "name", "5"),
        ("options: {a: [1, {b: 2}]}", "options", {"connect_timeout": 10, "a": [1, {"b": 2}]}),
        ("readonly: true", "readonly", True),
        ("options: {default_transaction_read_only: on}", "readonly", True),
        ("options: {options: '-c default_transaction_read_only=on'}", "readonly", True),
        ("options: {options: '-c default_transaction_read_only=off'}", "readonly", False),
        ("options: {options: '-c search_path=x'}", "readonly", False),
        ("migrate: false", "migrate", False),
        ("migrates_like: default", "migrates_like", "default"),
    ],
)
def test_field(lines: str, field: str, expected: object, tmp_path: Path) -> None:
    database = one(tmp_path, lines).databases["x"]

    assert reveal(getattr(database, field)) == expected


def test_readonly_is_implied_by_an_option_of_the_url(tmp_path: Path) -> None:
    loaded = one(tmp_path, "migrate: true", "postgresql://h/n?options=-c%20default_transaction_read_only%3Don")

    assert loaded.databases["x"].readonly


@pytest.mark.parametrize("url", ["sqlite:///x", "mysql://h/n"])
def test_pool_needs_a_backend_that_has_one(url: str, tmp_path: Path) -> None:
    message = fault(tmp_path, "pool: true", url)

    column = len(f"  x: {{url: '{url}', pool: ") + 1
    assert message == (
        f"config.yaml:3:{column}  databases.x.pool: needs PostgreSQL or Oracle; remove it; use conn_max_age"
    )


def test_sqlite_file_in_parts_is_relative_to_the_file(tmp_path: Path) -> None:
    loaded = config(tmp_path, "databases: {default: {engine: sqlite, name: db/x.sqlite3}}")

    assert loaded.databases["default"].name == str(tmp_path / "db/x.sqlite3")


def test_service_needs_no_name(tmp_path: Path) -> None:
    loaded = config(tmp_path, "databases: {default: {engine: postgresql, options: {service: main}}}")

    assert loaded.databases["default"].name is None


def test_no_default_is_told(tmp_path: Path) -> None:
    assert error(tmp_path, "databases: {blog: 'sqlite:///b'}") == (
        "config.yaml:1:1  databases: there is no database 'default'; "
        "add databases.default, or database.url, or set DATABASE_URL"
    )


# Replicas


def replica(config: Config, number: int = 1) -> dict[str, Any]:
    """Return what one replica of ``x`` has, defaults left out."""
    primary, found = config.replicas[f"x_replica_{number}"]
    names = ("name", "user", "password", "host", "port", "conn_max_age", "options", "weight")
    return {"of": primary} | {name: reveal(value) for name in names if (value := getattr(found, name))}


def test_replica_as_a_url_has_its_own_parts_and_the_rest_from_its_primary(tmp_path: Path) -> None:
    loaded = one(tmp_path, "conn_max_age: 60, replicas: ['postgresql://ro@replica/n?application_name=r']")

    assert replica(loaded) == {
        "of": "x",
        "name": "n",
        "user": "ro",
        "host": "replica",
        "conn_max_age": 60,
        "options": {"connect_timeout": 10, "application_name": "r"},
        "weight": 1,
    }


def test_replica_as_a_mapping_has_from_its_primary_what_it_does_not_say(tmp_path: Path) -> None:
    loaded = one(tmp_path, "replicas: [{host: replica, weight: 2, options: {connect_timeout: 1}}]")

    assert replica(loaded) == {
        "of": "x",
        "name": "n",
        "user": "u",
        "password": "p",
        "host": "replica",
        "port": 5432,
        "options": {"connect_timeout": 1},
        "weight": 2,
    }


def test_replica_of_another_engine_has_its_own_options(tmp_path: Path) -> None:
    loaded = one(tmp_path, "replicas: [{url: 'my.backends.db://replica/n', options: {a: 1}}]")

    assert replica(loaded)["options"] == {"a": 1}


def test_replica_of_another_engine_with_the_same_driver_has_the_options(tmp_path: Path) -> None:
    loaded = one(tmp_path, "replicas: [{url: 'django_cockroachdb.x://replica/n', options: {a: 1}}]")

    assert replica(loaded)["options"] == {"connect_timeout": 10, "a": 1}


def test_replicas_are_counted_from_one(tmp_path: Path) -> None:
    loaded = one(tmp_path, "replicas: ['pgsql://a/n', {url: 'pgsql://b/n'}, 'pgsql://c/n']")

    assert {alias: found.host for alias, (_, found) in loaded.replicas.items()} == {
        "x_replica_1": "a",
        "x_replica_2": "b",
        "x_replica_3": "c",
    }


def test_fault_of_a_primary_is_not_told_again_for_its_replicas(tmp_path: Path) -> None:
    message = fault(tmp_path, "port: 99999, replicas: [{host: a}, {host: b}]")

    assert message == "config.yaml:3:66  databases.x.port: the port is no number from 1 to 65535; correct it"


def test_replica_whose_alias_is_taken_is_refused(tmp_path: Path) -> None:
    text = "databases:\n  default: {url: 'sqlite:///d', replicas: ['sqlite:///r']}\n  default_replica_1: sqlite:///x\n"

    message = error(tmp_path, text)

    assert message == (
        "config.yaml:2:3  databases.default.replicas: 'default_replica_1' is a database already; rename that database"
    )


# The URL of migrations


def test_migrate_url_is_another_connection_with_the_same_options(tmp_path: Path) -> None:
    loaded = one(tmp_path, "migrate_url: 'postgresql://owner:o@direct:1/n?sslmode=require', conn_max_age: 60")

    connection = loaded.migrate_connections["x"]
    assert (connection.user, connection.host, connection.port, connection.conn_max_age) == ("owner", "direct", 1, 0)
    assert connection.options == {"connect_timeout": 10, "sslmode": "require"}
    assert reveal(loaded.databases["x"].migrate_url) == (
        "postgresql://owner:o@direct:1/n?connect_timeout=10&sslmode=require"
    )


def test_wrong_migrate_url_is_told(tmp_path: Path) -> None:
    message = fault(tmp_path, "migrate_url: 'postgresql://o:hunter2@h:x/n'")

    assert message.startswith("config.yaml:3:73  databases.x.migrate_url: the port is no number from 1 to 65535; ")


# Rules


def rules(folder: Path, rest: str) -> str:
    databases = "databases:\n  default: sqlite:///d\n  one_db: sqlite:///1\n  two_db: sqlite:///2\n"
    return error(folder, databases + rest)


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("routing: {blog: one_bd}", "5:17  routing.blog: there is no database 'one_bd'; did you mean 'one_db'?"),
        ("routing: {blog: zzz}", "5:17  routing.blog: there is no database 'zzz'; known are default, one_db, two_db"),
        ("routing: {blog: 5}", "5:17  routing.blog: there is no database '5'; known are default, one_db, two_db"),
        ("routing: {blog: null}", "5:17  routing.blog: expected a text, got null; write a text"),
        ("routing: {blog: [one_db]}", "5:17  routing.blog: expected a text, got a list; write one text"),
        ("routing: {5: one_db}", "5:11  routing[5]: a rule has to be a text; put it into quotes"),
        ("  x: {url: 'sqlite:///x', apps: [b]}\nrouting: {b: one_db}", "5:34  databases.x.apps[0]: 'b' leads to 'x' "
         "here and to 'one_db' in config.yaml:6:11; keep one of the two rules"),
        ("  x: {url: 'sqlite:///x', apps: [b]}\n  y: {url: 'sqlite:///y', apps: [b]}", "6:34  databases.y.apps[0]: 'b' "
         "leads to 'y' here and to 'x' in config.yaml:5:34; keep one of the two rules"),
        ("routing: {shop.Order: one_db, shop.order: two_db}", "5:31  routing.shop.order: 'shop.order' leads to "
         "'two_db' here and to 'one_db' in config.yaml:5:11; keep one of the two rules"),
        ("  x: {url: 'sqlite:///x', replicas: ['sqlite:///r']}\nrouting: {b: x_replica_1}", "6:14  routing.b: "
         "'x_replica_1' is a replica; name its primary, 'x'"),
        ("  x: {url: 'sqlite:///x', migrates_like: default}\nrouting: {b: x}", "6:14  routing.b: 'x' migrates like "
         "'default' and is nobody's home; name 'default', or remove migrates_like"),
    ],
)  # fmt: skip
def test_rule_that_leads_nowhere_is_told(rest: str, message: str, tmp_path: Path) -> None:
    assert rules(tmp_path, rest) == f"config.yaml:{message}"


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("hunter2", "5:22  databases.x.migrates_like: there is no database ***; known are default, one_db, two_db, x"),
        (
            "default",
            "6:17  routing.blog: 'x' migrates like *** and is nobody's home; name ***, or remove migrates_like",
        ),
    ],
)
def test_rule_to_a_database_like_one_from_a_variable_costs_one_line_without_it(
    variable: str, message: str, tmp_path: Path
) -> None:
    text = (
        "databases:\n  default: sqlite:///d\n  one_db: sqlite:///1\n  two_db: sqlite:///2\n"
        "  x: {migrates_like: '${X}', url: 'sqlite:///x'}\nrouting: {blog: x}\n"
    )

    assert error(tmp_path, text, {"X": variable}) == f"config.yaml:{message}"


def test_rule_said_twice_alike_is_fine(tmp_path: Path) -> None:
    loaded = config(tmp_path, "databases: {default: {url: 'sqlite:///d', apps: [a, b]}}\nrouting: {a: default}")

    assert dict(loaded.routing) == {"a": "default", "b": "default"}


def test_sources_of_databases_and_rules(tmp_path: Path) -> None:
    loaded = config(tmp_path, "databases:\n  default:\n    url: sqlite:///d\n    apps: [a]\nrouting:\n  b: default\n")

    assert (loaded.source("databases", "default"), loaded.rule_source("a"), loaded.rule_source("b")) == (
        "config.yaml:2:3",
        "config.yaml:4:5",
        "config.yaml:6:3",
    )


@pytest.mark.parametrize(
    ("other", "refused"),
    [
        ("postgresql://app@db/main", True),
        ("postgresql://other@db/main", True),
        ("{url: 'postgresql://app@db/main', readonly: true}", False),
        ("{url: 'postgresql://app@db/main', migrate: false}", False),
        ("{url: 'postgresql://app@db/main', migrates_like: default}", False),
        ("{url: 'postgresql://app@db/main', options: {options: '-c search_path=blog'}}", False),
        ("postgresql://app@db/blog", False),
        ("postgresql://app@db2/main", False),
    ],
)
def test_two_aliases_of_one_database_cannot_both_have_its_tables(tmp_path: Path, other: str, refused: bool) -> None:
    text = f"databases:\n  default: postgresql://app@db/main\n  blog_db: {other}\n"
    (tmp_path / "config.yaml").write_text(text)

    try:
        load(tmp_path, environ={})
        message = ""
    except ConfigError as error:
        message = str(error)

    expected = "databases.blog_db: is the same database as 'default'; give it a name of its own, or say "
    assert (expected in message) is refused
    assert bool(message) is refused


@pytest.mark.parametrize(
    ("rule", "fine"),
    [
        ("blog", True),
        ("blog.Post", True),
        ("legacy_*", True),
        ("*", True),
        ("b.P*", True),
        ("a.b.c", False),
        (" b", False),
    ],
)
def test_a_rule_has_one_of_three_forms(tmp_path: Path, rule: str, fine: bool) -> None:
    (tmp_path / "config.yaml").write_text(f"databases: {{default: 'sqlite:///x'}}\nrouting: {{'{rule}': default}}\n")

    try:
        load(tmp_path, environ={})
        message = ""
    except ConfigError as error:
        message = error.problems[0].message

    assert message == ("" if fine else "is no app label, app_label.Model or glob")


def test_a_reference_for_all_replicas_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("databases: {default: {url: 'sqlite:///x', replicas: '${REPLICAS}'}}\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={"REPLICAS": "sqlite:///y"})

    assert str(caught.value) == (
        "config.yaml:1:53  databases.default.replicas: a reference is no list; "
        "write one URL an item; a reference may stand for one"
    )


def test_a_reference_for_all_replicas_costs_one_line_whatever_it_holds(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("databases: {default: {url: 'sqlite:///x', replicas: '${NOPE}'}}\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={})

    assert [problem.message for problem in caught.value.problems] == ["a reference is no list"]


def test_replicas_of_a_file_that_cannot_be_read_cost_one_line(tmp_path: Path) -> None:
    (tmp_path / "replicas").write_text("[bad json")
    (tmp_path / "config.yaml").write_text("databases: {default: 'sqlite:///x'}\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={"DBROUTE_DATABASES__DEFAULT__REPLICAS_FILE": "replicas"})

    assert [problem.message for problem in caught.value.problems] == ["expected a list, got a text that is not JSON"]


@pytest.mark.parametrize("engine", ["sqlite:///x", "postgresql://h/n"])
@pytest.mark.parametrize("key", ["1", "true", "1.5"])
def test_option_whose_name_is_no_text_is_refused(key: str, engine: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"databases: {{default: {{url: '{engine}', options: {{{key}: a}}}}}}\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={})

    assert [(problem.path, problem.message, problem.hint) for problem in caught.value.problems] == [
        ("databases.default.options", "has a key that is no text", "put it into quotes")
    ]


# Options of drivers


@pytest.mark.parametrize(
    ("url", "options", "messages"),
    [
        (
            "postgresql://h/n?connect_timeot=10",
            "{}",
            ["connect_timeot: unknown option; did you mean 'connect_timeout'?"],
        ),
        ("postgresql://h/n?conn_max_agee=10", "{}", ["conn_max_agee: unknown option; did you mean 'conn_max_age'?"]),
        (
            "postgresql://h/n",
            "{sslmod: require, sslmode: strict, connect_timeout: ten, keepalives: true, keepalives_idle: 1}",
            [
                "connect_timeout: is no whole number; write digits only",
                "keepalives: is no whole number; write digits only",
                "sslmod: unknown option; did you mean 'sslmode'?",
                "sslmode: is no mode of TLS; write one of disable, allow, prefer, require, verify-ca, verify-full",
            ],
        ),
        ("mysql://h/n", "{charst: utf8mb4}", ["charst: unknown option; did you mean 'charset'?"]),
        ("sqlite:///x", "{timout: 20}", ["timout: unknown option; did you mean 'timeout'?"]),
    ],
)
def test_slips_in_options_are_told_before_the_driver_tells_them(
    url: str, options: str, messages: list[str], tmp_path: Path
) -> None:
    message = error(tmp_path, f"databases: {{default: {{url: '{url}', options: {options}}}}}\n")

    found = sorted(line.partition("databases.default.options.")[2] for line in message.splitlines())
    assert found == messages


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/n?search_path=x&sslrootcert=system&new_option=1&connect_timeout=10",
        "django_tenants.postgresql_backend://h/n?sslmod=require",
        "postgresql://h/n?connect_timeout=-1&keepalives=1&sslmode=verify-ca",
        "mysql://h/n?charset=utf8mb4&conv=x",
        "oracle://h/n?thredded=true",
    ],
)
def test_options_that_may_be_new_or_a_backend_of_its_own_are_left_alone(url: str, tmp_path: Path) -> None:
    assert config(tmp_path, f"databases: {{default: {{url: '{url}'}}}}\n").databases["default"].options


def test_options_of_settings_may_be_none(tmp_path: Path) -> None:
    options = {"sslmode": None, "connect_timeout": None}
    entry = {"ENGINE": "django.db.backends.postgresql", "NAME": "n", "OPTIONS": options}

    loaded = config(tmp_path, "django: {DEBUG: true}\n", settings=view(DATABASES={"default": entry}))

    assert loaded.databases["default"].options == options
