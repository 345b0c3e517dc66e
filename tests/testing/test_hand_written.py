"""``override_config`` where settings.py is written by hand: it is the one layer below."""

import unittest
from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections, router
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings

from dbroute import ConfigError, DatabaseConfig
from dbroute.django.routes import project_table
from dbroute.testing import override_config
from tests.integration.apps.blog.models import Post

PRIMARIES = {alias for alias in settings.DATABASES if alias != "blog_db_replica_1"}
MEMORY = "sqlite://:memory:"


def state():
    """Return everything that has to be the same outside: objects by identity, values by equality."""
    return {
        "settings": {name: getattr(settings, name) for name in ("DEBUG", "DATABASE_ROUTING_RULES", "DATABASE_ROUTERS")},
        "entries": {alias: (id(entry), repr(entry)) for alias, entry in settings.DATABASES.items()},
        "databases": [id(settings.DATABASES), id(connections.settings)],
        "wrappers": {id(one): id(one.settings_dict) for one in connections.all(initialized_only=True)},
        "homes": project_table().homes_in_rules(),
        "home": router.db_for_read(Post),
        "mark": hasattr(settings, "DBROUTE"),
    }


CHANGES = {
    "nothing": {},
    "setting": {"django": {"DEBUG": True}},
    "rule": {"routing": {"blog": "default"}},
    "what routing reads": {"databases": {"analytics": {"readonly": False}}},
    "looked up while open": {"databases": {"analytics": {"conn_max_age": 5, "time_zone": "Europe/Amsterdam"}}},
    "connection": {"databases": {"analytics": {"options": {"timeout": 5}}}},
    "new alias": {"databases": {"extra": MEMORY}, "routing": {"blog": "extra"}},
    "all of it": {
        "databases": {"extra": MEMORY, "analytics": {"readonly": False, "options": {"timeout": 5}}},
        "routing": {"blog": "extra"},
        "django": {"DEBUG": True},
    },
}
every_change = pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)


everywhere = pytest.mark.django_db(databases=PRIMARIES, transaction=True)


@everywhere
@every_change
def test_everything_is_as_before_outside(changes):
    before = state()

    with override_config(**changes):
        pass

    assert state() == before


@everywhere
@every_change
def test_everything_is_as_before_after_an_exception(changes):
    before = state()

    with pytest.raises(KeyError, match="inside"), override_config(**changes):
        raise KeyError("inside")

    assert state() == before


@everywhere
@every_change
def test_everything_is_as_before_after_a_nested_one(changes):
    before = state()

    with override_config(django={"DEBUG": True}, databases={"other": MEMORY}, routing={"shop": "other"}):
        inside = state()
        with override_config(**changes):
            pass
        assert state() == inside

    assert state() == before


def test_rule_leads_django_elsewhere():
    with override_config(routing={"blog": "default"}):
        homes = (router.db_for_read(Post), router.db_for_write(Post), Post.objects.db)

    assert homes == ("default",) * 3
    assert router.db_for_read(Post) == "blog_db"


def test_what_only_the_settings_know_stays():
    with override_config(databases={"extra": MEMORY}, routing={"blog": "extra"}):
        replica, mark = settings.DATABASES["blog_db_replica_1"], hasattr(settings, "DBROUTE")

    assert (replica is settings.DATABASES["blog_db_replica_1"], mark) == (True, False)


@override_settings(DATABASE_ROUTERS=[])
def test_rules_that_nobody_reads_are_refused():
    with pytest.raises(ConfigError) as caught:
        override_config(routing={"blog": "default"}).__enter__()

    assert str(caught.value) == (
        "override_config  routing: no router of dbroute reads rules here; add 'dbroute.routing.DatabaseRouter' to "
        "DATABASE_ROUTERS"
    )


def test_inner_override_lies_above_the_outer_one():
    outer = override_config(routing={"blog": "default", "ui": "shop_db"}, django={"DEBUG": True})

    with outer, override_config(routing={"blog": "archive"}):
        rules, debug = dict(settings.DATABASE_ROUTING_RULES), settings.DEBUG

    assert (rules["blog"], rules["ui"], rules["shop.Order"], debug) == ("archive", "shop_db", "shop_db", True)


def test_mapping_of_django_keeps_what_the_settings_have():
    with override_config(django={"CACHES": {"table": {"LOCATION": "elsewhere"}}}):
        caches = settings.CACHES

    assert caches["table"] == {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "elsewhere"}
    assert caches["default"] == settings.CACHES["default"]


def test_tree_is_returned():
    with override_config(databases={"analytics": {"conn_max_age": 7}}) as config:
        age = config.databases["analytics"].conn_max_age

    assert age == 7


