"""Database URLs: taken apart before expansion, put together for dj-database-url, and refused where they are wrong."""

import sqlite3
import string
from contextlib import closing
from pathlib import Path
from typing import Any

import dj_database_url
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbroute.config import Config
from dbroute.models import reveal
from tests.config.loading import config, error

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def loaded(folder: Path, url: str, environ: dict[str, str] | None = None) -> Config:
    return config(folder, f"database:\n  url: '{url}'\n", environ)


def parts(config: Config) -> dict[str, Any]:
    """Return the parts of the default database that are set."""
    database = config.databases["default"]
    found = {key: reveal(getattr(database, key)) for key in ("name", "user", "password", "host", "port")}
    return {key: value for key, value in found.items() if value is not None}


def reparsed(config: Config) -> dict[str, Any]:
    """Return what dj-database-url reads from the URL of the tree, as the seed's settings.py does."""
    return dict(dj_database_url.parse(config.database.url))


# Round trips


@pytest.mark.parametrize("character", [*string.printable, "é", "ß", "日", "🔑", "\x1f", "\u2028", "\xa0"])
@pytest.mark.parametrize("part", ["user", "password", "name"])
def test_reference_in_a_url_holds_any_character(part: str, character: str, tmp_path: Path) -> None:
    value = f"a{character}b${{X}}%41"
    url = "postgresql://${USER}:${PASSWORD}@h:5432/${NAME}?sslmode=require"
    environ = {"USER": "u", "PASSWORD": "p", "NAME": "n", part.upper(): value}

    tree = loaded(tmp_path, url, environ)

    expected = {"user": "u", "password": "p", "name": "n", "host": "h", "port": 5432, part: value}
    assert parts(tree) == expected
    assert {key: reparsed(tree)[key.upper()] for key in expected} == expected


@SLOW
@given(user=TEXTS, password=TEXTS, name=TEXTS)
def test_any_texts_round_trip(user: str, password: str, name: str, tmp_path: Path) -> None:
    url = "postgresql://${U}:${P}@h/${N}"

    tree = loaded(tmp_path, url, {"U": user, "P": password, "N": name})

    assert parts(tree) == {"user": user, "password": password, "name": name, "host": "h"}
    assert [reparsed(tree)[key] for key in ("USER", "PASSWORD", "NAME", "HOST")] == [user, password, name, "h"]


def test_reference_beside_literal_text_in_one_part(tmp_path: Path) -> None:
    tree = loaded(
        tmp_path, "postgresql://app_${U}:x%40${P}%2F@${H}.example.com/${N}_db", {"U": "u", "P": "@", "H": "h", "N": "n"}
    )

    assert parts(tree) == {"user": "app_u", "password": "x@@/", "host": "h.example.com", "name": "n_db"}


@pytest.mark.parametrize("written", ["%EE%80%80", "\ue000"])
@pytest.mark.parametrize("number", ["", "0x", "9x"])
def test_private_character_is_one_like_any_other(written: str, number: str, tmp_path: Path) -> None:
    url = f"postgresql://u:{written}{number}@h/{written}{number}?application_name={written}{number}"

    tree = loaded(tmp_path, url)

    text = f"\ue000{number}"
    assert parts(tree) == {"user": "u", "password": text, "host": "h", "name": text}
    assert reveal(tree.databases["default"].options) == {"application_name": text}


def test_default_in_a_url_is_raw(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "postgresql://u:${PW:-p@/:?#w}@h/n")

    assert parts(tree) == {"user": "u", "password": "p@/:?#w", "host": "h", "name": "n"}


