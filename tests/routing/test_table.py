import gc
import weakref

import pytest

from dbroute.routing import Database, RouteTable, Rule

from .models import Registry, model


def table(rules, *databases, registry=None, under_test=False):
    return RouteTable(
        rules=[Rule(key, alias) for key, alias in rules.items()],
        databases={database.alias: database for database in databases},
        registry=registry,
        under_test=lambda: under_test,
    )


def test_model_without_rule_lives_on_default():
    routes = table({"blog": "blog_db"})

    home = routes.home(model("auth.User"))

    assert home == "default"
    assert routes.rule_for(model("auth.User")) is None


def test_rule_for_names_the_deciding_rule():
    routes = table({"blog": "blog_db", "blog.Post": "post_db"})

    rule = routes.rule_for(model("blog.Post"))

    assert rule == Rule("blog.Post", "post_db")


def test_many_to_many_table_follows_the_declaring_model_despite_a_rule_of_its_own():
    routes = table({"blog.Post": "post_db", "blog.Post_tags": "other"})
    through = model("blog.Post_tags", auto_created=model("blog.Post"))

    home = routes.home(through)

    assert home == "post_db"


def test_proxy_follows_its_concrete_model_despite_a_rule_of_its_own():
    routes = table({"ui": "other", "auth": "auth_db"})
    proxy = model("ui.Person", proxy_for=model("auth.User"))

    home = routes.home(proxy)

    assert home == "auth_db"


def test_names_of_proxies_and_many_to_many_tables_are_resolved_through_the_registry():
    registry = Registry()
    post = model("blog.Post", registry)
    model("blog.Post_tags", registry, auto_created=post)
    model("ui.Teaser", registry, proxy_for=post)
    routes = table({"blog.Post": "post_db"}, registry=registry)

    homes = routes.home_of_label("blog", "Post_tags"), routes.home_of_label("ui", "teaser")

    assert homes == ("post_db", "post_db")


def test_unknown_names_are_resolved_by_label_in_any_case():
    routes = table({"blog.OldPost": "post_db"}, registry=Registry())

    homes = routes.home_of_label("blog", "OldPost"), routes.home_of_label("blog", "oldpost")

    assert homes == ("post_db", "post_db")


def test_home_of_app_ignores_rules_for_single_models():
    routes = table({"shop.Order": "shop_db", "blog.*": "blog_db"})

    homes = routes.home_of_app("shop"), routes.home_of_app("blog")

    assert homes == ("default", "blog_db")


def test_registered_class_is_looked_up_once():
    registry = Registry()
    post = model("blog.Post", registry)
    routes = table({"blog": "blog_db"}, registry=registry)

    home = routes.homes[post]

    assert home == "blog_db"
    assert dict(routes.homes) == {post: "blog_db"}


@pytest.mark.parametrize("label", ["blog.Post", "blog.Gone"])
def test_class_that_is_not_the_registered_one_is_answered_and_forgotten(label):
    registry = Registry()
    model("blog.Post", registry)
    routes = table({"blog": "blog_db"}, registry=registry)
    historical = model(label)

    home = routes.homes[historical]

    assert home == "blog_db"
    assert not routes.homes
    kept = weakref.ref(historical)
    del historical
    gc.collect()
    assert kept() is None


def test_without_registry_nothing_is_kept_by_class():
    routes = table({"blog": "blog_db"})

    routes.homes[model("blog.Post")]

    assert not routes.homes


@pytest.mark.parametrize(
    ("rules", "databases", "expected"),
    [
        ({}, [Database("default"), Database("other")], False),
        ({}, [Database("default"), Database("tenant", migrates_like="default")], False),
        ({"blog": "other"}, [], True),
        ({}, [Database("x", replica_of="default")], True),
        ({}, [Database("x", readonly=True)], True),
        ({}, [Database("x", migrate=False)], True),
    ],
)
def test_opinion_comes_from_a_rule_replica_readonly_or_unmigrated_database(rules, databases, expected):
    routes = table(rules, *databases)

    assert routes.has_opinion is expected


def test_homes_in_rules_stand_in_the_order_of_databases_with_default_first():
    databases = [Database(alias) for alias in ("shop_db", "default", "blog_db", "idle")]
    routes = table({"a": "nowhere", "b": "blog_db", "c": "shop_db", "d": "default"}, *databases)

    homes = routes.homes_in_rules()

    assert homes == ["default", "shop_db", "blog_db", "nowhere"]


def test_primary_of_a_replica_is_its_set():
    routes = table({}, Database("b"), Database("b_replica_1", replica_of="b"))

    primaries = [routes.primary(alias) for alias in ("b_replica_1", "b", "unknown", None)]

    assert primaries == ["b", "b", "unknown", None]


def test_modelled_on_follows_migrates_like_to_its_end_and_survives_a_circle():
    routes = table(
        {},
        Database("a"),
        Database("b", migrates_like="a"),
        Database("c", migrates_like="b"),
        Database("x", migrates_like="y"),
        Database("y", migrates_like="x"),
    )

    ends = [routes.modelled_on(alias) for alias in ("a", "b", "c", "unknown")]

    assert ends == ["a", "a", "a", "unknown"]
    assert routes.modelled_on("x") == "x"


@pytest.mark.parametrize(
    ("database", "in_production", "under_test"),
    [
        (Database("x"), True, True),
        (Database("x", test_migrate=False), True, True),
        (Database("x", migrates_like="default"), True, True),
        (Database("x", readonly=True), False, True),
        (Database("x", migrate=False), False, True),
        (Database("x", readonly=True, test_migrate=False), False, False),
        (Database("x", migrate=False, test_migrate=False), False, False),
        (Database("x", replica_of="y"), False, False),
    ],
)
def test_databases_that_take_migrations(database, in_production, under_test):
    answers = [table({}, database, under_test=flag).takes_migrations("x") for flag in (False, True)]

    assert answers == [in_production, under_test]


def test_test_runner_may_write_everywhere():
    answers = [table({}, Database("x", readonly=True), under_test=flag).refuses_writes("x") for flag in (False, True)]

    assert answers == [True, False]


def test_from_settings_carries_sources_registry_and_test_state():
    registry = Registry()

    routes = RouteTable.from_settings(
        {"default": {}, "x": {"DBROUTE": {"readonly": True}}},
        {"blog": "x", "shop": "x"},
        sources={"blog": "config.yaml:3:1"},
        registry=registry,
        under_test=lambda: True,
    )

    assert routes.rules == (Rule("blog", "x", "config.yaml:3:1"), Rule("shop", "x"))
    assert routes.databases == {"default": Database("default"), "x": Database("x", readonly=True)}
    assert routes.registry is registry
    assert routes.takes_migrations("x")
