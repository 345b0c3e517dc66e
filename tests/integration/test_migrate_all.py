"""``migrate_all`` from the outside: what it prints, what it returns, what it leaves in the databases."""

import os

import pytest

from tests.integration.migration_projects import (
    APPS,
    FILL,
    INITIAL,
    MODELS,
    applied,
    files_of,
    plain_project,
    tables,
    without_seconds,
)
from tests.projects import REPOSITORY, Project

pytestmark = pytest.mark.process

PROD = {"DJANGO_ENV": "prod"}
RECORDED = [("blog", "0001_initial"), ("shop", "0001_initial")]


def test_first_run_migrates_every_database_and_prints_one_table(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", "--skip-makemigrations")

    assert (result.returncode, result.stderr) == (0, "")
    assert without_seconds(result.stdout) == (
        "Migrating default\n"
        "Migrating shop_db\n"
        "Migrating blog_db\n"
        "alias    engine   applied          state     seconds\n"
        "default  sqlite3  0 (+2 recorded)  migrated #\n"
        "shop_db  sqlite3  1 (+1 recorded)  migrated #\n"
        "blog_db  sqlite3  1 (+1 recorded)  migrated #\n"
    )


def test_every_table_is_in_its_home_and_every_database_has_recorded_everything(tmp_path):
    made = plain_project(tmp_path)

    made.run("migrate_all", "--skip-makemigrations")

    found = {alias: tables(tmp_path / f"{alias}.sqlite3") for alias in ["default", "shop_db", "blog_db"]}
    assert found == {"default": set(), "shop_db": {"shop_order"}, "blog_db": {"blog_post"}}
    assert [applied(tmp_path / f"{alias}.sqlite3") for alias in found] == [RECORDED] * 3


def test_second_run_says_of_each_database_that_it_is_up_to_date(tmp_path):
    made = plain_project(tmp_path)
    made.run("migrate_all", "--skip-makemigrations")

    result = made.run("migrate_all", "--skip-makemigrations")

    assert (result.returncode, result.stderr) == (0, "")
    assert without_seconds(result.stdout).splitlines()[3:] == [
        "alias    engine   applied  state       seconds",
        "default  sqlite3  0        up to date #",
        "shop_db  sqlite3  0        up to date #",
        "blog_db  sqlite3  0        up to date #",
    ]


SKIPPED = """
DATABASES["analytics"] = {**DATABASES["default"], "NAME": BASE_DIR / "analytics.sqlite3",
    "DBROUTE": {"readonly": True, "source": "config.yaml:12:5"}}
DATABASES["legacy"] = {**DATABASES["default"], "NAME": BASE_DIR / "legacy.sqlite3",
    "DBROUTE": {"migrate": False, "source": "config.yaml:15:5"}}
DATABASES["blog_db_replica_1"] = {**DATABASES["blog_db"], "TEST": {"MIRROR": "blog_db"},
    "DBROUTE": {"replica_of": "blog_db"}}
DATABASES["spare"] = {**DATABASES["default"], "NAME": BASE_DIR / "spare.sqlite3"}
SILENCED_SYSTEM_CHECKS = ["dbroute.W013"]  # no rule leads to spare
"""


def test_skipped_databases_are_named_with_their_reason_and_stay_untouched(tmp_path):
    made = plain_project(tmp_path, SKIPPED)

    result = made.run("migrate_all", "--skip-makemigrations")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[7:] == [
        "analytics          sqlite3  -                skipped: readonly (config.yaml:12:5)              -",
        "legacy             sqlite3  -                skipped: migrate: false (config.yaml:15:5)        -",
        "blog_db_replica_1  sqlite3  -                skipped: replica of blog_db                       -",
        "spare              sqlite3  -                skipped: no rule leads here                       -",
    ]
    assert sorted(path.name for path in tmp_path.glob("*.sqlite3")) == [
        "blog_db.sqlite3",
        "default.sqlite3",
        "shop_db.sqlite3",
    ]


def test_without_any_rule_every_database_gets_every_table(tmp_path):
    made = plain_project(tmp_path, "DATABASE_ROUTING_RULES = {}")

    result = made.run("migrate_all", "--skip-makemigrations")

    assert result.returncode == 0, result.stderr
    assert [tables(tmp_path / f"{alias}.sqlite3") for alias in ["default", "shop_db", "blog_db"]] == [
        {"blog_post", "shop_order"}
    ] * 3


def test_database_that_migrates_like_another_one_gets_the_same_tables(tmp_path):
    tenant = """
DATABASES["tenant"] = {**DATABASES["default"], "NAME": BASE_DIR / "tenant.sqlite3",
    "DBROUTE": {"migrates_like": "blog_db"}}
"""
    made = plain_project(tmp_path, tenant)

    result = made.run("migrate_all", "--skip-makemigrations")

    assert result.returncode == 0, result.stderr
    assert tables(tmp_path / "tenant.sqlite3") == {"blog_post"}


def test_verbosity_0_prints_nothing(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", "--verbosity", "0", env=PROD)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_verbosity_2_shows_what_django_prints(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", "--skip-makemigrations", "--verbosity", "2", "--database", "blog_db")

    assert result.returncode == 0, result.stderr
    assert "blog_db: blog.0001_initial" in result.stdout.replace(" (0.", "\n").splitlines()


def test_missing_folder_of_an_sqlite_file_is_made(tmp_path):
    made = plain_project(tmp_path, 'DATABASES["blog_db"]["NAME"] = BASE_DIR / "data" / "deep" / "blog.sqlite3"')

    result = made.run("migrate_all")

    assert (result.returncode, result.stderr) == (0, "")
    assert tables(tmp_path / "data" / "deep" / "blog.sqlite3") == {"blog_post"}


# --database


def test_only_the_named_databases_are_migrated_in_the_order_of_the_plan(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", "--database", "blog_db", "--database", "default")

    assert (result.returncode, result.stderr) == (0, "")
    assert without_seconds(result.stdout) == (
        "Migrating default\n"
        "Migrating blog_db\n"
        "alias    engine   applied          state     seconds\n"
        "default  sqlite3  0 (+2 recorded)  migrated #\n"
        "blog_db  sqlite3  1 (+1 recorded)  migrated #\n"
    )


def test_code_may_name_the_database_as_a_text(tmp_path):
    made = plain_project(tmp_path)

    result = made.python(
        'from django.core.management import call_command; call_command("migrate_all", database="blog_db", verbosity=0)'
    )

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.glob("*.sqlite3")] == ["blog_db.sqlite3"]


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        (
            "blog_bd",
            "There is no database 'blog_bd'; did you mean 'blog_db'? The databases are: "
            "default, shop_db, blog_db, analytics, legacy, blog_db_replica_1, spare.",
        ),
        ("analytics", "Database 'analytics' cannot be migrated: readonly (config.yaml:12:5)."),
        ("blog_db_replica_1", "Database 'blog_db_replica_1' cannot be migrated: replica of blog_db."),
        ("spare", "Database 'spare' cannot be migrated: no rule leads here."),
    ],
)
def test_database_that_cannot_be_migrated_is_refused_before_anything_runs(tmp_path, alias, message):
    made = plain_project(tmp_path, SKIPPED)

    result = made.run("migrate_all", "--database", "default", "--database", alias)

    assert (result.returncode, result.stdout, result.stderr) == (1, "", f"CommandError: {message}\n")
    assert list(tmp_path.glob("*.sqlite3")) == []


