"""What lockstep is not made for ends as with ``migrate --database X`` for each database all the same."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.projects import Project, project

from .migration_projects import applied, sqlite_dump

pytestmark = [pytest.mark.process, pytest.mark.every_django]

ALIASES = ("default", "twin_db")
# Nothing is ruled: every table is on both databases.
SETTINGS = """
INSTALLED_APPS = ["dbroute.django", "shop"]
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3"}
    for alias in ["default", "twin_db"]
}
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
"""
MODELS = """
from django.db import models


class Kind(models.Model):
    name = models.CharField(max_length=20)


class Order(models.Model):
    name = models.CharField(max_length=20)
"""
INITIAL = """
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(name, [
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=20)),
        ])
        for name in ("Kind", "Order")
    ]
"""
SECOND = """
from pathlib import Path

from django.db import migrations, models

{before}


class Migration({base}):
    dependencies = [("shop", "0001_initial")]
    operations = [{operations}]
"""


def sides(folder: Path, second: str, settings: str = "", files: dict[str, str] | None = None) -> list[Project]:
    """Return the same project twice, at its first migration, with a kind and an order in each database."""
    found = []
    for side in ("theirs", "ours"):
        texts = {"shop/models.py": MODELS, "shop/migrations/0001_initial.py": INITIAL}
        made = project(folder / side, settings=f"{SETTINGS}\n{settings}", files=texts)
        for number, alias in enumerate(ALIASES):
            assert made.run("migrate", "--database", alias, "-v0").returncode == 0
            with closing(sqlite3.connect(made.root / f"{alias}.sqlite3")) as connection, connection:
                connection.execute("INSERT INTO shop_kind VALUES (?, 'one')", [number + 5])
                connection.execute("INSERT INTO shop_order VALUES (1, 'one')")
        made.write({"shop/migrations/0002_second.py": second, **(files or {})})
        found.append(made)
    return found


def assert_same(theirs: Project, ours: Project) -> None:
    """Migrate one project database by database and the other at once, and compare."""
    for alias in ALIASES:
        done = theirs.run("migrate", "--database", alias, "-v0")
        assert (done.returncode, done.stderr) == (0, "")
    done = ours.run("migrate_all", "--skip-makemigrations", "-v0")
    assert (done.returncode, done.stderr) == (0, "")
    for alias in ALIASES:
        assert sqlite_dump(ours.root / f"{alias}.sqlite3") == sqlite_dump(theirs.root / f"{alias}.sqlite3")


def second(operations: str, before: str = "", base: str = "migrations.Migration") -> str:
    return SECOND.format(operations=operations, before=before, base=base)


DEFAULT = """
def general():
    from shop.models import Kind

    return Kind.objects.get_or_create(name="general")[0].pk
"""
APPLY = """
class OnTwinOnly(migrations.Migration):
    def apply(self, project_state, schema_editor, collect_sql=False):
        if schema_editor.connection.alias == "twin_db":
            return super().apply(project_state, schema_editor, collect_sql)
        return self.mutate_state(project_state)
"""
RECORDED = """
def look(apps, schema_editor):
    from django.db.migrations.recorder import MigrationRecorder

    names = sorted(name for _, name in MigrationRecorder(schema_editor.connection).applied_migrations())
    for name in names:
        apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias).create(name=name)
"""
KIND = 'models.ForeignKey("shop.Kind", models.CASCADE, default=general)'
NOON = "datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC)"


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (
            second(f'migrations.AddField("Order", "kind", {KIND})', DEFAULT),
            "",
        ),
        (
            second(f'migrations.AddField("Order", "at", models.DateTimeField(default={NOON}))', "import datetime"),
            'DATABASES["twin_db"]["TIME_ZONE"] = "America/New_York"',
        ),
        (
            second('migrations.AddField("Order", "n", models.IntegerField(default=1))'),
            'DATABASES["twin_db"]["ENGINE"] = "engine"',
        ),
        (second('migrations.AddField("Order", "n", models.IntegerField(default=1))', APPLY, "OnTwinOnly"), ""),
    ],
    ids=["a default that makes rows", "time zones", "another backend", "its own way"],
)
def test_ends_as_one_database_after_the_other(text: str, settings: str, tmp_path: Path) -> None:
    backend = """
        from django.db.backends.sqlite3 import base


        class DatabaseWrapper(base.DatabaseWrapper):
            data_types = {**base.DatabaseWrapper.data_types, "IntegerField": "mediumint"}
    """
    files = {"engine/__init__.py": "", "engine/base.py": backend}
    theirs, ours = sides(tmp_path, text, files=files)
    for made in (theirs, ours):
        with (made.root / "settings.py").open("a") as file:
            file.write(f"\n{settings}\n")

    assert_same(theirs, ours)


STATE_ONLY = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [migrations.AlterModelOptions("Order", {"verbose_name": "thing"})]
"""


