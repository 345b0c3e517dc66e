"""Test databases that are made and migrated in one pass, compared with those that Django makes."""

import pytest

from tests.integration.migration_projects import (
    mariadb_dump,
    plain_project,
    postgres_dump,
    rich_project,
    sqlite_dump,
    url_databases,
)
from tests.projects import MYSQL_DRIVER

pytestmark = [pytest.mark.process, pytest.mark.every_django]

ALIASES = ("default", "shop_db", "blog_db")
FILES = """
DATABASES = {
    alias: {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / f"{alias}.sqlite3",
        "TEST": {"NAME": str(BASE_DIR / f"test_{alias}.sqlite3")},
    }
    for alias in ["default", "shop_db", "blog_db"]
}
"""
RUNNER = '\nTEST_RUNNER = "dbroute.testing.runner.LockstepRunner"\n'
TESTS = """
from django.db import connections
from django.test import TestCase, TransactionTestCase

from shop.models import Order


class OrderTest(TestCase):
    databases = "__all__"

    def test_row_of_the_data_migration_is_there(self):
        self.assertEqual([order.name for order in Order.objects.all()], ["1"])

    def test_name_is_that_of_a_test_database(self):
        name = str(connections["shop_db"].settings_dict["NAME"])
        self.assertTrue("test" in name or "memory" in name, name)


class SecondTest(TransactionTestCase):
    databases = "__all__"
    serialized_rollback = True

    def test_rows_are_restored_before(self):
        self.assertEqual(Order.objects.count(), 1)
        Order.objects.all().delete()

    def test_rows_are_restored_again(self):
        self.assertEqual(Order.objects.count(), 1)
        Order.objects.all().delete()
"""


def with_tests(made, settings=RUNNER):
    for file in made.root.glob("*.sqlite3"):  # makemigrations asked it for its history
        file.unlink()
    made.write({"shop/tests.py": TESTS})
    with (made.root / "settings.py").open("a") as file:
        file.write(settings)
    return made


def ran(made, *options, env=None):
    return made.run("test", "--noinput", *options, env=env)


def passed(result, number=4):
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"Ran {number} test" in result.stderr
    return True


def test_files_are_what_django_makes(tmp_path):
    ours = with_tests(rich_project(tmp_path / "ours", FILES))
    theirs = with_tests(rich_project(tmp_path / "theirs", FILES), "")

    assert passed(ran(ours, "--keepdb"))
    assert passed(ran(theirs, "--keepdb"))
    assert [sqlite_dump(tmp_path / f"ours/test_{alias}.sqlite3") for alias in ALIASES] == [
        sqlite_dump(tmp_path / f"theirs/test_{alias}.sqlite3") for alias in ALIASES
    ]
    assert not (tmp_path / "ours/default.sqlite3").exists()


def test_kept_files_are_used_again_and_brought_up_to_date(tmp_path):
    made = with_tests(rich_project(tmp_path, FILES))
    assert passed(ran(made, "--keepdb"))
    first = (tmp_path / "test_shop_db.sqlite3").stat().st_ino
    made.write({
        "shop/models.py": "from django.db import models\n\n\nclass Order(models.Model):\n"
        "    name = models.CharField(max_length=30)\n"
    })  # fmt: skip
    assert made.run("makemigrations", "shop", "-v0").returncode == 0

    # Rows are not restored behind the last test of the first run.
    again = ran(made, "shop.tests.OrderTest.test_name_is_that_of_a_test_database", "--keepdb")

    assert passed(again, 1)
    assert (tmp_path / "test_shop_db.sqlite3").stat().st_ino == first
    assert ("shop", "0003_alter_order_name") in sqlite_dump(tmp_path / "test_shop_db.sqlite3")["applied"]


def test_files_are_removed_without_keepdb(tmp_path):
    made = with_tests(rich_project(tmp_path, FILES))

    assert passed(ran(made))
    assert list(tmp_path.glob("*.sqlite3")) == []


@pytest.mark.parametrize("processes", ["1", "2"])
def test_databases_in_memory(tmp_path, processes):
    made = with_tests(rich_project(tmp_path, FILES.replace('"TEST": {"NAME"', '"TEST": {}, "X": {"NAME"')))

    assert passed(ran(made, "--parallel", processes))


