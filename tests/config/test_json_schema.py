"""The JSON Schema says what the loader does."""

import datetime
import enum
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dbroute import ConfigError, DjangoConfig, Secret
from dbroute.config import load
from dbroute.config.annotations import fields_of
from dbroute.config.declared import own_sections
from dbroute.config.json_schema import declared_schema, json_schema, schema_text
from dbroute.config.nodes import plain
from dbroute.config.problems import Problems
from dbroute.config.scalars import seconds
from dbroute.config.schema import Schema
from dbroute.config.yaml import read_yaml
from dbroute.models import DatabaseConfig
from tests.config.loading import DEFAULT, view, write
from tests.examples import EXAMPLES


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Retry:
    """
    How often something is tried.

    Attributes:
        times: How often.
        pause: Time between two attempts.
    """

    times: int
    pause: datetime.timedelta = datetime.timedelta(seconds=1)


@attrs.frozen
class Shop:
    """
    The shop.

    Attributes:
        name: Its name, as
            ``customers`` see it.
        retry: See :class:`Retry`.
    """

    name: str = "shop"
    ratio: float = 1.0
    size: Literal["small", "large"] = "small"
    colour: Colour | None = None
    token: Secret | None = None
    logo: Path | None = None
    tags: Sequence[str] = ()
    shelves: frozenset[int] = frozenset()
    limits: Mapping[str, int] = attrs.field(factory=dict)
    anything: Any = None
    retry: Retry | None = None
    more: Sequence[Retry] = ()


@attrs.frozen
class Tree:
    below: "Sequence[Tree]" = ()


class ShopConfig(DjangoConfig):
    shop: Shop
    backup: Shop | None = None


def validator(schema: Schema) -> Draft202012Validator:
    return Draft202012Validator(json_schema(schema))


def accepted(schema: Draft202012Validator, file: Path) -> bool:
    """Tell whether a schema accepts a file, read as dbroute reads YAML."""
    root = read_yaml(file, 1, Problems())
    assert root is not None
    return schema.is_valid(plain(root))


def loaded(folder: Path, **kwargs: Any) -> bool:
    try:
        load(
            folder,
            environ={"URL": "sqlite:///a.sqlite3", "NUMBER": "5", "YES": "true", "ONES": "1,2", "MAPPING": '{"a": 1}'},
            **kwargs,
        )
    except ConfigError:
        return False
    return True


