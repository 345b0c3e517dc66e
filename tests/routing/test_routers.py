import sys

import pytest

import dbroute.routing
from dbroute.routing import AppDatabaseRouter, Database, DatabaseRouter, RouteTable, Rule
from dbroute.routing.routers import AppDatabaseRouter as FromRouters

from .models import Registry, instance, model

REGISTRY = Registry()
USER, POST, COMMENT = (model(label, REGISTRY) for label in ("auth.User", "blog.Post", "blog.Comment"))
RULES = (Rule("blog", "blog_db"),)
DATABASES = {
    database.alias: database
    for database in (
        Database("default"),
        Database("blog_db"),
        Database("blog_db_replica_1", replica_of="blog_db"),
        Database("blog_db_replica_2", replica_of="blog_db"),
        Database("analytics", readonly=True),
        Database("archive", migrate=False),
        Database("tenant", migrates_like="blog_db"),
    )
}
ROUTER = DatabaseRouter(RouteTable(rules=RULES, databases=DATABASES, registry=REGISTRY))
SILENT = DatabaseRouter(RouteTable(databases={"default": Database("default")}, registry=REGISTRY))


def test_both_names_are_one_class():
    assert AppDatabaseRouter is DatabaseRouter is FromRouters
    assert dbroute.routing.__all__ == [
        "AppDatabaseRouter",
        "Database",
        "DatabaseRouter",
        "RouteTable",
        "Rule",
        "rule_for",
    ]


@pytest.mark.parametrize("method", ["db_for_read", "db_for_write"])
@pytest.mark.parametrize(
    ("asked", "hint", "expected"),
    [
        (POST, None, "blog_db"),
        (USER, None, "default"),
        # the same home
        (POST, instance(COMMENT), "blog_db"),
        (POST, instance(COMMENT, "blog_db"), "blog_db"),
        (POST, instance(COMMENT, "".join(["blog", "_db"])), "blog_db"),
        (POST, instance(COMMENT, "blog_db_replica_2"), "blog_db"),
        (POST, instance(COMMENT, "tenant"), None),
        (POST, instance(COMMENT, "default"), None),
        (USER, instance(USER, "blog_db"), None),
        # another home
        (USER, instance(POST), "default"),
        (USER, instance(POST, "blog_db"), "default"),
        (USER, instance(POST, "default"), "default"),
        (USER, instance(POST, "tenant"), "default"),
        (POST, instance(USER, "default"), "blog_db"),
        (POST, instance(USER, "blog_db_replica_1"), "blog_db"),
        (POST, instance(USER, "tenant"), "blog_db"),
    ],
)
def test_home_unless_using_took_the_instance_elsewhere(method, asked, hint, expected):
    alias = getattr(ROUTER, method)(asked, instance=hint, other="ignored")

    assert alias == expected


def test_lazy_object_counts_as_what_it_wraps():
    wrapped = instance(USER, "default")

    class Lazy:
        __class__ = property(lambda self: USER)
        _state = wrapped._state

    aliases = ROUTER.db_for_read(POST, instance=Lazy()), ROUTER.db_for_read(USER, instance=Lazy())

    assert aliases == ("blog_db", "default")


def test_method_of_a_subclass_is_called_and_can_ask_ours():
    class Louder(DatabaseRouter):
        def db_for_read(self, model, **hints):
            return super().db_for_read(model, **hints).upper()

    router = Louder(ROUTER.table)

    assert router.db_for_read(POST) == "BLOG_DB"
    assert router.db_for_write(POST) == "blog_db"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (instance(POST, "blog_db"), instance(USER, "default"), True),
        (instance(POST, "tenant"), instance(USER, "blog_db"), True),
        (instance(POST), instance(USER, "default"), True),
        (instance(POST, "blog_db"), instance(COMMENT, "blog_db"), True),
        (instance(POST, "blog_db"), instance(COMMENT, "blog_db_replica_1"), True),
        (instance(POST, "blog_db_replica_2"), instance(COMMENT, "blog_db_replica_1"), True),
        (instance(POST, "tenant"), instance(COMMENT, "tenant"), True),
        (instance(POST, "blog_db"), instance(COMMENT, "tenant"), None),
        (instance(POST, "blog_db"), instance(COMMENT), None),
    ],
)
def test_relation_is_allowed_across_homes_and_on_one_database(one, other, expected):
    answers = ROUTER.allow_relation(one, other, other="ignored"), ROUTER.allow_relation(other, one)

    assert answers == (expected, expected)


ALIASES = list(DATABASES)


def allowed(router, *args, **hints):
    return [alias for alias in ALIASES if router.allow_migrate(alias, *args, **hints)]


@pytest.mark.parametrize(
    ("args", "hints", "expected"),
    [
        (("blog", "post"), {}, ["blog_db", "tenant"]),
        (("blog", "BlogPost"), {}, ["blog_db", "tenant"]),
        (("blog",), {}, ["blog_db", "tenant"]),
        (("auth", "user"), {}, ["default"]),
        (("auth",), {}, ["default"]),
        (("blog",), {"target_db": "default"}, ["default"]),
        (("auth",), {"target_db": "blog_db"}, ["blog_db", "tenant"]),
        (("auth",), {"target_db": "tenant"}, ["tenant"]),
        (("blog", "teaser"), {"model": model("blog.Teaser", proxy_for=USER)}, ["default"]),
        (("blog",), {"model": "a hint of somebody else"}, ["blog_db", "tenant"]),
        (("analytics", "visit"), {"other": 1}, ["default"]),
    ],
)
def test_tables_are_made_exactly_on_the_home(args, hints, expected):
    answers = {alias: ROUTER.allow_migrate(alias, *args, **hints) for alias in ALIASES}

    assert answers == {alias: alias in expected for alias in ALIASES}


@pytest.mark.parametrize(
    ("under_test", "database", "expected"),
    [
        (False, Database("home", readonly=True), False),
        (True, Database("home", readonly=True), True),
        (True, Database("home", readonly=True, test_migrate=False), False),
        (False, Database("home", migrate=False), False),
        (True, Database("home", migrate=False), True),
        (True, Database("home", migrate=False, test_migrate=False), False),
        (True, Database("home", test_migrate=False), True),
        (False, Database("home", replica_of="default"), False),
        (True, Database("home", replica_of="default"), False),
    ],
)
def test_databases_of_others_are_migrated_by_a_test_runner_only(under_test, database, expected):
    routes = RouteTable(rules=[Rule("blog", "home")], databases={"home": database}, under_test=lambda: under_test)

    answer = DatabaseRouter(routes).allow_migrate("home", "blog", model_name="post")

    assert answer is expected


def test_without_anything_to_say_every_answer_is_none():
    user, post = instance(USER, "default"), instance(POST, "other")

    answers = [
        SILENT.db_for_read(POST),
        SILENT.db_for_write(POST),
        SILENT.db_for_read(POST, instance=user),
        SILENT.db_for_read(POST, instance=post),
        SILENT.db_for_write(POST, instance=instance(POST)),
        SILENT.allow_relation(user, post),
        SILENT.allow_migrate("default", "blog", model_name="post"),
        SILENT.allow_migrate("other", "blog", target_db="default"),
    ]

    assert answers == [None] * 8


def test_router_with_a_table_never_asks_for_the_project(monkeypatch):
    monkeypatch.setitem(sys.modules, "dbroute.django", None)

    alias = DatabaseRouter(ROUTER.table).db_for_read(POST)

    assert alias == "blog_db"
