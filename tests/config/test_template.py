"""Text that goes into a config.yaml comes out of it again, whoever reads it."""

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dbroute import ConfigError
from dbroute.config import load
from dbroute.config.adoption import Adoption, Secrets
from dbroute.config.interpolation import Resolver, interpolate
from dbroute.config.json_schema import json_schema
from dbroute.config.locate import locate
from dbroute.config.nodes import plain
from dbroute.config.problems import Problems
from dbroute.config.schema import Schema
from dbroute.config.template import STARTER, Entry, config_text, escaped, write_files, write_starter
from dbroute.config.yaml import read_yaml

ODD = """
    on No y null ~ 123 0o17 017 0x1f 1e5 1_000 12:30 1.0 .5 - # ${A} $${A} ${ $ ' " \\ << = 2024-01-01 !a &a *a %a @a
    ` { [ ] , ? .inf .nan TRUE é
"""
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(
        [*ODD.split(), "", "a: b", "a #b", "- a", "? a", "a\nb", " a ", "\ufeff", "\x85", "\u2028", "\0", "a" * 200]
    ),
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)
REUSED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@REUSED
@given(value=st.dictionaries(TEXTS, VALUES, max_size=4), rules=st.dictionaries(TEXTS, TEXTS, max_size=3), note=TEXTS)
def test_every_text_is_read_again_as_it_was(
    value: dict[str, Any], rules: dict[str, str], note: str, tmp_path: Path
) -> None:
    entry = Entry("a", escaped(value), [note])
    (tmp_path / "config.yaml").write_text(config_text([entry], rules, [note]), encoding="utf-8", newline="")

    problems = Problems()
    root = read_yaml(tmp_path / "config.yaml", 1, problems)

    assert root is not None
    assert not problems
    assert plain(interpolate(root.branch("databases", "a"), Resolver({}, problems))) == value
    assert plain(root.branch("routing")) == rules


@REUSED
@given(value=st.dictionaries(TEXTS, VALUES, max_size=4))
def test_readers_of_yaml_1_1_read_the_same(value: dict[str, Any]) -> None:
    text = config_text([Entry("a", value)], {})

    assert yaml.safe_load(text) == {"databases": {"a": value}}


@REUSED
@given(value=TEXTS.filter(lambda text: "\0" not in text))
def test_a_line_of_dotenv_is_read_again_as_it_was(value: str, tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.reference("default", ["password"], value)
    (tmp_path / "config.yaml").touch()
    (tmp_path / ".env").write_text("\n".join([*secrets.lines(), "LAST='x'"]), encoding="utf-8", newline="")

    place = locate(tmp_path, None, {}, Problems())

    assert place.texts == {"DB_PASSWORD": value, "LAST": "x"}


def test_a_database_and_rules_are_written_with_their_comments() -> None:
    entry = Entry("blog_db", {"engine": "postgresql", "password": "${BLOG_DB_PASSWORD}", "apps": ["blog"]}, ["A note."])

    text = config_text([entry], {"legacy_*": "blog_db"}, ["Another\nnote."])

    assert text == (
        """\
# yaml-language-server: $schema=config.schema.json
# ${...} comes from the environment, or from a file .env beside this one.
databases:
  # A note.
  blog_db:
    engine: postgresql
    password: ${BLOG_DB_PASSWORD}
    apps:
      - blog

# Another note.
routing:
  'legacy_*': blog_db
"""
    )


# The starter


def test_the_starter_loads(tmp_path: Path) -> None:
    files = write_starter(tmp_path)

    config = load(tmp_path, environ={})

    assert files == [tmp_path / "config.yaml", tmp_path / "config.schema.json"]
    assert config.databases["default"].name == str(tmp_path / "db.sqlite3")
    assert config.databases["blog_db"].name == str(tmp_path / "blog.sqlite3")
    assert config.routing == {"blog": "blog_db"}


def test_the_starters_other_lines_load_too(tmp_path: Path) -> None:
    text = STARTER.replace("    url: sqlite:///blog.sqlite3\n", "").replace("# url:", "url:").replace("# conn", "conn")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")

    config = load(tmp_path, environ={"BLOG_DB_PASSWORD": "p@ss"})

    assert config.database.url_blog == "postgresql://blog:p%40ss@localhost:5432/blog"
    assert config.databases["blog_db"].conn_max_age == 600


def test_the_starter_is_what_its_schema_accepts(tmp_path: Path) -> None:
    write_starter(tmp_path)

    root = read_yaml(tmp_path / "config.yaml", 1, Problems())

    assert root is not None
    assert Draft202012Validator(json_schema(Schema())).is_valid(plain(root))
    assert (
        (tmp_path / "config.yaml")
        .read_text(encoding="utf-8")
        .startswith("# yaml-language-server: $schema=config.schema.json\n")
    )


def test_nothing_is_written_where_one_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "config.schema.json").symlink_to("nowhere")

    with pytest.raises(ConfigError) as caught:
        write_starter(tmp_path)

    assert str(caught.value) == "config.schema.json  is there already; add --force to overwrite it"
    assert not (tmp_path / "config.yaml").exists()


