"""Rules that say what a project's own routers answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import router
from django.test import override_settings

from dbroute.django.management.answers import Answers, answers
from dbroute.routing.routers import DatabaseRouter
from dbroute.routing.table import RouteTable


class Homes:
    """A router as people write them: answers from a dict of labels."""

    def __init__(self, homes: dict[str, str], reads: dict[str, str] | None = None) -> None:
        self.homes, self.reads = homes, reads or {}

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return self.homes.get(model._meta.label) or self.homes.get(model._meta.app_label)

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return self.reads.get(model._meta.label) or self.db_for_write(model)


def ask(*routers: Any, rules: dict[str, str] | None = None) -> Answers:
    with override_settings(DATABASE_ROUTERS=list(routers), DATABASE_ROUTING_RULES=rules or {}):
        return answers()


UNUSED = [
    f"No model lives on '{alias}', so that nothing is migrated there any more. Where it has the tables of another "
    "database, say so with 'migrates_like:'."
    for alias in ("blog_db", "analytics", "archive", "tenant")
]


def test_an_app_whose_models_agree_gets_one_rule() -> None:
    found = ask(Homes({"shop": "shop_db"}))

    assert found == Answers({"shop": "shop_db"}, UNUSED)


def test_models_that_differ_from_their_app_get_rules_of_their_own() -> None:
    found = ask(Homes({"shop.Order": "shop_db"}))

    assert found.rules == {"shop.Order": "shop_db"}


def test_an_app_is_at_home_where_the_routers_let_its_operations_run() -> None:
    class Shop(Homes):
        def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
            return db == "shop_db" if app_label == "shop" else None

    found = ask(Shop({"shop.Order": "shop_db"}))

    assert found.rules == {"shop": "shop_db", "shop.Product": "default"}


def test_without_routers_the_rules_stay_as_they_are() -> None:
    found = ask(rules={"b*": "blog_db"})

    assert found == Answers({"b*": "blog_db"})


def test_rules_that_a_router_above_ours_contradicts_are_completed() -> None:
    found = ask(Homes({"blog.Tag": "archive"}), "dbroute.routing.DatabaseRouter", rules={"b*": "blog_db"})

    assert found.rules == {"b*": "blog_db", "blog.Tag": "archive"}


@pytest.mark.parametrize(
    "homes",
    [
        {"blog": "blog_db", "shop": "shop_db", "analytics": "archive", "auth": "tenant"},
        {"blog.Tag": "blog_db", "shop.Order": "shop_db", "auth.User": "tenant", "sessions": "archive"},
        {},
    ],
)
def test_the_rules_answer_for_every_model_what_the_routers_did(homes: dict[str, str]) -> None:
    with override_settings(DATABASE_ROUTERS=[Homes(homes)], DATABASE_ROUTING_RULES={}):
        before = {model: router.db_for_write(model) for model in apps.get_models()}
        found = answers()

    ours = DatabaseRouter(RouteTable.from_settings(settings.DATABASES, found.rules, registry=apps))
    own = {model: home for model, home in before.items() if not model._meta.proxy}
    assert {model: ours.db_for_write(model) or "default" for model in own} == own


def test_a_table_that_cannot_go_elsewhere_than_its_model_is_noted() -> None:
    found = ask(Homes({"blog.Post": "blog_db", "blog.Headline": "archive"}))

    assert found.rules == {"blog.Post": "blog_db"}
    assert [note for note in found.notes if "was sent" in note] == [
        "blog.Post_tags was sent to 'default'; dbroute sends it where blog.Post goes.",
        "blog.Headline was sent to 'archive'; dbroute sends it where blog.Post goes.",
        "ui.Teaser was sent to 'default'; dbroute sends it where blog.Post goes.",
    ]


def test_reads_that_go_elsewhere_are_noted() -> None:
    found = ask(
        Homes({}, {"blog.Post": "archive", "blog.Tag": "archive", "shop.Order": "archive", "auth.User": "archive"})
    )

    assert found.rules == {}
    assert found.notes == [
        "auth.User, blog.Tag, blog.Post and 1 more: read from 'archive', written to 'default'. "
        "If 'archive' is a read replica, write it below 'replicas:' of 'default'."
    ]


def test_a_router_that_raises_is_noted() -> None:
    class Raises(Homes):
        def db_for_write(self, model: Any, **hints: Any) -> str | None:
            if model._meta.label == "shop.Order":
                raise KeyError("hunter2")
            return super().db_for_write(model)

    found = ask(Raises({"shop": "shop_db"}))

    assert found.rules == {"shop": "shop_db"}
    assert found.notes[0] == "The routers could not be asked about shop.Order: KeyError."


class Closed(Homes):
    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == "default"


def test_a_database_where_nothing_may_be_created_is_closed() -> None:
    found = ask(Closed({"analytics": "analytics"}))

    assert found.closed == {alias for alias in settings.DATABASES if alias != "default"}
    assert found.notes == []


def test_a_model_that_may_not_migrate_at_home_is_noted() -> None:
    class Half(Homes):
        def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool:
            return model_name != "order"

    found = ask(Half({"shop": "shop_db"}))

    assert found.closed == frozenset()
    assert found.notes[0] == "shop.Order: lives on 'shop_db', where the routers did not let it migrate; dbroute does."


@pytest.fixture(autouse=True)
def _routers_of_the_suite_afterwards() -> Iterator[None]:
    yield
    assert [type(one) for one in router.routers] == [DatabaseRouter]
