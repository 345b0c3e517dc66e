"""The router as Django asks it: through ``django.db.router``, the ORM and the admin."""

import itertools

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.cache import caches
from django.core.management import call_command
from django.db import connections, router
from django.db.migrations.state import ModelState, StateApps
from django.db.utils import ConnectionRouter
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils.functional import SimpleLazyObject

from dbroute.django.routes import follows_rules, forget, has_router, project_table, under_test
from dbroute.routing import DatabaseRouter, RouteTable, Rule, rule_for
from tests.integration.apps.analytics.models import Visit
from tests.integration.apps.blog.models import BlogPostComment, Headline, Post, Tag
from tests.integration.apps.legacy_x.models import Document
from tests.integration.apps.shop.models import Order, Product
from tests.integration.apps.ui.models import Person, Teaser

# Without the replica: in memory it is a second connection, which the first one's open transaction locks out.
PRIMARIES = [alias for alias in settings.DATABASES if alias != "blog_db_replica_1"]
everywhere = pytest.mark.django_db(databases=PRIMARIES)
MODELS = apps.get_models(include_auto_created=True)
HOMES = {
    Post: "blog_db",
    Post.tags.through: "blog_db",
    Headline: "blog_db",
    Teaser: "blog_db",
    Order: "shop_db",
    Product: "default",
    Visit: "analytics",
    Visit.seen.through: "analytics",
    Document: "archive",
    User: "default",
    Person: "default",
}


def at(model, alias):
    made = model()
    made._state.db = alias
    return made


@pytest.mark.parametrize(("model", "home"), HOMES.items(), ids=lambda value: getattr(value, "__name__", value))
def test_django_asks_the_home_for_reads_and_writes(model, home):
    aliases = [router.db_for_read(model), router.db_for_write(model), model._default_manager.db]

    assert aliases == [home] * 3


def test_project_without_opinion_routes_like_a_project_without_router():
    ours = ConnectionRouter([DatabaseRouter(RouteTable.from_settings({"default": {}, "other": {}}, {}, registry=apps))])
    stock = ConnectionRouter([])
    instances = [at(model, alias) for model in MODELS for alias in (None, "default", "other")]

    for model, hints in itertools.product(MODELS, [{}, *({"instance": one} for one in instances)]):
        assert ours.db_for_read(model, **hints) == stock.db_for_read(model, **hints)
        assert ours.db_for_write(model, **hints) == stock.db_for_write(model, **hints)
    for one, other in itertools.product(instances, instances):
        assert ours.allow_relation(one, other) == stock.allow_relation(one, other)
    for alias, model in itertools.product(("default", "other"), MODELS):
        assert ours.allow_migrate_model(alias, model) is stock.allow_migrate_model(alias, model) is True


@pytest.mark.parametrize(
    ("asked", "hint", "expected"),
    [
        (Post, at(BlogPostComment, "tenant"), "tenant"),
        (Post, at(BlogPostComment, "blog_db_replica_1"), "blog_db"),
        (User, at(Post, "tenant"), "default"),
        (User, at(User, "tenant"), "tenant"),
        (Post, at(User, "tenant"), "blog_db"),
        (Post, None, "blog_db"),
    ],
)
def test_django_follows_an_instance_only_inside_its_home(asked, hint, expected):
    alias = router.db_for_write(asked, instance=hint)

    assert alias == expected


def test_names_in_camel_case_as_makemigrations_passes_them_mean_the_same_models():
    for alias, model in itertools.product(settings.DATABASES, MODELS):
        meta = model._meta

        by_name = router.allow_migrate(alias, meta.app_label, model_name=meta.object_name)

        assert by_name is router.allow_migrate_model(alias, model)


def test_relation_that_we_have_no_opinion_on_is_compared_by_django():
    allowed = [
        router.allow_relation(at(Post, one), at(Tag, other))
        for one, other in [("blog_db", "blog_db_replica_1"), ("blog_db", "tenant"), ("tenant", "tenant")]
    ]

    assert allowed == [True, False, True]


@everywhere
def test_rows_live_on_the_home_of_their_model_and_relations_are_followed_across():
    user = User.objects.create(username="john")
    post = Post.objects.create(title="Hello", author=user)
    post.tags.add(Tag.objects.create(name="new"))

    fresh = Post.objects.get(pk=post.pk)

    assert (user._state.db, fresh._state.db) == ("default", "blog_db")
    assert fresh.author == user
    assert fresh.author._state.db == "default"
    assert list(user.blog_posts.all()) == [post]
    assert [tag._state.db for tag in fresh.tags.all()] == ["blog_db"]


@everywhere
def test_instance_from_a_tenant_stays_there():
    User.objects.using("tenant").create(username="ann")
    ann = User.objects.using("tenant").get()

    ann.username = "anna"
    ann.save()
    ann.groups.add(Group.objects.using("tenant").create(name="staff"))

    assert User.objects.count() == 0
    assert User.objects.using("tenant").get().username == "anna"
    assert [group._state.db for group in ann.groups.all()] == ["tenant"]


