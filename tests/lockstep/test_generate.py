"""A seed gives one project, and large ones have everything in them that migrations can have."""

import re
from collections.abc import Iterable

import pytest
from django.db.migrations import operations

from .generate import ALIASES, Generated, Size, generate

LARGE = Size()
# The one class that no migration of a project names.
ALL = set(operations.__all__)
OWN = {"AddAuditColumn", "AddFilledField", "CreateCountedModel", "CreateView", "DropDefault", "RunQuietly", "Watch"}


@pytest.fixture(scope="module")
def large() -> Generated:
    return generate(1, "sqlite", LARGE)


def text_of(files: Iterable[str]) -> str:
    return "\n".join(files)


def test_a_seed_gives_the_same_files_every_time() -> None:
    first, second = generate(7, "sqlite", Size(6, 5)), generate(7, "sqlite", Size(6, 5))

    assert (first.early, first.late, first.start, first.zero) == (second.early, second.late, second.start, second.zero)


def test_another_seed_gives_other_files() -> None:
    first, second = generate(7, "sqlite", Size(6, 5)), generate(8, "sqlite", Size(6, 5))

    assert first.early != second.early


def test_a_large_project_has_forty_apps_of_twelve_migrations(large: Generated) -> None:
    lengths = {app.label: len(app.migrations) for app in large.apps}

    assert len(lengths) == 40
    assert set(lengths.values()) == {12}


def test_a_large_project_has_every_operation_of_django_and_those_of_its_own(large: Generated) -> None:
    found = set(re.findall(r"\b(?:migrations|operations)\.([A-Z]\w+)\(", text_of(large.early.values())))

    assert found == ALL | OWN


@pytest.mark.parametrize("vendor", ["postgresql", "mysql"])
def test_projects_for_servers_have_every_operation_too(vendor: str) -> None:
    text = text_of(generate(1, vendor, LARGE).early.values())

    found = set(re.findall(r"\bmigrations\.([A-Z]\w+)\(", text))

    assert found == ALL
    assert ("AddIndexConcurrently" in text) is (vendor == "postgresql")


def test_a_large_project_has_every_way_of_depending_on_something(large: Generated) -> None:
    text = text_of(large.early.values())

    missing = [
        word
        for word in (
            "run_before",
            "__first__",
            "__latest__",
            "swappable_dependency",
            "atomic = False",
            "initial = True",
        )
        if word not in text
    ]
    assert missing == []


def test_squashes_come_later_and_replace_what_is_there(large: Generated) -> None:
    replaced = [re.findall(r"\('(\w+)', '(\w+)'\)", text.split("replaces = ")[1].split("\n")[0])
                for text in large.late.values()]  # fmt: skip

    written = {migration.key for app in large.apps for migration in app.migrations}
    assert len(replaced) > 5
    assert {key for keys in replaced for key in keys} <= written


def test_databases_start_at_different_points(large: Generated) -> None:
    start = large.start

    assert sorted(start) == sorted(ALIASES)
    assert [] in [list(targets) for targets in start.values()]
    assert len(set(start.values())) > 3


def test_a_project_that_is_killed_has_nothing_that_a_rerun_would_do_twice() -> None:
    text = text_of(generate(1, "postgresql", Size(killable=True)).early.values())

    found = [word for word in ("atomic = False", "write_elsewhere", "using=False", "Concurrently") if word in text]
    assert found == []
