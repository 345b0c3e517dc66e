"""``override_config`` in projects that the patch fills, under Django's test runner and under pytest-django."""

import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from tests.projects import Project, project
from tests.servers import Databases

pytestmark = pytest.mark.process

SETTINGS = """
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "blog"]
LANGUAGES = [("en", "English"), ("nl", "Dutch")]

import dbroute.django  # noqa: E402, F401  # isort: skip
"""
FILES = {
    "config.yaml": """
        databases:
          default: sqlite:///main.sqlite3
          blog_db: sqlite:///blog.sqlite3
          old: {url: sqlite:///old.sqlite3, replicas: [sqlite:///copy.sqlite3]}
        routing:
          blog: blog_db
        django:
          DEBUG: true
    """,
    "config.dev.yaml": """
        django:
          ONLY_DEV: 1
          USE_I18N: false
    """,
    "config.prod.yaml": """
        databases:
          default: postgresql://app:hunter2@db.example.com/real
          blog_db:
            url: postgresql://app:hunter2@db.example.com/blog?sslmode=require
            conn_max_age: 600
            migrate: false
            replicas: [postgresql://replica.example.com/blog]
          old: {test: {mirror: default}}
        routing:
          auth: blog_db
        django:
          DEBUG: false
          ALLOWED_HOSTS: [example.com]
          SESSION_COOKIE_SECURE: true
          LANGUAGE_CODE: nl
          EMAIL_BACKEND: django.core.mail.backends.smtp.EmailBackend
    """,
    "config.stage.yaml": """
        databases:
          warehouse: postgresql://app:hunter2@warehouse.example.com/facts
    """,
    "blog/models.py": """
        from django.db import models

        class Post(models.Model):
            title = models.CharField(max_length=200)
    """,
    "pytest.ini": """
        [pytest]
        DJANGO_SETTINGS_MODULE = settings
        python_files = tests.py test_*.py
        addopts = -p no:cacheprovider
        filterwarnings = error
    """,
}
TESTS = """
    import warnings

    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections, router
    from django.test import SimpleTestCase, TestCase, override_settings

    from blog.models import Post
    from dbroute import ConfigError
    from dbroute.testing import override_config


    class OverrideTest(TestCase):
        databases = {"default", "blog_db"}

        def test_rule(self):
            with override_config(routing={"blog": "default"}):
                inside = router.db_for_read(Post)

            self.assertEqual((inside, router.db_for_read(Post)), ("default", "blog_db"))

        def test_setting(self):
            with override_config(django={"USE_TZ": False, "OWN": 1}):
                inside = (settings.USE_TZ, settings.OWN)

            self.assertEqual((inside, settings.USE_TZ, hasattr(settings, "OWN")), ((False, 1), True, False))

        def test_mark_tells_the_source(self):
            with override_config(routing={"auth": "blog_db"}, databases={"blog_db": {"migrate": False}}):
                mark, source = settings.DBROUTE, settings.DATABASES["blog_db"]["DBROUTE"]["source"]

            self.assertEqual(mark["rules"], {"blog": "config.yaml:7:3", "auth": "override_config"})
            self.assertEqual(source, "override_config")
            self.assertEqual(settings.DBROUTE["rules"], {"blog": "config.yaml:7:3"})

        def test_variable(self):
            with override_config(environ={"DBROUTE_ROUTING__BLOG": "default", "DJANGO_LANGUAGE_CODE": "nl"}):
                inside = router.db_for_read(Post), settings.LANGUAGE_CODE

            self.assertEqual((inside, settings.LANGUAGE_CODE), (("default", "nl"), "en-us"))

        def test_unset_variable(self):
            with override_config(environ={"DBROUTE_ROUTING__BLOG": "default"}):
                with override_config(environ={"DBROUTE_ROUTING__BLOG": None}):
                    inside = router.db_for_read(Post)

            self.assertEqual(inside, "blog_db")

        def test_environment_changes_all_but_the_places_of_databases(self):
            Post.objects.create(title="Hello")
            before = {alias: dict(entry) for alias, entry in settings.DATABASES.items()}
            wrapper = connections["blog_db"]

            with override_config(env="prod") as config:
                titles = [post.title for post in Post.objects.all()]
                homes = router.db_for_read(Post), router.db_for_read(User)
                blog = settings.DATABASES["blog_db"]
                replica = settings.DATABASES["blog_db_replica_1"]
                found = settings.DEBUG, settings.SESSION_COOKIE_SECURE, settings.LANGUAGE_CODE
                hosts = settings.ALLOWED_HOSTS
                old = settings.DATABASES["old"]["NAME"]
                environment = config.environment, settings.DBROUTE["environment"]
                same = connections["blog_db"] is wrapper

            self.assertEqual(titles, ["Hello"])
            self.assertEqual(homes, ("blog_db", "blog_db"))
            self.assertEqual((blog["CONN_MAX_AGE"], blog["DBROUTE"]["migrate"]), (600, False))
            for key in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS"):
                self.assertEqual(blog[key], before["blog_db"][key])
                self.assertEqual(replica[key], before["blog_db"][key])
            self.assertEqual(found, (False, True, "nl"))
            self.assertEqual(hosts, ["example.com", "testserver"])
            self.assertEqual(environment, ("prod", "prod"))
            self.assertIs(same, True)
            self.assertEqual(old, before["old"]["NAME"])
            self.assertEqual({alias: dict(entry) for alias, entry in settings.DATABASES.items()}, before)
            self.assertEqual((router.db_for_read(User), settings.LANGUAGE_CODE), ("default", "en-us"))

        def test_setting_of_one_environment_is_not_there_in_another(self):
            with override_config(env="prod"):
                inside = hasattr(settings, "ONLY_DEV"), settings.USE_I18N

            self.assertEqual((inside, settings.ONLY_DEV, settings.USE_I18N), ((False, True), 1, False))

        def test_replica_that_is_listed_anew_stays_the_mirror_that_it_was(self):
            before = settings.DATABASES["old_replica_1"]
            listed = {"url": "postgresql://real.example.com/x", "weight": 3}

            with override_config(databases={"old": {"replicas": [listed]}}):
                inside = settings.DATABASES["old_replica_1"]

            self.assertEqual(inside["DBROUTE"]["weight"], 3)
            self.assertEqual([inside[key] for key in ("ENGINE", "NAME")], [before[key] for key in ("ENGINE", "NAME")])

        def test_option_is_taken_away(self):
            with override_config(environ={"DBROUTE_DATABASES__OLD__OPTIONS": None}):
                inside = settings.DATABASES["old"]["OPTIONS"]

            self.assertEqual((inside, settings.DATABASES["old"]["OPTIONS"]), ({}, {"timeout": 9}))

        def test_no_environment_sends_mail(self):
            with override_config(env="prod"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                backend = settings.EMAIL_BACKEND

            self.assertEqual(backend, "django.core.mail.backends.locmem.EmailBackend")

        def test_environment_that_has_further_databases_needs_to_know_what_stands_in(self):
            with self.assertRaises(ConfigError) as caught:
                override_config(env="stage").__enter__()
            with override_config(env="stage", databases={"warehouse": {"test": {"mirror": "default"}}}):
                name = connections["warehouse"].settings_dict["NAME"]

            self.assertEqual(str(caught.exception), WAREHOUSE)
            self.assertEqual(name, settings.DATABASES["default"]["NAME"])

        def test_real_database_is_refused(self):
            for words in (
                {"databases": {"blog_db": "sqlite:///other.sqlite3"}},
                {"environ": {"DATABASE_URL_BLOG": "sqlite:///other.sqlite3"}},
                {"env": "prod", "databases": {"blog_db": "sqlite:///other.sqlite3"}},
                {"env": "prod", "environ": {"DATABASE_URL_BLOG": "sqlite:///other.sqlite3"}},
            ):
                with self.assertRaises(ConfigError) as caught:
                    override_config(**words).__enter__()

                source = "DATABASE_URL_BLOG" if "environ" in words else "override_config"
                self.assertEqual(str(caught.exception), f"{source}  {LEADS_OUT}")

        def test_database_that_no_test_names_is_real_and_mirrored_by_nobody(self):
            with self.assertRaises(ConfigError) as caught:
                override_config(databases={"blog_db": {"test": {"mirror": "old"}}}).__enter__()

            self.assertTrue(settings.DATABASES["old"]["NAME"].endswith("old.sqlite3"))
            self.assertEqual(str(caught.exception), UNPREPARED)

        def test_mirror_of_a_database_that_no_test_names_stays_closed(self):
            with override_config(databases={"extra": {"url": "sqlite:///x.sqlite3", "test": {"mirror": "old"}}}):
                with self.assertRaisesMessage(AssertionError, "not allowed"):
                    connections["extra"].cursor()

        def test_mirror_of_a_mirror_is_the_test_database(self):
            words = {"url": "mysql://real.example.com/x", "replicas": ["mysql://other.example.com/x"]}
            with override_config(databases={"extra": {**words, "test": {"mirror": "default"}}}):
                places = {alias: connections[alias].settings_dict["HOST"] for alias in ("extra", "extra_replica_1")}
                with connections["extra_replica_1"].cursor() as cursor:
                    cursor.execute("SELECT 1")

            self.assertEqual(places, {"extra": "", "extra_replica_1": ""})

        def test_unknown_environment(self):
            with self.assertRaises(ConfigError) as caught:
                override_config(env="pord").__enter__()

            self.assertIn("environment 'pord' has no file config.pord.yaml", str(caught.exception))

        def test_another_override_between_stays(self):
            with override_config(routing={"auth": "blog_db"}):
                with override_settings(DATABASE_ROUTING_RULES={**settings.DATABASE_ROUTING_RULES, "sites": "old"}):
                    with override_config(routing={"blog": "default"}):
                        rules = settings.DATABASE_ROUTING_RULES

            self.assertEqual(rules, {"blog": "default", "auth": "blog_db", "sites": "old"})


    @override_config(env="prod")
    class DecoratedTest(TestCase):
        databases = {"default", "blog_db"}

        def test_tables_are_those_of_the_test_run(self):
            Post.objects.create(title="Hello")

            self.assertEqual(Post.objects.using("blog_db").count(), 1)
            self.assertEqual(settings.DBROUTE["environment"], "prod")


    @override_config(databases={"tenant": "sqlite:///tenant.sqlite3"}, routing={"blog": "tenant"})
    class NewDatabaseTest(TestCase):
        @classmethod
        def setUpClass(cls):
            call_command("migrate", database="tenant", run_syncdb=True, verbosity=0)
            super().setUpClass()

        @classmethod
        def setUpTestData(cls):
            Post.objects.create(title="Hello")

        def test_it_is_among_the_databases(self):
            self.assertEqual(Post.objects.get()._state.db, "tenant")


    class AfterwardsTest(SimpleTestCase):
        def test_nothing_is_left(self):
            self.assertEqual(NewDatabaseTest.databases, frozenset({"default"}))
            self.assertEqual(list(connections), ["default", "blog_db", "old", "old_replica_1"])
            self.assertEqual(settings.DBROUTE["environment"], "dev")


    REMEDY = (
        "name a database that tests may use with test: {name: …}, or an alias whose test database serves with "
        "test: {mirror: …}"
    )
    WAREHOUSE = (
        f"config.stage.yaml:3:3  databases.warehouse: this test run has no database for it; {REMEDY}"
    )
    UNPREPARED = (
        f"override_config  databases.blog_db: mirrors 'old', which this test run has no database for; {REMEDY}"
    )
    LEADS_OUT = f"databases.blog_db: would lead out of the test run's databases (name); {REMEDY}"
"""
PYTEST_ONLY = """
    import pytest
    from django.conf import settings
    from django.db import connections

    from blog.models import Post
    from dbroute.testing import override_config


    @pytest.mark.django_db(databases=["default", "blog_db"])
    @override_config(env="prod")
    def test_function_under_another_environment():
        Post.objects.create(title="Hello")

        assert (Post.objects.count(), settings.DEBUG) == (1, False)


    @override_config(databases={"extra": "sqlite:///extra.sqlite3"})
    def test_configuration_needs_no_database():
        with pytest.raises(RuntimeError, match="Database access not allowed"):
            connections["extra"].cursor()


    @pytest.fixture(scope="module")
    def tenant():
        with override_config(databases={"tenant": "sqlite://:memory:"}):
            yield


    @pytest.mark.django_db(databases=["default", "tenant"])
    def test_alias_of_a_wider_fixture_can_be_named_by_the_mark(tenant):
        with connections["tenant"].cursor() as cursor:
            cursor.execute("SELECT 1")
"""