# failures

BROKEN = 'DATABASES["shop_db"]["NAME"] = BASE_DIR / "a_folder"'


def test_database_that_fails_does_not_stop_the_others_and_a_second_run_continues(tmp_path):
    made = plain_project(tmp_path, BROKEN, {"a_folder/keep.txt": ""})

    failed = made.run("migrate_all", env=PROD)
    made.write({"settings.py": (tmp_path / "settings.py").read_text().replace("a_folder", "shop.sqlite3")})
    repaired = made.run("migrate_all", env=PROD)

    assert (failed.returncode, failed.stderr) == (
        1,
        "shop_db: OperationalError: unable to open database file\n"
        "CommandError: 1 of 3 databases failed: shop_db; run again to continue.\n",
    )
    assert without_seconds(failed.stdout).splitlines()[4:] == [
        "alias    engine   applied          state     seconds",
        "default  sqlite3  0 (+2 recorded)  migrated #",
        "shop_db  sqlite3  0                failed #",
        "blog_db  sqlite3  1 (+1 recorded)  migrated #",
    ]
    assert (repaired.returncode, repaired.stderr) == (0, "")
    assert without_seconds(repaired.stdout).splitlines()[5:] == [
        "default  sqlite3  0                up to date #",
        "shop_db  sqlite3  1 (+1 recorded)  migrated #",
        "blog_db  sqlite3  0                up to date #",
    ]


