"""The rooms behind ``migrate_all``, asked directly: connections, masking, what touches a database, the table."""

import re

import pytest

from dbroute.django.migrating.run import Outcome
from dbroute.django.migrating.table import table_of
from tests.integration.migration_projects import FILL, plain_project

pytestmark = [pytest.mark.process, pytest.mark.every_django]

MIGRATE_URL = """
DATABASES["blog_db"]["DBROUTE"] = {
    "migrate_url": {**DATABASES["blog_db"], "NAME": BASE_DIR / "owner.sqlite3", "OPTIONS": {"pool": True}}
}
DATABASES["blog_db"]["TIME_ZONE"] = "Europe/Vienna"
"""

LEND = """
    from pathlib import Path
    from django.db import connections
    from dbroute.django.migrating.connection import schema_connection
    regular = connections["blog_db"]
    def show(connection):
        print(Path(connection.settings_dict["NAME"]).name, connection.settings_dict["TIME_ZONE"],
              connection.settings_dict["OPTIONS"], connections["blog_db"] is connection)
"""


def test_schema_connection_follows_migrate_url_and_is_given_back_even_after_an_error(tmp_path):
    made = plain_project(tmp_path, MIGRATE_URL)

    result = made.python(
        LEND
        + """
    try:
        with schema_connection("blog_db") as lent:
            show(lent)
            lent.ensure_connection()
            raise KeyError
    except KeyError:
        print(lent.connection, connections["blog_db"] is regular)
    """
    )

    assert (result.stdout, result.stderr) == ("owner.sqlite3 Europe/Vienna {} True\nNone True\n", "")


def test_migrate_url_is_not_followed_in_a_test_environment(tmp_path):
    made = plain_project(tmp_path, MIGRATE_URL)

    result = made.python(
        LEND
        + """
    from django.test.utils import setup_test_environment
    setup_test_environment()
    with schema_connection("blog_db") as lent:
        show(lent)
    """
    )

    assert (result.stdout, result.stderr) == ("blog_db.sqlite3 Europe/Vienna {} True\n", "")


def test_open_transaction_of_the_caller_survives(tmp_path):
    made = plain_project(tmp_path)

    result = made.python(
        """
        from django.db import connections, transaction
        from dbroute.django.migrating.connection import schema_connection
        with transaction.atomic("blog_db"):
            with schema_connection("blog_db"):
                pass
            print(connections["blog_db"].cursor().execute("SELECT 1").fetchone())
        with schema_connection("blog_db"):
            pass
        print(connections["blog_db"].connection is None)
        """
    )

    assert (result.stdout, result.stderr) == ("(1,)\nTrue\n", "")


def test_secrets_are_masked_in_every_form_and_the_longer_one_first(tmp_path):
    made = plain_project(
        tmp_path,
        """
DATABASES["default"]["PASSWORD"] = "p@ss"
DATABASES["shop_db"]["PASSWORD"] = "p@ss word"
DATABASES["blog_db"]["PASSWORD"] = 123456
DATABASES["blog_db"]["OPTIONS"] = {"ssl": {"token": "abcdef"}}
DATABASES["blog_db"]["DBROUTE"] = {"migrate_url": {"PASSWORD": "owner-secret"}}
""",
    )

    result = made.python(
        """
        from dbroute.django.migrating.connection import describe
        print(describe(ValueError("p@ss p%40ss p@ss word p%40ss+word 123456 abcdef owner-secret blog_db")))
        print(describe(ValueError()))
        """
    )

    assert (result.stdout, result.stderr) == (
        "ValueError: *** *** *** *** *** *** *** blog_db\nValueError\n",
        "",
    )


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("blog.sqlite3", "blog.sqlite3"),
        ("/srv/blog.sqlite3", "/srv/blog.sqlite3"),
        (":memory:", None),
        ("file:blog?mode=memory&cache=shared", None),
        ("file:/srv/a%20b.sqlite3?mode=rwc", "/srv/a b.sqlite3"),
    ],
)
def test_file_of_an_sqlite_database(tmp_path, name, file):
    made = plain_project(tmp_path, f'DATABASES["blog_db"]["NAME"] = {name!r}')

    result = made.python(
        """
        from django.db import connections
        from dbroute.django.folders import sqlite_file
        print(sqlite_file(connections["blog_db"].settings_dict))
        """
    )

    assert (result.stdout, result.stderr) == (f"{file}\n", "")