def test_force_overwrites(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("old")

    write_starter(tmp_path, force=True)

    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == STARTER


@pytest.mark.parametrize("force", [False, True])
def test_nothing_is_left_behind_where_one_file_cannot_be_written(tmp_path: Path, force: bool) -> None:
    first, second = tmp_path / "config.yaml", tmp_path / "no" / "config.schema.json"
    if force:
        first.write_text("old", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        write_files({first: "new", second: "new"}, force=force)

    assert str(caught.value) == (
        f"{second}  cannot be written: no such file or directory; check the folder and its permissions"
    )
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == ([(first.name, "old")] if force else [])


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        write_files({tmp_path / "no" / "config.yaml": ""})

    assert str(caught.value) == (
        f"{tmp_path}/no/config.yaml  cannot be written: no such file or directory; check the folder and its permissions"
    )


# DATABASES


class Level(enum.IntEnum):
    HIGH = 4


def adopted(folder: Path, entry: Mapping[str, Any], alias: str = "default") -> tuple[Entry, Adoption]:
    adoption = Adoption(folder, Secrets())
    return adoption.entries({alias: entry})[0], adoption


POSTGRES = {"ENGINE": "django.db.backends.postgresql", "NAME": "a"}


def test_what_django_fills_in_is_left_out(tmp_path: Path) -> None:
    defaults = {"ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
    empty = {"OPTIONS": {}, "TIME_ZONE": None, "USER": "", "PASSWORD": "", "HOST": "", "PORT": ""}
    test = {"CHARSET": None, "COLLATION": None, "MIGRATE": True, "MIRROR": None, "NAME": None}

    entry, adoption = adopted(tmp_path, {**POSTGRES, **defaults, **empty, "TEST": test})

    assert entry == Entry("default", {"engine": "django.db.backends.postgresql", "name": "a"}, [])
    assert (adoption.kept, adoption.secrets.values) == ([], {})


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"pool": True}, {"pool": True}),
        ({"pool": {"max_size": 8}}, {"pool": {"max_size": 8}}),
        ({"pool": {}}, {"options": {"pool": {}}}),
        ({"pool": {"max_size": 8, "name": "x"}}, {"options": {"pool": {"max_size": 8, "name": "x"}}}),
        ({"pool": False, "a": "${B}"}, {"options": {"pool": False, "a": "$${B}"}}),
        ({"isolation_level": Level.HIGH}, {"options": {"isolation_level": 4}}),
        ({"token": ""}, {"options": {"token": ""}}),
        ({"token": "x"}, {"options": {"token": "${DB_TOKEN}"}}),
        ({"ssl": {"key": "/k"}}, {"options": {"ssl": {"key": "${DB_SSL_KEY}"}}}),
        ({"via": "amqp://u:p@h"}, {"options": {"via": "${DB_VIA}"}}),
    ],
)
def test_options_are_said_as_the_file_can(options: dict[str, Any], fields: dict[str, Any], tmp_path: Path) -> None:
    entry, adoption = adopted(tmp_path, {**POSTGRES, "OPTIONS": options})

    assert {key: value for key, value in entry.fields.items() if key not in {"engine", "name"}} == fields
    assert adoption.kept == []


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ({"OPTIONS": {"a": (1, 2)}}, "DATABASES['default']['OPTIONS']['a']"),
        ({"OPTIONS": {"a": [b""]}}, "DATABASES['default']['OPTIONS']['a']"),
        ({"OPTIONS": {"a": {"b": print}}}, "DATABASES['default']['OPTIONS']['a']['b']"),
        ({"OPTIONS": {"a": "\udcff"}}, "DATABASES['default']['OPTIONS']['a']"),
        ({"CONN_MAX_AGE": 0.5}, "DATABASES['default']['CONN_MAX_AGE']"),
        ({"PASSWORD": object}, "DATABASES['default']['PASSWORD']"),
        ({"SCHEMA": "x"}, "DATABASES['default']['SCHEMA']"),
        ({"TEST": {"CREATE_DB": False}}, "DATABASES['default']['TEST']['CREATE_DB']"),
        ({"TEST": {"MIGRATE": 0}}, "DATABASES['default']['TEST']['MIGRATE']"),
    ],
)
def test_what_cannot_be_said_is_named(entry: dict[str, Any], kept: str, tmp_path: Path) -> None:
    found, adoption = adopted(tmp_path, {**POSTGRES, **entry})

    assert found.fields == {"engine": "django.db.backends.postgresql", "name": "a"}
    assert (adoption.kept, found.comments) == ([kept], [f"What stays in settings.py: {kept}"])