def test_failing_migration_is_named_its_message_is_whole_and_shows_no_password(tmp_path):
    body = 'raise ValueError("cannot use hunter2 here,\\nnor hunter%202")'
    made = plain_project(
        tmp_path,
        'DATABASES["shop_db"]["PASSWORD"] = "hunter2"\nDATABASES["blog_db"]["OPTIONS"] = {}\n'
        'DATABASES["blog_db"]["PASSWORD"] = "hunter 2"',
        {"shop/migrations/0002_fill.py": FILL.format(label="shop", body=body)},
    )

    result = made.run("migrate_all", "--skip-makemigrations")

    assert (result.returncode, result.stderr) == (
        1,
        "default: shop.0002_fill: ValueError: cannot use *** here,\nnor ***\n".replace("default", "shop_db")
        + "CommandError: 1 of 3 databases failed: shop_db; run again to continue.\n",
    )


def test_what_stood_before_a_failing_migration_stays_and_counts(tmp_path):
    body = 'raise ValueError("no")'
    made = plain_project(tmp_path, "", {"shop/migrations/0002_fill.py": FILL.format(label="shop", body=body)})

    result = made.run("migrate_all", "--skip-makemigrations")

    row = "shop_db  sqlite3  1 (+1 recorded)  failed: stands at shop.0001_initial #"
    assert without_seconds(result.stdout).splitlines()[5] == row
    assert applied(tmp_path / "shop_db.sqlite3") == RECORDED


def test_errors_are_printed_at_verbosity_0_too(tmp_path):
    made = plain_project(tmp_path, BROKEN, {"a_folder/keep.txt": ""})

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stdout, result.stderr) == (
        1,
        "",
        "shop_db: OperationalError: unable to open database file\n"
        "CommandError: 1 of 3 databases failed: shop_db; run again to continue.\n",
    )


def test_traceback_option_shows_the_traceback_of_the_database_without_its_password(tmp_path):
    body = 'raise ValueError("cannot use hunter2")'
    made = plain_project(
        tmp_path,
        'DATABASES["shop_db"]["PASSWORD"] = "hunter2"',
        {"shop/migrations/0002_fill.py": FILL.format(label="shop", body=body)},
    )

    result = made.run("migrate_all", "--skip-makemigrations", "--traceback")

    assert result.returncode == 1
    assert "ValueError: cannot use ***\n" in result.stderr
    assert "0002_fill.py" in result.stderr
    assert "hunter2\n" not in result.stderr.replace('raise ValueError("cannot use hunter2")', "")


def test_engine_that_does_not_exist_fails_alone(tmp_path):
    made = plain_project(tmp_path, 'DATABASES["shop_db"]["ENGINE"] = "no.such.engine"')

    result = made.run("migrate_all", env=PROD)

    assert result.returncode == 1
    assert result.stderr.startswith("shop_db: 'no.such.engine' isn't an available database backend")
    assert without_seconds(result.stdout).splitlines()[5:] == [
        "default  sqlite3  0 (+2 recorded)  migrated #",
        "shop_db  engine   0                failed #",
        "blog_db  sqlite3  1 (+1 recorded)  migrated #",
    ]