def test_changes_may_be_written_as_in_a_class():
    with override_config(databases={"analytics": DatabaseConfig(conn_max_age=7)}):
        entry = settings.DATABASES["analytics"]

    assert (entry["CONN_MAX_AGE"], entry["NAME"]) == (7, settings.DATABASES["analytics"]["NAME"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"databases": {"analytics": {"conn_max_agee": 5}}},
            "override_config  databases.analytics.conn_max_agee: unknown key; did you mean 'conn_max_age'?",
        ),
        ({"databse": {}}, "override_config  databse: unknown key; did you mean 'databases'?"),
        (
            {"routing": {"blog": "blog_bd"}},
            "override_config  routing.blog: there is no database 'blog_bd'; did you mean 'blog_db'?",
        ),
        (
            {"django": {"DEBUGG": True}},
            "override_config  django.DEBUGG: unknown setting; did you mean 'DEBUG'?",
        ),
        (
            {"env": "prod"},
            "override_config  these settings are written by hand, and no file or variable reaches them: no env, no "
            "environ; say databases, routing or django",
        ),
        (
            {"environ": {"DATABASE_URL": MEMORY}},
            "override_config  these settings are written by hand, and no file or variable reaches them: no env, no "
            "environ; say databases, routing or django",
        ),
    ],
)
def test_what_is_not_valid_is_refused_and_changes_nothing(changes, message):
    before = state()

    with pytest.raises(ConfigError) as caught:
        override_config(**changes).__enter__()

    assert str(caught.value) == message
    assert state() == before


# A test run and its databases

REMEDY = (
    "name a database that tests may use with test: {name: …}, or an alias whose test database serves with "
    "test: {mirror: …}"
)


@pytest.mark.parametrize(
    ("databases", "message"),
    [
        (
            {"blog_db": "sqlite:////tmp/real.sqlite3"},
            f"override_config  databases.blog_db: would lead out of the test run's databases (name); {REMEDY}",
        ),
        (
            {"blog_db": "postgresql://db.example.com/real"},
            "override_config  databases.blog_db: would lead out of the test run's databases (engine, name, host); "
            + REMEDY,
        ),
        (
            {"blog_db": {"options": {"database": "/tmp/real.sqlite3"}}},
            "override_config  databases.blog_db: would lead out of the test run's databases (options.database); "
            + REMEDY,
        ),
        (
            {"extra": {"url": "sqlite:///extra.sqlite3", "options": {"database": "/tmp/real.sqlite3"}}},
            f"override_config  databases.extra: this test run has no database for it; {REMEDY}",
        ),
        (
            {"extra": "postgresql://db.example.com/real"},
            f"override_config  databases.extra: this test run has no database for it; {REMEDY}",
        ),
    ],
)
def test_real_database_is_refused(databases, message):
    before = state()

    with pytest.raises(ConfigError) as caught:
        override_config(databases=databases).__enter__()

    assert str(caught.value) == message
    assert state() == before


def test_outside_a_test_run_databases_are_what_the_override_says(outside_tests):
    with override_config(databases={"blog_db": "postgresql://db.example.com/real", "extra": "postgresql:///other"}):
        names = [connections[alias].settings_dict["NAME"] for alias in ("blog_db", "extra")]

    assert names == ["real", "other"]


def test_new_sqlite_database_is_in_memory():
    with override_config(databases={"extra": "sqlite:////tmp/real.sqlite3"}):
        name = connections["extra"].settings_dict["NAME"]

    assert name == "file:memorydb_extra?mode=memory&cache=shared"


def test_new_replica_is_its_primary():
    with override_config(databases={"shop_db": {"replicas": ["postgresql://replica.example.com/shop"]}}):
        replica = connections["shop_db_replica_1"]
        place = {key: replica.settings_dict[key] for key in ("ENGINE", "NAME", "HOST")}

    assert place == {key: settings.DATABASES["shop_db"][key] for key in place}


def test_named_test_database_is_followed(tmp_path):
    name = str(tmp_path / "scratch.sqlite3")

    with override_config(databases={"blog_db": {"url": "sqlite:////tmp/real.sqlite3", "test": {"name": name}}}):
        inside = settings.DATABASES["blog_db"]["NAME"]

    assert (inside, settings.DATABASES["blog_db"]["NAME"]) == (name, "file:memorydb_blog_db?mode=memory&cache=shared")


def test_mirrored_test_database_is_followed():
    with override_config(databases={"extra": {"url": "mysql://real.example.com/x", "test": {"mirror": "shop_db"}}}):
        inside = settings.DATABASES["extra"]

    assert (inside["ENGINE"], inside["NAME"]) == tuple(settings.DATABASES["shop_db"][key] for key in ("ENGINE", "NAME"))