def test_literal_dollar_in_a_url(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "postgresql://u:$${PW}@h/n%24%7BX%7D")

    assert parts(tree) == {"user": "u", "password": "${PW}", "host": "h", "name": "n${X}"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql:///n", {"name": "n"}),
        ("postgresql://h/n", {"name": "n", "host": "h"}),
        ("postgresql://u@h:1/n", {"name": "n", "user": "u", "host": "h", "port": 1}),
        ("postgresql://u:@h/n", {"name": "n", "user": "u", "host": "h"}),
        ("postgresql://u:p:q@h/n", {"name": "n", "user": "u", "password": "p:q", "host": "h"}),
        ("postgresql://u:p@q@h/n", {"name": "n", "user": "u", "password": "p@q", "host": "h"}),
        ("postgresql://%C3%A4:%2B+@h/a%2Fb", {"name": "a/b", "user": "ä", "password": "++", "host": "h"}),
        ("postgresql://[::1]:5433/n", {"name": "n", "host": "::1", "port": 5433}),
        ("postgresql://[fe80::1]/n", {"name": "n", "host": "fe80::1"}),
        ("postgresql://%2Fvar%2Frun%2FPostgres/n", {"name": "n", "host": "/var/run/Postgres"}),
        ("postgresql://%2Frun:5433/n", {"name": "n", "host": "/run", "port": 5433}),
        ("postgresql://%2Fcloudsql%2Fproject:region:db/n", {"name": "n", "host": "/cloudsql/project:region:db"}),
        ("postgresql://h1,h2/n", {"name": "n", "host": "h1,h2"}),
        ("postgresql://h1,h2:5433/n", {"name": "n", "host": "h1,h2", "port": ",5433"}),
        ("mysql://u:p@h:3306/n", {"name": "n", "user": "u", "password": "p", "host": "h", "port": 3306}),
    ],
)
def test_parts_of_a_url(url: str, expected: dict[str, object], tmp_path: Path) -> None:
    tree = loaded(tmp_path, url)

    assert parts(tree) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("db", ("db", None)),
        ("db:5433", ("db", 5433)),
        ("[::1]", ("::1", None)),
        ("[::1]:5433", ("::1", 5433)),
        ("/var/run/Postgres", ("/var/run/Postgres", None)),
        ("/cloudsql/p:r:i", ("/cloudsql/p:r:i", None)),
        ("a:1,b:2", ("a,b", "1,2")),
        ("", (None, None)),
    ],
)
def test_reference_for_a_host_takes_every_form_of_a_host(
    host: str, expected: tuple[object, object], tmp_path: Path
) -> None:
    tree = loaded(tmp_path, "postgresql://u:p@${H}/n", {"H": host})

    assert (parts(tree).get("host"), parts(tree).get("port")) == expected


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("evil@h", None),
        ("db:x", "the port is no number from 1 to 65535; "),
        ("db:0", "the port is no number from 1 to 65535; "),
        ("db:70000", "the port is no number from 1 to 65535; "),
        ("::1", "has a host with several colons; put an IPv6 address into brackets: [::1]:5432"),
    ],
)
def test_reference_for_a_host_cannot_become_anything_else(host: str, message: str | None, tmp_path: Path) -> None:
    url = "postgresql://u:hunter2@${H}/n"

    if message is None:
        assert parts(loaded(tmp_path, url, {"H": host}))["host"] == host
    else:
        assert error(tmp_path, f"database:\n  url: '{url}'\n", {"H": host}).startswith(
            f"config.yaml:2:8  database.url: {message}"
        )


def test_port_in_the_reference_and_in_the_url_is_refused(tmp_path: Path) -> None:
    message = error(tmp_path, "database:\n  url: 'postgresql://${H}:5432/n'\n", {"H": "db:5433"})

    assert message == (
        "config.yaml:2:8  database.url: the port is given twice; leave it out of the URL, or out of the variable"
    )


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "5432x", "\uff15"])
def test_reference_for_a_port_has_to_be_one(port: str, tmp_path: Path) -> None:
    message = error(tmp_path, "database:\n  url: 'postgresql://u:hunter2@h:${PORT}/n'\n", {"PORT": port})

    assert message == "config.yaml:2:8  database.url: the port is no number from 1 to 65535; correct it"


def test_empty_default_for_a_port_is_none(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "postgresql://h:${PORT:-}/n")

    assert parts(tree) == {"host": "h", "name": "n"}


