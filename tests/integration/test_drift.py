"""``manage.py dbroute drift``: what is said of databases that follow the rules, and of those that do not."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.integration.migration_projects import APPS, FILL, files_of, plain_project, url_databases
from tests.projects import MYSQL_DRIVER, project
from tests.servers import name_of

pytestmark = pytest.mark.process

CONTRIB = """
INSTALLED_APPS = [
    "dbroute.django", "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.sites", "django.contrib.redirects",
    "django.contrib.flatpages", "people", "blog", "shop", "loose",
]
SITE_ID = 1
AUTH_USER_MODEL = "people.Person"
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {"blog": "blog_db", "shop": "shop_db"}
SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]
"""

# A user in place of Django's, a many-to-many table, a long name, a proxy, an unmanaged model, no migrations at all.
PEOPLE = """
from django.contrib.auth.models import AbstractUser


class Person(AbstractUser):
    pass
"""

BLOG = """
from django.db import models


class Tag(models.Model):
    word = models.CharField(max_length=20)


class Post(models.Model):
    tags = models.ManyToManyField(Tag)
    Text = models.TextField()

    class Meta:
        db_table = "Blog_Of_{long}"


class Headline(Post):
    class Meta:
        proxy = True


class Reading(models.Model):
    class Meta:
        managed = False
        db_table = "blog_reading"
""".replace("{long}", "x" * 50)

LOOSE = """
from django.db import models


class Thing(models.Model):
    name = models.CharField(max_length=20)
