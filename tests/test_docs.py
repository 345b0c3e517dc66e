"""README.md and docs/ say what the code does: their snippets run, their tables are complete, their links lead there."""

import argparse
import importlib
import json
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import yaml
from django.core.management.base import BaseCommand

import dbroute
import dbroute.routing
import dbroute.testing
from dbroute import ConfigError, DatabaseConfig, DatabaseTestConfig, PoolConfig, ReplicaConfig, load_config
from dbroute.cli import _parser
from dbroute.config.environ import _SWITCHES, RESERVED
from dbroute.config.excerpt import report
from dbroute.config.schema import Schema
from dbroute.models import ConnectionConfig
from dbroute.routing.databases import KEYS
from tests.projects import REPOSITORY, Project, project
from tests.snippets import PAGES, Block, Runner, blocks, is_run, name_of

DOCS = REPOSITORY / "docs"
REFERENCE = DOCS / "reference"
TUTORIAL = DOCS / "tutorial" / "first-project.md"

# Snippets

TWO_APPS = """
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "blog", "shop"]
"""

MODEL = """
from django.db import models


class {}(models.Model):
    pass
"""

BY_HAND = """
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3"}
    for alias in ("default", "blog_db", "shop_db")
}
DATABASE_ROUTERS = ["routers.BlogRouter"]
"""

ROUTER = """
class BlogRouter:
    homes = {"blog": "blog_db", "shop": "shop_db"}

    def db_for_read(self, model, **hints):
        return self.homes.get(model._meta.app_label, "default")

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return self.homes.get(app_label, "default") == db
"""


def empty(folder: Path) -> None:
    """Leave everything to the page."""
    folder.mkdir(parents=True)


def plain(folder: Path, settings: str = "") -> Project:
    """Write a project with two apps and no configuration."""
    files = {f"{app}/models.py": MODEL.format(model) for app, model in (("blog", "Post"), ("shop", "Order"))}
    files |= {"blog/migrations/__init__.py": "", "shop/migrations/__init__.py": "", "routers.py": ROUTER}
    return project(folder, settings=TWO_APPS + settings, files=files)


def existing(folder: Path) -> None:
    """Write a project with a router of its own, migrated as Django does it."""
    made = plain(folder, BY_HAND)
    for command in (
        "makemigrations blog shop",
        *(f"migrate --database {a}" for a in ("default", "blog_db", "shop_db")),
    ):
        done = made.run(*command.split())
        assert done.returncode == 0, done.stderr


STARTS: dict[str, Callable[[Path], object]] = {"empty": empty, "plain": plain, "existing": existing}


@pytest.fixture(scope="session")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project at the end of the tutorial."""
    folder = tmp_path_factory.mktemp("tutorial")
    empty(folder / "project")
    Runner(folder / "project", folder / "bin").carry_out(TUTORIAL)
    return folder / "project"


def start_of(page: Path) -> str:
    """Return the name of the project with which a page begins."""
    return next((block.notes["project"] for block in blocks(page) if "project" in block.notes), "empty")


RUNNING = [page for page in PAGES if page != TUTORIAL and any(is_run(block) for block in blocks(page))]


@pytest.mark.process
def test_tutorial_runs_step_by_step(tutorial: Path) -> None:
    assert {file.name for file in (tutorial / "db").iterdir()} == {
        "default.sqlite3",
        "blog.sqlite3",
        "shop.sqlite3",
    }


@pytest.mark.process
@pytest.mark.parametrize("page", RUNNING, ids=name_of)
def test_page_runs_from_top_to_bottom(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder, start = tmp_path / "project", start_of(page)
    if start == "tutorial":
        shutil.copytree(request.getfixturevalue("tutorial"), folder)
    else:
        STARTS[start](folder)

    Runner(folder, tmp_path / "bin").carry_out(page)


# The rules of this one lead to databases that its settings.py has.
WITHOUT_SETTINGS = [page for page in PAGES if start_of(page) != "existing" and any(b.is_config for b in blocks(page))]


@pytest.mark.parametrize("page", WITHOUT_SETTINGS, ids=name_of)
def test_configuration_files_of_a_page_are_accepted_or_refused_as_it_says(page: Path, tmp_path: Path) -> None:
    runner = Runner(tmp_path, tmp_path / "bin")
    before = [block for block in blocks(TUTORIAL) if block.is_config] if start_of(page) == "tutorial" else []
    refused: Block | None = None

    for block in [*before, *blocks(page)]:
        if block.is_config and "declared" not in block.notes:
            runner.write(block)
            refused = block if "refused" in block.notes else None
            said = loaded(tmp_path, block)
            assert (said == "") == (refused is None), f"{block}: {said}"
        elif refused and block.language == "text":
            shown = partial(report, excerpts=True) if "terminal" in block.notes else str
            assert loaded(tmp_path, refused, shown) == block.text.rstrip(), str(block)


def loaded(folder: Path, block: Block, shown: Callable[[ConfigError], str] = str) -> str:
    """Load a folder for the environment of a block's file; return what is wrong, or nothing."""
    name = block.title.split(".")
    try:
        load_config(folder, env=name[1] if len(name) == 3 else "dev", environ=block.variables)
    except ConfigError as error:
        return shown(error)
    return ""


