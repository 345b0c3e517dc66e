"""What the code declares: a DjangoConfig subclass with sections of its own, and what settings.py had."""

import datetime
import enum
import ssl
import uuid
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from dbroute import DatabaseConfig, DjangoConfig, ReplicaConfig, Secret
from dbroute.config import load
from dbroute.models import reveal
from tests.config.loading import DEFAULT, config, error, view, write


class Speed(enum.Enum):
    SLOW = "slow"
    FAST = "fast"


@attrs.frozen(kw_only=True)
class Retry:
    attempts: int = attrs.field(default=3, validator=attrs.validators.ge(1))
    pause: datetime.timedelta = datetime.timedelta(seconds=1)


@attrs.frozen(kw_only=True)
class Payment:
    token: Secret | None = None
    live: bool = False
    ratio: float = 0.5
    speed: Speed = Speed.SLOW
    level: Literal["low", "high", 3] = "low"
    folder: Path | None = None
    hosts: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    limits: Mapping[str, int] = attrs.field(factory=dict)
    retry: Retry = attrs.field(factory=Retry)
    others: list[Retry] = attrs.field(factory=list)


@attrs.frozen(kw_only=True)
class Mail:
    server: str


class Project(DjangoConfig):
    databases = {"default": "sqlite:///default.sqlite3"}
    payment: Payment = Payment(ratio=0.25)
    mail: Mail | None = None


def payment(folder: Path, text: str, **environ: str) -> Payment:
    value = load(write(folder, {"config.yaml": text}), environ=environ, declared=Project()).payment
    assert isinstance(value, Payment)
    return value


# A class


def test_class_needs_no_file_and_its_paths_are_relative_to_the_folder(tmp_path: Path) -> None:
    loaded = load(tmp_path, environ={}, declared=Project())

    assert loaded.databases["default"].name == str(tmp_path / "default.sqlite3")
    assert (loaded.payment, loaded.mail) == (Payment(ratio=0.25), None)


def test_class_routers_rules_and_settings_arrive(tmp_path: Path) -> None:
    class Declared(DjangoConfig):
        databases = {
            "default": DatabaseConfig(url="sqlite:///d", replicas=[ReplicaConfig(url="sqlite:///r", weight=2)]),
            "blog": {"engine": "postgresql", "name": "b", "pool": {"min_size": 1}},
        }
        database_routers = ["site.routers.Special"]
        database_routing_rules = {"blog": "blog"}
        django = {"TUPLE": ("a", 1), "DEEP": {"x": [1]}}

    loaded = load(tmp_path, environ={}, declared=Declared())

    assert (loaded.routers, dict(loaded.routing)) == (("site.routers.Special",), {"blog": "blog"})
    assert loaded.replicas["default_replica_1"][1].weight == 2
    assert loaded.databases["blog"].pool.min_size == 1  # type: ignore[union-attr]


def test_class_is_named_where_it_is_wrong(tmp_path: Path) -> None:
    class Declared(DjangoConfig):
        databases = {"default": DatabaseConfig(engine="postgresq", name="x")}

    message = error(tmp_path, "{routing: {}}", declared=Declared())

    assert message == (
        "tests.config.test_declared.test_class_is_named_where_it_is_wrong.<locals>.Declared  "
        "databases.default.engine: unknown engine 'postgresq'; did you mean 'postgresql'?"
    )


