"""`import dbroute.django` and `dbroute.configure` in fresh processes: what they fill, and what they leave alone."""

import json
from pathlib import Path

import pytest

from tests.projects import Project, project

pytestmark = pytest.mark.process

APPS = """
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "blog"]
"""
PATCH = """
import dbroute.django  # noqa: E402, F401  # isort: skip
"""
CONFIG = """
database:
  url: sqlite:///main.sqlite3
  url_blog: sqlite:///blog.sqlite3
routing:
  blog: blog_db
django:
  LANGUAGE_CODE: nl
"""
BLOG = {
    "blog/models.py": """
        from django.conf import settings
        from django.db import models

        class Post(models.Model):
            title = models.CharField(max_length=200)
            author = models.ForeignKey(
                settings.AUTH_USER_MODEL, models.CASCADE, related_name="blog_posts", db_constraint=False
            )
    """,
    "config.yaml": CONFIG,
}
REPORT = """
import json
from django.conf import settings
from django.db import connections, router
from blog.models import Post

print(json.dumps({
    "aliases": list(connections.settings),
    "names": [connections[alias].settings_dict["NAME"].rpartition("/")[2] for alias in connections],
    "home": router.db_for_read(Post),
    "language": settings.LANGUAGE_CODE,
    "apps": settings.INSTALLED_APPS,
    "routers": settings.DATABASE_ROUTERS,
}))
"""
PATCHED = {
    "aliases": ["default", "blog_db"],
    "names": ["main.sqlite3", "blog.sqlite3"],
    "home": "blog_db",
    "language": "nl",
    "apps": ["dbroute.django", "django.contrib.auth", "django.contrib.contenttypes", "blog"],
    "routers": ["dbroute.routing.DatabaseRouter"],
}


def blog(folder: Path, settings: str = APPS + PATCH, files: dict[str, str] | None = None) -> Project:
    return project(folder, settings=settings, files={**BLOG, **(files or {})})


def reported(made: Project, setup: str = "import django; django.setup()", **env: str) -> dict[str, object]:
    result = made.python(f"{setup}\n{REPORT}", setup=False, env={"DJANGO_SETTINGS_MODULE": "settings", **env})
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_import_fills_the_settings_module(tmp_path: Path) -> None:
    made = blog(tmp_path)

    found = reported(made)

    assert found == PATCHED


def test_written_settings_are_plain_dicts_lists_and_strings(tmp_path: Path) -> None:
    made = blog(tmp_path, files={"config.yaml": CONFIG.replace("main.sqlite3", "${NAME}")})

    result = made.python(
        """
        from django.conf import settings

        def kinds(value):
            if isinstance(value, dict):
                return {type(value)} | {kind for item in value.values() for kind in kinds(item)}
            if isinstance(value, list):
                return {type(value)} | {kind for item in value for kind in kinds(item)}
            return {type(value)}

        names = ["DATABASES", "DATABASE_ROUTERS", "DATABASE_ROUTING_RULES", "DBROUTE"]
        print(sorted({kind.__name__ for name in names for kind in kinds(getattr(settings, name))}))
        """,
        env={"NAME": "secret.sqlite3"},
    )

    # None is Django's own: it fills the entries of DATABASES up.
    assert result.stdout == "['NoneType', 'bool', 'dict', 'int', 'list', 'str']\n"


def test_the_mark_tells_where_everything_comes_from(tmp_path: Path) -> None:
    made = blog(tmp_path)

    result = made.python("import json; from django.conf import settings; print(json.dumps(settings.DBROUTE))")

    assert json.loads(result.stdout) == {
        "environment": "dev",
        "folder": str(tmp_path),
        "files": ["config.yaml"],
        "databases": ["default", "blog_db"],
        "rules": {"blog": "config.yaml:6:3"},
    }


def test_a_settings_package_can_be_patched_where_everything_comes_together(tmp_path: Path) -> None:
    made = blog(
        tmp_path,
        settings="",
        files={
            "site_/settings/base.py": "SECRET_KEY = 'x'\nUSE_TZ = True\n" + APPS,
            "site_/settings/local.py": "from .base import *\n" + PATCH,
        },
    )

    found = reported(made, DJANGO_SETTINGS_MODULE="site_.settings.local")

    assert found == PATCHED