def test_host_of_the_test_client_stays():
    with override_config(django={"ALLOWED_HOSTS": ["example.com"]}):
        hosts = settings.ALLOWED_HOSTS

    assert hosts == ["example.com", "testserver"]


@pytest.mark.django_db(databases=PRIMARIES)
class TestInTransaction:
    def test_transaction_survives_where_the_database_stays(self):
        user = User.objects.create(username="ada")
        wrapper = connections["default"]

        with override_config(databases={"default": {"conn_max_age": 5}, "extra": MEMORY}, routing={"blog": "shop_db"}):
            inside = connections["default"]
            found = User.objects.get()

        assert inside is wrapper
        assert wrapper.in_atomic_block
        assert found == user == User.objects.get()

    def test_connection_is_not_made_anew_inside(self):
        with pytest.raises(ConfigError) as caught:
            override_config(databases={"default": {"options": {"timeout": 5}}}).__enter__()

        assert str(caught.value) == (
            "override_config  databases.default: needs a new connection, and the open one is inside a transaction; "
            "decorate the whole test class, or use TransactionTestCase or transaction=True"
        )

    def test_new_database_can_be_used_and_is_gone_afterwards(self):
        with override_config(databases={"extra": MEMORY}, routing={"blog": "extra"}):
            call_command("migrate", database="extra", verbosity=0)
            Post.objects.create(title="Hello")
            found = Post.objects.using("extra").count()
        with override_config(databases={"extra": MEMORY}):
            tables = connections["extra"].introspection.table_names()

        assert (found, tables) == (1, [])
        assert "extra" not in connections
        assert Post.objects.count() == 0


@everywhere
def test_changed_connection_is_made_anew_and_the_old_one_comes_back():
    connections["blog_db"].ensure_connection()
    before = connections["blog_db"].connection

    with override_config(databases={"blog_db": {"options": {"timeout": 7}}}):
        inside = connections["blog_db"]
        inside.ensure_connection()
        made = (inside.settings_dict["OPTIONS"], inside.connection is before)
        Post.objects.create(title="Hello")

    assert made == ({"timeout": 7}, False)
    assert inside.connection is None
    assert connections["blog_db"].connection is before
    assert Post.objects.get().title == "Hello"


@everywhere
def test_time_zone_of_an_open_connection_follows():
    connections["blog_db"].ensure_connection()
    before = connections["blog_db"].timezone_name

    with override_config(databases={"blog_db": {"time_zone": "Europe/Amsterdam"}}):
        inside = connections["blog_db"].timezone_name

    assert (before, inside, connections["blog_db"].timezone_name) == ("UTC", "Europe/Amsterdam", "UTC")


@everywhere
def test_open_connection_is_guarded_while_its_database_is_read_only(outside_tests):
    from dbroute import ReadOnlyDatabaseError

    Post.objects.create(title="Before")
    wrappers = list(connections["blog_db"].execute_wrappers)

    with override_config(databases={"blog_db": {"readonly": True}}), pytest.raises(ReadOnlyDatabaseError) as caught:
        Post.objects.create(title="Inside")

    assert str(caught.value) == (
        "blog.Post cannot be written: database 'blog_db' is read-only (override_config); write to another database, or "
        "set databases.blog_db.readonly to false"
    )
    assert connections["blog_db"].execute_wrappers == wrappers
    Post.objects.create(title="After")
    assert set(Post.objects.values_list("title", flat=True)) == {"Before", "After"}


# Decorators


@override_config(routing={"blog": "default"})
def test_function_is_decorated():
    assert router.db_for_read(Post) == "default"


@override_config(routing={"blog": "default"})
def test_decorated_function_still_takes_fixtures(tmp_path):
    assert (router.db_for_read(Post), tmp_path.is_dir()) == ("default", True)


def test_decorated_function_may_call_itself():
    @override_config(routing={"blog": "default"})
    def homes(depth):
        return [router.db_for_read(Post), *(homes(depth - 1) if depth else [])]

    assert [*homes(2), router.db_for_read(Post)] == ["default", "default", "default", "blog_db"]