def test_engine_that_does_not_exist_keeps_migrations_from_being_made_and_that_is_said(tmp_path):
    made = plain_project(tmp_path, 'DATABASES["shop_db"]["ENGINE"] = "no.such.engine"')

    result = made.run("migrate_all")

    assert result.returncode == 1
    assert [line.partition(" isn't")[0] for line in result.stderr.splitlines()] == [
        "makemigrations: 'no.such.engine'",
        "    'mysql', 'oracle', 'postgresql', 'sqlite3'",
        "shop_db: 'no.such.engine'",
        "    'mysql', 'oracle', 'postgresql', 'sqlite3'",
        "CommandError: 1 of 3 databases failed: shop_db; run again to continue.",
    ]
    assert tables(tmp_path / "blog_db.sqlite3") == {"blog_post"}


JSON_MODELS = """
from django.db import models


class Post(models.Model):
    name = models.CharField(max_length=20)
    data = models.JSONField(default=dict)
"""


def test_checks_that_ask_a_database_concern_that_database_alone(tmp_path):
    models = {"shop/models.py": JSON_MODELS.replace("Post", "Order"), "a_folder/keep.txt": ""}
    made = plain_project(tmp_path, BROKEN, models)

    result = made.run("migrate_all", env=PROD)

    assert (result.returncode, result.stderr) == (
        1,
        "shop_db: OperationalError: unable to open database file\n"
        "CommandError: 1 of 3 databases failed: shop_db; run again to continue.\n",
    )
    assert tables(tmp_path / "blog_db.sqlite3") == {"blog_post"}


DATABASE_CHECK = """
from django.core import checks
from django.db import models


@checks.register(checks.Tags.database)
def refuse(databases=None, **kwargs):
    return [checks.Error("too old", id="shop.E1")] if "shop_db" in (databases or []) else []


class Order(models.Model):
    name = models.CharField(max_length=20)
"""


def test_database_that_fails_a_check_is_not_migrated_and_does_not_stop_the_others(tmp_path):
    made = plain_project(tmp_path, files={"shop/models.py": DATABASE_CHECK})

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stderr) == (
        1,
        "shop_db: SystemCheckError: System check identified some issues:\n\nERRORS:\n?: (shop.E1) too old\n"
        "CommandError: 1 of 3 databases failed: shop_db; run again to continue.\n",
    )
    assert tables(tmp_path / "blog_db.sqlite3") == {"blog_post"}


def test_settings_that_route_nothing_are_named_before_anything_runs(tmp_path):
    made = plain_project(tmp_path, "DATABASE_ROUTERS = []")

    result = made.run("migrate_all", "--skip-checks")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("CommandError: ")
    assert list(tmp_path.glob("*.sqlite3")) == []


# --plan and --check


def test_plan_lists_what_is_pending_and_changes_nothing(tmp_path):
    # a JSONField makes Django's checks ask SQLite, and asking would create the file
    made = plain_project(tmp_path, SKIPPED, {"shop/models.py": JSON_MODELS.replace("Post", "Order")})
    before = files_of(tmp_path)

    result = made.run("migrate_all", "--plan")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (
        "default: 0 to apply, 2 only to record\n"
        "shop_db: 1 to apply, 1 only to record\n"
        "  shop.0001_initial\n"
        "blog_db: 1 to apply, 1 only to record\n"
        "  blog.0001_initial\n"
        "analytics: skipped, readonly (config.yaml:12:5)\n"
        "legacy: skipped, migrate: false (config.yaml:15:5)\n"
        "blog_db_replica_1: skipped, replica of blog_db\n"
        "spare: skipped, no rule leads here\n"
    )
    assert files_of(tmp_path) == before


def test_plan_at_verbosity_2_lists_what_is_only_recorded(tmp_path):
    made = plain_project(tmp_path)

    result = made.run("migrate_all", "--plan", "--database", "blog_db", "-v2")

    assert result.stdout == (
        "blog_db: 1 to apply, 1 only to record\n  blog.0001_initial\n  shop.0001_initial (recorded)\n"
    )