"""


def contrib_project(folder, urls):
    """One of everything that must not raise a false alarm, migrated on three databases and a tenant."""
    tenant = 'DATABASES["tenant"]["DBROUTE"] = {"migrates_like": "blog_db"}'
    made = project(
        folder,
        settings=f"{MYSQL_DRIVER}\n{CONTRIB}\n{url_databases(urls)}\n{tenant}",
        files={**APPS, "people/models.py": PEOPLE, "blog/models.py": BLOG, "loose/models.py": LOOSE},
    )
    made.write({"people/migrations/__init__.py": ""})
    (folder / "blog/migrations/0001_initial.py").unlink()
    for command in (["makemigrations", "people", "blog", "-v0"], ["migrate_all", "--skip-makemigrations", "-v0"]):
        result = made.run(*command)
        assert result.returncode == 0, result.stderr
    return made


CLEAN = "default: as the rules say\nblog_db: as the rules say\nshop_db: as the rules say\ntenant: as the rules say\n"


def sqlite_urls(folder):
    return {alias: f"sqlite:///{folder}/{alias}.sqlite3" for alias in ("default", "blog_db", "shop_db", "tenant")}


def drift(made, *options):
    return made.run("dbroute", "drift", *options)


def said(result):
    return result.returncode, result.stdout, result.stderr


def on_server(folder, server, execute):
    """What is said of a clean project, and again after three kinds of drift."""
    urls = {alias: server.create(alias) for alias in ("default", "blog_db", "shop_db", "tenant")}
    made = contrib_project(folder, urls)
    clean = said(drift(made))
    execute("CREATE TABLE shop_order (id int)", urls["default"])
    execute("CREATE VIEW blog_tag AS SELECT 1 AS one", urls["default"])
    execute("CREATE TABLE nobody_knows_me (id int)", urls["default"])
    execute("DROP TABLE shop_order", urls["shop_db"])
    execute("INSERT INTO django_migrations (app, name, applied) VALUES ('blog', '0099_gone', now())", urls["blog_db"])
    return clean, said(drift(made))


DRIFTED = (
    1,
    "default:\n"
    "  shop_order belongs on 'shop_db'; it is empty: drop it\n"
    "blog_db:\n"
    "  blog.0099_gone is recorded, and the code does not have it: "
    "restore its file, or `manage.py migrate blog --prune --database blog_db`\n"
    "shop_db:\n"
    "  shop_order is missing, although shop.0001_initial is recorded: "
    "`manage.py migrate shop zero --fake --database shop_db`, then `manage.py migrate shop --database shop_db`\n"
    "tenant: as the rules say\n",
    "CommandError: drifted: default, blog_db, shop_db\n",
)


def test_sqlite_without_false_alarm_and_with_three_kinds_of_drift(tmp_path):
    class Files:
        def create(self, alias):
            return f"sqlite:///{tmp_path}/{alias}.sqlite3"

    def execute(sql, url):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(sql.replace("now()", "datetime()"))

    assert on_server(tmp_path / "site", Files(), execute) == ((0, CLEAN, ""), DRIFTED)


def test_postgres_without_false_alarm_and_with_three_kinds_of_drift(tmp_path, postgres):
    assert on_server(tmp_path, postgres, postgres.execute) == ((0, CLEAN, ""), DRIFTED)


def test_mariadb_without_false_alarm_and_with_three_kinds_of_drift(tmp_path, mariadb):
    assert on_server(tmp_path, mariadb, mariadb.execute) == ((0, CLEAN, ""), DRIFTED)


def execute(file, sql):
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(sql).fetchall()


def test_remedies_lead_back_to_the_rules(tmp_path):
    made = plain_project(tmp_path, 'DATABASE_ROUTING_RULES = {"shop": "shop_db"}')
    made.run("migrate_all", "--skip-makemigrations")
    execute(tmp_path / "default.sqlite3", "INSERT INTO blog_post (name) VALUES ('kept')")
    made.write({"settings.py": (tmp_path / "settings.py").read_text() + '\nDATABASE_ROUTING_RULES["blog"] = "blog_db"'})
    made.run("migrate_all", "--skip-makemigrations")
    copy = (
        "from django.apps import apps; rows = apps.get_model('blog.Post')._base_manager; "
        "rows.using('blog_db').bulk_create(rows.using('default'))"
    )
    result = drift(made)
    assert said(result) == (
        1,
        "default:\n"
        f"  blog_post belongs on 'blog_db', and holds rows: copy them, with the tools of the database or in "
        f"`manage.py shell` with `{copy}`; then drop it\n"
        "shop_db: as the rules say\nblog_db: as the rules say\n",
        "CommandError: drifted: default\n",
    )

    assert made.run("shell", "-c", copy).returncode == 0
    execute(tmp_path / "default.sqlite3", "DROP TABLE blog_post")

    assert said(drift(made)) == (
        0,
        "default: as the rules say\nshop_db: as the rules say\nblog_db: as the rules say\n",
        "",
    )
    assert execute(tmp_path / "blog_db.sqlite3", "SELECT name FROM blog_post") == [("kept",)]


def test_remedy_for_a_rule_that_came_after_the_migrations_makes_the_table(tmp_path):
    made = plain_project(tmp_path)
    made.run("migrate_all", "--skip-makemigrations")
    settings = (tmp_path / "settings.py").read_text()
    made.write({"settings.py": settings + '\nDATABASE_ROUTING_RULES["blog"] = "shop_db"'})
    assert "blog_post is missing, although blog.0001_initial is recorded" in drift(made).stdout

    for command in (["migrate", "blog", "zero", "--fake"], ["migrate", "blog"]):
        assert made.run(*command, "--database", "shop_db").returncode == 0

    assert said(drift(made, "--database", "shop_db")) == (0, "shop_db: as the rules say\n", "")


def test_app_of_which_other_tables_stand_is_not_started_over(tmp_path):
    models = APPS["blog/models.py"] + "\n\nclass Note(models.Model):\n    pass\n"
    made = plain_project(tmp_path, files={"blog/models.py": models})
    made.run("migrate_all")
    execute(tmp_path / "blog_db.sqlite3", "DROP TABLE blog_note")

    result = drift(made, "--database", "blog_db")

    assert said(result) == (
        1,
        "blog_db:\n  blog_note is missing, although blog.0002_note is recorded: restore it, or make it with the SQL of "
        "`manage.py sqlmigrate blog 0002_note --database blog_db`\n",
        "CommandError: drifted: blog_db\n",
    )


def test_names_that_a_squashed_migration_replaces_are_known(tmp_path):
    filled = FILL.format(label="blog", body="pass")
    made = plain_project(tmp_path, files={"blog/migrations/0002_fill.py": filled})
    made.run("migrate_all", "--skip-makemigrations")
    squashed = APPS["blog/migrations/0001_initial.py"].replace(
        "    initial = True", '    initial = True\n    replaces = [("blog", "0001_initial"), ("blog", "0002_fill")]'
    )
    made.write({"blog/migrations/0001_squashed.py": squashed})
    for name in ("0001_initial", "0002_fill"):
        (tmp_path / f"blog/migrations/{name}.py").unlink()

    result = drift(made, "--database", "blog_db")

    assert said(result) == (0, "blog_db: as the rules say\n", "")


def test_rows_of_an_app_that_is_gone_are_told(tmp_path):
    made = plain_project(tmp_path)
    made.run("migrate_all", "--skip-makemigrations")
    settings = (tmp_path / "settings.py").read_text()
    made.write({"settings.py": settings + '\nINSTALLED_APPS.remove("shop"); DATABASE_ROUTING_RULES.pop("shop")'})

    result = drift(made, "--database", "default")

    assert said(result) == (
        1,
        "default:\n  shop.0001_initial is recorded, and the code does not have it: "
        "install the app 'shop' again; or drop its tables and delete the row\n",
        "CommandError: drifted: default\n",
    )


OTHERS = """
SQLITE = "django.db.backends.sqlite3"
DATABASES["down"] = {"ENGINE": SQLITE, "NAME": BASE_DIR / "no folder" / "x" / "down.sqlite3"}
DATABASES["broken"] = {"ENGINE": SQLITE, "NAME": BASE_DIR / "broken.sqlite3"}
DATABASES["warehouse"] = {**DATABASES["default"], "DBROUTE": {"readonly": True, "source": "config.yaml:7:5"}}
DATABASES["replica"] = {**DATABASES["default"], "DBROUTE": {"replica_of": "default"}}
DATABASES["same"] = {**DATABASES["blog_db"]}
DATABASE_ROUTING_RULES["down"] = "down"
"""


def test_database_that_cannot_be_asked_keeps_no_other_from_it(tmp_path):
    made = plain_project(tmp_path, OTHERS)
    made.run("migrate_all", "--skip-makemigrations")
    (tmp_path / "broken.sqlite3").write_text("this is no database, and it is long enough to be noticed by SQLite" * 9)
    before = files_of(tmp_path)

    result = drift(made)

    assert said(result) == (
        1,
        "default: as the rules say\n"
        "shop_db: as the rules say\n"
        "blog_db: as the rules say\n"
        "down: as the rules say\n"
        "broken: cannot be asked: DatabaseError: file is not a database\n"
        "warehouse: skipped, readonly (config.yaml:7:5)\n"
        "replica: skipped, replica of default\n"
        "same: as the rules say\n",
        "CommandError: cannot be asked: broken\n",
    )
    assert files_of(tmp_path) == before


def test_json_has_an_object_for_each_database(tmp_path):
    made = plain_project(tmp_path)
    made.run("migrate_all", "--skip-makemigrations")
    execute(tmp_path / "blog_db.sqlite3", "CREATE TABLE shop_order (id integer)")

    result = drift(made, "--json", "--database", "blog_db", "--database", "default")

    assert (result.returncode, result.stderr) == (1, "CommandError: drifted: blog_db\n")
    assert json.loads(result.stdout) == [
        {"alias": "default", "skipped": None, "error": None, "findings": []},
        {
            "alias": "blog_db",
            "skipped": None,
            "error": None,
            "findings": [
                {
                    "kind": "misplaced",
                    "name": "shop_order",
                    "problem": "belongs on 'shop_db'; it is empty",
                    "remedy": "drop it",
                }
            ],
        },
    ]


def test_database_that_does_not_exist_is_refused(tmp_path):
    made = plain_project(tmp_path)

    result = drift(made, "--database", "blogdb")

    assert said(result) == (1, "", "CommandError: There is no database 'blogdb'. Did you mean 'blog_db'?\n")


def test_postgres_server_that_is_down_is_told_without_the_password(tmp_path, postgres):
    url = postgres.create()
    gone = url.replace(name_of(url), "dbroute_is_not_there").replace("@", ":hunter2@", 1)
    made = project(
        tmp_path,
        settings=f'INSTALLED_APPS = ["dbroute.django"]\nDATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]\n'
        f"{url_databases({'default': url, 'gone': gone})}",
    )

    result = drift(made)

    assert (result.returncode, result.stderr) == (1, "CommandError: cannot be asked: gone\n")
    assert result.stdout.startswith("default: as the rules say\ngone: cannot be asked: OperationalError: ")
    assert "hunter2" not in result.stdout