def made(folder: Path, tests: str = TESTS, **files: str) -> Project:
    return project(folder, settings=SETTINGS, files={**FILES, "blog/tests.py": dedent(tests), **files})


OPTION = {"DBROUTE_DATABASES__OLD__OPTIONS": '{"timeout": 9}'}


def under_pytest(made: Project) -> subprocess.CompletedProcess[str]:
    return made.python("import sys, pytest; sys.exit(pytest.main(['-q', 'blog']))", setup=False, env=OPTION)


def test_under_djangos_test_runner(tmp_path: Path) -> None:
    result = made(tmp_path).run("test", "-v", "2", env=OPTION)

    assert (result.returncode, result.stderr.count("... ok")) == (0, 20), result.stderr
    assert not list(tmp_path.glob("*.sqlite3"))


def test_under_djangos_parallel_test_runner(tmp_path: Path) -> None:
    result = made(tmp_path).run("test", "--parallel", "2", env=OPTION)

    assert result.returncode == 0, result.stderr


def test_under_pytest_django(tmp_path: Path) -> None:
    result = under_pytest(made(tmp_path, **{"blog/test_functions.py": PYTEST_ONLY}))

    assert (result.returncode, result.stdout.splitlines()[-1].split(" in ")[0]) == (0, "23 passed"), result.stdout
    assert not list(tmp_path.glob("*.sqlite3"))


