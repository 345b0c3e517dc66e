"""Where every value comes from: `dbroute explain`, `manage.py dbroute explain`, and the tree behind them."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from dbroute import DjangoConfig, Secret
from dbroute.cli import main
from dbroute.config import load
from dbroute.config.explain import Explained, Said, UnknownPathError, explain
from dbroute.config.show import as_table
from tests.config.loading import config, write
from tests.projects import project

BASE = """\
database:
  url: postgresql://app:${DB_PASSWORD:-hunter2}@localhost:5432/main?sslmode=require
  url_blog: sqlite:///db/blog.sqlite3
databases:
  blog_db:
    <<: &common {conn_max_age: 60}
    atomic_requests: true
routing:
  blog: blog_db
django:
  API_TOKENS: {mail: hunter3}
"""
PROD = """\
databases:
  default:
    host: ${HOST}
    conn_max_age: 10m
  blog_db: {conn_max_age: 5m}
"""
ENVIRON = {"DB_PASSWORD": "hunter4", "HOST": "hunter5", "DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGE": "7"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(BASE)
    (tmp_path / "config.prod.yaml").write_text(PROD)
    return tmp_path


def rows(folder: Path, key: str = "", env: str = "prod", **environ: str) -> dict[str, Any]:
    config = load(folder, env=env, environ={**ENVIRON, **environ})
    return {row.path: row for row in explain(config, key)}


def test_a_value_tells_its_source_and_everything_that_it_shadows_highest_first(folder: Path) -> None:
    found = rows(folder)["databases.blog_db.conn_max_age"]

    assert found.said == Said(7, "DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGE")
    assert found.shadows == (Said("5m", "config.prod.yaml:5:27"), Said(60, "config.yaml:6:32"))


def test_a_reference_tells_the_text_that_it_was_and_hides_what_it_became(folder: Path) -> None:
    found = rows(folder)

    assert found["databases.default.host"].said == Said("***", "config.prod.yaml:3:11", "${HOST}")
    assert found["databases.default.host"].shadows == (Said("localhost", "config.yaml:2:8"),)
    assert found["databases.default.password"].said == Said("***", "config.yaml:2:8", "${DB_PASSWORD:-***}")


def test_values_that_came_over_a_merge_key_keep_the_place_where_they_stand(folder: Path) -> None:
    found = rows(folder, env="dev", DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGE="7")

    assert found["databases.blog_db.conn_max_age"].shadows == (Said(60, "config.yaml:6:32"),)


def test_a_secret_file_names_the_variable_and_the_file(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter6\n")

    found = rows(folder, DBROUTE_DATABASES__DEFAULT__PASSWORD_FILE=str(tmp_path / "secret"))

    source = f"DBROUTE_DATABASES__DEFAULT__PASSWORD_FILE ({tmp_path / 'secret'})"
    assert found["databases.default.password"].said == Said("***", source)


def test_what_dotenv_says_is_shadowed_by_the_same_variable_of_the_process(folder: Path) -> None:
    (folder / ".env").write_text("DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGE=8\n")

    found = rows(folder)["databases.blog_db.conn_max_age"]

    assert found.said.source == "DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGE"
    assert [said.source for said in found.shadows] == [".env:1", "config.prod.yaml:5:27", "config.yaml:6:32"]


@attrs.frozen
class Keys:
    stripe: Secret | None = None
    others: Sequence[Secret] = ()
    some: frozenset[Secret] = frozenset()
    by_name: Mapping[str, Secret] = attrs.field(factory=dict)


class WithKeys(DjangoConfig):
    databases = {"default": "sqlite:///x"}
    shop: Keys = Keys()


@pytest.mark.parametrize("higher", ["{stripe: null, others: [], some: [hunter6], by_name: {a: hunter7}}", "{}"])
def test_what_is_annotated_as_secret_is_shown_in_no_layer(higher: str, tmp_path: Path) -> None:
    write(tmp_path, {"config.local.yaml": f"shop: {higher}\n"})
    text = "shop: {stripe: 'hunter2${A}', others: [hunter3], some: [hunter4], by_name: {a: hunter5}}\n"
    loaded = config(tmp_path, text, {"A": "hunter8"}, declared=WithKeys())

    found = explain(loaded, "shop")

    assert len(found) == 4
    assert "hunter" not in str(found)


@attrs.frozen
class Item:
    host: str
    timeout: timedelta = timedelta()


@attrs.frozen
class Mirrors:
    items: list[Item]
    names: list[str]
    tags: frozenset[str] = frozenset()


class WithMirrors(DjangoConfig):
    databases = {"default": "sqlite:///x"}
    mirrors: Mirrors


def test_what_stands_in_a_list_has_a_place_of_its_own_and_shadows_the_whole_list_below(tmp_path: Path) -> None:
    text = "mirrors:\n  items: [{host: a}, {host: b, timeout: 10m}]\n  names: ['${A:-a}', b]\n  tags: [t]\n"
    write(tmp_path, {"config.local.yaml": "mirrors: {names: [c]}\n"})
    loaded = config(tmp_path, text, {"DBROUTE_MIRRORS__TAGS": "t,u"}, declared=WithMirrors())

    found = {row.path: row for row in explain(loaded, "mirrors")}

    assert {path: (row.said.value, row.said.source) for path, row in found.items()} == {
        "mirrors.items[0].host": ("a", "config.yaml:2:18"),
        "mirrors.items[1].host": ("b", "config.yaml:2:29"),
        "mirrors.items[1].timeout": ("0:10:00", "config.yaml:2:41"),
        "mirrors.names[0]": ("c", "config.local.yaml:1:19"),
        "mirrors.tags[0]": ("t", "DBROUTE_MIRRORS__TAGS"),
        "mirrors.tags[1]": ("u", "DBROUTE_MIRRORS__TAGS"),
    }
    assert found["mirrors.names[0]"].shadows == (Said(["${A:-***}", "b"], "config.yaml:3:10"),)
    assert explain(loaded, "mirrors.items[1].host") == [found["mirrors.items[1].host"]]
    assert loaded.source("mirrors", "items", 1, "timeout") == "config.yaml:2:32"
    assert loaded.source("mirrors", "items", 2, "host") == ""


def test_a_reference_in_a_list_tells_the_text_that_it_was(tmp_path: Path) -> None:
    loaded = config(tmp_path, "database: {url: 'sqlite:///x'}\ndjango: {ALLOWED_HOSTS: ['${A:-a}', b], X: []}\n")

    assert [row.said for row in explain(loaded, "django")] == [
        Said("***", "config.yaml:2:26", "${A:-***}"),
        Said("b", "config.yaml:2:37"),
        Said([], "config.yaml:2:44"),
    ]


def test_replicas_and_the_url_of_migrations_tell_their_parts(tmp_path: Path) -> None:
    text = """\
    databases:
      default:
        url: postgresql://app@h/main
        replicas: [postgresql://replica-1/main, {url: "postgresql://${HOST}/main", weight: 2}]
        migrate_url: postgresql://owner@h/main
    """
    loaded = config(tmp_path, text, {"HOST": "hunter2"})

    first, second = (
        {row.path: row.said for row in explain(loaded, f"databases.default.replicas[{n}]")} for n in (0, 1)
    )
    (user,) = explain(loaded, "databases.default.migrate_url.user")
    (url,) = explain(loaded, "databases.default.replicas[1].url")

    assert first["databases.default.replicas[0].host"] == Said("replica-1", "config.yaml:4:16")
    assert second["databases.default.replicas[1].host"] == Said("***", "config.yaml:4:51", "${HOST}")
    assert second["databases.default.replicas[1].weight"] == Said(2, "config.yaml:4:88")
    assert user.said == Said("owner", "config.yaml:5:18")
    assert url.said == Said("***", "config.yaml:4:51", "***${HOST}***")


def test_a_url_and_the_parts_that_it_lacks_are_told_to_those_who_ask_for_them(folder: Path) -> None:
    (url,) = rows(folder, "databases.default.url").values()
    (password,) = rows(folder, "databases.blog_db.password").values()

    assert url.said == Said("***", "config.yaml:2:8", "***${DB_PASSWORD:-***}***")
    assert password.said == Said(None, "config.yaml:3:13")


def test_values_are_those_in_effect(tmp_path: Path) -> None:
    text = """\
    databases:
      default: {engine: sqlite, name: a.sqlite3, pool: "${POOL:-false}"}
      b: {url: "sqlite:///b?mode=ro", conn_max_age: 10m, options: {timeout: 5}}
    routing: {blog: b, cross_database_relations: refuse}
    django: {DEBUG: false}
    """
    loaded = config(tmp_path, text, {"DBROUTE_DATABASES__DEFAULT__CONN_MAX_AGE": "1h", "DJANGO_DEBUG": "on"})

    assert {row.path: row.said.value for row in explain(loaded)} == {
        "databases.default.engine": "django.db.backends.sqlite3",
        "databases.default.name": str(tmp_path / "a.sqlite3"),
        "databases.default.pool": "***",
        "databases.default.conn_max_age": 3600,
        "databases.b.engine": "django.db.backends.sqlite3",
        "databases.b.name": f"file:{tmp_path / 'b'}?mode=ro",
        "databases.b.conn_max_age": 600,
        "databases.b.options.timeout": 5,
        "routing.blog": "b",
        "routing.cross_database_relations": "refuse",
        "django.DEBUG": True,
    }


def test_rules_beside_databases_are_told_among_the_rules(tmp_path: Path) -> None:
    text = """\
    databases:
      default: sqlite:///a
      b: {url: "sqlite:///b", apps: [blog, "${APP}"]}
      c: {url: "sqlite:///c", apps: [shop]}
    routing: {shop: c}
    """
    loaded = config(tmp_path, text, {"APP": "hunter2"})

    assert explain(loaded, "routing") == [
        Explained("routing.shop", Said("c", "config.yaml:5:17")),
        Explained("routing.blog", Said("b", "config.yaml:3:34")),
        Explained("routing.***", Said("b", "config.yaml:3:40", "${APP}")),
    ]


def test_a_path_is_not_broken_where_there_is_room() -> None:
    said = Said("django.db.backends.postgresql", "DBROUTE_DATABASES__BLOG_DB__ENGINE")
    rows = [Explained("databases.blog_db.engine", said, (Said("sqlite", "config.yaml:3:12"),))]

    wide, narrow = (as_table(rows, width=width) for width in (80, 30))

    assert "\ndatabases.blog_db.engine " in wide
    assert "".join(line[:6].strip() for line in narrow.splitlines()) == "pathdatabases.blog_db.engine"


@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize("env", ["dev", "prod"])
def test_nothing_secret_is_printed_in_any_form(
    folder: Path, form: list[str], env: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)

    main(["explain", "--path", str(folder), "--env", env, *form])

    out = capsys.readouterr().out
    assert "databases.default.password" in out
    assert "hunter" not in out


@pytest.mark.parametrize(
    ("key", "paths"),
    [
        ("routing", ["routing.blog"]),
        ("routing.blog", ["routing.blog"]),
        ("databases.blog_db.name", ["databases.blog_db.name"]),
        ("database.url_blog", ["databases.blog_db.engine", "databases.blog_db.name"]),
        ("databases.blog_db.pool", ["databases.blog_db.pool"]),
    ],
)
def test_a_path_chooses_what_is_at_and_below_it(folder: Path, key: str, paths: list[str]) -> None:
    found = rows(folder, key)

    assert [path for path in found if not path.endswith(("conn_max_age", "atomic_requests"))] == paths


def test_a_field_that_nobody_sets_has_its_default(folder: Path) -> None:
    assert rows(folder, "databases.blog_db.pool")["databases.blog_db.pool"].said == Said(False, "default")


def test_an_unknown_path_gets_a_suggestion(folder: Path) -> None:
    with pytest.raises(UnknownPathError) as caught:
        rows(folder, "databases.blog")

    assert str(caught.value) == "nothing goes by 'databases.blog'; did you mean 'databases.blog_db'?"


def test_an_alias_alone_is_understood_as_a_slip(folder: Path) -> None:
    with pytest.raises(UnknownPathError, match=r"nothing goes by 'blog_db'; did you mean 'databases\.blog_db'\?"):
        rows(folder, "blog_db")


def test_another_environment_can_be_asked_about_without_its_variables(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["explain", "--path", str(folder), "--env", "production", "databases.default.host", "--json"])

    assert code == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "path": "databases.default.host",
            "value": None,
            "source": "config.prod.yaml:3:11",
            "raw": "${HOST}",
            "shadows": [{"value": "localhost", "source": "config.yaml:2:8", "raw": None}],
        }
    ]


@pytest.mark.process
def test_manage_py_explains_what_settings_had_before_too(tmp_path: Path) -> None:
    made = project(
        tmp_path,
        settings="""
            DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "was.sqlite3"}}
            DATABASES["default"]["ATOMIC_REQUESTS"] = True
            import dbroute.django
        """,
        files={
            "config.yaml": "database: {url: 'sqlite:///is.sqlite3'}\n",
            "config.prod.yaml": "django: {DEBUG: false}\n",
        },
    )

    now = made.run("dbroute", "explain", "databases.default")
    then = made.run("dbroute", "explain", "django", "--env", "prod", "--json")
    wrong = made.run("dbroute", "explain", "djang")

    sqlite = "django.db.backends.sqlite3"
    assert [line.split() for line in now.stdout.splitlines()] == [
        ["path", "value", "source", "instead", "of"],
        ["databases.default.engine", sqlite, "config.yaml:1:17", sqlite, "(settings)"],
        ["databases.default.name", str(tmp_path / "is.sqlite3"), "config.yaml:1:17", "was.sqlite3", "(settings)"],
        ["databases.default.atomic_requests", "true", "settings"],
    ]
    assert json.loads(then.stdout)[0]["source"] == "config.prod.yaml:1:17"
    assert (wrong.returncode, wrong.stderr) == (1, "CommandError: nothing goes by 'djang'; did you mean 'django'?\n")