TOUCHES = """
    from django.db import migrations, models
    from dbroute.django.migrating.pending import touches
    key = [("id", models.BigAutoField(primary_key=True))]
    class Foreign(migrations.operations.base.Operation):
        pass
    for operation in [
        migrations.CreateModel("Post", key),
        migrations.CreateModel("Shadow", [], options={"proxy": True}),
        migrations.CreateModel("View", key, options={"managed": False}),
        migrations.AddField("Post", "n", models.IntegerField()),
        migrations.RenameModel("Note", "Post"),
        migrations.AddIndex("Post", models.Index(fields=["id"], name="x")),
        migrations.AlterModelOptions("Post", {}),
        migrations.RunSQL("SELECT 1"),
        migrations.RunSQL("SELECT 1", hints={"target_db": "shop_db"}),
        migrations.SeparateDatabaseAndState([migrations.RunSQL("SELECT 1")], []),
        migrations.SeparateDatabaseAndState([], [migrations.CreateModel("Post", key)]),
        Foreign(),
    ]:
        migration = migrations.Migration("0001_x", "blog")
        migration.operations = [operation]
        print(*[int(touches(migration, alias)) for alias in ["default", "shop_db", "blog_db"]], sep="")
"""


def test_what_touches_a_database_is_what_the_router_lets_run_there(tmp_path):
    made = plain_project(tmp_path)

    result = made.python(TOUCHES)

    here, nowhere, hinted, anywhere = "001", "000", "010", "111"
    assert (result.stdout.split(), result.stderr) == (
        [here, nowhere, nowhere, here, here, here, nowhere, here, hinted, here, nowhere, anywhere],
        "",
    )


def test_app_with_its_own_migrate_command_is_migrated_by_it(tmp_path):
    command = """
from django.core.management.commands import migrate


class Command(migrate.Command):
    def handle(self, *args, **options):
        print("own", options["database"])
        super().handle(*args, **options)
"""
    made = plain_project(tmp_path, files={"blog/management/commands/migrate.py": command})

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stdout, result.stderr) == (0, "own default\nown shop_db\nown blog_db\n", "")


def test_migration_that_ends_the_process_fails_like_any_other(tmp_path):
    made = plain_project(
        tmp_path, files={"shop/migrations/0002_fill.py": FILL.format(label="shop", body="raise SystemExit(5)")}
    )

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stderr) == (
        1,
        "shop_db: shop.0002_fill: SystemExit: 5\n"
        "CommandError: 1 of 3 databases failed: shop_db; run again to continue.\n",
    )


OUTCOMES = [
    Outcome("default", "postgresql", "migrated", ("auth.0001_initial",), ("blog.0001_initial",), 12.345),
    Outcome("[bold]odd:smile:", "sqlite3", "skipped", reason="readonly (config.yaml:12:5)"),
]


def test_table_in_a_pipe_is_plain_text_and_takes_names_literally():
    text = table_of(OUTCOMES)

    assert text == (
        "alias             engine      applied          state                                 seconds\n"
        "default           postgresql  1 (+1 recorded)  migrated                                12.35\n"
        "[bold]odd:smile:  sqlite3     -                skipped: readonly (config.yaml:12:5)        -\n"
    )


def test_table_in_a_pipe_is_never_folded():
    long = Outcome("a" * 300, "sqlite3", "skipped", reason="readonly")

    text = table_of([long])

    assert "a" * 300 in text


def test_table_in_a_terminal_has_a_rule_and_keeps_within_its_width():
    text = table_of(OUTCOMES, terminal=True, width=60)

    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert "─" in text
    assert max(len(line) for line in lines) <= 60