def test_a_base_module_can_be_patched_and_star_imported(tmp_path: Path) -> None:
    made = blog(
        tmp_path,
        settings="",
        files={
            "site_/settings/base.py": "SECRET_KEY = 'x'\nUSE_TZ = True\n" + APPS + PATCH,
            "site_/settings/local.py": "from .base import *\n",
        },
    )

    found = reported(made, DJANGO_SETTINGS_MODULE="site_.settings.local")

    assert found == PATCHED


def test_two_settings_modules_in_one_process_each_get_their_own_with_configure(tmp_path: Path) -> None:
    line = "\nimport dbroute\ndbroute.configure(__name__)\n"
    made = blog(
        tmp_path,
        settings="",
        files={"one.py": "LANGUAGE_CODE = 'en'\n" + line, "two.py": "INSTALLED_APPS = ['blog']\n" + line},
    )

    result = made.python(
        """
        import one, two
        print(one.DATABASES == two.DATABASES, one.LANGUAGE_CODE, one.INSTALLED_APPS, two.INSTALLED_APPS)
        """,
        setup=False,
    )

    assert result.stdout == "True nl ['dbroute.django'] ['blog', 'dbroute.django']\n"


def test_configuring_twice_changes_nothing_more(tmp_path: Path) -> None:
    config = CONFIG.replace("routing:", "databases:\n  default: {replicas: ['sqlite:///copy.sqlite3']}\nrouting:")
    line = "import dbroute; dbroute.configure(__name__)\n"
    made = blog(tmp_path, settings=APPS + line + "FIRST = dict(globals())\n" + line, files={"config.yaml": config})

    result = made.python(
        """
        import settings
        names = ["DATABASES", "DATABASE_ROUTERS", "DATABASE_ROUTING_RULES", "DBROUTE", "INSTALLED_APPS"]
        print([name for name in names if getattr(settings, name) != settings.FIRST[name]], list(settings.DATABASES))
        """,
        setup=False,
    )

    assert result.stdout == "[] ['default', 'blog_db', 'default_replica_1']\n"


@pytest.mark.parametrize("lines", ["dynaconf first", "dbroute first"])
def test_a_settings_module_that_runs_dynaconf_too_keeps_working(tmp_path: Path, lines: str) -> None:
    dynaconf = "\nimport dynaconf\nsettings = dynaconf.DjangoDynaconf(__name__)\n"
    made = blog(tmp_path, settings=APPS + (dynaconf + PATCH if lines == "dynaconf first" else PATCH + dynaconf))

    found = reported(made)

    assert found == PATCHED


@pytest.mark.parametrize(
    "start",
    [
        "from django.core.wsgi import get_wsgi_application; get_wsgi_application()",
        "from django.core.asgi import get_asgi_application; get_asgi_application()",
    ],
)
def test_it_works_under_servers(tmp_path: Path, start: str) -> None:
    made = blog(tmp_path)

    found = reported(made, setup=start)

    assert found == PATCHED


def test_it_works_under_django_admin(tmp_path: Path) -> None:
    made = blog(tmp_path)

    result = made.python(
        """
        import sys
        from django.core.management import execute_from_command_line
        execute_from_command_line(["django-admin", "dbroute", "route", "blog.Post"])
        """,
        setup=False,
        env={"DJANGO_SETTINGS_MODULE": "settings"},
    )

    assert "blog_db" in result.stdout, result.stderr


def test_it_works_under_pytest_django(tmp_path: Path) -> None:
    test = """
        import pytest
        from blog.models import Post

        @pytest.mark.django_db(databases=["default", "blog_db"])
        def test_post_goes_home(django_user_model):
            author = django_user_model.objects.create_user("john")
            Post.objects.create(title="x", author=author)
            assert Post.objects.get()._state.db == "blog_db"
    """
    made = blog(tmp_path, files={"test_post.py": test, "pytest.ini": "[pytest]\nDJANGO_SETTINGS_MODULE = settings\n"})

    result = made.python("import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))", setup=False)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


@pytest.mark.parametrize(
    "code",
    [
        "import importlib; importlib.import_module('dbroute.django')",
        "def load():\n    import dbroute.django\nload()",
        "import helper",
    ],
)
def test_an_import_outside_of_settings_changes_nothing(tmp_path: Path, code: str) -> None:
    made = blog(tmp_path, files={"helper.py": "import dbroute.django\n"})

    result = made.python(f"{code}\nprint('DATABASES' in globals())", setup=False)

    assert result.stdout == "False\n", result.stderr