@pytest.mark.parametrize(
    ("line", "field", "expected"),
    [
        ("token: 123", "token", Secret("123")),
        ("live: true", "live", True),
        ("ratio: 2", "ratio", 2.0),
        ("speed: fast", "speed", Speed.FAST),
        ("level: 3", "level", 3),
        ("folder: data", "folder", "{folder}/data"),
        ("hosts: [a, b]", "hosts", ("a", "b")),
        ("names: [a, a]", "names", frozenset("a")),
        ("limits: {a: 1}", "limits", {"a": 1}),
        ("retry: {attempts: 5}", "retry", Retry(attempts=5)),
        ("retry: {pause: 1h30m}", "retry", Retry(pause=datetime.timedelta(hours=1.5))),
        ("others: [{attempts: 1}, {}]", "others", [Retry(attempts=1), Retry()]),
    ],
)
def test_leaf_of_an_own_section(line: str, field: str, expected: object, tmp_path: Path) -> None:
    found = payment(tmp_path, f"payment: {{{line}}}")

    if isinstance(expected, str):
        expected = Path(expected.format(folder=tmp_path))
    assert (getattr(found, field), found.ratio) == (expected, 2.0 if field == "ratio" else 0.25)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("live: 5", "1:17  payment.live: expected true or false, got 5; write true or false"),
        ("liev: true", "1:11  payment.liev: unknown key; did you mean 'live'?"),
        ("speed: warp", "1:18  payment.speed: expected one of slow, fast, got 'warp'; write one of them"),
        ("level: 4", "1:18  payment.level: expected one of low, high, 3, got 4; write one of them"),
        ("hosts: 5", "1:18  payment.hosts: expected a list, got 5; write [one, two]"),
        ("limits: {a: x}", "1:23  payment.limits.a: expected a whole number, got 'x'; write digits only"),
        ("retry: {pause: soon}", "1:26  payment.retry.pause: expected a duration such as 30s or 10m, got 'soon'; "
         "write 600 or 10m"),
        ("retry: {pause: 999999999w}", "1:26  payment.retry.pause: expected a duration such as 30s or 10m, "
         "got '999999999w'; write 600 or 10m"),
        ("retry: {attempts: 0}", "1:29  payment.retry.attempts: is refused: 'attempts' must be >= 1: 0; correct it"),
        ("retry: {attempts: '${N}'}", "1:29  payment.retry.attempts: is refused by Retry; correct it"),
        ("token: [x]", "1:18  payment.token: expected a text or null, got a list; write one text"),
    ],
)  # fmt: skip
def test_wrong_leaf_of_an_own_section(line: str, message: str, tmp_path: Path) -> None:
    found = error(tmp_path, f"payment: {{{line}}}", {"N": "0"}, declared=Project())

    assert found == f"config.yaml:{message}"


def test_required_leaf_is_told(tmp_path: Path) -> None:
    message = error(tmp_path, "mail: {}", declared=Project())

    assert message == "config.yaml:1:7  mail.server: is missing; add it"


def test_required_leaf_of_a_section_that_nobody_mentions_is_told(tmp_path: Path) -> None:
    class Declared(DjangoConfig):
        databases = {"default": "sqlite:///x"}
        mail: Mail

    message = error(tmp_path, "{routing: {}}", declared=Declared())

    assert message == "config.yaml  mail.server: is missing; add it"


@pytest.mark.parametrize(
    ("text", "path"), [("mail: {<<: 5}", "1:12  mail.<<"), ("<<: 5", "1:5  <<"), ("mail: !x y", "1:7  mail")]
)
def test_required_leaf_that_may_stand_in_what_cannot_be_read_is_not_missing(
    text: str, path: str, tmp_path: Path
) -> None:
    class Declared(DjangoConfig):
        databases = {"default": "sqlite:///x"}
        mail: Mail

    message = error(tmp_path, text, declared=Declared())

    assert message.startswith(f"config.yaml:{path}: ")
    assert "\n" not in message


def test_required_leaf_may_come_from_another_layer(tmp_path: Path) -> None:
    loaded = config(tmp_path, "mail: {}", {"DBROUTE_MAIL__SERVER": "x"}, declared=Project())

    assert loaded.mail == Mail(server="x")


def test_validator_that_raises_anything_is_told(tmp_path: Path) -> None:
    def broken(instance: object, attribute: object, value: object) -> None:
        raise KeyError

    @attrs.frozen
    class Section:
        x: int = attrs.field(default=0, validator=broken)

    class Declared(DjangoConfig):
        databases = {"default": "sqlite:///x"}

    Declared.__annotations__["section"] = Section

    message = error(tmp_path, "section: {x: 1}", declared=Declared())

    assert message == "config.yaml:1:14  section.x: is refused by Section; correct it"


def even(instance: object, attribute: object, value: int) -> None:
    if value % 2:
        raise ValueError("is odd")


def above_low(instance: "Range", attribute: object, value: int) -> None:
    if value <= instance.low:
        raise ValueError("is not above low")


def small(value: int) -> int:
    if value > 1000:
        raise ValueError("is too large")
    return value