@pytest.mark.parametrize(
    ("alias", "variable"),
    [
        ("default", "DB_PASSWORD"),
        ("blog-db", "BLOG_DB_PASSWORD"),
        ("1st", "DB_1ST_PASSWORD"),
        ("django", "DB_DJANGO_PASSWORD"),
        ("dbroute", "DB_DBROUTE_PASSWORD"),
        ("größe", "GR__E_PASSWORD"),
    ],
)
def test_a_password_gets_a_variable_of_its_own(alias: str, variable: str, tmp_path: Path) -> None:
    entry, adoption = adopted(tmp_path, {**POSTGRES, "PASSWORD": "x"}, alias)

    assert entry.fields["password"] == f"${{{variable}}}"
    assert adoption.secrets.values == {variable: "x"}
    assert adoption.secrets.masked() == [f"{variable}=***"]


def test_two_aliases_never_share_a_variable_unless_the_secret_is_one() -> None:
    secrets = Secrets({"A_B_PASSWORD": "first"})

    names = [secrets.reference(alias, ["password"], text) for alias, text in [("a-b", "x"), ("a.b", "y"), ("a b", "x")]]

    assert names == ["${A_B_PASSWORD_2}", "${A_B_PASSWORD_3}", "${A_B_PASSWORD_2}"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("{folder}/db/a.sqlite3", "db/a.sqlite3"),
        ("{folder}/../a.sqlite3", "../a.sqlite3"),
        ("/elsewhere/a.sqlite3", "/elsewhere/a.sqlite3"),
        (":memory:", ":memory:"),
        ("file:a?mode=ro", "file:a?mode=ro"),
    ],
)
def test_sqlite_files_are_named_from_the_folder(name: str, written: str, tmp_path: Path) -> None:
    entry, _ = adopted(tmp_path, {"ENGINE": "django.db.backends.sqlite3", "NAME": name.format(folder=tmp_path)})

    assert entry.fields["name"] == written


def test_a_relative_sqlite_file_stays_the_one_that_django_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")

    entry, _ = adopted(tmp_path, {"ENGINE": "django.db.backends.sqlite3", "NAME": "a.sqlite3"})

    assert entry.fields["name"] == "src/a.sqlite3"


def test_a_replica_says_what_differs_from_its_primary(tmp_path: Path) -> None:
    primary = {**POSTGRES, "HOST": "p", "USER": "app", "PASSWORD": "x", "CONN_MAX_AGE": 60, "OPTIONS": {"a": 1, "b": 2}}
    first = {**primary, "HOST": "r", "DBROUTE": {"replica_of": "default", "weight": 3}}
    second = {**POSTGRES, "CONN_MAX_AGE": None, "OPTIONS": {"a": 1}, "DBROUTE": {"replica_of": "default"}}

    entries = Adoption(tmp_path, Secrets()).entries(
        {"default": primary, "default_replica_2": second, "default_replica_1": first}
    )

    assert [entry.alias for entry in entries] == ["default"]
    assert entries[0].fields["replicas"] == [
        {"host": "r", "weight": 3},
        {"conn_max_age": None, "options": {"a": 1}, "user": None, "password": None, "host": None},
    ]
    assert entries[0].comments == ["The replica 'default_replica_2' has these options of its primary from now on: b"]


def test_a_replica_that_changes_its_alias_is_named(tmp_path: Path) -> None:
    entries = Adoption(tmp_path, Secrets()).entries(
        {"default": POSTGRES, "reader": {**POSTGRES, "HOST": "r", "DBROUTE": {"replica_of": "default"}}}
    )

    assert entries[0].comments == ["The replica 'reader' is 'default_replica_1' from now on."]


@pytest.mark.parametrize("word", ["y", "N", "yes", "Off", "none", "~", "1e5", "0o17", "12:30"])
def test_words_that_some_reader_takes_for_something_else_are_quoted(word: str) -> None:
    text = config_text([Entry(word, {"name": word})], {word: word})

    assert text.splitlines()[3:] == [f"  '{word}':", f"    name: '{word}'", "", "routing:", f"  '{word}': '{word}'"]
