"""The plan: which databases are migrated, in which order, and why the others are not."""

import pytest

from dbroute.django.migrating.plan import PlanError, Target, choose, choose_app, plan_targets, unknown_app
from dbroute.routing.table import RouteTable

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": "x"}


def database(**dbroute):
    return {**SQLITE, "DBROUTE": dbroute} if dbroute else dict(SQLITE)


def planned(databases, rules):
    return plan_targets(RouteTable.from_settings(databases, rules), databases)


@pytest.mark.parametrize(
    ("dbroute", "reason"),
    [
        ({"replica_of": "default"}, "replica of default"),
        ({"readonly": True, "source": "config.yaml:12:5"}, "readonly (config.yaml:12:5)"),
        ({"readonly": True}, "readonly (settings.DATABASES)"),
        ({"migrate": False, "source": "config.yaml:7:3"}, "migrate: false (config.yaml:7:3)"),
        ({"source": "config.yaml:7:3"}, "no rule leads here"),
        ({"replica_of": "default", "readonly": True}, "replica of default"),
    ],
)
def test_skipped_database_says_why(dbroute, reason):
    databases = {"default": database(), "blog_db": database(), "other": database(**dbroute)}

    targets = planned(databases, {"blog": "blog_db"})

    assert targets == (Target("default"), Target("blog_db"), Target("other", reason))


def test_readonly_wins_over_a_rule_that_leads_there():
    databases = {"default": database(), "analytics": database(readonly=True, source="config.yaml:3:1")}

    targets = planned(databases, {"analytics": "analytics"})

    assert [target.action for target in targets] == ["migrate", "skip"]


def test_read_only_transactions_imply_readonly():
    options = {"options": "-c default_transaction_read_only=on"}
    databases = {"default": database(), "warehouse": {**SQLITE, "OPTIONS": options}}

    targets = planned(databases, {"facts": "warehouse"})

    assert targets == (Target("default"), Target("warehouse", "readonly (settings.DATABASES)"))


def test_default_is_first_and_the_others_keep_their_order():
    databases = {"zoo": database(), "blog_db": database(), "default": database(), "archive": database()}

    targets = planned(databases, {"blog": "blog_db", "zoo": "zoo", "archive": "archive"})

    assert [target.alias for target in targets] == ["default", "zoo", "blog_db", "archive"]


def test_without_any_opinion_every_database_is_migrated():
    targets = planned({"default": database(), "a": database(), "b": database(source="config.yaml:1:1")}, {})

    assert targets == (Target("default"), Target("a"), Target("b"))


def test_default_is_migrated_though_no_rule_names_it():
    targets = planned({"default": database(), "blog_db": database()}, {"blog": "blog_db"})

    assert targets == (Target("default"), Target("blog_db"))


def test_database_that_migrates_like_another_one_is_migrated():
    databases = {"default": database(), "blog_db": database(), "tenant": database(migrates_like="default")}

    targets = planned(databases, {"blog": "blog_db"})

    assert targets[2] == Target("tenant")


def test_database_without_engine_is_skipped():
    targets = planned({"default": {}, "users": database()}, {"auth": "users"})

    assert targets == (Target("default", "no engine is set"), Target("users"))


def test_test_runner_may_migrate_what_is_readonly_in_earnest():
    databases = {"default": database(), "analytics": database(readonly=True)}
    table = RouteTable.from_settings(databases, {"facts": "analytics"}, under_test=lambda: True)

    targets = plan_targets(table, databases)

    assert targets == (Target("default"), Target("analytics"))


PLAN = (Target("default"), Target("blog_db"), Target("shop_db"), Target("analytics", "readonly (config.yaml:12:5)"))


def test_choice_keeps_the_order_of_the_plan():
    chosen = choose(PLAN, ["shop_db", "default", "shop_db"])

    assert chosen == (Target("default"), Target("shop_db"))


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        (
            "blog_bd",
            "There is no database 'blog_bd'; did you mean 'blog_db'? "
            "The databases are: default, blog_db, shop_db, analytics.",
        ),
        ("xyz", "There is no database 'xyz'. The databases are: default, blog_db, shop_db, analytics."),
        ("analytics", "Database 'analytics' cannot be migrated: readonly (config.yaml:12:5)."),
    ],
)
def test_choice_refuses_what_cannot_be_migrated(alias, message):
    with pytest.raises(PlanError) as caught:
        choose(PLAN, ["default", alias])

    assert str(caught.value) == message


def app_plan(rules, **databases):
    databases = {"default": database(), "blog_db": database(), **databases}
    table = RouteTable.from_settings(databases, rules)
    return plan_targets(table, databases), table


def test_app_is_migrated_on_its_home_and_on_what_migrates_like_it():
    targets, table = app_plan({"blog": "blog_db"}, archive=database(migrates_like="blog_db"), other=database())

    chosen = choose_app(targets, table, "blog", [])

    assert chosen == (Target("blog_db"), Target("archive"))


def test_app_without_rules_anywhere_is_migrated_on_every_database():
    targets, table = app_plan({})

    chosen = choose_app(targets, table, "blog", [])

    assert chosen == (Target("default"), Target("blog_db"))


def test_app_on_a_skipped_database_is_refused_with_the_reason():
    targets, table = app_plan({"facts": "analytics"}, analytics=database(readonly=True, source="config.yaml:3:1"))

    with pytest.raises(PlanError) as caught:
        choose_app(targets, table, "facts", [])

    assert str(caught.value) == "App 'facts' cannot be migrated: 'analytics' is skipped: readonly (config.yaml:3:1)."


def test_app_is_refused_on_a_database_where_it_does_not_live():
    targets, table = app_plan({"blog": "blog_db"})

    with pytest.raises(PlanError) as caught:
        choose_app(choose(targets, ["default"]), table, "blog", [])

    assert str(caught.value) == "App 'blog' does not live there; it lives on blog_db."


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("apps.blog", "There is no app 'apps.blog'; did you mean 'blog'? The apps are: auth, blog."),
        ("blogg", "There is no app 'blogg'; did you mean 'blog'? The apps are: auth, blog."),
        ("xyz", "There is no app 'xyz'. The apps are: auth, blog."),
    ],
)
def test_unknown_app_gets_a_suggestion(label, message):
    assert str(unknown_app(label, ["blog", "auth"])) == message
