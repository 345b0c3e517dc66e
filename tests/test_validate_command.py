"""``manage.py dbroute validate``: every environment against the settings of the project."""

from pathlib import Path

import pytest

from tests.projects import Project, project

pytestmark = pytest.mark.process

SETTINGS = """\
SHOP_PAGE_SIZE = 20
INSTALLED_APPS = ["django.contrib.contenttypes"]
import dbroute.django
"""
CONFIG = "database: {url: 'sqlite:///a.sqlite3'}\n"


def made(folder: Path, **files: str) -> Project:
    found = project(folder, settings=SETTINGS)
    found.write({"config.yaml": CONFIG, **{f"config.{name}.yaml": text for name, text in files.items()}})
    return found


def test_every_environment_is_checked_against_the_settings(tmp_path: Path) -> None:
    site = made(
        tmp_path,
        prod="django: {SHOP_PAGE_SIZE: many, DEBUG: false}\n",
        stage="databases: {default: {engine: no.such.backend, name: '${NOWHERE}'}}\n",
        qa="django: {SHOP_PAGE_SIZE: 5}\n",
    )

    done = site.run("dbroute", "validate", "--all", "--ignore-unset")

    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (
        1,
        "",
        [
            "CommandError: the configuration cannot be used",
            "dev: config.yaml: 1 database, 0 rules; nothing is wrong",
            "prod:",
            "config.prod.yaml:1:26  django.SHOP_PAGE_SIZE: expected a whole number or null, got 'many'; "
            "write digits only",
            "qa: config.yaml, config.qa.yaml: 1 database, 0 rules; nothing is wrong",
            "stage:",
            "config.stage.yaml:1:31  databases.default.engine: there is no database backend 'no.such.backend'; "
            "correct it, or install the package that has it",
        ],
    )


def test_one_environment_is_checked(tmp_path: Path) -> None:
    site = made(tmp_path, prod="django: {DEBUG: false}\n")

    done = site.run("dbroute", "validate", "--env", "production")

    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "prod: config.yaml, config.prod.yaml: 1 database, 0 rules; nothing is wrong\n",
        "",
    )


@pytest.mark.parametrize(("action", "code"), [("default", 0), ("error", 1)])
def test_what_has_no_effect_is_one_line(action: str, code: int, tmp_path: Path) -> None:
    site = made(tmp_path)

    done = site.run("dbroute", "validate", env={"DJANGO_DEBU": "1", "PYTHONWARNINGS": action})

    assert (done.returncode, done.stderr) == (
        code,
        "DJANGO_DEBU names no setting, and is ignored; did you mean 'DJANGO_DEBUG'?\n",
    )


def test_a_class_below_the_files_is_known(tmp_path: Path) -> None:
    settings = """\
        import attrs
        import dbroute

        @attrs.frozen
        class Mail:
            port: int = 25

        class Mine(dbroute.DjangoConfig):
            databases = {"default": "sqlite:///a.sqlite3"}
            mail: Mail

        INSTALLED_APPS = []
        dbroute.configure(__name__, Mine())
        """
    site = project(tmp_path, settings=settings, files={"config.prod.yaml": "mail: {prot: 5}\n"})

    done = site.run("dbroute", "validate", "--all")

    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            "CommandError: the configuration cannot be used",
            "dev: no files: 1 database, 0 rules; nothing is wrong",
            "prod:",
            "config.prod.yaml:1:8  mail.prot: unknown key; did you mean 'port'?",
        ],
    )


def test_settings_by_hand_have_nothing_to_check(tmp_path: Path) -> None:
    settings = """\
        INSTALLED_APPS = ["dbroute.django"]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "a"}}
        DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
        DATABASE_ROUTING_RULES = {"blog": "default"}
        """
    site = project(tmp_path, settings=settings)

    done = site.run("dbroute", "validate")

    assert (done.returncode, done.stderr) == (
        1,
        "CommandError: These settings were not filled by dbroute, so there is nothing to look at. "
        "The script `dbroute` reads the files without Django.\n",
    )
