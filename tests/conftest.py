"""Fixtures that more than one room of the tests uses."""

from collections.abc import Iterator

import pytest

from tests.servers import Databases, Server, databases, find_mariadb, find_postgres, server_or_skip


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need a server by the fixtures they ask for."""
    for item in items:
        for name in {"postgres", "mariadb"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(name)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """One PostgreSQL server for all tests of the run."""
    server = server_or_skip(find_postgres)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mariadb_server() -> Server:
    """One MariaDB server for all tests of the run."""
    return server_or_skip(find_mariadb)


@pytest.fixture
def postgres(postgres_server: Server) -> Iterator[Databases]:
    """Databases on PostgreSQL, dropped after the test."""
    with databases(postgres_server) as lent:
        yield lent


@pytest.fixture
def mariadb(mariadb_server: Server) -> Iterator[Databases]:
    """Databases on MariaDB, dropped after the test."""
    with databases(mariadb_server) as lent:
        yield lent