# Whole references


def test_whole_reference_is_taken_as_it_is(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "${DATABASE}", {"DATABASE": "postgresql://u:p%40$${x}@h/n?sslmode=require"})

    assert parts(tree) == {"user": "u", "password": "p@$${x}", "host": "h", "name": "n"}
    assert reveal(tree.databases["default"].options) == {"sslmode": "require"}


def test_default_of_a_whole_reference_is_a_url_with_references_of_its_own(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "${DATABASE:-postgresql://u:${PW}@h/n}", {"PW": "p@evil/"})

    assert parts(tree) == {"user": "u", "password": "p@evil/", "host": "h", "name": "n"}


@pytest.mark.parametrize("url", ["${SCHEME}://h/n", "postgres${X}://h/n", "${BASE}/n"])
def test_reference_for_a_scheme_is_refused(url: str, tmp_path: Path) -> None:
    message = error(tmp_path, f"database:\n  url: '{url}'\n", {"SCHEME": "mysql", "X": "ql", "BASE": "mysql://h"})

    assert message == (
        "config.yaml:2:8  database.url: the scheme comes from a reference; "
        "write the scheme out, or put the whole URL into one variable"
    )


# Queries


def test_query_becomes_options_and_fields(tmp_path: Path) -> None:
    query = "sslmode=verify-full&connect_timeout=10&conn_max_age=600&conn_health_checks=true&atomic_requests=true"

    database = loaded(tmp_path, f"postgresql://h/n?{query}").databases["default"]

    assert database.options == {"sslmode": "verify-full", "connect_timeout": 10}
    assert (database.conn_max_age, database.conn_health_checks, database.atomic_requests) == (600, True, True)


@pytest.mark.parametrize(
    ("query", "field", "expected"),
    [
        ("conn_max_age=10m", "conn_max_age", 600),
        ("conn_max_age=none", "conn_max_age", None),
        ("CONN_MAX_AGE=5", "conn_max_age", 5),
        ("conn_max_age=${AGE}", "conn_max_age", None),
        ("${QUERY}", "conn_max_age", None),
        ("conn_health_checks=1", "conn_health_checks", True),
        ("conn_health_checks=on", "conn_health_checks", True),
        ("pool=1", "pool", True),
        ("atomic_requests=yes", "atomic_requests", True),
        ("autocommit=false", "autocommit", False),
        ("time_zone=UTC", "time_zone", "UTC"),
        ("disable_server_side_cursors=1", "disable_server_side_cursors", True),
        ("readonly=true", "readonly", True),
        ("migrate=0", "migrate", False),
    ],
)
def test_field_in_a_query_is_read_as_a_variable_is(query: str, field: str, expected: object, tmp_path: Path) -> None:
    tree = loaded(tmp_path, f"postgresql://h/n?{query}", {"AGE": "null", "QUERY": "conn_max_age=null"})

    database = tree.databases["default"]
    assert (getattr(database, field), database.options) == (expected, {})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h/n?sslmode=require&sslmode=disable",
        "postgis://h/n?sslmode=require&ssl%6Dode=${MODE}",
        "postgresql://h/n?sslmode=verify-full&${QUERY}",
        "postgresql://h/n?${QUERY}&${QUERY}",
        "postgresql://h/n?host=a&host=b",
        "postgresql://h/n?conn_max_age=1&CONN_MAX_AGE=2",
        "mysql://h/n?ssl_mode=REQUIRED&ssl_mode=DISABLED",
        "sqlite:///n?mode=ro&mode=rw",
    ],
)
def test_key_that_is_twice_in_a_query_is_refused(url: str, tmp_path: Path) -> None:
    environ = {"MODE": "disable", "QUERY": "sslmode=disable"}

    message = error(tmp_path, f"database:\n  url: '{url}'\n", environ)

    assert message == (
        "config.yaml:2:8  database.url: has a key twice in its query; "
        "write each key once; several hosts go into one, with commas"
    )