def test_every_yaml_block_says_which_file_it_is() -> None:
    untitled = [str(block) for page in PAGES for block in blocks(page) if block.language == "yaml" and not block.title]

    assert untitled == []


def test_every_python_block_is_python() -> None:
    for page in PAGES:
        for block in blocks(page):
            if block.language == "python":
                compile(block.text, str(block), "exec")


# Links

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = HEADING.findall(re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_relative_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if "://" not in link and (not target.exists() or (anchor and anchor not in anchors(target))):
            broken.append(link)

    assert broken == []


def test_every_page_is_reached_from_the_index() -> None:
    linked = {link.partition("#")[0] for link in LINK.findall((DOCS / "index.md").read_text(encoding="utf-8"))}

    assert {page.relative_to(DOCS).as_posix() for page in PAGES[1:]} - linked == {"index.md"}


# The reference is complete


def rows(page: str, heading: str = "") -> dict[str, list[str]]:
    """Return the rows of a reference page's tables below a heading (or all): first cell without marks, to all cells."""
    text = (REFERENCE / f"{page}.md").read_text(encoding="utf-8")
    if heading:
        text = re.split(r"^## ", text.split(f"## `{heading}`\n", 1)[1], flags=re.MULTILINE)[0]
    found = {}
    for line in re.findall(r"^\|(.*)\|$", text, re.MULTILINE):
        cells = [cell.strip() for cell in line.split(" | ")]
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", cells[0]), cells)
    return found


def written(default: Any) -> str:
    """Return a default as YAML writes it."""
    if hasattr(default, "factory"):
        return "{}"
    return "[]" if default == () else json.dumps(default)


COMMON = set(attrs.fields_dict(ConnectionConfig))


@pytest.mark.parametrize(
    ("heading", "cls", "elsewhere"),
    [
        ("databases.<alias>", DatabaseConfig, set()),
        ("databases.<alias>.pool", PoolConfig, set()),
        ("databases.<alias>.test", DatabaseTestConfig, set()),
        ("databases.<alias>.replicas[]", ReplicaConfig, COMMON),
    ],
)
def test_settings_list_every_key_with_its_default(heading: str, cls: type, elsewhere: set[str]) -> None:
    documented = {key: cells[2].strip("`") for key, cells in rows("settings", heading).items()}

    defaults = {field.name: written(field.default) for field in attrs.fields(cls) if field.name not in elsewhere}
    assert documented == defaults


def test_settings_list_every_section() -> None:
    assert set(Schema().sections) <= set(rows("settings"))


def test_environment_lists_every_reserved_variable() -> None:
    assert set(rows("environment")) >= RESERVED | _SWITCHES


def test_django_settings_list_every_key_of_a_database_and_of_the_mark() -> None:
    mark = {"environment", "folder", "files", "databases", "rules"}

    assert KEYS | mark <= set(rows("django-settings"))


def test_checks_list_exactly_the_ids_in_the_code() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "dbroute").rglob("*.py"))

    assert set(rows("checks")) == set(re.findall(r"dbroute\.[EW]\d{3}", code))


def test_python_names_list_every_public_name() -> None:
    names = {re.split(r"\W", name)[0] for name in rows("python")}

    assert {*dbroute.__all__, *dbroute.routing.__all__, *dbroute.testing.__all__} <= names


COMMANDS = REPOSITORY / "dbroute" / "django" / "management" / "commands"


# Where the reference has a command whose heading is not just its name.
SUBCOMMANDS_OF = {"dbroute": "`dbroute` of `manage.py`"}


