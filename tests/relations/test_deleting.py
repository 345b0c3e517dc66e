"""Deleting over several databases: what can be seen of it is what can be seen on one."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.migration_projects import url_databases
from tests.projects import Project
from tests.relations.graphs import ONE, THREE, deleted, graph
from tests.servers import databases

pytestmark = pytest.mark.process

SEEDS = 150
ALIASES = ("default", "blog_db", "shop_db")
SQLITE = (
    'DATABASES["{0}"] = {{"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "{0}.sqlite3", '
    '"OPTIONS": {{"init_command": "PRAGMA synchronous = OFF"}}}}\n'
)


@pytest.fixture(scope="module")
def on_one(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What Django does by itself, on one database."""
    return deleted(graph(tmp_path_factory.mktemp("one"), ONE), SEEDS)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project over three SQLite databases."""
    return graph(tmp_path_factory.mktemp("three"), THREE)


# Each engine is once the root's, once in the middle, once at the end.
@pytest.fixture(
    scope="module", params=["postgres mariadb sqlite", "mariadb sqlite postgres", "sqlite postgres mariadb"]
)
def mixed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project over a PostgreSQL, a MariaDB and a SQLite database."""
    engines = dict(zip(ALIASES, request.param.split(), strict=True))
    servers = [request.getfixturevalue(f"{name}_server") for name in ("postgres", "mariadb")]
    with databases(servers[0]) as postgres, databases(servers[1]) as mariadb:
        lent = {"postgres": postgres, "mariadb": mariadb}
        urls = {alias: lent[engine].create(alias) for alias, engine in engines.items() if engine in lent}
        in_file = next(alias for alias in ALIASES if alias not in urls)
        yield graph(tmp_path_factory.mktemp("mixed"), url_databases(urls) + "\n" + SQLITE.format(in_file))


def differences(found: list[dict[str, Any]], expected: list[dict[str, Any]], *, leave_out: str = "") -> list[str]:
    """Return what differs, a line for each seed and thing that can be seen."""
    assert len(found) == len(expected)
    return [
        f"seed {seed}, {expected[seed]['of']}, {key}: {found[seed][key]} instead of {expected[seed][key]}"
        for seed in range(len(expected))
        for key in expected[seed]
        if key != leave_out and found[seed][key] != expected[seed][key]
    ]


def test_three_databases_end_like_one_with_the_same_statements(on_one: list[dict[str, Any]], three: Project) -> None:
    found = deleted(three, SEEDS)

    assert differences(found, on_one) == []


def test_three_engines_end_like_one(on_one: list[dict[str, Any]], mixed: Project) -> None:
    found = deleted(mixed, SEEDS)

    assert differences(found, on_one, leave_out="statements") == []


def test_the_graphs_are_worth_comparing(on_one: list[dict[str, Any]]) -> None:
    outcomes = Counter(str(one["result"][0]) for one in on_one if isinstance(one["result"][0], str))
    labels = Counter(label for one in on_one if isinstance(one["result"][1], dict) for label in one["result"][1])
    heard = Counter(kind for one in on_one for kind, *_ in one["signals"])

    assert min(outcomes["ProtectedError"], outcomes["RestrictedError"]) >= 5
    assert len(labels) == 16
    assert min(labels.values()) >= 5, labels
    assert min(heard["pre"], heard["post"]) >= 100