def test_reference_for_a_value_of_the_query_is_raw(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "postgresql://h/n?sslrootcert=${CA}&connect_timeout=${T}", {"CA": "/a&b=c#d", "T": "10"})

    assert reveal(tree.databases["default"].options) == {"sslrootcert": "/a&b=c#d", "connect_timeout": 10}
    assert reparsed(tree)["OPTIONS"] == {"sslrootcert": "/a&b=c#d", "connect_timeout": 10}


def test_reference_for_a_whole_query_is_inserted_as_pairs(tmp_path: Path) -> None:
    query = "sslmode=require&connect_timeout=10&conn_max_age=60"

    database = loaded(tmp_path, "postgresql://h/n?application_name=x&${Q}", {"Q": query}).databases["default"]

    assert reveal(database.options) == {"application_name": "x", "sslmode": "require", "connect_timeout": 10}
    assert database.conn_max_age == 60


def test_missing_reference_for_a_whole_query_is_told(tmp_path: Path) -> None:
    message = error(tmp_path, "database:\n  url: 'postgresql://h/n?${Q}'\n")

    assert message == "config.yaml:2:8  database.url: variable Q is not set; set Q, or write ${Q:-default}"


def test_empty_reference_for_a_whole_query_adds_nothing(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "postgresql://h/n?${Q:-}")

    assert tree.databases["default"].options == {}


def test_reference_for_the_key_of_an_option_is_refused(tmp_path: Path) -> None:
    message = error(tmp_path, "database:\n  url: 'postgresql://h/n?${K}=1'\n", {"K": "a"})

    assert message == (
        "config.yaml:2:8  database.url: a reference stands for the key of an option; write the key out: ?key=${VALUE}"
    )


@pytest.mark.parametrize("mode", ["disable", "require", "verify-ca", "verify-full"])
def test_tls_is_what_the_url_says(mode: str, tmp_path: Path) -> None:
    tree = loaded(tmp_path, f"postgresql://h/n?sslmode={mode}")

    assert (tree.databases["default"].options, reparsed(tree)["OPTIONS"]) == ({"sslmode": mode}, {"sslmode": mode})


def test_ssl_ca_of_mysql_becomes_what_its_driver_wants(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "mysql://h/n?ssl-ca=/ca.pem")

    assert (tree.databases["default"].options, reparsed(tree)["OPTIONS"]) == (
        {"ssl": {"ca": "/ca.pem"}},
        {"ssl": {"ca": "/ca.pem"}},
    )


# Schemes


@pytest.mark.parametrize(
    ("scheme", "engine"),
    [
        ("postgresql", "django.db.backends.postgresql"),
        ("postgres", "django.db.backends.postgresql"),
        ("POSTGRESQL", "django.db.backends.postgresql"),
        ("postgresql+psycopg", "django.db.backends.postgresql"),
        ("mysql", "django.db.backends.mysql"),
        ("mariadb", "django.db.backends.mysql"),
        ("cockroachdb", "django_cockroachdb"),
        ("postgis", "django.contrib.gis.db.backends.postgis"),
        ("oracle", "django.db.backends.oracle"),
        ("my.backends.Postgres", "my.backends.Postgres"),
    ],
)
@pytest.mark.parametrize("spelling", ["scheme", "engine"])
def test_scheme_and_engine_name_the_same_backends(spelling: str, scheme: str, engine: str, tmp_path: Path) -> None:
    if spelling == "engine":
        tree = config(tmp_path, f"databases: {{default: {{engine: {scheme.replace('POSTGRESQL', 'pgsql')}, name: n}}}}")
    else:
        tree = loaded(tmp_path, f"{scheme}://h/n")

    assert tree.databases["default"].engine == engine


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postgresqll://h/n", "unknown scheme 'postgresqll'; did you mean 'postgresql'?"),
        ("http://u:hunter2@h/n", None),
    ],
)
def test_unknown_scheme_is_refused(text: str, message: str | None, tmp_path: Path) -> None:
    found = error(tmp_path, f"database: {{url: '{text}'}}")

    known = (
        "unknown scheme 'http'; known are cockroach, cockroachdb, mariadb, mssql, mssqlms, mysql, mysql-connector, "
        "mysql2, mysqlgis, oracle, oraclegis, pgsql, postgis, postgres, postgresql, postgresql+psycopg, redshift, "
        "spatialite, sqlite, sqlite3, timescale, timescalegis, and any dotted path of a Django backend"
    )
    assert found == f"config.yaml:1:17  database.url: {message or known}"


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("postgresq", "unknown engine 'postgresq'; did you mean 'postgresql'?"),
        (
            "django.db.backends.postgresql_psycopg2",
            "unknown engine 'django.db.backends.postgresql_psycopg2'; did you mean 'django.db.backends.postgresql'?",
        ),
        (
            "django.db.backends.sqlite",
            "unknown engine 'django.db.backends.sqlite'; did you mean 'django.db.backends.sqlite3'?",
        ),
    ],
)
def test_unknown_engine_is_refused(engine: str, message: str, tmp_path: Path) -> None:
    found = error(tmp_path, f"databases: {{default: {{engine: {engine}, name: n}}}}")

    assert found == f"config.yaml:1:31  databases.default.engine: {message}"