def test_class_that_declares_the_configuration_is_read_again(tmp_path: Path) -> None:
    settings = """
        import attrs
        import dbroute

        INSTALLED_APPS = ["blog"]

        @attrs.frozen
        class Shop:
            currency: str = "EUR"

        class Own(dbroute.DjangoConfig):
            databases = {"default": "sqlite:///main.sqlite3"}
            shop: Shop

        dbroute.configure(__name__, Own())
    """
    blog = project(tmp_path, settings=settings, files={"blog/models.py": ""})

    result = blog.python(
        """
        from django.conf import settings
        from dbroute import ConfigError
        from dbroute.testing import override_config

        with override_config(shop={"currency": "USD"}, databases={"other": "sqlite:///other.sqlite3"}) as config:
            print(config.shop.currency, list(settings.DATABASES))
            print(settings.DATABASES["other"]["NAME"])
        try:
            override_config(shop={"currencyy": "USD"}).__enter__()
        except ConfigError as error:
            print(error)
        print(list(settings.DATABASES))
        """
    )

    assert result.stdout.splitlines() == [
        "USD ['default', 'other']",
        str(tmp_path / "other.sqlite3"),
        "override_config  shop.currencyy: unknown key; did you mean 'currency'?",
        "['default']",
    ], result.stderr


