"""Deleting over several databases: what can be seen of it is what can be seen on one."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.migration_projects import url_databases
from tests.projects import Project
from tests.relations.faults import (
    ADMIN,
    COMMITS,
    HOOKS,
    INLINE,
    LATE,
    OUTER,
    PIN,
    READ_ONLY,
    SIGNALS,
    STATEMENTS,
    TENANT,
    told,
)
from tests.relations.graphs import ONE, THREE, deleted, graph, run
from tests.servers import databases

pytestmark = pytest.mark.process

FIRST = int(os.environ.get("DELETION_SEED", 0)) * 150
SEEDS = [*range(FIRST, FIRST + 150)]
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
    return [
        f"seed {seed}, {right['of']}, {key}: {one[key]} instead of {right[key]}"
        for seed, one, right in zip(SEEDS, found, expected, strict=True)
        for key in right
        if key != leave_out and one[key] != right[key]
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


# Things that go wrong


def test_an_error_at_any_statement_leaves_every_database_as_it_was(three: Project) -> None:
    printed = told(three, STATEMENTS)

    assert printed == "19 ['blog_db', 'default', 'shop_db']\n" * 2


def test_an_error_at_any_statement_leaves_every_engine_as_it_was(mixed: Project) -> None:
    printed = told(mixed, STATEMENTS).splitlines()

    assert [line.partition(" ")[2] for line in printed] == ["['blog_db', 'default', 'shop_db']"] * 2
    assert min(int(line.partition(" ")[0]) for line in printed) >= 19


def test_an_error_of_any_signal_handler_leaves_every_database_as_it_was(three: Project) -> None:
    assert told(three, SIGNALS) == "True\n" * 16


def test_a_commit_that_fails_keeps_those_behind_it_from_committing(three: Project) -> None:
    printed = told(three, COMMITS).splitlines()

    far = ["blog.Comment", "blog.Note", "blog.Post", "blog.Post_readers"]
    assert printed == [
        "blog_db ['shop.Favourite', 'shop.Line', 'shop.Order'] True",
        "shop_db [] True",
        f"default {[*far, 'shop.Favourite', 'shop.Line', 'shop.Order']} True",
    ]


def test_an_outer_transaction_has_to_span_all_databases(three: Project) -> None:
    printed = told(three, OUTER).splitlines()

    assert printed == [
        refused("'default'", "'blog_db', 'shop_db'"),
        "True",
        refused("'blog_db'", "'default', 'shop_db'"),
        "True",
        refused("'default', 'shop_db'", "'blog_db'"),
        "True",
        "('default',) ('blog_db', 'shop_db')",
        "True",
        "11",
        "True",
        "(1, {'people.Profile': 1})",
    ]


def refused(there: str, missing: str) -> str:
    blocks = ", ".join(f"transaction.atomic(using={alias})" for alias in missing.split(", "))
    return (
        f"people.User cannot be deleted: there is a transaction on {there}, but none on {missing}, where it would be "
        f"committed on its own; put `with {blocks}:` around it"
    )


def test_callbacks_of_a_commit_run_when_the_last_database_has_committed(three: Project) -> None:
    printed = told(three, HOOKS).splitlines()

    assert printed == [
        "[['default', [], False], ['blog_db', [], False], ['shop_db', [], False]]",
        "False False",
        "[] True",
    ]


def test_a_constraint_that_waits_for_the_commit_is_checked_before_the_first(mixed: Project) -> None:
    engine = (
        "from django.db import connections; print([a for a in connections if connections[a].vendor == 'postgresql'])"
    )
    (alias,) = json.loads(run(mixed, engine).replace("'", '"'))
    table, pk = {"default": ("people_user", 3), "blog_db": ("blog_post", 1), "shop_db": ("shop_order", 1)}[alias]

    printed = told(mixed, PIN.format(alias=alias, table=table, pk=pk))

    assert printed == "True True\n"


@pytest.mark.parametrize(
    ("row", "sender"),
    [
        ("Profile.objects.create(pk=9, user_id=3)", "User"),
        ("Comment.objects.create(pk=9, post_id=1)", "Post"),
        ("Line.objects.create(pk=9, order_id=1)", "Order"),
    ],
)
def test_a_row_that_a_handler_leaves_behind_is_found_before_the_first_commit(
    three: Project, row: str, sender: str
) -> None:
    printed = told(three, LATE.format(row=row, sender=sender))

    assert printed == "IntegrityError True\n"


# Databases that are not like the others


def test_models_of_the_roots_home_follow_it_to_where_using_took_it(tmp_path: Path) -> None:
    tenant = SQLITE.format("tenant") + 'DATABASES["tenant"]["DBROUTE"] = {"migrates_like": "default"}\n'
    made = graph(tmp_path, THREE)
    made.write({"settings.py": (made.root / "settings.py").read_text() + tenant})

    printed = told(made, TENANT).splitlines()

    assert printed == [
        "[['people.Profile', 'tenant'], ['blog.Post', 'blog_db'], ['blog.Note', 'blog_db'], ['people.User', 'tenant']]",
        "[0, 0]",
        "[]",
    ]


def test_a_read_only_database_refuses_its_part_and_nothing_is_deleted(tmp_path: Path) -> None:
    made = graph(tmp_path, THREE)
    told(made, "world()")
    read_only = 'DATABASES["shop_db"]["DBROUTE"] = {"readonly": True, "source": "config.yaml:9:3"}\n'
    made.write({"settings.py": (made.root / "settings.py").read_text() + read_only})

    printed = told(made, READ_ONLY).splitlines()

    assert printed == [
        "shop.Mark cannot be written: database 'shop_db' is read-only (config.yaml:9:3); write to another database, or "
        "set databases.shop_db.readonly to false",
        "True",
    ]


# The admin


def test_the_admin_lists_what_would_go_and_deletes_it(three: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    one = json.loads(told(graph(tmp_path_factory.mktemp("admin"), ONE), ADMIN))

    found = json.loads(told(three, ADMIN))

    (_, untouched, listed), statuses, _, same, logged = found
    assert found == one
    assert (untouched, statuses, same, logged) == (True, [302, 302], True, 2)
    for row in ("Profile object (1)", "Post object (1)", "Comment object (2)", "Order object (1)", "Line object (1)"):
        assert row in listed


def test_the_admin_saves_a_form_whose_inlines_reach_further_in_one_transaction_on_each(
    three: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    one = told(graph(tmp_path_factory.mktemp("inline"), ONE), INLINE)

    found = told(three, INLINE)

    assert found == one
    assert found.splitlines() == [
        "302 False",
        "500 True",
        "302",
        "['blog.Post', 'people.AuditNote', 'shop.Order']",
        "1",
    ]
