"""Reading, filtering and writing over three databases: what comes of it is what comes of it on one."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.migration_projects import url_databases
from tests.projects import Project
from tests.relations.expressions import (
    FOLLOWING,
    FURTHER,
    MANY_TO_MANY,
    PREFETCHING,
    REFUSED,
    SELECTING,
    SPLIT,
    WRITING,
)
from tests.relations.reading import ALIASES, NO_RULES, evaluated, make, sqlite_databases
from tests.servers import databases

pytestmark = [pytest.mark.process, pytest.mark.every_django]

ASKED = SELECTING | PREFETCHING | FOLLOWING | MANY_TO_MANY | WRITING | SPLIT | FURTHER

Results = dict[str, tuple[Any, int]]


@pytest.fixture(scope="module")
def on_one(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What Django does by itself, on one database."""
    return evaluated(make(tmp_path_factory.mktemp("one"), NO_RULES + sqlite_databases(["default"])), list(ASKED))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project over three SQLite databases."""
    return make(tmp_path_factory.mktemp("three"), sqlite_databases(ALIASES))


@pytest.fixture(scope="module")
def on_three(three: Project) -> Results:
    """What comes of the same on three databases."""
    return evaluated(three, [*ASKED, *REFUSED])


# Each engine is once the home of users, once that of posts, once that of orders.
@pytest.fixture(
    scope="module", params=["postgres mariadb sqlite", "mariadb sqlite postgres", "sqlite postgres mariadb"]
)
def on_engines(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    """What comes of the same on a PostgreSQL, a MariaDB and a SQLite database."""
    engines = dict(zip(ALIASES, request.param.split(), strict=True))
    servers = [request.getfixturevalue(f"{name}_server") for name in ("postgres", "mariadb")]
    with databases(servers[0]) as postgres, databases(servers[1]) as mariadb:
        lent = {"postgres": postgres, "mariadb": mariadb}
        urls = {alias: lent[engine].create(alias) for alias, engine in engines.items() if engine in lent}
        in_file = next(alias for alias in ALIASES if alias not in urls)
        settings = url_databases(urls) + "\n" + sqlite_databases([in_file])
        yield evaluated(make(tmp_path_factory.mktemp("engines"), settings), [*ASKED, *REFUSED])


@pytest.mark.parametrize("expression", ASKED)
def test_three_databases_answer_like_one(on_one: Results, on_three: Results, expression: str) -> None:
    (expected, once), (found, often) = on_one[expression], on_three[expression]

    assert found == expected
    assert often <= once + ASKED[expression]


@pytest.mark.parametrize("expression", REFUSED)
def test_what_needs_two_databases_at_once_is_refused_before_anything_is_sent(
    on_three: Results, expression: str
) -> None:
    found, sent = on_three[expression]

    assert str(found).startswith("CrossDatabaseJoinError: ")
    assert sent == 0


def test_three_engines_answer_like_one(on_one: Results, on_engines: Results) -> None:
    """Except for the order of rows where nobody asked for one, which is a server's own affair."""
    wrong = [
        f"{expression}: {on_engines[expression]} instead of {on_one[expression]}"
        for expression, more in ASKED.items()
        if in_any_order(on_engines[expression][0]) != in_any_order(on_one[expression][0])
        or on_engines[expression][1] > on_one[expression][1] + more
    ]
    allowed = [expression for expression in REFUSED if "CrossDatabaseJoinError" not in str(on_engines[expression][0])]

    assert wrong == []
    assert allowed == []


def in_any_order(value: Any) -> Any:
    return sorted((in_any_order(one) for one in value), key=str) if isinstance(value, list) else value