# Values of any shape; whole floats are left out, since JSON knows no difference between 1 and 1.0.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 700),
    st.sampled_from([0.5, -1.25]),
    st.sampled_from(["", "a", "red", "small", "10m", "5", "true", "${NUMBER}", "$${NUMBER}", "sqlite:///a.sqlite3"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["a", "times", "pause", "name", "NAME", "dynaconf_x", "url"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


def below(field: str) -> str:
    return f"databases: {{default: {{url: 'sqlite:///a.sqlite3', {field}}}}}"


# What the loader and the schema both accept, and what both refuse, by its shape.
GOOD = [
    DEFAULT,
    "database: {url: 'sqlite:///a.sqlite3'}",
    "database: {url: 'sqlite:///a.sqlite3', url_blog: 'sqlite:///b.sqlite3'}",
    "database: {url: '${URL}'}",
    "database: {url: ' ${OTHER:-sqlite:///a.sqlite3} '}",
    "databases: {default: '${URL}'}",
    "databases: {default: {ENGINE: django.db.backends.sqlite3, NAME: a.sqlite3, TEST: {NAME: b.sqlite3}}}",
    "databases: {default: {engine: postgresql, name: 12, user: 1, password: 123456, host: db, port: '5432'}}",
    "databases: {default: {engine: postgresql, name: a, port: 5432, conn_max_age: null, time_zone: Europe/Berlin}}",
    "databases: {default: {url: 'postgresql://h/a', pool: true}}",
    "databases: {default: {url: 'postgresql://h/a', pool: {min_size: 0, max_size: 8, timeout: 1.5}}}",
    "databases: {default: {url: 'postgresql://h/a', replicas: ['postgresql://r/a', {host: s, weight: 2}]}}",
    "databases: {default: {url: 'postgresql://h/a', replicas: [{HOST: r}], migrate_url: 'postgresql://o@h/a'}}",
    below("conn_max_age: 600"),
    below("conn_max_age: 10m"),
    below("conn_max_age: 1h30m"),
    below("conn_max_age: '60'"),
    below("conn_max_age: '${NUMBER}'"),
    below("conn_health_checks: '${YES}'"),
    below("atomic_requests: true, autocommit: false, disable_server_side_cursors: true"),
    below("options: {timeout: 20, init_command: 'PRAGMA a=b; PRAGMA c=d', more: {a: [1, {b: null}]}}"),
    below("apps: [blog, shop.Order, 'legacy_*']"),
    below("apps: '${ONES}'"),
    below("readonly: true, migrate: false"),
    below("test: {name: t.sqlite3, migrate: false, dependencies: []}"),
    "databases: {default: 'sqlite:///a.sqlite3', b: {url: 'sqlite:///b.sqlite3', test: {mirror: default}}}",
    f"{DEFAULT}routing: {{blog: default, 'shop.Order': default, '*': default}}",
    f"{DEFAULT}routing: {{}}",
    f"{DEFAULT}django: {{DEBUG: true, ALLOWED_HOSTS: [a, b], TIME_ZONE: UTC, EMAIL_PORT: null}}",
    f"{DEFAULT}django: {{DEBUG: '${{YES}}', EMAIL_PORT: '${{NUMBER}}', ALLOWED_HOSTS: '${{ONES}}'}}",
    f"{DEFAULT}django: {{MY_THING: {{a: [1]}}, EMAIL_TIMEOUT: 1.5, SESSION_COOKIE_SAMESITE: false}}",
    f"{DEFAULT}django: {{LOGGING: {{version: 1}}}}",
]

BAD = [
    "databases: null",
    "databases: []",
    "database: 'sqlite:///a.sqlite3'",
    "database: {urls: 'sqlite:///a.sqlite3'}",
    "database: {url: 'sqlite:///a.sqlite3', url_: 'sqlite:///b.sqlite3'}",
    "database: {url: 5}",
    "database: {url: a.sqlite3}",
    "databases: {default: null}",
    "databases: {default: 5}",
    "databases: {default: ['sqlite:///a.sqlite3']}",
    "databases: {default: ''}",
    "databases: {default: {Engine: sqlite, name: a}}",
    "databases: {default: {url: 'postgresql://h/a', pool: {max: 8}}}",
    "databases: {default: {url: 'postgresql://h/a', pool: {max_size: many}}}",
    "databases: {default: {url: 'postgresql://h/a', pool: 8}}",
    "databases: {default: {url: 'postgresql://h/a', replicas: 'postgresql://r/a'}}",
    "databases: {default: {url: 'postgresql://h/a', replicas: [5]}}",
    "databases: {default: {url: 'postgresql://h/a', replicas: [{url: 'postgresql://r/a', weigth: 2}]}}",
    "databases: {default: {url: 'postgresql://h/a', replicas: [{url: 'postgresql://r/a', replicas: []}]}}",
    "databases: {default: {url: 'postgresql://h/a', replicas: [{url: 'postgresql://r/a', weight: heavy}]}}",
    "databases: {default: {url: 'postgresql://h/a', migrate_url: {url: 'postgresql://o@h/a'}}}",
    "databases: {default: {url: 'postgresql://h/a', host: [a, b]}}",
    "databases: {default: {url: 'postgresql://h/a', port: 5.5}}",
    below("conn_max_agee: 1"),
    below("conn_max_age: -1"),
    below("conn_max_age: 10 minutes"),
    below("conn_max_age: 1.5"),
    below("conn_max_age: true"),
    below("conn_max_age: '$${NUMBER}'"),
    below("conn_health_checks: on"),
    below("readonly: 1"),
    below("readonly: 'true'"),
    below("options: null"),
    below("options: [a]"),
    below("options: {a: {dynaconf_merge: true}}"),
    below("apps: blog"),
    below("apps: [[blog]]"),
    below("test: null"),
    below("test: {nmae: a}"),
    below("test: {dependencies: default}"),
    below("DBROUTE: {readonly: true}"),
    f"{DEFAULT}routing: [blog]",
    f"{DEFAULT}routing: {{blog: true}}",
    f"{DEFAULT}routing: {{blog: [default]}}",
    f"{DEFAULT}routing: {{'': default}}",
    f"{DEFAULT}django: {{debug: true}}",
    f"{DEFAULT}django: {{DEBUG: 'true'}}",
    f"{DEFAULT}django: {{EMAIL_PORT: twenty}}",
    f"{DEFAULT}django: {{ALLOWED_HOSTS: example.com}}",
    f"{DEFAULT}django: {{DATABASES: {{}}}}",
    f"{DEFAULT}django: {{LOGGING: [1]}}",
    f"{DEFAULT}django: {{SESSION_COOKIE_SAMESITE: 5.5}}",
    f"{DEFAULT}databse: {{}}",
    f"{DEFAULT}dynaconf_merge: true",
]


PLAIN = validator(Schema())
SETTINGS = validator(Schema(known=view().known))
SHOP = validator(Schema(own_sections(ShopConfig())))

GOOD_SECTIONS = [
    "shop: {}",
    "shop: {name: 12, ratio: 2, size: large, colour: red, token: 5, logo: a/b.png, tags: [a, 5], shelves: [1, 2]}",
    "shop: {limits: {a: 1}, anything: [{a: null}], retry: {times: 3}, more: [{times: 1, pause: 30s}]}",
    "shop: {colour: null, token: null, retry: null}",
    "shop: {ratio: '${NUMBER}', shelves: '${ONES}', limits: '${MAPPING}', retry: {times: '${NUMBER}', pause: 60}}",
    "backup: null",
    "backup: {retry: {times: 0, pause: 1h30m}}",
]

BAD_SECTIONS = [
    "shop: null",
    "shop: [a]",
    "shop: {nam: a}",
    "shop: {name: null}",
    "shop: {name: true}",
    "shop: {ratio: '2'}",
    "shop: {size: medium}",
    "shop: {colour: RED}",
    "shop: {logo: 5}",
    "shop: {tags: a}",
    "shop: {shelves: [a]}",
    "shop: {limits: {a: b}}",
    "shop: {limits: [1]}",
    "shop: {anything: {Dynaconf_merge: 1}}",
    "shop: {retry: {times: 1, pauses: 2}}",
    "shop: {retry: {times: 1, pause: soon}}",
    "shop: {retry: {times: 1, pause: -1}}",
    "shop: {more: {times: 1}}",
    "shop: {more: [{times: 1.5}]}",
    "shops: {}",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_the_loader_accepts_is_accepted(text: str, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": text})

    both = loaded(tmp_path, settings=view()), accepted(SETTINGS, tmp_path / "config.yaml")

    assert both == (True, True)


@pytest.mark.parametrize("text", BAD)
def test_what_the_loader_refuses_for_its_shape_is_refused(text: str, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": text})

    both = loaded(tmp_path, settings=view()), accepted(SETTINGS, tmp_path / "config.yaml")

    assert both == (False, False)


@pytest.mark.parametrize(
    ("text", "good"), [*((text, True) for text in GOOD_SECTIONS), *((text, False) for text in BAD_SECTIONS)]
)
def test_own_sections_are_accepted_and_refused_like_the_loader_does(text: str, good: bool, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": f"{DEFAULT}{text}"})

    both = loaded(tmp_path, declared=ShopConfig()), accepted(SHOP, tmp_path / "config.yaml")

    assert both == (good, good)


def test_a_layer_need_not_say_what_another_one_may(tmp_path: Path) -> None:
    write(tmp_path, {"config.prod.yaml": "databases: {blog_db: {host: db}}\nshop: {retry: {pause: 1m}}"})

    assert accepted(SHOP, tmp_path / "config.prod.yaml")


@pytest.mark.parametrize(
    "file", sorted(EXAMPLES.glob("*/config*.yaml")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_the_files_of_the_examples_are_accepted(file: Path) -> None:
    assert accepted(PLAIN, file)


@pytest.mark.parametrize("field", [*fields_of(DatabaseConfig), "weight"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_field_that_loads_is_accepted(field: str, data: st.DataObject, tmp_path: Path) -> None:
    value = data.draw(VALUES)
    entry: Any = {"url": "postgresql://h/a", field: value}
    if field == "weight":
        entry = {"url": "postgresql://h/a", "replicas": [{"url": "postgresql://r/a", "weight": value}]}
    (tmp_path / "config.yaml").write_text(json.dumps({"databases": {"default": entry}}), encoding="utf-8")

    assert accepted(PLAIN, tmp_path / "config.yaml") or not loaded(tmp_path)


@pytest.mark.parametrize("field", sorted({*fields_of(Shop)} - {"retry", "more"}))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES.filter(lambda value: "${" not in json.dumps(value)))
def test_a_field_of_an_own_section_is_accepted_exactly_if_it_loads(field: str, value: Any, tmp_path: Path) -> None:
    text = json.dumps({"databases": {"default": "sqlite:///a.sqlite3"}, "shop": {field: value}})
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")

    assert accepted(SHOP, tmp_path / "config.yaml") == loaded(tmp_path, declared=ShopConfig())


def test_it_is_a_valid_schema_of_its_dialect() -> None:
    written = json_schema(Schema(own_sections(ShopConfig()), view().known))

    Draft202012Validator.check_schema(written)

    assert written["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (written["$id"], written["title"]) == ("urn:dbroute:config", "dbroute configuration")


def test_every_section_and_every_field_of_a_database_has_a_description() -> None:
    written = json_schema(Schema())

    fields = {
        name: field
        for cls in ("DatabaseConfig", "DatabaseTestConfig", "PoolConfig", "ReplicaConfig")
        for name, field in written["$defs"][cls]["properties"].items()
    }

    assert [name for name, field in {**written["properties"], **fields}.items() if "description" not in field] == []


def test_descriptions_are_those_of_the_docstrings() -> None:
    shop = json_schema(Schema({"shop": Shop}))["$defs"]["Shop"]

    assert shop["description"] == "The shop."
    assert shop["properties"]["name"] == {
        "description": "Its name, as `customers` see it.",
        "type": ["string", "integer"],
        "default": "shop",
    }
    assert shop["properties"]["retry"]["description"] == "See `Retry`."


def test_defaults_with_a_secret_name_are_left_out() -> None:
    @attrs.frozen
    class Mail:
        host: str = "localhost"
        password: str = "hunter2"

    text = schema_text(Schema({"mail": Mail}))

    assert "localhost" in text
    assert "hunter2" not in text


def test_values_of_settings_are_left_out() -> None:
    text = schema_text(Schema(known={"SECRET_KEY": "hunter2", "MY_HOST": "internal.example.com"}))

    assert '"MY_HOST"' in text
    assert "hunter2" not in text
    assert "internal.example.com" not in text


def test_two_classes_of_one_name_keep_their_own_definitions() -> None:
    @attrs.frozen
    class Retry:
        again: bool = True

    definitions = json_schema(Schema({"shop": Shop, "other": Retry}))["$defs"]

    names = [name for name in definitions if name.endswith("Retry")]
    assert [set(definitions[name]["properties"]) for name in names] == [{"times", "pause"}, {"again"}]


def test_a_class_may_hold_itself() -> None:
    definition = json_schema(Schema({"tree": Tree}))["$defs"]["Tree"]

    items = definition["properties"]["below"]["anyOf"][0]["items"]
    assert items["anyOf"][0] == {"$ref": "#/$defs/Tree"}


def test_an_annotation_that_nobody_knows_accepts_anything() -> None:
    @attrs.frozen
    class Odd:
        pattern: re.Pattern[str] | None = None

    definition = json_schema(Schema({"odd": Odd}))["$defs"]["Odd"]

    assert definition["properties"]["pattern"] == {"$ref": "#/$defs/any"}


@pytest.mark.parametrize("text", ["0", "600", "10m", "1h30m", " 5s ", "2w", "", "m", "5 m", "10x", "-1", "1.5h", "5M"])
def test_durations_are_those_of_the_loader(text: str) -> None:
    pattern = json_schema(Schema())["$defs"]["duration"]["pattern"]

    assert bool(re.search(pattern, text)) == (seconds(text.strip()) is not None)


def test_a_class_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "declared_shop.py").write_text(
        "import attrs\nfrom dbroute import DjangoConfig\n\n"
        "@attrs.frozen\nclass Shop:\n    name: str = ''\n\n"
        "class MyConfig(DjangoConfig):\n    shop: Shop\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])

    schema = declared_schema("declared_shop:MyConfig")

    assert list(schema.sections) == ["database", "databases", "routing", "django", "shop"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("json", "--config  'json' names no class; write module:Class"),
        ("json:dumps", "--config  'json:dumps' is no subclass of DjangoConfig; name the class itself"),
        (
            "no_such:Class",
            "--config  'no_such' cannot be imported: No module named 'no_such'; run it in the project's folder",
        ),
    ],
)
def test_a_name_that_leads_to_no_class_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        declared_schema(name)

    assert str(caught.value) == message