def test_mirror_and_dependencies_and_a_database_without_migrations(tmp_path):
    settings = """
DATABASES["shop_db"]["TEST"]["DEPENDENCIES"] = ["blog_db"]
DATABASES["blog_db"]["TEST"]["DEPENDENCIES"] = []
DATABASES["mirror"] = {**DATABASES["shop_db"], "TEST": {"MIRROR": "shop_db"}}
DATABASES["plain"] = {**DATABASES["shop_db"], "TEST": {"NAME": str(BASE_DIR / "test_plain.sqlite3"), "MIGRATE": False}}
DATABASE_ROUTING_RULES["extra"] = "plain"
INSTALLED_APPS += ["extra"]
"""
    made = with_tests(rich_project(tmp_path, FILES), settings + RUNNER)
    made.write({
        "extra/models.py": "from django.db import models\n\n\nclass Thing(models.Model):\n    pass\n",
        "extra/tests.py": "from django.test import TestCase\nfrom extra.models import Thing\n"
        "from shop.models import Order\n\n\nclass ThingTest(TestCase):\n"
        "    databases = '__all__'\n\n    def test_it(self):\n"
        "        self.assertEqual((Thing.objects.count(), Order.objects.using('mirror').count()), (0, 1))\n",
    })  # fmt: skip

    assert passed(ran(made), 5)


def test_failing_migration_is_named_with_its_database(tmp_path):
    made = with_tests(rich_project(tmp_path, FILES))
    made.write({"shop/migrations/0003_broken.py": (made.root / "shop/migrations/0002_fill.py").read_text().replace(
        '"0001_initial"', '"0002_fill"').replace("apps.get_model", "nobody.get_model")})  # fmt: skip

    result = ran(made)

    assert result.returncode == 1
    assert result.stderr.splitlines()[-2:] == [
        "CommandError: Test databases cannot be migrated.",
        "shop_db: shop.0003_broken: NameError: name 'nobody' is not defined",
    ]


@pytest.mark.parametrize(
    ("options", "number"),
    [([], 4), (["--reuse-db", "-k", "data_migration or test_name"], 2), (["--nomigrations", "-k", "test_name"], 1)],
)
def test_pytest_django(tmp_path, options, number):
    made = with_tests(rich_project(tmp_path, FILES))
    code = f"""
    import sys, pytest
    sys.exit(pytest.main(["-q", "-p", "dbroute.testing.plugin", "-p", "no:cacheprovider", "--ds=settings",
                          "shop/tests.py", *{options!r}]))
    """

    first, second = made.python(code, setup=False), made.python(code, setup=False)

    for result in (first, second):
        assert result.returncode == 0, result.stdout + result.stderr
        assert f"{number} passed" in result.stdout
    kept = sorted(path.name for path in tmp_path.glob("*.sqlite3"))
    assert kept == (sorted(f"test_{alias}.sqlite3" for alias in ALIASES) if "--reuse-db" in options else [])


def test_postgres_and_clones_for_processes(tmp_path, postgres):
    urls = {alias: postgres.create() for alias in ALIASES}
    made = with_tests(rich_project(tmp_path / "ours", url_databases(urls)))
    theirs = with_tests(rich_project(tmp_path / "theirs", url_databases(urls)), "")
    test_urls = [url.rpartition("/")[0] + "/test_" + url.rpartition("/")[2] for url in urls.values()]

    try:
        assert passed(ran(made, "--keepdb", "--parallel", "2"))
        ours = [postgres_dump(postgres, url) for url in test_urls]
        assert passed(ran(made, "--parallel", "2"))
        assert passed(ran(theirs, "--keepdb"))
        assert ours == [postgres_dump(postgres, url) for url in test_urls]
    finally:
        assert ran(theirs).returncode == 0


def test_mariadb(tmp_path, mariadb):
    urls = {alias: mariadb.create() for alias in ALIASES}
    made = with_tests(rich_project(tmp_path / "ours", f"{MYSQL_DRIVER}\n{url_databases(urls)}"))
    theirs = with_tests(rich_project(tmp_path / "theirs", f"{MYSQL_DRIVER}\n{url_databases(urls)}"), "")
    test_urls = [url.rpartition("/")[0] + "/test_" + url.rpartition("/")[2] for url in urls.values()]

    try:
        assert passed(ran(made, "--keepdb"))
        ours = [mariadb_dump(mariadb, url) for url in test_urls]
        assert passed(ran(made))
        assert passed(ran(theirs, "--keepdb"))
        assert ours == [mariadb_dump(mariadb, url) for url in test_urls]
    finally:
        assert ran(theirs).returncode == 0


def test_project_with_its_own_migrate_command_keeps_it(tmp_path):
    command = """
from django.core.management.commands import migrate


class Command(migrate.Command):
    def handle(self, *args, **options):
        print("own", options["database"])
        super().handle(*args, **options)
"""
    made = with_tests(plain_project(tmp_path, FILES, files={"blog/management/commands/migrate.py": command}))

    result = ran(made, "shop.tests.OrderTest.test_name_is_that_of_a_test_database")

    assert result.returncode == 0, result.stderr
    assert sorted(line for line in result.stdout.splitlines() if line.startswith("own")) == [
        "own blog_db",
        "own default",
        "own shop_db",
    ]
