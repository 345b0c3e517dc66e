"""``migrator`` from the outside: every option, on the plan of ``migrate_all``."""

import pytest

from tests.integration.migration_projects import APPS, applied, plain_project, tables, without_seconds

pytestmark = pytest.mark.process

CHANGED = {"blog/models.py": APPS["blog/models.py"] + "    text = models.TextField(default='')\n"}


def test_without_options_it_says_what_to_pass(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrator")

    assert (result.returncode, result.stdout, result.stderr) == (
        2,
        "",
        "CommandError: Say what to migrate: --auto (all databases), --database ALIAS or --app LABEL.\n",
    )


def test_auto_makes_migrations_and_migrates_every_database(tmp_path):
    made = plain_project(tmp_path, files=CHANGED)

    result = made.run("migrator", "--auto")

    assert (result.returncode, result.stderr) == (0, "")
    assert without_seconds(result.stdout).splitlines()[-3:] == [
        "default  sqlite3  0 (+3 recorded)  migrated #",
        "shop_db  sqlite3  1 (+2 recorded)  migrated #",
        "blog_db  sqlite3  2 (+1 recorded)  migrated #",
    ]


def test_auto_can_skip_making_migrations(tmp_path):
    made = plain_project(tmp_path, files=CHANGED)

    result = made.run("migrator", "--auto", "--skip-makemigrations")

    assert (result.returncode, result.stderr) == (0, "")
    assert ("blog", "0002_post_text") not in applied(tmp_path / "blog_db.sqlite3")


def test_database_migrates_that_one(tmp_path):
    made = plain_project(tmp_path, files=CHANGED)

    result = made.run("migrator", "--database", "blog_db")

    assert (result.returncode, result.stderr) == (0, "")
    assert without_seconds(result.stdout) == (
        "Migrating blog_db\n"
        "alias    engine   applied          state     seconds\n"
        "blog_db  sqlite3  1 (+1 recorded)  migrated #\n"
    )


def test_app_is_migrated_alone_where_it_lives(tmp_path):
    archive = """
DATABASES["archive"] = {**DATABASES["default"], "NAME": BASE_DIR / "archive.sqlite3",
    "DBROUTE": {"migrates_like": "blog_db"}}
"""
    made = plain_project(tmp_path, archive)

    result = made.run("migrator", "--app", "blog")

    assert (result.returncode, result.stderr) == (0, "")
    assert without_seconds(result.stdout) == (
        "Migrating blog_db\n"
        "Migrating archive\n"
        "alias    engine   applied  state     seconds\n"
        "blog_db  sqlite3  1        migrated #\n"
        "archive  sqlite3  1        migrated #\n"
    )
    assert tables(tmp_path / "archive.sqlite3") == {"blog_post"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--database", "blogdb"],
            "There is no database 'blogdb'; did you mean 'blog_db'? The databases are: default, shop_db, blog_db.",
        ),
        (
            ["--app", "apps.blog"],
            "There is no app 'apps.blog'; did you mean 'blog'? The apps are: blog, dbroute, shop.",
        ),
        (["--app", "blog", "--database", "shop_db"], "App 'blog' does not live there; it lives on blog_db."),
    ],
    ids=["database", "app", "app elsewhere"],
)
def test_wrong_name_is_refused_before_anything_runs(tmp_path, options, message):
    made = plain_project(tmp_path)

    result = made.run("migrator", *options)

    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"CommandError: {message}\n")
    assert list(tmp_path.glob("*.sqlite3")) == []


def test_app_without_migrations_is_refused(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrator", "--app", "dbroute")

    assert (result.returncode, result.stdout, result.stderr) == (
        1,
        "",
        "CommandError: App 'dbroute' has no migrations.\n",
    )
