"""Data migrations that forget ``using()`` on a second full database: with Django's ``migrate``, and with this one."""

import pytest

from tests.integration.migration_projects import APPS, applied, sqlite_dump
from tests.projects import project

pytestmark = pytest.mark.process

SETTINGS = """
INSTALLED_APPS = [{first}
    "django.contrib.contenttypes", "django.contrib.auth", "dbroute.django", "blog", "shop",{last}
]
DATABASES = {{
    alias: {{"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{{alias}}.sqlite3"}}
    for alias in ["default", "tenant", "shop_db"]
}}
DATABASES["tenant"]["DBROUTE"] = {{"migrates_like": "default"}}
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {rules}
"""

# What third-party migrations do: current models, Django's own helpers and historical models, all without an alias.
FORGETFUL = """
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import migrations


def fill(apps, schema_editor):
    kind = ContentType.objects.get_or_create(app_label="blog", model="post")[0]
    permission = Permission.objects.create(content_type=kind, codename="access_blog", name="Can access the blog")
    from django.apps import apps as current

    create_permissions(current.get_app_config("auth"), verbosity=0)
    alias = schema_editor.connection.alias
    assert Permission.objects.using(alias).filter(codename="add_group").exists(), "permissions went elsewhere"
    group = Group.objects.create(name="Editors")
    group.permissions.add(permission)
    Post = apps.get_model("blog", "Post")
    Post.objects.create(name="first")
    Post(name="second").save()
    Post.objects.filter(name="second").update(name="2nd")


class Migration(migrations.Migration):
    dependencies = [
        ("blog", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(fill)]
"""

# Django's own command, by its class: what `manage.py migrate` is without dbroute.
STOCK = """
from django.core.management import call_command
from django.core.management.commands.migrate import Command
call_command(Command(), database={alias!r}, verbosity=0, skip_checks=True)
"""

RULES = '{"shop": "shop_db"}'


def forgetful(folder, *, rules=RULES, first="", last="", files=None):
    return project(
        folder,
        settings=SETTINGS.format(rules=rules, first=first, last=last),
        files={**APPS, "blog/migrations/0002_fill.py": FORGETFUL, **(files or {})},
    )


def contents(folder, alias):
    return sqlite_dump(folder / f"{alias}.sqlite3")


def test_django_alone_fails_on_the_second_database(tmp_path):
    made = forgetful(tmp_path)

    results = [made.python(STOCK.format(alias=alias)) for alias in ("default", "tenant")]

    assert results[0].returncode == 0, results[0].stderr
    assert results[1].stderr.splitlines()[-1].startswith("django.db.utils.IntegrityError: UNIQUE constraint failed")


def test_defaults_of_django_are_back_afterwards(tmp_path):
    made = forgetful(tmp_path)

    result = made.python("""
        from inspect import signature
        from django.contrib.auth.management import create_permissions
        from dbroute.django.migrating.scope import migrating

        def default():
            return signature(create_permissions).parameters["using"].default

        said = [default()]
        with migrating("tenant"):
            said.append(default())
            with migrating("shop_db"):
                said.append(default())
            said.append(default())
        print([*said, default()])
    """)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == "['default', 'tenant', 'default', 'tenant', 'default']\n"


def test_home_that_is_not_default_gets_the_permissions_that_django_alone_would_leave_out(tmp_path):
    made = forgetful(tmp_path, rules='{"*": "tenant"}')
    settings = (
        (tmp_path / "settings.py").read_text().replace('DATABASES["tenant"]["DBROUTE"]', "UNUSED = {}; UNUSED[0]")
    )
    made.write({"settings.py": settings})

    result = made.run("migrate", "-v0", "--skip-checks", "--database", "tenant")

    assert (result.returncode, result.stderr) == (0, "")
    assert [name for _, name in contents(tmp_path, "tenant")["auth_group"]] == ["Editors"]


@pytest.mark.parametrize("rules", [RULES, "{}"], ids=["rules", "no rules"])
def test_migrate_fills_the_second_database_like_the_first(tmp_path, rules):
    made = forgetful(tmp_path, rules=rules)
    first = made.run("migrate", "-v0", "--database", "default")
    assert (first.returncode, first.stderr) == (0, "")
    before = contents(tmp_path, "default")

    second = made.run("migrate", "-v0", "--database", "tenant")

    assert (second.returncode, second.stderr) == (0, "")
    assert contents(tmp_path, "default") == before
    assert contents(tmp_path, "tenant") == before


def test_first_database_gets_what_django_alone_gives_it(tmp_path):
    ours, theirs = forgetful(tmp_path / "ours"), forgetful(tmp_path / "theirs")

    results = [
        ours.run("migrate", "-v0", "--database", "default"),
        theirs.python(STOCK.format(alias="default")),
    ]

    assert [(result.returncode, result.stderr) for result in results] == [(0, "")] * 2
    assert contents(ours.root, "default") == contents(theirs.root, "default")


def test_second_database_alone_gets_the_same_and_the_first_stays_empty(tmp_path):
    ours, theirs = forgetful(tmp_path / "ours"), forgetful(tmp_path / "theirs")
    theirs.python(STOCK.format(alias="default"))

    result = ours.run("migrate", "-v0", "--database", "tenant")

    assert (result.returncode, result.stderr) == (0, "")
    assert contents(ours.root, "tenant") == contents(theirs.root, "default")
    assert not (ours.root / "default.sqlite3").exists()


def test_migrate_all_fills_both(tmp_path):
    made = forgetful(tmp_path)

    result = made.run("migrate_all", "--skip-makemigrations", "-v0")

    assert (result.returncode, result.stderr) == (0, "")
    assert contents(tmp_path, "tenant") == contents(tmp_path, "default")


def test_test_databases_are_filled_too(tmp_path):
    tests = """
    from django.contrib.auth.models import Group
    from django.test import TestCase


    class Filled(TestCase):
        databases = ["default", "tenant"]

        def test_each_has_its_group(self):
            self.assertEqual([Group.objects.using(alias).count() for alias in self.databases], [1, 1])
    """
    made = forgetful(tmp_path, files={"blog/tests.py": tests})

    result = made.run("test", "-v0")

    assert result.returncode == 0, result.stderr
    assert "Ran 1 test in" in result.stderr


LOUD = """
from django.core.management.commands.migrate import Command as Django


class Command(Django):
    def handle(self, *args, **options):
        self.stdout.write("loud was here")
        return super().handle(*args, **options)
"""


@pytest.mark.parametrize("place", ["first", "last"])
def test_migrate_command_of_another_app_still_runs(tmp_path, place):
    made = forgetful(tmp_path, files={"loud/management/commands/migrate.py": LOUD}, **{place: ' "loud",'})

    results = [made.run("migrate", "-v0", "--database", alias) for alias in ("default", "tenant")]

    assert results[0].stdout == "loud was here\n"
    # Django runs the command of the app that stands first, and that one knows nothing of this project's databases.
    assert [result.returncode for result in results] == ([0, 1] if place == "first" else [0, 0])
    assert ("blog", "0002_fill") in applied(tmp_path / "default.sqlite3")