@override_config(routing={"blog": "default"})
class TestDecoratedSimpleTestCase(SimpleTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = router.db_for_read(Post)

    def test_class_is_set_up_inside(self):
        assert (self.home, router.db_for_read(Post)) == ("default", "default")

    @override_config(routing={"blog": "shop_db"})
    def test_method_lies_above_its_class(self):
        assert router.db_for_read(Post) == "shop_db"


class TestInheritingOne(TestDecoratedSimpleTestCase):
    def test_subclass_inherits(self):
        assert router.db_for_read(Post) == "default"


@pytest.mark.parametrize("base", [SimpleTestCase, unittest.TestCase])
def test_subclass_lies_above_its_parents(base):
    @override_config(django={"LANGUAGE_CODE": "nl", "TIME_ZONE": "UTC"})
    class Parent(base):
        pass

    @override_config(django={"LANGUAGE_CODE": "fr", "DEBUG": True})
    class Other(base):
        pass

    @override_config(django={"LANGUAGE_CODE": "de"})
    @override_config(django={"LANGUAGE_CODE": "da"})
    class Child(Parent, Other):
        def test(self):
            seen.append((settings.LANGUAGE_CODE, settings.TIME_ZONE, settings.DEBUG))

    seen = []
    before = settings.LANGUAGE_CODE

    result = unittest.TextTestRunner(StringIO()).run(unittest.TestSuite([Child("test")]))

    assert (result.wasSuccessful(), seen, settings.LANGUAGE_CODE) == (True, [("da", "UTC", True)], before)


@override_config(django={"LANGUAGE_CODE": "nl"})
class TestInheritingDecorated(TestDecoratedSimpleTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.language = settings.LANGUAGE_CODE

    def test_subclass_has_both(self):
        assert (self.home, self.language, settings.LANGUAGE_CODE) == ("default", "nl", "nl")


@override_config(databases={"extra": MEMORY, "default": {"options": {"timeout": 5}}}, routing={"ui": "extra"})
class TestDecoratedTestCase(TestCase):
    databases = {"default"}

    @classmethod
    def setUpClass(cls):
        call_command("migrate", database="extra", verbosity=0)
        super().setUpClass()

    def test_new_alias_is_among_the_databases_of_the_class(self):
        with connections["extra"].cursor() as cursor:
            cursor.execute("SELECT 1")

        assert connections["extra"].in_atomic_block

    def test_changed_connection_is_in_the_transaction_of_the_class(self):
        User.objects.create(username="ada")

        assert connections["default"].settings_dict["OPTIONS"] == {"timeout": 5}
        assert connections["default"].in_atomic_block


class TestAfterwards(TransactionTestCase):
    databases = PRIMARIES

    def test_nothing_of_the_decorated_classes_is_left(self):
        assert "extra" not in connections
        assert (router.db_for_read(Post), User.objects.count()) == ("blog_db", 0)


class TestAsync(TransactionTestCase):
    databases = PRIMARIES

    @override_config(routing={"blog": "default"}, databases={"blog_db": {"options": {"timeout": 5}}})
    async def test_coroutine_is_decorated(self):
        await Post.objects.using("blog_db").acreate(title="Hello")

        timeouts = await connections_of_the_orm()

        assert (router.db_for_read(Post), timeouts) == ("default", {"timeout": 5})

    async def test_async_with(self):
        async with override_config(routing={"blog": "default"}) as config:
            home = router.db_for_read(Post)

        assert (home, config.routing["blog"], router.db_for_read(Post)) == ("default", "default", "blog_db")

    async def test_with_is_refused_where_connections_change(self):
        for databases in ({"blog_db": {"options": {"timeout": 5}}}, {"extra": MEMORY}):
            with pytest.raises(ConfigError) as caught, override_config(databases=databases):
                pass

            assert str(caught.value) == (
                "override_config  databases: change inside of a coroutine, and its connections are those of another "
                "thread; write `async with`"
            )
        assert (await connections_of_the_orm(), "extra" in connections) == ({}, False)

    async def test_with_changes_settings_and_rules(self):
        with override_config(routing={"blog": "default"}, django={"DEBUG": True}):
            inside = settings.DEBUG, router.db_for_read(Post), await sync_to_async(router.db_for_read)(Post)

        assert inside == (True, "default", "default")
        assert (settings.DEBUG, router.db_for_read(Post)) == (False, "blog_db")

    async def test_with_changes_connections_in_a_thread_of_the_orm(self):
        def timeouts():
            with override_config(databases={"blog_db": {"options": {"timeout": 5}}}):
                return connections["blog_db"].settings_dict["OPTIONS"]

        assert await sync_to_async(timeouts)() == {"timeout": 5}


def connections_of_the_orm():
    return sync_to_async(lambda: connections["blog_db"].settings_dict["OPTIONS"])()


def test_generator_is_refused():
    def fixture():
        yield

    with pytest.raises(TypeError) as caught:
        override_config()(fixture)

    assert str(caught.value) == "override_config cannot decorate a generator; write `with` inside fixture"


def test_class_without_setup_is_refused():
    class TestPlain:
        pass

    with pytest.raises(TypeError) as caught:
        override_config()(TestPlain)

    assert str(caught.value) == (
        "override_config cannot decorate TestPlain, which is no unittest.TestCase; use a fixture"
    )
