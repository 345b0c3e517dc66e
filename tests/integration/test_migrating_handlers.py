"""Django's handlers of post_migrate: spared where all is there, and the same outcome as with ``migrate`` otherwise."""

import re
import sqlite3
from contextlib import closing

import pytest

from tests.integration.migration_projects import APPS, sqlite_dump
from tests.projects import project

pytestmark = pytest.mark.process

ALIASES = ["default", "tenant", "other"]
SETTINGS = """
import os

INSTALLED_APPS = ["blog", "django.contrib.contenttypes", "django.contrib.auth", "dbroute.django", "shop"]
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3"}
    for alias in ["default", "tenant", "other"]
}
DATABASES["tenant"]["DBROUTE"] = DATABASES["other"]["DBROUTE"] = {"migrates_like": "default"}
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {"blog": "default"}
if "SHOW_QUERIES" in os.environ:
    DEBUG = True
    LOGGING = {
        "version": 1,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "loggers": {"django.db.backends": {"handlers": ["console"], "level": "DEBUG"}},
    }
"""
# Deletes what Django has made already, and what it is about to make for an app that comes later.
DELETING = """
from django.db.models.signals import post_migrate

def delete(app_config, using, apps, **kwargs):
    if app_config.label == "blog":
        permissions = apps.get_model("auth", "Permission").objects.using(using)
        permissions.filter(codename__in=["add_post", "delete_order"]).delete()

post_migrate.connect(delete, dispatch_uid="delete")
"""
IN_THE_NAME = """
from django.contrib.auth import management
from django.db.models.signals import post_migrate

UID = "django.contrib.auth.management.create_permissions"

def instead(app_config, using, *, original=management.create_permissions, **kwargs):
    print("asked", using, app_config.label)
    original(app_config, using=using, **kwargs)

post_migrate.disconnect(dispatch_uid=UID)
post_migrate.connect(instead, dispatch_uid=UID)
"""
IN_THE_PLACE = f"{IN_THE_NAME}\nmanagement.create_permissions = instead\n"
RUN = ("migrate_all", "--skip-makemigrations", "-v0")


def written(folder, management=""):
    return project(folder, settings=SETTINGS, files={**APPS, "blog/management/__init__.py": management})


def dumps(made):
    return {alias: sqlite_dump(made.root / f"{alias}.sqlite3") for alias in ALIASES}


def execute(made, alias, *statements):
    with closing(sqlite3.connect(made.root / f"{alias}.sqlite3")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def migrate_both(ours, theirs):
    commands = [(ours, RUN), *((theirs, ("migrate", "--database", alias, "-v0")) for alias in ALIASES)]
    for made, command in commands:
        result = made.run(*command)
        assert result.returncode == 0, result.stderr
    return dumps(ours), dumps(theirs)


def test_where_all_is_there_each_database_is_asked_once_for_all_apps(tmp_path):
    made = written(tmp_path)
    made.run(*RUN)
    before = dumps(made)

    result = made.run(*RUN, env={"SHOW_QUERIES": "1"})

    asked = [line for line in result.stderr.splitlines() if 'FROM "django_content_type"' in line]
    assert len(asked) == len(ALIASES)
    assert dumps(made) == before


def test_rows_that_the_first_database_got_are_given_to_the_others_without_asking(tmp_path):
    ours, theirs = written(tmp_path / "ours"), written(tmp_path / "theirs")
    for alias in ALIASES:
        theirs.run("migrate", "--database", alias, "-v0")

    result = ours.run(*RUN, env={"SHOW_QUERIES": "1"})

    asked = re.findall(r'^\([\d.]+\) SELECT .* FROM "auth_permission"', result.stderr, re.MULTILINE)
    apps = 4
    # Each database once, and the first one again for each app and at the end.
    assert len(asked) == len(ALIASES) + apps + 1
    assert dumps(ours) == dumps(theirs)


@pytest.mark.parametrize("gap", ["", "UPDATE sqlite_sequence SET seq = 99 WHERE name = 'django_content_type'"])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM auth_permission WHERE codename = 'change_order'",
        "DELETE FROM auth_permission",
        "DELETE FROM django_content_type WHERE model = 'order'",
        "UPDATE django_content_type SET model = 'orders' WHERE model = 'order'",
    ],
)
def test_what_is_missing_is_made_as_django_makes_it(tmp_path, statement, gap):
    ours, theirs = written(tmp_path / "ours"), written(tmp_path / "theirs")
    migrate_both(ours, theirs)
    for made in (ours, theirs):
        execute(made, "tenant", "PRAGMA foreign_keys = OFF", statement)
        execute(made, "other", "PRAGMA foreign_keys = OFF", statement, gap)

    found, expected = migrate_both(ours, theirs)

    assert found == expected
    assert any("change_order" in row for row in found["tenant"]["auth_permission"])
    assert len(found["other"]["django_content_type"]) >= len(found["default"]["django_content_type"])


def test_databases_that_lack_different_rows(tmp_path):
    ours, theirs = written(tmp_path / "ours"), written(tmp_path / "theirs")
    migrate_both(ours, theirs)
    for made in (ours, theirs):
        for alias, code in (("tenant", "change_order"), ("other", "change_post")):
            execute(made, alias, f"DELETE FROM auth_permission WHERE codename = '{code}'")

    found, expected = migrate_both(ours, theirs)

    assert found == expected
    assert all(len(dump["auth_permission"]) == len(found["default"]["auth_permission"]) for dump in found.values())


def test_a_handler_that_deletes_between_two_apps_leaves_what_it_leaves_with_django(tmp_path):
    ours, theirs = written(tmp_path / "ours", DELETING), written(tmp_path / "theirs", DELETING)
    migrate_both(ours, theirs)
    for made in (ours, theirs):
        execute(
            made,
            "tenant",
            "INSERT INTO auth_permission (content_type_id, codename, name)"
            " SELECT id, 'add_post', 'Can add post' FROM django_content_type WHERE model = 'post'",
        )

    found, expected = migrate_both(ours, theirs)

    assert found == expected
    codes = {text for row in found["tenant"]["auth_permission"] for text in row}
    assert "delete_order" in codes
    assert "add_post" not in codes


@pytest.mark.parametrize("management", [IN_THE_NAME, IN_THE_PLACE], ids=["its name", "its place"])
def test_a_handler_in_the_name_of_djangos_is_asked(tmp_path, management):
    made = written(tmp_path, management)
    made.run(*RUN)

    result = made.run("migrate_all", "--skip-makemigrations", "-v2")

    assert "asked tenant shop" in result.stdout
    assert "Running post-migrate handlers for application shop\n" in result.stdout


def test_the_handlers_are_in_their_places_afterwards_whatever_happened(tmp_path):
    made = written(tmp_path)
    made.run(*RUN)

    result = made.python("""
        from django.core.management import call_command
        from django.db.models.signals import post_migrate

        def bystander(**kwargs):
            pass

        def break_off(using, **kwargs):
            post_migrate.connect(bystander, dispatch_uid="bystander")
            raise RuntimeError("broken")

        post_migrate.connect(break_off, dispatch_uid="break_off")
        before = list(post_migrate.receivers)
        try:
            call_command("migrate_all", skip_makemigrations=True, verbosity=0)
        except Exception as error:
            print(error)
        print(post_migrate.receivers[:-1] == before, post_migrate.receivers[-1][0][0])
    """)

    assert result.stdout == "3 of 3 databases failed: default, tenant, other; run again to continue.\nTrue bystander\n"
