"""Where trials have their databases."""

import pytest

from tests.servers import Databases

from .sites import Files, MariaDB, Postgres, Site


@pytest.fixture
def files() -> Site:
    """SQLite files."""
    return Files()


@pytest.fixture
def on_postgres(postgres: Databases) -> Site:
    """A PostgreSQL server."""
    return Postgres(postgres)


@pytest.fixture
def on_mariadb(mariadb: Databases) -> Site:
    """A MariaDB server."""
    return MariaDB(mariadb)


@pytest.fixture(params=["sqlite", pytest.param("postgres"), pytest.param("mariadb")])
def site(request: pytest.FixtureRequest) -> Site:
    """Each of them in turn."""
    name = {"sqlite": "files", "postgres": "on_postgres", "mariadb": "on_mariadb"}[request.param]
    return request.getfixturevalue(name)