def test_plan_of_a_half_migrated_project_asks_the_databases(tmp_path):
    made = plain_project(tmp_path)
    made.run("migrate_all", "--database", "blog_db")
    before = files_of(tmp_path)

    result = made.run("migrate_all", "--plan")

    assert result.stdout == (
        "default: 0 to apply, 2 only to record\n"
        "shop_db: 1 to apply, 1 only to record\n"
        "  shop.0001_initial\n"
        "blog_db: up to date\n"
    )
    assert files_of(tmp_path) == before


def test_check_fails_where_something_is_pending_and_changes_nothing(tmp_path):
    made = plain_project(tmp_path)
    made.run("migrate_all", "--database", "blog_db")
    before = files_of(tmp_path)

    result = made.run("migrate_all", "--check")

    assert (result.returncode, result.stderr) == (1, "CommandError: not up to date: default, shop_db\n")
    assert files_of(tmp_path) == before


def test_check_passes_where_everything_is_up_to_date(tmp_path):
    made = plain_project(tmp_path)
    made.run("migrate_all", "--skip-makemigrations")

    result = made.run("migrate_all", "--check")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "default, shop_db, blog_db: up to date\n"


def test_check_fails_where_models_lack_migrations_and_writes_none(tmp_path):
    made = plain_project(tmp_path)
    made.run("migrate_all", "--skip-makemigrations")
    made.write({"blog/models.py": MODELS.format(model="Post").replace("20", "30")})
    before = files_of(tmp_path)

    result = made.run("migrate_all", "--check", "-v0")

    assert (result.returncode, result.stdout, result.stderr) == (
        1,
        "",
        "CommandError: models without migrations: blog\n",
    )
    assert files_of(tmp_path) == before


def test_plan_and_check_go_on_past_a_database_that_cannot_be_asked(tmp_path):
    made = plain_project(tmp_path, BROKEN, {"a_folder/keep.txt": ""})

    result = made.run("migrate_all", "--plan")

    assert (result.returncode, result.stdout, result.stderr) == (
        1,
        "default: 0 to apply, 2 only to record\n"
        "shop_db: failed\n"
        "blog_db: 1 to apply, 1 only to record\n"
        "  blog.0001_initial\n",
        "shop_db: OperationalError: unable to open database file\nCommandError: cannot be asked: shop_db\n",
    )


# making migrations

CHANGED = {"blog/models.py": APPS["blog/models.py"] + "    text = models.TextField(default='')\n"}


@pytest.mark.parametrize("environment", [{}, {"DJANGO_ENV": "development"}])
def test_migrations_are_made_first_in_dev(tmp_path, environment):
    made = plain_project(tmp_path, files=CHANGED)

    result = made.run("migrate_all", env=environment)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(
        "Migrations for 'blog':\n  blog/migrations/0002_post_text.py\n    + Add field text to post\nMigrating default\n"
    )
    assert applied(tmp_path / "blog_db.sqlite3")[-1] == ("shop", "0001_initial")
    assert ("blog", "0002_post_text") in applied(tmp_path / "blog_db.sqlite3")


def test_migrations_are_not_made_elsewhere_and_one_line_says_so(tmp_path):
    made = plain_project(tmp_path, files=CHANGED)

    result = made.run("migrate_all", env={"DJANGO_ENV": "production"})

    assert result.stdout.splitlines()[:2] == [
        "Migrations are not made in environment 'prod', only in 'dev'.",
        "Migrating default",
    ]
    assert not (tmp_path / "blog/migrations/0002_post_text.py").exists()


@pytest.mark.parametrize(
    "options", [["--skip-makemigrations"], ["--plan"], ["--check"], ["--database", "blog_db"]], ids=" ".join
)
def test_migrations_are_never_made_with(tmp_path, options):
    made = plain_project(tmp_path, files=CHANGED)

    result = made.run("migrate_all", *options)

    assert "only in 'dev'" not in result.stdout
    assert not (tmp_path / "blog/migrations/0002_post_text.py").exists()