def test_code_sees_what_was_only_to_be_recorded(tmp_path: Path) -> None:
    text = second("migrations.RunPython(look)", RECORDED).replace("0001_initial", "0002_second")
    theirs, ours = sides(tmp_path, STATE_ONLY, files={"shop/migrations/0003_third.py": text})

    assert_same(theirs, ours)

    with closing(sqlite3.connect(ours.root / "twin_db.sqlite3")) as connection:
        assert ("0002_second",) in connection.execute("SELECT name FROM shop_order").fetchall()


CHANGING = """
from django.apps import AppConfig
from django.db.models.signals import pre_migrate


def change(plan, using, **kwargs):
    if using == "default":
        for migration, backwards in plan:
            {body}


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self):
        pre_migrate.connect(change, sender=self)
"""


@pytest.mark.parametrize(
    "body",
    [
        'migration.operations[0].options["db_table"] = "only_default"',
        'migration.operations[1].sql = "UPDATE shop_order SET name = 99"',
        "migration.atomic = False",
        "del migration.operations[1]",
    ],
    ids=["an option", "an SQL", "the transaction", "an operation left out"],
)
def test_what_a_handler_makes_of_the_plan_of_one_database(body: str, tmp_path: Path) -> None:
    sql = 'migrations.RunSQL("UPDATE shop_order SET name = 7")'
    box = 'migrations.CreateModel("Box", [("id", models.AutoField(primary_key=True))], options={})'
    text = second(
        f"{box}, {sql}, migrations.RunPython(note)",
        """
def note(apps, schema_editor):
    name = str(schema_editor.atomic_migration)
    apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias).create(name=name)
""",
    )
    theirs, ours = sides(tmp_path, text, files={"shop/apps.py": CHANGING.format(body=body)})

    assert_same(theirs, ours)


NOWHERE = 'models.ForeignKey("nobody.Thing", models.CASCADE, null=True)'
BROKEN = {
    "an unknown model": 'migrations.AddField("Nobody", "n", models.IntegerField(default=1))',
    "an unknown relation": f'migrations.AddField("Order", "n", {NOWHERE})',
}


@pytest.mark.parametrize("operation", BROKEN.values(), ids=BROKEN)
def test_a_migration_that_nobody_can_make_sense_of_is_told_and_not_recorded(operation: str, tmp_path: Path) -> None:
    _, ours = sides(tmp_path, second(operation))

    done = ours.run("migrate_all", "--skip-makemigrations", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == 1
    assert [(one["alias"], one["state"]) for one in found] == [(alias, "failed") for alias in ALIASES]
    assert all(one["error"] for one in found)
    assert "Traceback" not in done.stderr
    if "Nobody" in operation:
        assert found[0]["error"] == "shop.0002_second: KeyError: ('shop', 'nobody')"
        assert applied(ours.root / "default.sqlite3") == [("shop", "0001_initial")]


def test_two_aliases_of_one_database_have_their_turns(tmp_path: Path) -> None:
    settings = SETTINGS.replace('f"{alias}.sqlite3"', '"one.sqlite3"')
    made = project(
        tmp_path, settings=settings, files={"shop/models.py": MODELS, "shop/migrations/0001_initial.py": INITIAL}
    )

    done = made.run("migrate_all", "--skip-makemigrations", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == ["migrated", "up to date"]


def test_with_json_people_are_told_on_stderr(tmp_path: Path) -> None:
    _, ours = sides(tmp_path, second('migrations.RunSQL("SELECT 1")'))

    done = ours.run("migrate_all", "--json", "-v2", env={"DJANGO_ENV": "prod"})

    assert [json.loads(line)["state"] for line in done.stdout.splitlines()] == ["migrated", "migrated"]
    assert "Migrations are not made in environment 'prod'" in done.stderr


def test_check_of_a_broken_migration_has_no_traceback(tmp_path: Path) -> None:
    _, ours = sides(tmp_path, second(BROKEN["an unknown model"]))

    done = ours.run("migrate_all", "--check")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith("KeyError: ('shop', 'nobody')\n")


def test_tables_of_one_app_without_migrations(tmp_path: Path) -> None:
    settings = SETTINGS.replace('"shop"]', '"shop", "other"]')
    models = {f"{name}/models.py": MODELS for name in ("shop", "other")}
    made = project(tmp_path, settings=settings, files=models)

    done = made.run("migrate_all", "shop", "--run-syncdb", "--skip-makemigrations", "-v0")

    assert (done.returncode, done.stderr) == (0, "")
    for alias in ALIASES:
        with closing(sqlite3.connect(tmp_path / f"{alias}.sqlite3")) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%order'").fetchall()
        assert names == [("shop_order",)]
