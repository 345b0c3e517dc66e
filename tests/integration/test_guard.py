"""Nothing is written to a read-only database, and nothing else is refused."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.test import override_settings

from dbroute.django import guard
from dbroute.exceptions import ReadOnlyDatabaseError
from tests.integration.apps.analytics.models import Visit
from tests.integration.apps.blog.models import Post
from tests.integration.apps.shop.models import Product
from tests.projects import project

PRIMARIES = [alias for alias in settings.DATABASES if alias != "blog_db_replica_1"]
pytestmark = pytest.mark.django_db(databases=PRIMARIES)


@pytest.fixture
def visit():
    """A row that was there before the database became read-only."""
    return Visit.objects.create(page="home")


def raw(sql, params=None, alias="analytics"):
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, params)


def many():
    with connections["analytics"].cursor() as cursor:
        cursor.executemany("INSERT INTO analytics_visit (page) VALUES (%s)", [("a",), ("b",)])


WRITES = {
    "save of a new row": lambda visit: Visit(page="x").save(),
    "save of an old row": lambda visit: visit.save(),
    "create": lambda visit: Visit.objects.create(page="x"),
    "delete": lambda visit: visit.delete(),
    "delete of a queryset": lambda visit: Visit.objects.filter(page="home").delete(),
    "fast delete": lambda visit: Visit.objects.all()._raw_delete("analytics"),
    "update": lambda visit: Visit.objects.update(page="x"),
    "bulk_create": lambda visit: Visit.objects.bulk_create([Visit(page="x")]),
    "bulk_update": lambda visit: Visit.objects.bulk_update([visit], ["page"]),
    "get_or_create that creates": lambda visit: Visit.objects.get_or_create(page="x"),
    "update_or_create": lambda visit: Visit.objects.update_or_create(page="home", defaults={"page": "x"}),
    "raw insert": lambda visit: raw("INSERT INTO analytics_visit (page) VALUES (%s)", ["x"]),
    "raw insert behind WITH": lambda visit: raw(
        "WITH new(page) AS (SELECT 'x') INSERT INTO analytics_visit (page) SELECT page FROM new"
    ),
    "executemany": lambda visit: many(),
    "drop table": lambda visit: raw("DROP TABLE analytics_visit"),
}


# What a delete meets first.
FIRST = {"delete": "analytics.Visit_seen", "delete of a queryset": "analytics.Visit_seen"}


@pytest.mark.parametrize("name", WRITES)
def test_write_to_a_read_only_database_is_refused(name, visit, outside_tests):
    with pytest.raises(ReadOnlyDatabaseError) as caught, transaction.atomic(using="analytics"):
        WRITES[name](visit)

    error = caught.value
    label = FIRST.get(name, "analytics.Visit")
    assert (error.model, error.alias, error.source) == (label, "analytics", "config.yaml:9:3")
    assert str(error) == (
        f"{label} cannot be written: database 'analytics' is read-only (config.yaml:9:3); "
        "write to another database, or set databases.analytics.readonly to false"
    )
    assert list(Visit.objects.values_list("page", flat=True)) == ["home"]


def test_many_to_many_table_is_named_by_its_model(visit, outside_tests):
    with pytest.raises(ReadOnlyDatabaseError) as caught:
        visit.seen.add(visit)

    assert caught.value.model == "analytics.Visit_seen"


def test_table_without_model_is_named_itself(outside_tests):
    with pytest.raises(ReadOnlyDatabaseError) as caught:
        raw('CREATE TABLE "elsewhere" (id int)')

    assert caught.value.model == "elsewhere"


UI = "tests.integration.apps.ui"


@override_settings(INSTALLED_APPS=[UI, *(app for app in settings.INSTALLED_APPS if app != UI)])
def test_table_is_named_by_its_concrete_model_even_where_a_proxy_comes_first(outside_tests):
    with pytest.raises(ReadOnlyDatabaseError) as caught:
        raw("DELETE FROM blog_post")

    assert caught.value.model == "blog.Post"


def test_statement_without_table_is_named_by_its_verb(outside_tests):
    with pytest.raises(ReadOnlyDatabaseError) as caught:
        raw("VACUUM")

    assert caught.value.model == "VACUUM"


def test_reading_building_assigning_and_validating_are_never_refused(visit, outside_tests):
    built = Visit(page="new")
    built.full_clean()
    found, created = Visit.objects.get_or_create(page="home")
    with transaction.atomic(using="analytics"), transaction.atomic(using="analytics"):
        pages = list(Visit.objects.values_list("page", flat=True))

    assert (found, created, pages) == (visit, False, ["home"])
    assert list(visit.seen.all()) == []
    visit.refresh_from_db()


def test_relation_to_a_read_only_database_can_be_assigned(visit, outside_tests):
    through = Visit.seen.through(from_visit=Visit(page="other"))

    through.to_visit = visit

    assert (through._state.db, through.to_visit) == ("analytics", visit)


def test_other_databases_are_written_and_have_no_wrapper(outside_tests):
    Post.objects.create(title="x")
    Product.objects.create(name="x")
    User.objects.create(username="x")

    wrapped = [alias for alias in PRIMARIES if guard.refuse_writes in connections[alias].execute_wrappers]

    assert wrapped == ["analytics"]


def test_wrapper_is_installed_once(outside_tests):
    guard.install()
    guard.install()

    assert connections["analytics"].execute_wrappers.count(guard.refuse_writes) == 1


def test_test_runner_writes_to_read_only_databases(visit):
    visit.page = "away"
    visit.save()

    assert Visit.objects.get().page == "away"


SETTINGS = """
    DATABASES = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "default.sqlite3"},
        "copy": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": BASE_DIR / "default.sqlite3",
            "DBROUTE": {"replica_of": "default"},
        },
    }
    DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
    INSTALLED_APPS = ["dbroute.django", "django.contrib.auth", "django.contrib.contenttypes"]