def test_import_of_the_testing_room_leaves_the_patch_alone(tmp_path: Path) -> None:
    blog = made(tmp_path)

    result = blog.python(
        """
        from dbroute.testing import override_config

        @override_config(routing={"blog": "default"})
        def home():
            from django.db import router
            from blog.models import Post
            return router.db_for_read(Post)

        import django
        django.setup()
        print(home())
        """,
        setup=False,
        env={"DJANGO_SETTINGS_MODULE": "settings"},
    )

    assert (result.stdout, result.stderr) == ("default\n", "")


def test_configuration_is_found_from_another_folder(tmp_path: Path) -> None:
    blog = made(tmp_path)

    result = blog.python(
        """
        import os
        from django.conf import settings
        from dbroute.testing import override_config

        os.chdir("/")
        with override_config(routing={"blog": "default"}):
            print(settings.DATABASE_ROUTING_RULES)
        """
    )

    assert (result.stdout, result.stderr) == ("{'blog': 'default'}\n", "")


def test_file_of_its_own_name_is_read_again_without_warning_twice(tmp_path: Path) -> None:
    blog = made(tmp_path, **{"conf/shop.yaml": "databases: {default: 'sqlite:///shop.sqlite3'}"})

    result = blog.python(
        """
        import os
        import warnings
        from django.conf import settings
        from dbroute.testing import override_config

        warnings.simplefilter("error")
        folder = os.getcwd()
        os.chdir("/")
        with override_config(routing={"blog": "default"}):
            print(settings.DBROUTE["files"], settings.DATABASE_ROUTING_RULES)
        with override_config(environ={"DBROUTE_CONFIG": folder}):
            print(settings.DBROUTE["files"], list(settings.DATABASES))
        """,
        env={"DBROUTE_CONFIG": "conf/shop.yaml", "DATABASE_URL_UNPOOLED": "sqlite:///other.sqlite3"},
    )

    assert result.stdout.splitlines() == [
        "['shop.yaml'] {'blog': 'default'}",
        "['config.yaml', 'config.dev.yaml'] ['default', 'blog_db', 'old', 'old_replica_1']",
    ], result.stderr