@pytest.mark.parametrize("command", ["check", "migrate_all"])
def test_a_line_that_came_too_late_is_named_with_who_came_first(tmp_path: Path, command: str) -> None:
    apps = APPS.replace('"blog"', '"blog", "dbroute.django"')
    made = blog(tmp_path, settings=apps + PATCH, files={"early.py": "import dbroute.django\n"})
    made.write({"manage.py": "import early\n" + (tmp_path / "manage.py").read_text()})

    result = made.run(command)

    assert result.returncode == 1
    who = f"early ({tmp_path / 'early.py'}:1)"
    warning = f"dbroute.django is imported before the settings, by {who}; its line in settings.py does nothing"
    assert warning in result.stderr
    assert result.stderr.count(who) == 2  # the warning, and the check or the command


def test_app_loading_is_blamed_for_nothing(tmp_path: Path) -> None:
    made = blog(tmp_path, settings=APPS.replace('"blog"', '"blog", "dbroute.django"'))

    result = made.python("import dbroute.django; print(dbroute.django.FIRST_IMPORTER)")

    assert result.stdout == "None\n", result.stderr


def test_nothing_that_loads_before_settings_imports_the_patch(tmp_path: Path) -> None:
    made = blog(tmp_path)

    result = made.python(
        """
        import sys
        import dbroute, dbroute.routing, dbroute.routing.routers, dbroute.models, dbroute.testing
        dbroute.routing.DatabaseRouter()
        print([name for name in sys.modules if name.startswith(("django", "dbroute.django", "dynaconf"))])
        """,
        setup=False,
        fresh=True,
    )

    assert result.stdout == "[]\n", result.stderr


def test_a_script_passes_the_settings_on(tmp_path: Path) -> None:
    made = blog(tmp_path, settings="")
    script = """
        import dbroute
        from django.conf import settings

        class MyConfig(dbroute.DjangoConfig):
            databases = {"default": dbroute.DatabaseConfig(url="sqlite:///own.sqlite3"), "blog_db": "sqlite:///b.db"}
            database_routing_rules = {"blog": "blog_db"}

        settings.configure(INSTALLED_APPS=["blog"], **{
            name: value for name, value in dbroute.configure(None, MyConfig()).items() if name != "INSTALLED_APPS"
        })
        import django
        django.setup()
        from django.db import connections
        print(list(connections.settings), connections["default"].settings_dict["NAME"].rpartition("/")[2])
    """

    result = made.python(script, setup=False)

    assert result.stdout == "['default', 'blog_db'] main.sqlite3\n", result.stderr


def test_settings_after_the_line_win_and_are_told_apart_by_a_check(tmp_path: Path) -> None:
    late = "\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'late.sqlite3'}}\n"
    made = blog(tmp_path, settings=APPS + PATCH + late)

    result = made.run("check")

    assert result.returncode == 1
    assert "dbroute.E" in result.stderr
    assert "# noqa: E402, F401  # isort: skip" in result.stderr


def test_what_settings_had_before_is_the_lowest_layer(tmp_path: Path) -> None:
    before = APPS + (
        "DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'was.sqlite3',"
        " 'ATOMIC_REQUESTS': True, 'OPTIONS': {'timeout': 7}}}\n"
        "DATABASE_ROUTERS = ['blog.routers.Other']\nDATABASE_ROUTING_RULES = {'auth': 'default'}\n"
        "LOGGING = {'version': 1, 'disable_existing_loggers': False}\n"
    )
    config = "routing: {blog: default}\ndjango: {LOGGING: {version: 1, incremental: false}}\n"
    made = blog(
        tmp_path,
        settings=before + PATCH,
        files={"config.yaml": config, "blog/routers.py": "class Other: pass\n"},
    )

    result = made.python(
        """
        from django.conf import settings
        entry = settings.DATABASES["default"]
        print(entry["NAME"].rpartition("/")[2], entry["ATOMIC_REQUESTS"], entry["OPTIONS"])
        print(settings.DATABASE_ROUTERS, settings.DATABASE_ROUTING_RULES, settings.LOGGING)
        """
    )

    assert result.stdout.splitlines() == [
        "was.sqlite3 True {'timeout': 7}",
        "['blog.routers.Other', 'dbroute.routing.DatabaseRouter'] {'auth': 'default', 'blog': 'default'} "
        "{'version': 1, 'disable_existing_loggers': False, 'incremental': False}",
    ], result.stderr