@attrs.frozen
class Range:
    low: int = attrs.field(default=2, validator=even, converter=small)
    high: int = attrs.field(default=10, validator=[attrs.validators.le(20), above_low])
    step: int = attrs.field(default=1, converter=attrs.Converter(lambda value, field: value, takes_field=True))
    inner: Retry | None = None

    def __attrs_post_init__(self) -> None:
        if self.step > self.high:
            raise ValueError("'step' is too large")


class WithRange(DjangoConfig):
    databases = {"default": "sqlite:///x"}
    range: Range


LOW = "range.low: is refused: is odd; correct it"
HIGH = "range.high: is refused: 'high' must be <= 20: 30; correct it"
ATTEMPTS = "range.inner.attempts: is refused: 'attempts' must be >= 1: 0; correct it"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("{low: 3, high: 30}", [LOW, HIGH]),
        ("{low: 3, high: 1}", [LOW]),  # above a low that is wrong itself says nothing
        ("{low: 4, high: 3}", ["range.high: is refused: is not above low; correct it"]),
        ("{low: 2000, high: 30}", ["range.low: is refused: is too large; correct it", HIGH]),
        ("{inner: {attempts: 0}, low: 3, high: 30}", [ATTEMPTS, LOW, HIGH]),
        ("{low: x, high: 30}", ["range.low: expected a whole number, got 'x'; write digits only", HIGH]),
        ("{step: 11}", ["range.step: is refused: 'step' is too large; correct it"]),
    ],
)
def test_one_refusal_hides_no_other(text: str, messages: list[str], tmp_path: Path) -> None:
    found = error(tmp_path, f"range: {text}", declared=WithRange())

    assert [line.partition("  ")[2] for line in found.splitlines()] == messages


# What nobody could read


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("databses", {"default": "sqlite:///x"}, "databases"),
        ("database", {"url": "sqlite:///x"}, "databases"),
        ("routing", {"blog": "nope"}, "database_routing_rules"),
        ("database_router", ["a.Router"], "database_routers"),
        ("djagno", {"DEBUG": True}, "django"),
    ],
)
def test_misspelt_attribute_is_told_alone(name: str, value: object, meant: str, tmp_path: Path) -> None:
    declared = type("Declared", (DjangoConfig,), {name: value, "__module__": "project"})()

    message = error(tmp_path, "{routing: {}}", declared=declared)

    assert message == f"project.Declared  {name}: unknown attribute; did you mean '{meant}'?"


def test_helpers_of_a_class_have_any_name(tmp_path: Path) -> None:
    class Declared(DjangoConfig):
        _databases = {"default": "sqlite:///x"}
        database = "x"
        hosts = ["a"]
        DATABASES = {"other": "sqlite:///y"}
        databases = {**_databases}

        def djangos(self) -> None: ...

    loaded = config(tmp_path, "{routing: {}}", declared=Declared())

    assert list(loaded.databases) == ["default"]


@attrs.frozen
class Inner:
    when: datetime.date | None = None
    tags: dict[str, uuid.UUID] = attrs.field(factory=dict)
    whole: list["Inner"] = attrs.field(factory=list)


@attrs.frozen
class Unsupported:
    price: Decimal = Decimal(1)
    anything: object = None
    fine: int = 0
    loop: Any = None
    inner: Inner = attrs.field(factory=Inner)


def test_types_that_nothing_is_converted_to_are_refused_in_the_class(tmp_path: Path) -> None:
    class Declared(DjangoConfig):
        databases = {"default": "sqlite:///x"}
        section: Unsupported

    text = "section: {price: '1', anything: x, fine: x, loop: [1], inner: {when: 2020-01-01, tags: {a: b}}}"
    message = error(tmp_path, text, declared=Declared())

    hint = (
        "annotate it with bool, int, float, str, Path, timedelta, Secret, Size, Url, an enum, a Literal, "
        "a list, set or mapping of them, or an attrs class"
    )
    assert [line.partition("  ")[2] for line in message.splitlines()] == [
        f"section.anything: the type object is not supported; {hint}",
        f"section.inner.tags: the type UUID is not supported; {hint}",
        f"section.inner.when: the type date is not supported; {hint}",
        f"section.price: the type Decimal is not supported; {hint}",
        "section.fine: expected a whole number, got 'x'; write digits only",
    ]


# settings.py


