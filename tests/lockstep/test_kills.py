"""A run that is killed at a random statement leaves nothing false behind, and the next one finishes it."""

from pathlib import Path
from random import Random

import pytest

from .generate import Size, generate
from .kills import Killing
from .sites import Site

pytestmark = pytest.mark.process

TINY = Size(5, 4, 3, killable=True)


@pytest.mark.parametrize(("kind", "kills"), [("files", 3), ("on_postgres", 1)])
def test_where_ddl_rolls_back_a_rerun_ends_as_if_nothing_had_been(
    kind: str, kills: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    site: Site = request.getfixturevalue(kind)
    killing = Killing(generate(1, site.vendor, TINY), site, tmp_path)

    found = list(killing.kills(Random(1), kills))

    assert [(kill.torn, kill.rerun, kill.different) for kill in found] == [((), (0, ""), {})] * kills


def test_on_mariadb_nothing_is_recorded_falsely_and_no_other_database_is_harmed(
    on_mariadb: Site, tmp_path: Path
) -> None:
    killing = Killing(generate(1, "mysql", TINY), on_mariadb, tmp_path)

    # Here several databases were at work when they were migrated side by side.
    kill = killing.kill("first", 118)

    harmed = {*kill.torn, *kill.different}
    assert len(harmed) <= 1
    assert kill.rerun == (0, "") or [kill.rerun[0], kill.rerun[1].split(":")[0]] == [1, *harmed]
