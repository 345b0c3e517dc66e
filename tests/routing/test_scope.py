"""While a database is migrated, the models whose tables are there are at home there."""

from threading import Event, Thread

import pytest

from dbroute.routing import Database, DatabaseRouter, RouteTable, Rule
from dbroute.routing.scope import migrated_here, migrating_on

from .models import Registry, instance, model

DATABASES = {
    database.alias: database
    for database in (
        Database("default"),
        Database("blog_db"),
        Database("tenant", migrates_like="default"),
        Database("blog_tenant", migrates_like="blog_db"),
    )
}


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
def table(registry):
    return RouteTable(rules=(Rule("blog", "blog_db"),), databases=DATABASES, registry=registry)


@pytest.fixture
def router(table):
    return DatabaseRouter(table)


@pytest.mark.parametrize(
    ("migrated", "user", "post"),
    [
        ("default", "default", "blog_db"),
        ("blog_db", "default", "blog_db"),
        ("tenant", "tenant", "blog_db"),
        ("blog_tenant", "default", "blog_tenant"),
        ("elsewhere", "default", "blog_db"),
    ],
)
@pytest.mark.parametrize("known", [True, False], ids=["registered", "historical"])
def test_models_with_tables_there_are_at_home_there(router, registry, migrated, user, post, known):
    models = [model("auth.User", registry if known else None), model("blog.Post", registry if known else None)]
    assert [router.db_for_write(one) for one in models] == ["default", "blog_db"]

    with migrating_on(migrated):
        inside = [(router.db_for_read(one), router.db_for_write(one)) for one in models]

    assert inside == [(user, user), (post, post)]
    assert [router.db_for_write(one) for one in models] == ["default", "blog_db"]


def test_without_any_rule_a_second_full_database_is_at_home_too(registry):
    plain = {"default": Database("default"), "tenant": DATABASES["tenant"], "other": Database("other")}
    router, user = DatabaseRouter(RouteTable(databases=plain, registry=registry)), model("auth.User", registry)

    answers = {}
    for alias in plain:
        with migrating_on(alias):
            answers[alias] = router.db_for_write(user)

    assert answers == {"default": None, "tenant": "tenant", "other": None}


def test_instance_that_was_taken_elsewhere_by_using_stays_there(router, registry):
    user = model("auth.User", registry)

    with migrating_on("tenant"):
        answers = [router.db_for_write(user, instance=instance(user, db)) for db in (None, "tenant", "default")]

    assert answers == ["tenant", "tenant", None]


def test_tables_are_allowed_where_they_ever_were(router, registry):
    user = model("auth.User", registry)

    def allowed():
        return [router.allow_migrate(alias, "auth", "user", model=user) for alias in DATABASES]

    before = allowed()
    with migrating_on("tenant"):
        inside = allowed()

    assert before == inside == [True, False, True, False]


def test_relation_is_allowed_between_models_of_the_migrated_database_and_others(router, registry):
    user, group, post = (model(label, registry) for label in ("auth.User", "auth.Group", "blog.Post"))

    with migrating_on("tenant"):
        same = router.allow_relation(instance(user, "tenant"), instance(group, "tenant"))
        crossing = router.allow_relation(instance(user, "tenant"), instance(post, "blog_db"))

    assert (same, crossing) == (True, True)


def test_no_answer_is_kept_while_a_database_is_migrated(table, router, registry):
    user = model("auth.User", registry)
    router.db_for_read(user)
    assert dict(table.homes) == {user: "default"}

    with migrating_on("tenant"):
        router.db_for_read(user)
        assert dict(table.homes) == {}

    router.db_for_read(user)
    assert dict(table.homes) == {user: "default"}


def test_scopes_nest_and_end_with_an_error(router, registry):
    user = model("auth.User", registry)

    def fail_inside(answers):
        with migrating_on("tenant"):
            with migrating_on("default"):
                answers.append(router.db_for_read(user))
            answers.append(router.db_for_read(user))
            raise ZeroDivisionError

    answers = []
    with pytest.raises(ZeroDivisionError):
        fail_inside(answers)

    assert answers == ["default", "tenant"]
    assert (migrated_here(), router.db_for_read(user)) == (None, "default")


def test_other_threads_know_nothing_of_it(table, router, registry):
    user = model("auth.User", registry)
    entered, asked, answers = Event(), Event(), []

    def migrate():
        with migrating_on("tenant"):
            answers.append(router.db_for_read(user))
            entered.set()
            asked.wait(30)
            answers.append(router.db_for_read(user))

    thread = Thread(target=migrate)
    thread.start()
    entered.wait(30)
    answers.append(router.db_for_read(user))
    asked.set()
    thread.join(30)

    assert answers == ["tenant", "default", "tenant"]
    assert dict(table.homes) == {}