def test_databases_of_settings_are_the_lowest_layer(tmp_path: Path) -> None:
    databases = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path("/srv/db.sqlite3")},
        "legacy": {
            "ENGINE": "django.db.backends.oracle",
            "NAME": "x",
            "TEST": {"NAME": "t", "TBLSPACE": "tt", "CREATE_USER": False},
            "SOMETHING": {"of": "the backend"},
        },
    }

    loaded = config(tmp_path, "databases: {legacy: {user: u}}", settings=view(DATABASES=databases))

    assert loaded.databases["default"].name == "/srv/db.sqlite3"
    legacy = loaded.databases["legacy"]
    assert (legacy.user, legacy.test.name) == ("u", "t")  # type: ignore[union-attr]
    assert loaded.extra["legacy"] == {
        "TEST": {"TBLSPACE": "tt", "CREATE_USER": False},
        "SOMETHING": {"of": "the backend"},
    }


def test_relative_sqlite_file_of_settings_stays_as_django_has_it(tmp_path: Path) -> None:
    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}

    loaded = config(tmp_path, "{routing: {}}", settings=view(DATABASES=databases))

    assert loaded.databases["default"].name == "db.sqlite3"


def test_objects_in_options_of_settings_survive(tmp_path: Path) -> None:
    context, pair = ssl.create_default_context(), ("a", "b")
    options = {"ssl": context, "pair": pair, "nested": {"ssl": context}}
    databases = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": "x", "OPTIONS": options}}

    loaded = config(tmp_path, "databases: {default: {options: {charset: utf8}}}", settings=view(DATABASES=databases))

    found = reveal(dict(loaded.databases["default"].options))
    assert found == {"ssl": context, "pair": pair, "nested": {"ssl": context}, "charset": "utf8"}
    assert found["ssl"] is context


@pytest.mark.parametrize("databases", [{}, {"default": {}}, None])
def test_settings_without_databases_add_none(databases: Any, tmp_path: Path) -> None:
    loaded = config(tmp_path, DEFAULT, settings=view(DATABASES=databases))

    assert list(loaded.databases) == ["default"]


def test_replicas_of_an_earlier_run_are_not_taken_for_databases(tmp_path: Path) -> None:
    replica = {"ENGINE": "django.db.backends.sqlite3", "NAME": "r", "DBROUTE": {"replica_of": "default"}}

    loaded = config(tmp_path, DEFAULT, settings=view(DATABASES={"default_replica_1": replica}))

    assert (list(loaded.databases), dict(loaded.replicas)) == (["default"], {})


def test_marks_of_hand_written_databases_are_kept(tmp_path: Path) -> None:
    direct = {"ENGINE": "django.db.backends.postgresql", "NAME": "n", "USER": "owner"}
    databases = {
        "default": {"ENGINE": "django.db.backends.postgresql", "NAME": "n", "DBROUTE": {"migrate_url": direct}},
        "old": {"ENGINE": "django.db.backends.sqlite3", "NAME": "o", "DBROUTE": {"readonly": True, "migrate": False}},
    }

    loaded = config(tmp_path, "{routing: {}}", settings=view(DATABASES=databases))

    assert (loaded.databases["old"].readonly, loaded.databases["old"].migrate) == (True, False)
    assert loaded.migrate_connections["default"].user == "owner"


def test_mapping_settings_merge_with_those_of_settings(tmp_path: Path) -> None:
    logging = {"version": 1, "handlers": {"a": {"class": "x"}}, "levels": ("A", "B")}

    loaded = config(
        tmp_path, f"{DEFAULT}django: {{LOGGING: {{handlers: {{b: {{}}}}}}}}", settings=view(LOGGING=logging)
    )

    assert loaded.django["LOGGING"] == {
        "version": 1,
        "handlers": {"a": {"class": "x"}, "b": {}},
        "levels": ("A", "B"),
    }


def test_settings_that_no_layer_mentions_are_left_alone(tmp_path: Path) -> None:
    loaded = config(tmp_path, DEFAULT, settings=view(LOGGING={"version": 1}, DEBUG=True))

    assert dict(loaded.django) == {}


