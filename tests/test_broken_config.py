"""A fault in the configuration costs whoever runs a command one line, whichever command it is."""

from pathlib import Path

import pytest

from tests.projects import Project, project

pytestmark = pytest.mark.process

APPS = """
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages",
    "django.contrib.sessions", "django.contrib.sites", "django.contrib.staticfiles",
]
"""
PATCH = "import dbroute.django  # noqa: E402, F401  # isort: skip\n"
SEED_STYLE = """
import dj_database_url
from dbroute import load_config

config = load_config()
INSTALLED_APPS.append("dbroute.django")
DATABASES = {"default": dj_database_url.parse(config.database.url)}
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
"""
BROKEN = "database:\n  url: postgresql://app:s3cr3t-pass@localhost:54x/main\n"
MESSAGE = (
    "config.yaml:2:8  database.url: the port is no number from 1 to 65535; "
    "correct it; in user and password write '/' as %2F, '@' as %40, ':' as %3A, '?' as %3F\n"
)
# Every command of Django, of its contrib apps and of ours; a test compares the list with what a whole project offers.
COMMANDS = {
    "changepassword": ["john"],
    "check": [],
    "clearsessions": [],
    "collectstatic": ["--noinput"],
    "compilemessages": [],
    "createcachetable": [],
    "createsuperuser": ["--noinput"],
    "dbroute": ["route"],
    "dbshell": [],
    "diffsettings": [],
    "dumpdata": [],
    "findstatic": ["x.css"],
    "flush": ["--noinput"],
    "inspectdb": [],
    "loaddata": ["x.json"],
    "makemessages": ["-a"],
    "makemigrations": [],
    "migrate": [],
    "migrate_all": [],
    "migrator": ["--auto"],
    "optimizemigration": ["auth", "0001"],
    "remove_stale_contenttypes": ["--noinput"],
    "runserver": ["--noreload"],
    "sendtestemail": ["a@example.com"],
    "shell": ["-c", "print(1)"],
    "showmigrations": [],
    "sqlflush": [],
    "sqlmigrate": ["auth", "0001"],
    "sqlsequencereset": ["auth"],
    "squashmigrations": ["auth", "0001"],
    "startapp": ["fresh"],
    "startproject": ["fresh"],
    "test": [],
    "testserver": ["--noinput", "x.json"],
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project(tmp_path_factory.mktemp("broken"), settings=APPS + PATCH, files={"config.yaml": BROKEN})


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_prints_one_line_and_no_traceback(broken: Project, command: str) -> None:
    result = broken.run(command, *COMMANDS[command])

    assert result.returncode == 1
    assert result.stderr == MESSAGE
    assert result.stdout == ""


def test_the_list_of_commands_is_whole(tmp_path: Path) -> None:
    made = project(tmp_path, settings=APPS + PATCH, files={"config.yaml": "database: {url: sqlite:///x.sqlite3}\n"})

    result = made.python("from django.core.management import get_commands; print(*sorted(get_commands()))")

    assert set(result.stdout.split()) - {"ogrinspect"} == set(COMMANDS)


@pytest.mark.parametrize("command", [["migrate"], ["check"], ["shell", "-c", "1"], ["migrate_all"], ["runserver"]])
def test_the_seeds_own_style_prints_the_same_line(tmp_path: Path, command: list[str]) -> None:
    made = project(tmp_path, settings=APPS + SEED_STYLE, files={"config.yaml": BROKEN})

    result = made.run(*command)

    assert result.returncode == 1
    assert result.stderr == MESSAGE


@pytest.mark.parametrize("style", [PATCH, SEED_STYLE])
@pytest.mark.parametrize("arguments", [["--version"], ["version"], ["help"], ["--help"], []])
def test_help_and_version_still_answer(tmp_path: Path, style: str, arguments: list[str]) -> None:
    made = project(tmp_path, settings=APPS + style, files={"config.yaml": BROKEN})

    result = made.run(*arguments)

    assert result.returncode == 0, result.stderr
    assert result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [["migrate_al"], ["help", "migrate"], ["migrate", "--help"]])
def test_what_needs_the_apps_to_answer_prints_the_line_too(broken: Project, arguments: list[str]) -> None:
    result = broken.run(*arguments)

    assert result.returncode == 1
    assert result.stderr == MESSAGE


@pytest.mark.parametrize("style", [PATCH, SEED_STYLE])
def test_a_server_gets_an_ordinary_improperly_configured_without_the_secret(tmp_path: Path, style: str) -> None:
    made = project(tmp_path, settings=APPS + style, files={"config.yaml": BROKEN})

    result = made.python(
        """
        import traceback
        from django.core.exceptions import ImproperlyConfigured
        from django.core.wsgi import get_wsgi_application
        from dbroute import ConfigError

        try:
            get_wsgi_application()
        except (ImproperlyConfigured, ConfigError) as error:
            text = "".join(traceback.format_exception(error))
            print(type(error).__name__, "s3cr3t" in text, isinstance(error.__cause__ or error, ConfigError))
        """,
        setup=False,
        env={"DJANGO_SETTINGS_MODULE": "settings"},
    )

    kind = "ImproperlyConfigured" if style == PATCH else "ConfigError"
    assert result.stdout == f"{kind} False True\n", result.stderr


def test_another_excepthook_keeps_its_say_over_other_errors(tmp_path: Path) -> None:
    made = project(tmp_path, settings=APPS + PATCH, files={"config.yaml": BROKEN})

    result = made.python(
        """
        import sys
        from django.core.management import execute_from_command_line
        sys.excepthook = lambda kind, value, traceback: print("mine:", kind.__name__)
        try:
            execute_from_command_line(["manage.py", "check"])
        except Exception:
            pass
        raise KeyError
        """,
        setup=False,
        env={"DJANGO_SETTINGS_MODULE": "settings"},
    )

    assert result.stdout == "mine: KeyError\n"
    assert result.stderr == ""