"""


@pytest.mark.process
def test_replica_is_refused_like_a_read_only_database_and_its_rows_are_saved_at_home(tmp_path):
    made = project(tmp_path, settings=SETTINGS)
    made.run("migrate", "-v0")

    result = made.python(
        """
        from django.contrib.auth.models import Group
        Group.objects.create(name="old")
        group = Group.objects.using("copy").get()
        group.name = "new"
        group.save()
        print(group._state.db, Group.objects.get().name)
        try:
            group.save(using="copy")
        except Exception as error:
            print(type(error).__name__, error)
        """
    )

    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "default new",
        "ReadOnlyDatabaseError auth.Group cannot be written: database 'copy' is read-only (settings.DATABASES); "
        "write to its primary, 'default'",
    ]


POSTGRES = """
    import os
    import dj_database_url
    DATABASES = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "default.sqlite3"},
        "warehouse": {
            **dj_database_url.parse(os.environ["WAREHOUSE"]),
            "OPTIONS": {"options": "-c default_transaction_read_only=on"},
        },
    }
    DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
    DATABASE_ROUTING_RULES = {"auth": "warehouse", "contenttypes": "warehouse"}
    INSTALLED_APPS = ["dbroute.django", "django.contrib.auth", "django.contrib.contenttypes"]
"""
TESTS = """
    from django.contrib.auth.models import Group
    from django.test import TestCase

    class Tests(TestCase):
        databases = ["default", "warehouse"]

        def test_writes(self):
            self.assertEqual(Group.objects.create(name="x")._state.db, "warehouse")
"""


@pytest.mark.process
def test_test_runner_creates_and_fills_a_warehouse_that_opens_read_only(tmp_path, postgres):
    made = project(tmp_path, settings=POSTGRES, files={"tests.py": TESTS})

    result = made.run("test", "tests", "--noinput", env={"WAREHOUSE": postgres.create("warehouse")})

    assert result.returncode == 0, result.stderr
    assert "Ran 1 test in" in result.stderr


@pytest.mark.process
def test_warehouse_that_opens_read_only_is_guarded_by_hand_written_settings(tmp_path, postgres):
    made = project(tmp_path, settings=POSTGRES)

    result = made.python(
        """
        from django.contrib.auth.models import Group
        from django.db import connections
        try:
            Group.objects.create(name="x")
        except Exception as error:
            print(type(error).__name__, error)
        with connections["warehouse"].cursor() as cursor:
            cursor.execute("SHOW default_transaction_read_only")
            print(cursor.fetchone())
        """,
        env={"WAREHOUSE": postgres.create("warehouse")},
    )

    assert result.stderr == ""
    assert result.stdout.splitlines() == [
        "ReadOnlyDatabaseError auth.Group cannot be written: database 'warehouse' is read-only (settings.DATABASES); "
        "write to another database, or remove default_transaction_read_only from its options",
        "('on',)",
    ]
