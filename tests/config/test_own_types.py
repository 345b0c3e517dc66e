"""The types of leaves that sections of one's own may have."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import attrs
import pytest

from dbroute import ConfigError, DjangoConfig, Secret, Size, Url

NOTHING = Size(0)


@attrs.frozen
class Uploads:
    limit: Size = NOTHING
    target: Url | None = None
    folder: Path | None = None


class Project(DjangoConfig):
    databases = {"default": "sqlite:///x.sqlite3"}
    uploads: Uploads


def uploads(folder: Path, text: str, **environ: str) -> Any:
    (folder / "config.yaml").write_text(text)
    return Project().load(folder, environ=environ).uploads


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [("512", 512), ("10MB", 10_000_000), ("512KiB", 524_288), ("1 GiB", 2**30), ("3kB", 3000), ("7B", 7)],
)
def test_sizes_are_bytes(tmp_path: Path, written: str, bytes_: int) -> None:
    from_file = uploads(tmp_path, f"uploads: {{limit: {written}}}\n")
    from_variable = uploads(tmp_path, "django: {DEBUG: true}\n", DBROUTE_UPLOADS__LIMIT=written)

    assert (from_file.limit, from_variable.limit) == (bytes_, bytes_)
    assert type(from_file.limit) is Size


def test_a_url_has_a_scheme_and_a_host(tmp_path: Path) -> None:
    assert uploads(tmp_path, "uploads: {target: 'https://example.com/in'}\n").target == Url("https://example.com/in")


def test_what_is_neither_is_told_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        uploads(tmp_path, "uploads: {limit: 10XB, target: example.com, folder: 5}\n")

    assert [str(problem).partition("  ")[2] for problem in caught.value.problems] == [
        "uploads.limit: expected a size such as 10MB or 512KiB, got '10XB'; write 10MB or 512KiB",
        "uploads.target: expected a URL or null, got 'example.com'; write it as https://host/path",
        "uploads.folder: expected a path or null, got 5; write a path, in quotes if it is a number",
    ]


def test_a_section_cannot_have_a_name_of_the_tree(tmp_path: Path) -> None:
    class Clash(DjangoConfig):
        databases = {"default": "sqlite:///x.sqlite3"}
        layers: Uploads

    with pytest.raises(ConfigError) as caught:
        Clash().load(tmp_path, environ={})

    assert "layers: is a name that the tree has already; rename the section" in str(caught.value)


# Texts of a secret origin


@attrs.frozen
class Service:
    name: str = ""
    url: Url | None = None
    secret: Secret = attrs.field(factory=lambda: Secret(""))
    tags: list[str] = attrs.field(factory=list)
    labels: dict[str, str] = attrs.field(factory=dict)
    api_key: str = ""


class WithService(DjangoConfig):
    databases = {"default": "sqlite:///x.sqlite3"}
    service: Service


def test_texts_of_a_secret_origin_print_as_stars_and_are_texts(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "service: {name: '${V}', url: 'https://${V}@h', secret: '${V}', tags: ['${V}'], labels: {a: 'x${V}'},\n"
        "  api_key: k1}\n"
    )

    service: Any = WithService().load(tmp_path, environ={"V": "hunter2"}).service

    assert repr(service) == ("Service(name=***, url=***, secret=***, tags=[***], labels={'a': ***}, api_key=***)")
    assert service == Service(
        "hunter2", Url("https://hunter2@h"), Secret("hunter2"), ["hunter2"], {"a": "xhunter2"}, "k1"
    )
    assert f"{service.name} {service.url}" == "hunter2 https://hunter2@h"
    assert isinstance(service.url, Url)
    assert json.dumps(service.name) == '"hunter2"'


def test_text_of_a_secret_file_prints_as_stars_and_survives_pickle_and_copy(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("hunter2\n")
    environ = {"DBROUTE_SERVICE__NAME_FILE": str(tmp_path / "name"), "DBROUTE_SERVICE__TAGS": "plain"}

    service: Any = WithService().load(tmp_path, environ=environ).service

    copies = [pickle.loads(pickle.dumps(service.name)), copy.deepcopy(service.name)]
    assert (copies, repr(copies), service.tags) == (["hunter2", "hunter2"], "[***, ***]", ["plain"])


def test_urls_with_a_password_print_as_stars_and_are_texts(tmp_path: Path) -> None:
    url = "https://u:hunter2@h"
    (tmp_path / "config.yaml").write_text(
        f"service: {{name: '{url}', url: '{url}', tags: ['{url}'], labels: {{a: '{url}'}}}}\n"
    )

    service: Any = WithService().load(tmp_path, environ={}).service

    assert "hunter2" not in repr(service)
    assert (service.name, service.url, service.tags, service.labels) == (url, Url(url), [url], {"a": url})


def test_texts_without_a_secret_are_plain(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("service: {name: shop, url: 'https://h', tags: [a]}\n")

    service: Any = WithService().load(tmp_path, environ={}).service

    assert [type(value) for value in (service.name, service.url, *service.tags)] == [str, Url, str]


# What may be anything


@attrs.frozen
class Loose:
    x: Any = None


class WithLoose(DjangoConfig):
    databases = {"default": "sqlite:///x.sqlite3"}
    loose: Loose


@pytest.mark.parametrize(
    ("written", "variable", "expected"),
    [
        ("false", "true", True),
        ("true", "false", False),
        ("5", "7", 7),
        ("a", "7", "7"),
        ("[1, 2]", "[3, 4]", [3, 4]),
        ("{a: 1}", '{"b": 2}', {"a": 1, "b": 2}),
    ],
)
def test_a_variable_for_anything_is_typed_by_the_layer_below(
    written: str, variable: str, expected: object, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(f"loose: {{x: {written}}}\n")

    loose: Any = WithLoose().load(tmp_path, environ={"DBROUTE_LOOSE__X": variable}).loose

    assert (type(loose.x), loose.x) == (type(expected), expected)


def test_a_variable_that_is_none_of_what_is_below_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("loose: {x: false}\n")

    with pytest.raises(ConfigError, match=r"DBROUTE_LOOSE__X  loose\.x: expected true or false, got 'hello'"):
        WithLoose().load(tmp_path, environ={"DBROUTE_LOOSE__X": "hello"})


# What is told of a section


@attrs.frozen
class Gateway:
    host: str
    key: Secret | None = None
    weight: int = attrs.field(default=1, validator=attrs.validators.lt(10))

    def __attrs_post_init__(self) -> None:
        if self.weight == 7:
            raise ValueError(f"7 is refused for {self.host}")


@attrs.frozen
class Gateways:
    gateways: list[Gateway] = attrs.field(factory=list)


class WithGateways(DjangoConfig):
    databases = {"default": "sqlite:///x.sqlite3"}
    api: Gateways


@pytest.mark.parametrize(
    ("gateway", "message"),
    [
        ("{hst: a}", "api.gateways[0].hst: unknown key; did you mean 'host'?"),
        (
            "{host: a, key: hush, weight: 12}",
            "api.gateways[0].weight: is refused: 'weight' must be < 10: 12; correct it",
        ),
        ("{host: a, key: hush, weight: 7}", "api.gateways[0]: is refused by Gateway; correct it"),
        ("{host: a, weight: 7}", "api.gateways[0]: is refused: 7 is refused for a; correct it"),
        ("{key: hush}", "api.gateways[0].host: is missing; add it"),
    ],
)
def test_one_line_says_what_can_be_said_of_a_section(gateway: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(f"api: {{gateways: [{gateway}]}}\n")

    with pytest.raises(ConfigError) as caught:
        WithGateways().load(tmp_path, environ={})

    assert [str(problem).partition("  ")[2] for problem in caught.value.problems] == [message]


def shouts(instance: Any, attribute: Any, value: Any) -> None:
    raise ValueError(f"'{attribute.name}' of {instance.password.upper()}")


@attrs.frozen
class Loud:
    password: str
    api_key: str = attrs.field(default="", validator=attrs.validators.optional(lambda *args: args[2] and shouts(*args)))
    port: int = attrs.field(default=1, validator=[attrs.validators.ge(0), lambda *args: args[2] > 1 and shouts(*args)])
    whole: bool = False

    def __attrs_post_init__(self) -> None:
        if self.whole:
            raise ValueError(f"'whole' of {self.password.upper()}")


@pytest.mark.parametrize(
    "field", ["api_key: other", "port: 2", "whole: true", "password: hunter2, port: 3, whole: true"]
)
def test_validators_of_ones_own_tell_nothing_where_a_secret_is_about(field: str, tmp_path: Path) -> None:
    class WithLoud(DjangoConfig):
        databases = {"default": "sqlite:///x.sqlite3"}
        loud: Loud

    (tmp_path / "config.yaml").write_text(f"loud: {{password: hunter2, {field}}}\n")

    with pytest.raises(ConfigError) as caught:
        WithLoud().load(tmp_path, environ={})

    assert "hunter2" not in str(caught.value).lower()
    assert "is refused by Loud" in str(caught.value)


def test_a_missing_leaf_of_variables_names_them(tmp_path: Path) -> None:
    class WithGateway(DjangoConfig):
        databases = {"default": "sqlite:///x.sqlite3"}
        gateway: Gateway

    with pytest.raises(ConfigError) as caught:
        WithGateway().load(tmp_path, environ={"DBROUTE_GATEWAY__WEIGHT": "3"})

    assert str(caught.value) == "DBROUTE_GATEWAY__WEIGHT  gateway.host: is missing; add it"


def test_a_secret_of_a_secret_is_the_secret() -> None:
    assert Secret(Secret("hush")).reveal() == "hush"
    assert Secret(Secret("hush")) == Secret("hush")


@pytest.mark.parametrize("kind", [tuple[int, str], tuple[int]])
def test_tuples_with_a_type_for_each_position_are_refused(kind: Any, tmp_path: Path) -> None:
    pair = attrs.make_class("Pair", {"pair": attrs.field(type=kind)})
    declared = type(
        "WithPair", (DjangoConfig,), {"databases": {"default": "sqlite:///x"}, "__annotations__": {"api": pair}}
    )

    with pytest.raises(ConfigError, match=r"api\.pair: the type tuple\[.*\] is not supported"):
        declared().load(tmp_path, environ={})


def test_a_router_of_ours_that_does_not_exist_is_told(tmp_path: Path) -> None:
    class Misspelt(DjangoConfig):
        databases = {"default": "sqlite:///x.sqlite3"}
        database_routers = ["other.Router", "dbroute.routing.routers.AppDatabaseRoute"]

    with pytest.raises(ConfigError) as caught:
        Misspelt().load(tmp_path, environ={})

    assert str(caught.value).partition("  ")[2] == (
        "database_routers[1]: there is no router 'dbroute.routing.routers.AppDatabaseRoute'; "
        "did you mean 'dbroute.routing.routers.AppDatabaseRouter'?"
    )