def test_unknown_scheme_out_of_a_reference_is_not_printed(tmp_path: Path) -> None:
    message = error(tmp_path, "database: {url: '${U}'}", {"U": "hunter2://h/n"})

    assert "hunter2" not in message
    assert message.startswith("config.yaml:1:17  database.url: unknown scheme ***; known are cockroach, ")


# Other faults

NO_URL = "write it as engine://user:password@host:port/name"
PORT = "the port is no number from 1 to 65535; correct it; in user and password "
PORT += "write '/' as %2F, '@' as %40, ':' as %3A, '?' as %3F"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", f"the URL is empty; {NO_URL}"),
        ("hunter2", f"is not a database URL; {NO_URL}"),
        ("u:hunter2@h/n", f"is not a database URL; {NO_URL}"),
        ("://hunter2", f"is not a database URL; {NO_URL}"),
        ("sqlite://hunter2.sqlite3", "has two slashes before the SQLite file; write three slashes for a path beside "
         "the file, four for an absolute one"),
        ("sqlite:///", "the name of the database is empty; name the database"),
        ("postgresql://u:hunter2@h/", "the name of the database is empty; name the database"),
        ("postgresql://u:hunter2@h", "the name of the database is empty; name the database"),
        ("postgresql://u:hunter2@h:x/n", PORT),
        ("postgresql://u:hunt/er2@h/n", PORT),
        ("postgresql://u:hunt?er2@h/n", PORT),
        ("postgresql://u:hun:t/er2@h/n", "has a host with several colons; in user and password write '/' as %2F, "
         "'@' as %40, ':' as %3A, '?' as %3F"),
        ("postgresql://u:hunt#er2@h/n", "has a '#' in it; write %23"),
        ("postgresql://u:hunter2@h:99999/n", PORT),
        ("postgresql://u:hunter2@::1/n", "has a host with several colons; put an IPv6 address into brackets: "
         "[::1]:5432"),
        ("postgresql://u:hunter2@h/n?pool=maybe", "expected true or false or a mapping, got 'maybe'; "
         "write true or false"),
        ('postgresql://u:hunter2@h/n?pool={"max_size":8}', "expected true or false or a mapping, "
         "got '{\"max_size\":8}'; write true or false"),
        ("postgresql://u:${HOME}@h/\ue0000x", "has the private character U+E000 in it, beside a reference; "
         "put what has it into a variable of its own"),
        ("postgresql://u:${HOME}@h/n?application_name=%ee%80%800x", "has the private character U+E000 in it, "
         "beside a reference; put what has it into a variable of its own"),
    ],
)  # fmt: skip
def test_url_that_is_wrong_is_told_without_its_text(url: str, message: str, tmp_path: Path) -> None:
    found = error(tmp_path, f"database:\n  url: '{url}'\n")

    assert found in (
        f"config.yaml:2:8  database.url: {message}",
        f"config.yaml:2:8  databases.default.pool: {message}",
    )