@everywhere
def test_instance_from_a_replica_is_written_to_its_primary():
    Post.objects.create(title="Old")
    post = at(Post, "blog_db_replica_1")
    post.pk, post.title = Post.objects.get().pk, "New"

    with CaptureQueriesContext(connections["blog_db"]) as queries:
        post.save()

    assert [query["sql"].split()[0] for query in queries] == ["UPDATE"]
    assert Post.objects.get().title == "New"


@everywhere
def test_lazy_user_can_be_assigned_and_asked():
    user = User.objects.create(username="john")
    lazy = SimpleLazyObject(lambda: user)

    post = Post.objects.create(title="Hello", author=lazy)

    assert list(lazy.blog_posts.all()) == [post]
    assert router.db_for_read(User, instance=lazy) == "default"


@everywhere
def test_building_assigning_and_validating_need_no_query_on_the_wrong_database():
    user = User.objects.create(username="john")
    post = Post(title="Hello", author=user)

    with CaptureQueriesContext(connections["blog_db"]) as queries:
        post.full_clean()

    assert post._state.db == "blog_db"
    assert [query["sql"] for query in queries if "auth_user" in query["sql"]] == []


@everywhere
def test_admin_lists_and_saves_what_lives_elsewhere(admin_client):
    response = admin_client.post("/admin/auth/group/add/", {"name": "writers"})

    assert response.status_code == 302
    assert admin_client.get("/admin/auth/group/").context["cl"].result_count == 1


def test_database_cache_is_routed_by_label_and_its_class_forgotten():
    stand_in = caches["table"].cache_model_class

    with override_settings(DATABASE_ROUTING_RULES={"django_cache": "shop_db"}):
        aliases = [alias for alias in connections if router.allow_migrate_model(alias, stand_in)]

        assert router.db_for_write(stand_in) == "shop_db"
        assert aliases == ["shop_db"]
        assert stand_in not in DatabaseRouter()._homes


@pytest.mark.django_db(databases=PRIMARIES, transaction=True)
def test_cache_table_is_created_and_used_on_its_home():
    with override_settings(DATABASE_ROUTING_RULES={"django_cache": "shop_db", "shop": "shop_db"}):
        call_command("createcachetable", database="shop_db")
        caches["table"].set("key", "value")

        assert caches["table"].get("key") == "value"
        assert "cached" in connections["shop_db"].introspection.table_names()
        with connections["shop_db"].cursor() as cursor:
            cursor.execute("DROP TABLE cached")


def test_historical_models_are_routed_by_label_and_forgotten():
    historical = ModelState("blog", "Post", []).render(StateApps([], {}))

    alias = router.db_for_read(historical)

    assert (historical.__module__, historical is Post) == ("__fake__", False)
    assert alias == "blog_db"
    assert historical not in DatabaseRouter()._homes


def test_changed_settings_reach_routers_that_exist_already():
    existing = DatabaseRouter()
    before = existing.db_for_read(Post)

    with override_settings(DATABASE_ROUTING_RULES={"blog": "shop_db"}):
        during = existing.db_for_read(Post), router.db_for_read(Post)

    assert (before, during) == ("blog_db", ("shop_db", "shop_db"))
    assert existing.db_for_read(Post) == router.db_for_read(Post) == "blog_db"


@override_settings(DATABASES={**settings.DATABASES, "new": {"DBROUTE": {"readonly": True}}})
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_changed_databases_are_compiled_anew():
    table = project_table()

    assert table.databases["new"].readonly


def test_unrelated_setting_keeps_the_table():
    table = project_table()

    forget(setting="DEBUG")

    assert project_table() is table


@pytest.mark.parametrize("rules", [["blog"], {"blog": None}, {1: "blog_db"}])
def test_rules_that_are_not_texts_are_refused(rules):
    from django.core.exceptions import ImproperlyConfigured

    with override_settings(DATABASE_ROUTING_RULES=rules), pytest.raises(ImproperlyConfigured) as caught:
        project_table()

    assert str(caught.value) == (
        "DATABASE_ROUTING_RULES has to be a dict from app label, 'app_label.Model' or glob to the alias of a database, "
        "each of them a string."
    )


def test_rule_for_tells_the_deciding_rule_of_the_project():
    rules = [rule_for(model) for model in (Post, Order, Document, Teaser, User)]

    assert rules == [
        Rule("blog", "blog_db"),
        Rule("shop.Order", "shop_db"),
        Rule("legacy_*", "archive"),
        Rule("blog", "blog_db"),
        None,
    ]


def test_rules_are_followed_only_where_django_asks_our_router():
    assert has_router()
    assert follows_rules()
    with override_settings(DATABASE_ROUTERS=[]):
        assert not has_router()
        assert not follows_rules()


def test_test_runner_is_noticed(outside_tests):
    assert not under_test()


def test_running_tests_are_noticed():
    assert under_test()
