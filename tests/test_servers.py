"""The servers that tests run on are there, and leave nothing behind."""

import pytest

from tests.projects import clean_environment, project
from tests.servers import (
    Address,
    Databases,
    ServerMissingError,
    databases,
    embedded_postgres,
    find_postgres,
    name_of,
    postgres_at,
    server_or_skip,
)


def test_address_reads_a_url_and_writes_one_for_another_database() -> None:
    address = Address.from_url("postgresql://me:p%40ss@db.example.com:5433/ignored")

    url = address.url("blog")

    assert url == "postgresql://me:p%40ss@db.example.com:5433/blog"


def test_address_writes_a_url_for_another_role() -> None:
    address = Address("postgresql", "/tmp/sock", None, "postgres")

    url = address.url("blog", user="app", password="a/b")

    assert url == "postgresql://app:a%2Fb@%2Ftmp%2Fsock/blog"


def test_postgres_database_is_dropped_after_use(postgres: Databases) -> None:
    with databases(postgres.server) as lent:
        url = lent.create("blog")
        inside = lent.execute("SELECT current_database()", url)

    left = postgres.execute(f"SELECT datname FROM pg_database WHERE datname = '{name_of(url)}'")
    assert (inside, left) == ([(name_of(url),)], [])


def test_mariadb_database_is_dropped_after_use(mariadb: Databases) -> None:
    with databases(mariadb.server) as lent:
        url = lent.create("blog")
        inside = lent.execute("SELECT DATABASE()", url)

    left = mariadb.execute(f"SHOW DATABASES LIKE '{name_of(url)}'")
    assert (inside, left) == ([(name_of(url),)], [])


@pytest.mark.postgres
def test_embedded_postgres_serves_where_no_other_server_answers() -> None:
    server = embedded_postgres()

    try:
        with databases(server) as lent:
            url = lent.create("blog")
            rows = lent.execute("SELECT current_database()", url)
    finally:
        server.stop()

    assert rows == [(name_of(url),)]


def test_server_named_by_variable_is_not_replaced_by_another_one() -> None:
    environ = {"TEST_POSTGRES_URL": "postgresql://nobody@127.0.0.1:1/x"}

    with pytest.raises(ServerMissingError) as caught:
        find_postgres(environ)

    assert str(caught.value) == "no PostgreSQL at 127.0.0.1:1 for nobody"


def missing_postgres(environ):
    return postgres_at(Address("postgresql", "127.0.0.1", 1, "nobody"))


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_missing_server_fails_on_a_ci_machine_and_skips_elsewhere(monkeypatch, ci, outcome) -> None:
    monkeypatch.setenv("CI", ci)

    with pytest.raises(outcome) as caught:
        server_or_skip(missing_postgres)

    assert str(caught.value) == (
        "no PostgreSQL at 127.0.0.1:1 for nobody (TEST_MISSING_POSTGRES_URL can name a server)"
    )


def test_project_runs_manage_py_without_the_callers_configuration(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "no.such.module")
    monkeypatch.setenv("DATABASE_URL", "no://url")
    made = project(tmp_path, settings='DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}}')

    result = made.run("shell", "-c", "import os; print([k for k in os.environ if k.startswith('DATABASE')])", "-v0")

    assert (result.returncode, result.stdout, result.stderr) == (0, "[]\n", "")


def test_clean_environment_lets_the_test_set_variables() -> None:
    environ = clean_environment({"DJANGO_ENV": "prod"})

    assert {name: value for name, value in environ.items() if name.startswith("DJANGO")} == {"DJANGO_ENV": "prod"}