def own_options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a parser, those of its subcommands aside."""
    return {option for action in parser._actions for option in action.option_strings} - {"-h", "--help"}


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers below a parser by their names."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return found


def described(heading: str, subcommand: str = "") -> set[str]:
    """
    Return the words of a heading in the reference of commands, and of the first cells of the tables below it.

    Args:
        heading: What the heading has, or the first cells of its tables.
        subcommand: Only the cells that begin with this count.
    """
    text = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    found: set[str] = set()
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        cells = re.findall(r"^\| (.*?) \|", body, re.MULTILINE)
        if subcommand:
            cells, counted = [cell for cell in cells if re.match(rf"`{subcommand}\b", cell)], ""
        else:
            counted = title
        if heading in " ".join([title, *cells]):
            found |= set(re.findall(r"[\w-]+", " ".join([counted, *cells])))
    return found


@pytest.mark.parametrize("name", sorted(file.stem for file in COMMANDS.glob("[!_]*.py")))
def test_commands_list_every_option_that_is_not_djangos(name: str) -> None:
    command = importlib.import_module(f"dbroute.django.management.commands.{name}").Command()
    django = next(cls for cls in type(command).__mro__ if cls.__module__.startswith("django."))
    base = BaseCommand().create_parser("manage.py", name)
    of_django = own_options(base) | own_options(django().create_parser("", name))
    heading = SUBCOMMANDS_OF.get(name, f"`{name}")

    offered = command.create_parser("manage.py", name)

    assert (own_options(offered) - of_django | {name}) - described(heading) == set()
    for below, parser in subcommands(offered).items():
        assert (own_options(parser) - of_django | {below}) - described(heading, f"{name} {below}") == set()


def test_commands_list_every_option_of_the_script() -> None:
    heading = "`dbroute` without Django"

    assert own_options(_parser()) - described(heading) == set()
    for name, parser in subcommands(_parser()).items():
        assert (own_options(parser) | {name}) - described(heading, f"dbroute {name}") == set()


# The hook

HOOK_PAGE = DOCS / "howto" / "check-in-ci.md"


@pytest.fixture
def hook() -> dict[str, Any]:
    """The hook that the page shows."""
    (text,) = [block.text for block in blocks(HOOK_PAGE) if block.title == ".pre-commit-config.yaml"]
    ((found,),) = [repo["hooks"] for repo in yaml.safe_load(text)["repos"]]
    assert isinstance(found, dict)
    return found


def test_hook_of_the_page_is_the_hook_that_the_repository_offers(hook: dict[str, Any]) -> None:
    (offered,) = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

    assert {**offered, "language": "system"} == {**hook, "description": offered["description"]}


@pytest.mark.process
def test_hook_refuses_what_validate_refuses(hook: dict[str, Any], tutorial: Path, tmp_path: Path) -> None:
    shutil.copytree(tutorial, tmp_path / "project")
    runner = Runner(tmp_path / "project", tmp_path / "bin")

    before = runner.run(hook["entry"])
    (tmp_path / "project" / "config.stage.yaml").write_text("databases: {blog_db: {conn_max_agee: 60}}\n")
    after = runner.run(hook["entry"])

    assert (before.returncode, after.returncode) == (0, 1)
    assert "config.stage.yaml:1:23  databases.blog_db.conn_max_agee: unknown key" in after.stdout


@pytest.mark.parametrize(
    ("file", "wakes"),
    [
        ("config.yaml", True),
        ("config.prod.yaml", True),
        ("config.prod.yml", True),
        ("backend/config.eu-west.yaml", True),
        ("config.schema.json", False),
        ("my_config.yaml", False),
        ("config/other.yaml", False),
    ],
)
def test_hook_runs_for_configuration_files(hook: dict[str, Any], file: str, wakes: bool) -> None:
    assert (re.search(hook["files"], file) is not None) == wakes


# Words


def test_pages_name_no_machine() -> None:
    homes = re.compile(r"(?<![\w.])/(home|Users|root|tmp|work)/")

    assert [name_of(page) for page in PAGES if homes.search(page.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("fragment", sorted((REPOSITORY / "changelog.d").glob("[!R]*")), ids=lambda path: path.name)
def test_fragment_is_one_sentence_under_a_known_kind(fragment: Path) -> None:
    kinds = "added|changed|deprecated|removed|fixed|security"

    text = fragment.read_text(encoding="utf-8")

    assert re.fullmatch(rf"(\+[a-z0-9-]+|\d+)\.({kinds})\.md", fragment.name)
    assert re.fullmatch(r"[^\n]+\.\n", text)