POSTGRES_TESTS = """
    from django.db import connections
    from django.test import TestCase, TransactionTestCase

    from blog.models import Post
    from dbroute.testing import override_config


    def database():
        with connections["blog_db"].cursor() as cursor:
            cursor.execute("SELECT current_database(), current_setting('statement_timeout')")
            return cursor.fetchone()


    class PooledTest(TransactionTestCase):
        databases = {"default", "blog_db"}

        def test_pools_do_not_mix(self):
            outside, pool = database(), connections["blog_db"].pool
            with override_config(databases={"blog_db": {"options": {"options": "-c statement_timeout=7s"}}}):
                inside = database()
                Post.objects.create(title="Hello")

            self.assertEqual((outside[1], inside[1], database()[1]), ("0", "7s", "0"))
            self.assertIs(connections["blog_db"].pool, pool)
            self.assertEqual({outside[0], inside[0]}, {database()[0]})
            self.assertTrue(outside[0].startswith("test_"), outside)
            self.assertEqual(Post.objects.count(), 1)


    def zone():
        with connections["blog_db"].cursor() as cursor:
            cursor.execute("SHOW timezone")
            return cursor.fetchone()[0]


    class TransactionSurvivesTest(TestCase):
        databases = {"default", "blog_db"}

        def test_time_zone_of_the_session_follows(self):
            outside = zone()
            with override_config(databases={"blog_db": {"time_zone": "Europe/Amsterdam"}}):
                inside = zone()

            self.assertEqual((outside, inside, zone()), ("UTC", "Europe/Amsterdam", "UTC"))

        def test_environment_with_another_server(self):
            Post.objects.create(title="Hello")
            with override_config(env="prod"):
                name, titles = database()[0], [post.title for post in Post.objects.all()]

            self.assertEqual((name, titles), (database()[0], ["Hello"]))
"""


@pytest.mark.parametrize("pool", ["false", "true"])
def test_on_postgresql(tmp_path: Path, postgres: Databases, pool: str) -> None:
    url = postgres.create()
    config = f"""
        databases:
          default: sqlite:///main.sqlite3
          blog_db: {{url: '{url}', pool: {pool}}}
        routing:
          blog: blog_db
    """

    prod = "databases: {blog_db: 'postgresql://app:hunter2@db.example.com/blog?sslmode=require'}"

    files = {"config.yaml": config, "config.prod.yaml": prod}
    result = made(tmp_path, POSTGRES_TESTS, **files).run("test", "--noinput")

    assert result.returncode == 0, result.stderr