def test_question_of_makemigrations_does_not_hang_and_stops_the_run(tmp_path):
    changed = {"blog/models.py": APPS["blog/models.py"] + "    text = models.TextField()\n"}
    made = plain_project(tmp_path, files=changed)

    result = made.run("migrate_all", "-v0")

    assert (result.returncode, result.stdout, result.stderr) == (
        1,
        "",
        "CommandError: makemigrations has a question that only a person can answer; "
        "run `manage.py makemigrations` in a terminal, or pass --skip-makemigrations.\n",
    )
    assert tables(tmp_path / "blog_db.sqlite3") == set()


def test_database_that_fails_does_not_keep_migrations_from_being_made(tmp_path):
    made = plain_project(tmp_path, BROKEN, {**CHANGED, "a_folder/keep.txt": ""})

    result = made.run("migrate_all")

    assert (result.returncode, result.stderr) == (
        1,
        "shop_db: OperationalError: unable to open database file\n"
        "CommandError: 1 of 3 databases failed: shop_db; run again to continue.\n",
    )
    assert ("blog", "0002_post_text") in applied(tmp_path / "blog_db.sqlite3")


@pytest.mark.parametrize("folder", ["elsewhere", "project/venv/lib/site-packages"])
def test_no_migration_is_written_for_an_app_that_is_not_the_projects(tmp_path, folder):
    made = plain_project(tmp_path / "project", 'INSTALLED_APPS += ["tagging"]', CHANGED)
    installed = Project(tmp_path / folder)
    installed.write(
        {
            "tagging/models.py": MODELS.format(model="Tag").replace("20", "30"),
            "tagging/migrations/0001_initial.py": INITIAL.format(model="Tag"),
        }
    )

    result = made.run("migrate_all", env={"PYTHONPATH": f"{installed.root}{os.pathsep}{REPOSITORY}"})

    assert (result.returncode, result.stderr) == (0, "")
    assert "No migrations were made for 'tagging': not a part of this project." in result.stdout.splitlines()
    assert (made.root / "blog/migrations/0002_post_text.py").exists()
    assert [path.name for path in (installed.root / "tagging/migrations").glob("0*.py")] == ["0001_initial.py"]


def test_migration_that_would_wait_for_one_left_out_waits_for_the_last_one_on_disk(tmp_path):
    relation = "    tag = models.ForeignKey('tagging.Word', models.CASCADE, null=True, db_constraint=False)\n"
    blog = {"blog/models.py": APPS["blog/models.py"] + relation}
    made = plain_project(tmp_path / "project", 'INSTALLED_APPS += ["tagging"]', blog)
    installed = Project(tmp_path / "elsewhere")
    installed.write(
        {
            "tagging/models.py": MODELS.format(model="Tag") + "\n\nclass Word(models.Model):\n    pass\n",
            "tagging/migrations/0001_initial.py": INITIAL.format(model="Tag"),
        }
    )

    made.run("migrate_all", env={"PYTHONPATH": f"{installed.root}{os.pathsep}{REPOSITORY}"})

    written = (made.root / "blog/migrations/0002_post_tag.py").read_text()
    assert "('tagging', '0001_initial')" in written


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_question_of_makemigrations_can_be_answered_in_a_terminal(tmp_path):
    changed = {"blog/models.py": APPS["blog/models.py"] + "    text = models.TextField()\n"}
    made = plain_project(tmp_path, files=changed)
    keyboard, terminal = os.openpty()
    os.write(keyboard, b"1\n'answer'\n")

    result = made.run("migrate_all", stdin=terminal)
    os.close(terminal)
    os.close(keyboard)

    assert (result.returncode, result.stderr) == (0, "")
    assert "\nSelect an option: Please enter the default value" in result.stdout
    assert "default='answer'" in (tmp_path / "blog/migrations/0002_post_text.py").read_text()


def test_environment_of_the_patch_decides_over_the_variable(tmp_path):
    made = plain_project(tmp_path, files=CHANGED)
    code = """
        from django.conf import settings
        from dbroute.django.migrating.author import environment
        settings.DBROUTE = {"environment": "stage"}
        print(environment())
    """

    result = made.python(code, env={"DJANGO_ENV": "dev"})

    assert (result.returncode, result.stdout, result.stderr) == (0, "stage\n", "")