def test_rules_of_settings_are_the_lowest_layer(tmp_path: Path) -> None:
    settings = view(DATABASE_ROUTING_RULES={"blog": "default", "shop": "default"})

    loaded = config(tmp_path, DEFAULT + "routing: {blog: default, new: default}", settings=settings)

    assert dict(loaded.routing) == {"blog": "default", "shop": "default", "new": "default"}


def test_wrong_rule_of_settings_names_the_module(tmp_path: Path) -> None:
    message = error(tmp_path, DEFAULT, settings=view(DATABASE_ROUTING_RULES={"blog": "blgo"}))

    assert message == "settings  routing.blog: there is no database 'blgo'; known are default"


# The django section


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("DEBUG: 'no'", "2:17  django.DEBUG: expected true or false, got 'no'; write true or false"),
        ("DEBUGG: true", "2:10  django.DEBUGG: unknown setting; did you mean 'DEBUG'?"),
        ("debug: true", "2:10  django.debug: unknown setting; did you mean 'DEBUG'?"),
        ("my_setting: true", "2:10  django.my_setting: unknown setting; write settings in capitals"),
        ("ALLOWED_HOSTS: example.com", "2:25  django.ALLOWED_HOSTS: expected a list or null, got 'example.com'; "
         "write [one, two]"),
        ("EMAIL_PORT: smtp", "2:22  django.EMAIL_PORT: expected a whole number or null, got 'smtp'; write digits only"),
        ("DATABASES: {}", "2:10  django.DATABASES: is written by dbroute; use 'databases:'"),
        ("DATABASE_ROUTERS: []", "2:10  django.DATABASE_ROUTERS: is written by dbroute; "
         "list further routers in settings.py"),
        ("DATABASE_ROUTING_RULES: {}", "2:10  django.DATABASE_ROUTING_RULES: is written by dbroute; use 'routing:'"),
        ("SESSION_COOKIE_AGE: soon", "2:30  django.SESSION_COOKIE_AGE: expected a whole number of seconds, a duration "
         "such as 10m, or null, got 'soon'; write 600 or 10m"),
        ("CACHES: []", "2:18  django.CACHES: expected a mapping or null, got a list; write {key: value}"),
    ],
)  # fmt: skip
def test_wrong_setting_is_told(line: str, message: str, tmp_path: Path) -> None:
    assert error(tmp_path, f"{DEFAULT}django: {{{line}}}", settings=view()) == f"config.yaml:{message}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("THIRD_PARTY: {a: [1, x]}", {"THIRD_PARTY": {"a": [1, "x"]}}),
        ("EMAIL_TIMEOUT: 5", {"EMAIL_TIMEOUT": 5}),
        ("EMAIL_TIMEOUT: 2.5", {"EMAIL_TIMEOUT": 2.5}),
        ("SESSION_COOKIE_AGE: 2w", {"SESSION_COOKIE_AGE": 1209600}),
        ("CSRF_COOKIE_AGE: null", {"CSRF_COOKIE_AGE": None}),
        ("SESSION_COOKIE_SAMESITE: false", {"SESSION_COOKIE_SAMESITE": False}),
        ("TIME_ZONE: null", {"TIME_ZONE": None}),
        ("OWN: 7", {"OWN": 7}),
    ],
)
def test_setting_arrives(line: str, expected: dict[str, object], tmp_path: Path) -> None:
    loaded = config(tmp_path, f"{DEFAULT}django: {{{line}}}", settings=view(OWN=5))

    assert reveal(dict(loaded.django)) == expected


def test_variable_of_a_setting_in_seconds_may_be_a_duration(tmp_path: Path) -> None:
    known = view(known={"SESSION_COOKIE_AGE": 1209600, "EMAIL_TIMEOUT": None})

    loaded = config(
        tmp_path, DEFAULT, {"DJANGO_SESSION_COOKIE_AGE": "10m", "DJANGO_EMAIL_TIMEOUT": "30"}, settings=known
    )

    assert dict(loaded.django) == {"SESSION_COOKIE_AGE": 600, "EMAIL_TIMEOUT": 30}


def test_type_of_a_setting_of_settings_is_checked(tmp_path: Path) -> None:
    message = error(tmp_path, f"{DEFAULT}django: {{OWN: x}}", settings=view(OWN=5))

    assert message == "config.yaml:2:15  django.OWN: expected a whole number or null, got 'x'; write digits only"