@pytest.mark.parametrize(
    ("url", "messages"),
    [
        ("postgresq://u:hunter2@h:99999/n", [PORT, "unknown scheme 'postgresq'; did you mean 'postgresql'?"]),
        ("postgresql://u:hunter2@h:99999/n?sslmode=require&SSLMODE=disable", [
            "has a key twice in its query; write each key once; several hosts go into one, with commas", PORT]),
        ("postgresq://u:hunter2@h:0/n#part", [
            "has a '#' in it; write %23", PORT, "unknown scheme 'postgresq'; did you mean 'postgresql'?"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_with_a_url_is_told(url: str, messages: list[str], tmp_path: Path) -> None:
    found = error(tmp_path, f"database:\n  url: '{url}'\n")

    assert found.splitlines() == [f"config.yaml:2:8  database.url: {message}" for message in messages]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hunter2%ff:p@h/n",
        "postgresql://u:hunter2%ff@h/n",
        "postgresql://u:%e4${REFERENCE}@h/n",
        "postgresql://u:p@hunter2%ff/n",
        "postgresql://u:p@h/hunter2%ff",
        "postgresql://u:p@h/n?application_name=hunter2%ff",
        "postgresql://u:p@h/n?hunter2%ff=x",
        "postgresql://u:p@h/n?${QUERY}",
        "sqlite:///hunter2%ff",
    ],
)
def test_percent_encoding_of_something_else_than_utf8_is_refused(url: str, tmp_path: Path) -> None:
    environ = {"QUERY": "application_name=hunter2%ff", "REFERENCE": "hunter2"}

    message = error(tmp_path, f"database:\n  url: '{url}'\n", environ)

    assert message == (
        "config.yaml:2:8  database.url: is not UTF-8 where it is percent-encoded; "
        "write '%' as %25, and other characters as their UTF-8"
    )


# SQLite


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///db.sqlite3", "{folder}/db.sqlite3"),
        ("sqlite:///sub/my%20db.sqlite3", "{folder}/sub/my db.sqlite3"),
        ("sqlite:////var/db.sqlite3", "/var/db.sqlite3"),
        ("sqlite://:memory:", ":memory:"),
        ("sqlite:///:memory:", ":memory:"),
        ("sqlite3:///db.sqlite3", "{folder}/db.sqlite3"),
        ("spatialite:///db.sqlite3", "{folder}/db.sqlite3"),
        ("sqlite:///db.sqlite3?mode=ro", "file:{folder}/db.sqlite3?mode=ro"),
        ("sqlite:///a%3Fb%23c%25.sqlite3?mode=ro", "file:{folder}/a%3Fb%23c%25.sqlite3?mode=ro"),
        ("sqlite:///file:x?mode=memory", "file:x?mode=memory"),
        ("sqlite:///file:x?mode=memory&cache=shared", "file:x?mode=memory&cache=shared"),
        ("sqlite:///db.sqlite3?cache=shared&nolock=true", "file:{folder}/db.sqlite3?cache=shared&nolock=true"),
        ("sqlite:///db.sqlite3?immutable=1&vfs=unix%26x", "file:{folder}/db.sqlite3?immutable=1&vfs=unix%26x"),
        ("sqlite:///db.sqlite3?psow=0&modeof=${NAME}", "file:{folder}/db.sqlite3?psow=0&modeof=a%3Fb%23c%25d"),
        ("sqlite:///db.sqlite3?mode=ro&${QUERY}", "file:{folder}/db.sqlite3?mode=ro&cache=private"),
        ("sqlite://:memory:?cache=shared", "file::memory:?mode=memory&cache=shared"),
        ("sqlite:///${DIR}/db.sqlite3", "/data/db.sqlite3"),
        ("sqlite:///${NAME}.sqlite3", "{folder}/a?b#c%d.sqlite3"),
    ],
)
def test_sqlite_file(url: str, name: str, tmp_path: Path) -> None:
    tree = loaded(tmp_path, url, {"DIR": "/data", "NAME": "a?b#c%d", "QUERY": "cache=private"})

    expected = name.format(folder=tmp_path)
    assert reveal(tree.databases["default"].name) == expected
    assert (reparsed(tree)["NAME"], tree.databases["default"].options) == (expected, {})


