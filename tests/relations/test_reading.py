"""Reading, filtering and writing over three databases: what comes of it is what comes of it on one."""

from typing import Any

import pytest

from tests.projects import Project
from tests.relations.expressions import FOLLOWING, MANY_TO_MANY, PREFETCHING, REFUSED, SELECTING, SPLIT, WRITING
from tests.relations.reading import ALIASES, ONE_ALIAS, databases, evaluated, make

pytestmark = pytest.mark.process

ASKED = SELECTING | PREFETCHING | FOLLOWING | MANY_TO_MANY | WRITING | SPLIT

Results = dict[str, tuple[Any, int]]


@pytest.fixture(scope="module")
def on_one(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What Django does by itself, on one database."""
    return evaluated(make(tmp_path_factory.mktemp("one"), databases(ONE_ALIAS)), list(ASKED))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project over three SQLite databases."""
    return make(tmp_path_factory.mktemp("three"), databases(ALIASES))


@pytest.fixture(scope="module")
def on_three(three: Project) -> Results:
    """What comes of the same on three databases."""
    return evaluated(three, [*ASKED, *REFUSED])


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
