"""The menu of ``migrator``, on a real pseudo-terminal."""

import pytest

from tests.integration.migration_projects import APPS, applied, plain_project, tables
from tests.terminal import CTRL_C, DOWN, ENTER, ESC, terminal

pytestmark = pytest.mark.process

ASKED = "What should be done?"
SKIPPED = """
DATABASES["warehouse"] = {**DATABASES["default"], "DBROUTE": {"readonly": True, "source": "config.yaml:12:5"}}
"""
CHANGED = {"blog/models.py": APPS["blog/models.py"] + "    text = models.TextField(default='')\n"}


@pytest.fixture
def made(tmp_path):
    return plain_project(tmp_path, SKIPPED)


def test_every_database_is_shown_with_its_state_before_the_question(made, tmp_path):
    with terminal(made, "migrator") as screen:
        seen = screen.wait_for(ASKED)
        choices = screen.wait_for("Make migrations")
        screen.press(ESC)
        code, _ = screen.end()

    assert seen.replace("? ", "").splitlines()[:4] == [
        "default    sqlite3  0 to apply, 2 only to record",
        "shop_db    sqlite3  1 to apply, 1 only to record",
        "blog_db    sqlite3  1 to apply, 1 only to record",
        "warehouse  sqlite3  skipped, readonly (config.yaml:12:5)",
    ]
    assert [line.strip(" »") for line in choices.splitlines()[1:]] == [
        "Migrate everything",
        "Migrate one database",
        "Migrate one app",
        "Show the plan",
        "Show the status",
        "Make migrations",
    ]
    assert code == 0
    assert list(tmp_path.glob("*.sqlite3")) == []


@pytest.mark.parametrize("key", [ESC, CTRL_C], ids=["Esc", "Ctrl-C"])
def test_leaving_changes_nothing_and_is_no_failure(made, tmp_path, key):
    with terminal(made, "migrator") as screen:
        screen.wait_for("Make migrations")
        screen.press(key)
        code, rest = screen.end()

    assert (code, rest.strip().splitlines()[-1]) == (0, "Nothing was migrated.")
    assert "Traceback" not in rest
    assert list(tmp_path.glob("*.sqlite3")) == []


def test_everything_is_migrated(made, tmp_path):
    with terminal(made, "migrator") as screen:
        screen.wait_for("Make migrations")
        screen.press(ENTER)
        code, rest = screen.end()

    assert code == 0, rest
    assert [tables(tmp_path / f"{alias}.sqlite3") for alias in ("default", "shop_db", "blog_db")] == [
        set(),
        {"shop_order"},
        {"blog_post"},
    ]


def test_one_database_is_chosen_and_migrated_alone(made, tmp_path):
    with terminal(made, "migrator") as screen:
        screen.wait_for("Make migrations")
        screen.press(DOWN, ENTER)
        screen.wait_for("Which database?")
        offered = screen.wait_for("warehouse (readonly (config.yaml:12:5))")
        screen.press(DOWN, DOWN, ENTER)
        code, rest = screen.end()

    assert code == 0, rest
    assert "blog_db" in offered
    assert [path.name for path in tmp_path.glob("*.sqlite3")] == ["blog_db.sqlite3"]
    assert tables(tmp_path / "blog_db.sqlite3") == {"blog_post"}


def test_one_app_is_chosen_and_migrated_where_it_lives(made, tmp_path):
    with terminal(made, "migrator") as screen:
        screen.wait_for("Make migrations")
        screen.press(DOWN, DOWN, ENTER)
        screen.wait_for("Which app?")
        screen.wait_for("shop")
        screen.press(DOWN, ENTER)
        code, rest = screen.end()

    assert code == 0, rest
    assert [path.name for path in tmp_path.glob("*.sqlite3")] == ["shop_db.sqlite3"]


def test_second_menu_leads_back_to_the_first(made, tmp_path):
    with terminal(made, "migrator") as screen:
        screen.wait_for("Make migrations")
        screen.press(DOWN, ENTER)
        screen.wait_for("warehouse (")
        screen.press(ESC)
        screen.wait_for(ASKED)
        screen.wait_for("Make migrations")
        screen.press(CTRL_C)
        code, rest = screen.end()

    assert (code, rest.strip().splitlines()[-1]) == (0, "Nothing was migrated.")
    assert list(tmp_path.glob("*.sqlite3")) == []


def test_plan_is_shown_and_the_menu_comes_back(made):
    with terminal(made, "migrator") as screen:
        screen.wait_for("Make migrations")
        screen.press(DOWN, DOWN, DOWN, ENTER)
        plan = screen.wait_for("warehouse: skipped, readonly")
        screen.wait_for("Make migrations")
        screen.press(ESC)
        code, _ = screen.end()

    assert "blog_db: 1 to apply, 1 only to record\n  blog.0001_initial\nwarehouse: skipped, readonly" in plan
    assert code == 0


def test_status_shows_the_migrations_of_each_database(made):
    assert made.run("migrator", "--database", "blog_db").returncode == 0

    with terminal(made, "migrator") as screen:
        screen.wait_for("Make migrations")
        screen.press(DOWN, DOWN, DOWN, DOWN, ENTER)
        status = screen.wait_for("blog_db:")
        shown = screen.wait_for("shop\n [X] 0001_initial")
        screen.wait_for("Make migrations")
        screen.press(ESC)
        code, _ = screen.end()

    assert "default:\n (no database yet)\nshop_db:\n (no database yet)\nblog_db:" in status
    assert "blog\n [X] 0001_initial" in shown
    assert code == 0


def test_migrations_are_made_and_the_new_state_is_shown(tmp_path):
    made = plain_project(tmp_path, files=CHANGED)

    with terminal(made, "migrator") as screen:
        screen.wait_for("Make migrations")
        screen.press(DOWN, DOWN, DOWN, DOWN, DOWN, ENTER)
        said = screen.wait_for("blog_db  sqlite3  2 to apply, 1 only to record")
        screen.wait_for("Make migrations")
        screen.press(ESC)
        code, _ = screen.end()

    assert "Migrations for 'blog':" in said
    assert (tmp_path / "blog/migrations/0002_post_text.py").exists()
    assert code == 0


def test_migrations_cannot_be_made_outside_of_the_dev_environment(made):
    with terminal(made, "migrator", env={"DJANGO_ENV": "prod"}) as screen:
        seen = screen.wait_for("(only in 'dev')")
        screen.press(ESC)
        code, _ = screen.end()

    assert seen.splitlines()[-1].strip() == "- Make migrations (only in 'dev')"
    assert code == 0


def test_failure_of_what_was_chosen_is_the_commands_own(made, tmp_path):
    (tmp_path / "blog_db.sqlite3").write_text("this is no database, and long enough for SQLite to see that" * 9)

    with terminal(made, "migrator") as screen:
        seen = screen.wait_for("Make migrations")
        screen.press(ENTER)
        code, rest = screen.end()

    assert "blog_db    sqlite3  cannot be asked: DatabaseError: file is not a database" in seen
    assert code == 1
    assert rest.strip().splitlines()[-1].startswith("CommandError: ")
    assert applied(tmp_path / "shop_db.sqlite3") == [("blog", "0001_initial"), ("shop", "0001_initial")]


def test_no_input_is_no_menu(made):
    with terminal(made, "migrator", "--noinput") as screen:
        code, rest = screen.end()

    assert (code, rest) == (
        2,
        "CommandError: Say what to migrate: --auto (all databases), --database ALIAS or --app LABEL.\n",
    )