def test_sqlite_connects_with_the_parameters_of_its_uri(tmp_path: Path) -> None:
    database = loaded(tmp_path, "sqlite:///b?mode=memory&cache=shared&timeout=5").databases["default"]

    with (
        closing(sqlite3.connect(str(database.name), uri=True, **database.options)) as one,
        closing(sqlite3.connect(str(database.name), uri=True, **database.options)) as other,
    ):
        one.execute("CREATE TABLE t (a)")

        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]
    assert not (tmp_path / "b").exists()


def test_sqlite_parameter_out_of_a_reference_is_not_printed(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "sqlite:///b?vfs=${VFS}", {"VFS": "hunter2"})

    assert "hunter2" not in repr(tree.databases["default"])


def test_sqlite_options_stay_options(tmp_path: Path) -> None:
    tree = loaded(tmp_path, "sqlite:///db.sqlite3?timeout=20&transaction_mode=IMMEDIATE")

    assert tree.databases["default"].options == {"timeout": 20, "transaction_mode": "IMMEDIATE"}


# The short form of the tree


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://h1:1,h2:2/n", {"HOST": "", "PORT": "", "OPTIONS": {"host": "h1,h2", "port": "1,2"}}),
        ("postgresql://h1,h2/n?sslmode=require", {"HOST": "h1,h2", "PORT": "", "OPTIONS": {"sslmode": "require"}}),
        (
            "postgresql://h1:1,h2:2/n?a=b",
            {"HOST": "", "PORT": "", "OPTIONS": {"host": "h1,h2", "port": "1,2", "a": "b"}},
        ),
        ("postgresql://[::1]:5433/n", {"HOST": "::1", "PORT": 5433}),
        ("postgresql://%2Fvar%2FRun/n", {"HOST": "/var/Run", "PORT": ""}),
        ("postgresql://%2FRun:1/n", {"HOST": "/Run", "PORT": 1}),
        ("mariadb://u@h/n", {"ENGINE": "django.db.backends.mysql", "USER": "u"}),
        ("postgresql+psycopg://u@h/n", {"ENGINE": "django.db.backends.postgresql"}),
        ("django.db.backends.postgresql://h/n", {"ENGINE": "django.db.backends.postgresql"}),
        ("mssql://h/n?a=true&b=1&c=x&c=y", {"OPTIONS": {"a": True, "b": 1, "c": ["x", "y"]}}),
    ],
)
def test_dj_database_url_reads_the_same_database_from_the_short_form(
    url: str, expected: dict[str, object], tmp_path: Path
) -> None:
    found = reparsed(loaded(tmp_path, url))

    assert {key: found[key] for key in expected} == expected


def test_short_form_knows_every_database_by_both_names(tmp_path: Path) -> None:
    tree = config(tmp_path, "databases: {default: 'sqlite:////d', blog_db: 'sqlite:////b', shop: 'sqlite:////s'}")

    assert (tree.database.url, tree.database.url_blog, tree.database.url_blog_db, tree.database.url_shop) == (
        "sqlite:////d",
        "sqlite:////b",
        "sqlite:////b",
        "sqlite:////s",
    )


def test_unknown_name_of_the_short_form_lists_the_known_ones(tmp_path: Path) -> None:
    tree = config(tmp_path, "databases: {default: 'sqlite:////d', blog_db: 'sqlite:////b'}")

    with pytest.raises(AttributeError) as caught:
        _ = tree.database.url_blgo

    assert str(caught.value) == "no database goes by 'url_blgo'; known are url, url_blog, url_blog_db"
