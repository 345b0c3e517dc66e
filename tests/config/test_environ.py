"""Environment variables: which one sets what, and as which type."""

from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from dbroute import ConfigWarning, DjangoConfig, PoolConfig, Url
from dbroute.config import Config, load
from dbroute.models import reveal
from tests.config.loading import DEFAULT, config, error, view, write

TWO = "databases: {default: 'sqlite:///d', blog_db: {url: 'postgresql://h/n'}}\nrouting: {blog: blog_db}\n"
KNOWN_SECTIONS = "known here are DATABASE, DATABASES, DJANGO, ROUTING"


def get(config: Config, path: str) -> Any:
    """Return the value at a dotted path of the tree."""
    value: Any = config
    for part in path.split("."):
        value = value[part] if hasattr(value, "keys") else getattr(value, part)
    return value


# Every row of the table


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("DATABASE_URL", "postgresql://h/main", "databases.default.name", "main"),
        ("DATABASE_URL_BLOG", "postgresql://h/other", "databases.blog_db.name", "other"),
        ("DATABASE_URL_BLOG_DB", "postgresql://h/other", "databases.blog_db.name", "other"),
        ("DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGE", "10m", "databases.blog_db.conn_max_age", 600),
        ("DBROUTE_DATABASES__BLOG_DB", "postgresql://h/other", "databases.blog_db.name", "other"),
        ("DBROUTE_DATABASE__URL_BLOG", "postgresql://h/other", "databases.blog_db.name", "other"),
        ("DBROUTE_ROUTING__SHOP", "blog_db", "routing.shop", "blog_db"),
        ("DBROUTE_DJANGO__DEBUG", "true", "django.DEBUG", True),
        ("DJANGO_DEBUG", "false", "django.DEBUG", False),
        ("DJANGO_EMAIL_PORT", "2525", "django.EMAIL_PORT", 2525),
        ("DJANGO_ALLOWED_HOSTS", "a.example, b.example", "django.ALLOWED_HOSTS", ["a.example", "b.example"]),
        ("DJANGO_ALLOWED_HOSTS", '["a,b"]', "django.ALLOWED_HOSTS", ["a,b"]),
        ("DJANGO_ALLOWED_HOSTS", "", "django.ALLOWED_HOSTS", []),
        ("DJANGO_LOGGING", '{"version": 1}', "django.LOGGING", {"version": 1}),
        ("DJANGO_TIME_ZONE", "Europe/Berlin", "django.TIME_ZONE", "Europe/Berlin"),
        ("DJANGO_LANGUAGE_CODE", "123", "django.LANGUAGE_CODE", "123"),
        ("DJANGO_SESSION_COOKIE_SAMESITE", "false", "django.SESSION_COOKIE_SAMESITE", False),
    ],
)
def test_variable_sets_its_leaf(name: str, value: str, path: str, expected: object, tmp_path: Path) -> None:
    loaded = config(tmp_path, TWO, {name: value}, settings=view())

    assert get(loaded, path) == expected


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("conn_max_age", "600", 600),
        ("conn_max_age", "1h30m", 5400),
        ("conn_max_age", "none", None),
        ("conn_max_age", "null", None),
        ("conn_health_checks", "yes", True),
        ("conn_health_checks", "ON", True),
        ("conn_health_checks", "0", False),
        ("atomic_requests", "1", True),
        ("autocommit", "off", False),
        ("time_zone", "UTC", "UTC"),
        ("port", "5433", 5433),
        ("name", "123", "123"),
        ("user", "true", "true"),
        ("apps", "one,two", ["one", "two"]),
        ("apps", '["one", "two"]', ["one", "two"]),
        ("pool", "true", True),
        ("pool", "false", False),
        ("pool", '{"min_size": 1, "max_size": 4}', PoolConfig(min_size=1, max_size=4)),
        ("options", '{"connect_timeout": 10, "x": {"y": [1]}}', {"connect_timeout": 10, "x": {"y": [1]}}),
        ("readonly", "true", True),
        ("migrate", "false", False),
        ("migrates_like", "default", "default"),
    ],
)
def test_text_is_converted_by_the_type_of_the_leaf(field: str, text: str, expected: object, tmp_path: Path) -> None:
    text_of_file = "databases: {default: 'sqlite:///d', other: {url: 'postgresql://h/n'}}"

    loaded = config(tmp_path, text_of_file, {f"DBROUTE_DATABASES__OTHER__{field.upper()}": text})

    assert getattr(loaded.databases["other"], field) == expected


HERE = Url("https://here")


@attrs.frozen
class Limits:
    most: int | None = 1
    ratio: float | None = 1.0
    target: Url | None = HERE
    sizes: dict[str, int] | None = attrs.field(factory=dict)
    name: str | None = None
    folder: Path | None = None
    level: Literal["none", "all"] | None = None


class WithLimits(DjangoConfig):
    limits: Limits


@pytest.mark.parametrize(
    ("field", "text", "expected"),
    [
        ("most", "null", None),
        ("ratio", "None", None),
        ("target", "NULL", None),
        ("sizes", "null", None),
        ("name", "null", "null"),
        ("level", "none", "none"),
    ],
)
def test_null_means_none_where_no_text_can_be_meant(field: str, text: str, expected: object, tmp_path: Path) -> None:
    loaded = config(tmp_path, DEFAULT, {f"DBROUTE_LIMITS__{field.upper()}": text}, declared=WithLimits())

    assert getattr(loaded.limits, field) == expected


def test_null_in_a_variable_may_be_the_name_of_a_file(tmp_path: Path) -> None:
    loaded = config(tmp_path, DEFAULT, {"DBROUTE_LIMITS__FOLDER": "null"}, declared=WithLimits())

    assert loaded.limits.folder == tmp_path / "null"


@pytest.mark.parametrize("text", ["123456", "true", "null", "[1]", '{"a": 1}', "@int 3", "${HOME}", "  x ", "0o17", ""])
def test_password_stays_the_text_that_it_is(text: str, tmp_path: Path) -> None:
    loaded = config(tmp_path, TWO, {"DBROUTE_DATABASES__BLOG_DB__PASSWORD": text})

    password = loaded.databases["blog_db"].password
    assert (password.reveal() if password is not None else "") == text  # type: ignore[union-attr]


def test_single_option_is_read_as_in_the_query_of_a_url(tmp_path: Path) -> None:
    prefix = "DBROUTE_DATABASES__BLOG_DB__OPTIONS__"
    variables = {f"{prefix}CONNECT_TIMEOUT": "10", f"{prefix}SSLMODE": "require", f"{prefix}SSLPASSWORD": "123"}

    loaded = config(tmp_path, TWO, variables)

    options = loaded.databases["blog_db"].options
    assert {**options, "sslpassword": options["sslpassword"].reveal()} == {
        "connect_timeout": 10,
        "sslmode": "require",
        "sslpassword": "123",
    }


def test_value_of_unknown_type_takes_the_type_that_a_lower_layer_has(tmp_path: Path) -> None:
    settings = view(REST_FRAMEWORK={"PAGE_SIZE": 10, "Parsers": ("a",), "STRICT": True, "NAME": "x"})
    prefix = "DBROUTE_DJANGO__REST_FRAMEWORK__"
    variables = {
        f"{prefix}PAGE_SIZE": "20",
        f"{prefix}PARSERS": "b,c",
        f"{prefix}STRICT": "no",
        f"{prefix}NAME": "5",
        f"{prefix}NEW": "5",
    }

    loaded = config(tmp_path, DEFAULT, variables, settings=settings)

    expected = {"PAGE_SIZE": 20, "Parsers": ["b", "c"], "STRICT": False, "NAME": "5", "new": "5"}
    assert loaded.django["REST_FRAMEWORK"] == expected


def test_wrong_type_of_a_lower_layers_value_is_told(tmp_path: Path) -> None:
    variables = {"DBROUTE_DJANGO__REST_FRAMEWORK__PAGE_SIZE": "many"}

    message = error(tmp_path, DEFAULT, variables, settings=view(REST_FRAMEWORK={"PAGE_SIZE": 10}))

    assert message == (
        "DBROUTE_DJANGO__REST_FRAMEWORK__PAGE_SIZE  django.REST_FRAMEWORK.PAGE_SIZE: "
        "expected a whole number or null, got 'many'; write digits only"
    )


def test_json_merges_key_by_key_with_the_layers_below(tmp_path: Path) -> None:
    text = "databases: {default: {url: 'postgresql://h/n', options: {sslmode: require, connect_timeout: 5}}}"

    loaded = config(tmp_path, text, {"DBROUTE_DATABASES__DEFAULT__OPTIONS": '{"connect_timeout": 9}'})

    assert loaded.databases["default"].options == {"sslmode": "require", "connect_timeout": 9}


def test_json_and_single_keys_of_it_go_together(tmp_path: Path) -> None:
    variables = {
        "DBROUTE_DATABASES__BLOG_DB": '{"url": "postgresql://h/other", "conn_max_age": 5}',
        "DBROUTE_DATABASES__BLOG_DB__HOST": "h2",
    }

    loaded = config(tmp_path, TWO, variables)

    database = loaded.databases["blog_db"]
    assert (database.name, database.host, database.conn_max_age) == ("other", "h2", 5)


@pytest.mark.parametrize(
    "text",
    [
        '["postgresql://r1/n", {"url": "postgresql://r2/n", "weight": 2}]',
        "postgresql://r1/n, postgresql://r2/n",
    ],
)
def test_replicas_come_as_json_or_with_commas(text: str, tmp_path: Path) -> None:
    loaded = config(tmp_path, TWO, {"DBROUTE_DATABASES__BLOG_DB__REPLICAS": text})

    assert [(alias, replica.host) for alias, (_, replica) in loaded.replicas.items()] == [
        ("blog_db_replica_1", "r1"),
        ("blog_db_replica_2", "r2"),
    ]


def test_database_may_be_declared_by_variables_alone(tmp_path: Path) -> None:
    variables = {
        "DATABASE_URL": "postgresql://h/main",
        "DATABASE_URL_BLOG": "postgresql://h/blog",
        "DBROUTE_ROUTING__BLOG": "blog_db",
    }

    loaded = config(tmp_path, "{routing: {}}", variables)

    assert {alias: database.name for alias, database in loaded.databases.items()} == {
        "default": "main",
        "blog_db": "blog",
    }


# Matching


def test_parts_match_the_keys_of_lower_layers_whatever_their_case(tmp_path: Path) -> None:
    text = "databases: {default: 'sqlite:///d', Blog_DB: {url: 'postgresql://h/n', options: {myOption: x}}}"
    variables = {
        "DBROUTE_DATABASES__BLOG_DB__HOST": "other",
        "DBROUTE_DATABASES__BLOG_DB__OPTIONS__MYOPTION": "y",
    }

    loaded = config(tmp_path, text, variables)

    assert loaded.databases["Blog_DB"].host == "other"
    assert loaded.databases["Blog_DB"].options == {"myOption": "y"}


def test_short_names_match_whatever_the_case_of_the_alias(tmp_path: Path) -> None:
    text = "databases: {default: 'sqlite:///d', Blog_DB: 'postgresql://h/n'}"

    loaded = config(tmp_path, text, {"DATABASE_URL_BLOG": "postgresql://h/other"})

    assert {alias: database.host for alias, database in loaded.databases.items()} == {"default": None, "Blog_DB": "h"}
    assert loaded.databases["Blog_DB"].name == "other"


def test_names_of_variables_may_be_in_lower_case(tmp_path: Path) -> None:
    loaded = config(tmp_path, TWO, {"DBROUTE_databases__blog_db__host": "other"})

    assert loaded.databases["blog_db"].host == "other"


def test_aliases_of_settings_match_too(tmp_path: Path) -> None:
    databases = {"Main": {"ENGINE": "django.db.backends.postgresql", "NAME": "x"}}

    loaded = config(tmp_path, DEFAULT, {"DBROUTE_DATABASES__MAIN__HOST": "h"}, settings=view(DATABASES=databases))

    assert (loaded.databases["Main"].name, loaded.databases["Main"].host) == ("x", "h")


def test_unknown_keys_of_open_mappings_are_in_lower_case(tmp_path: Path) -> None:
    loaded = config(tmp_path, DEFAULT, {"DBROUTE_DATABASES__NEW__URL": "sqlite:///new"})

    assert "new" in loaded.databases


def test_ambiguous_part_is_refused(tmp_path: Path) -> None:
    text = "databases: {default: 'sqlite:///d', Blog: 'sqlite:///a', blog: 'sqlite:///b'}"

    message = error(tmp_path, text, {"DBROUTE_DATABASES__BLOG__HOST": "h"})

    assert message == "DBROUTE_DATABASES__BLOG__HOST  'BLOG' may mean Blog and blog; rename one of them"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("DBROUTE_DATABSES__X__URL", "unknown part 'DATABSES'; did you mean 'DBROUTE_DATABASES'?"),
        ("DBROUTE_XXXX__Y", f"unknown part 'XXXX'; {KNOWN_SECTIONS}"),
        ("DBROUTE_", f"unknown part ''; {KNOWN_SECTIONS}"),
        ("DBROUTE_DATABASES", "names a section, not a value; name the value: DBROUTE_DATABASES__…"),
        (
            "DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGEE",
            "unknown part 'CONN_MAX_AGEE'; did you mean 'DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGE'?",
        ),
        ("DBROUTE_DATABASES__BLOGDB__URL", "unknown part 'BLOGDB'; did you mean 'DBROUTE_DATABASES__BLOG_DB__…'?"),
        (
            "DBROUTE_DATABASES__BLOG_DB__HOST__X",
            "unknown part 'X'; nothing can stand below DBROUTE_DATABASES__BLOG_DB__HOST",
        ),
        ("DBROUTE_DJANGO__DEBUGG", "unknown part 'DEBUGG'; did you mean 'DBROUTE_DJANGO__DEBUG'?"),
        ("DJANGO_DATABASES", "DATABASES cannot be set by a variable; use DBROUTE_DATABASES__…"),
        (
            "DJANGO_DATABASE_ROUTERS",
            "DATABASE_ROUTERS cannot be set by a variable; list further routers in settings.py",
        ),
        ("DJANGO_DATABASE_ROUTING_RULES", "DATABASE_ROUTING_RULES cannot be set by a variable; use DBROUTE_ROUTING__…"),
    ],
)
def test_unknown_path_is_refused_with_a_suggestion(name: str, message: str, tmp_path: Path) -> None:
    assert error(tmp_path, TWO, {name: "x"}, settings=view()) == f"{name}  {message}"


def test_switches_of_dbroute_are_no_paths(tmp_path: Path) -> None:
    loaded = config(tmp_path, DEFAULT, {"DBROUTE_CONFIG": "/nowhere"})

    assert list(loaded.databases) == ["default"]


@pytest.mark.parametrize(
    "name",
    [
        "DJANGO_SETTINGS_MODULE",
        "DJANGO_SUPERUSER_PASSWORD",
        "DJANGO_COLORS",
        "DJANGO_VERSION",
        "DJANGO_SECRETS_FILE",
        "DATABASE",
        "DATABASE_HOST",
        "DATABASE_URLS",
        "MY_DATABASE_URL",
        "DYNACONF_DEBUG",
        "dbroute_x",
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_variables_of_other_people_are_left_alone(known: bool, name: str, tmp_path: Path) -> None:
    settings = view() if known else None

    loaded = config(tmp_path, DEFAULT, {name: "x"}, settings=settings)

    assert (dict(loaded.django), loaded.warnings) == ({}, ())


def test_django_variable_is_known_where_a_file_mentions_the_setting(tmp_path: Path) -> None:
    loaded = config(tmp_path, DEFAULT + "django: {MY_SETTING: 5}", {"DJANGO_MY_SETTING": "6"})

    assert loaded.django["MY_SETTING"] == 6


def test_url_of_a_database_that_nobody_names_is_ignored_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(ConfigWarning) as caught:
        loaded = config(tmp_path, TWO, {"DATABASE_URL_UNPOOLED": "postgresql://u:hunter2@h/n"})

    assert [str(warning.message) for warning in caught] == [
        "DATABASE_URL_UNPOOLED names no rule and no declared database, and is ignored"
    ]
    assert list(loaded.databases) == ["default", "blog_db"]


def test_two_variables_for_one_value_are_refused(tmp_path: Path) -> None:
    variables = {"DBROUTE_DATABASES__BLOG_DB__HOST": "a", "DBROUTE_databases__blog_db__host": "b"}

    message = error(tmp_path, TWO, variables)

    assert message == (
        "DBROUTE_databases__blog_db__host  DBROUTE_DATABASES__BLOG_DB__HOST sets the same value; unset one of the two"
    )


def test_two_variables_for_one_url_are_refused(tmp_path: Path) -> None:
    variables = {"DATABASE_URL": "sqlite:///a", "DBROUTE_DATABASES__DEFAULT": "sqlite:///b"}

    message = error(tmp_path, TWO, variables)

    assert message == (
        "DBROUTE_DATABASES__DEFAULT  databases.default.url: sets the URL of the same database as DATABASE_URL; "
        "keep one of the two"
    )


def test_value_and_key_below_it_are_refused_together(tmp_path: Path) -> None:
    variables = {"DBROUTE_DATABASES__BLOG_DB__POOL": "true", "DBROUTE_DATABASES__BLOG_DB__POOL__MIN_SIZE": "2"}

    message = error(tmp_path, TWO, variables)

    assert message == (
        "DBROUTE_DATABASES__BLOG_DB__POOL__MIN_SIZE  DBROUTE_DATABASES__BLOG_DB__POOL sets the same value; "
        "unset one of the two"
    )


# Wrong values


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGE",
            "soon",
            "databases.blog_db.conn_max_age: expected a whole number of seconds, a duration such as 10m, or null, "
            "got 'soon'; write 600 or 10m",
        ),
        (
            "DBROUTE_DATABASES__BLOG_DB__AUTOCOMMIT",
            "maybe",
            "databases.blog_db.autocommit: expected true or false, got 'maybe'; write true or false",
        ),
        (
            "DBROUTE_DATABASES__BLOG_DB__PORT",
            "http",
            "databases.blog_db.port: the port is no number from 1 to 65535; correct it",
        ),
        (
            "DBROUTE_DATABASES__BLOG_DB__OPTIONS",
            "{hunter2",
            "databases.blog_db.options: expected a mapping, got a text that is not JSON; write {key: value}",
        ),
        (
            "DBROUTE_DATABASES__BLOG_DB__OPTIONS",
            "[" * 5000,
            "databases.blog_db.options: expected a mapping, got '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…'; "
            "write {key: value}",
        ),
        (
            "DBROUTE_DATABASES__BLOG_DB__REPLICAS",
            "[" * 5000,
            "databases.blog_db.replicas: expected a list, got a text that is not JSON; write [one, two]",
        ),
        (
            "DBROUTE_DATABASES__BLOG_DB__OPTIONS",
            '{"a":' * 300 + "1" + "}" * 300,
            "databases.blog_db.options: expected a mapping, got a text that is not JSON; write {key: value}",
        ),
        ("DATABASE_URL", "", "database.url: the URL is empty; write it as engine://user:password@host:port/name"),
        (
            "DJANGO_EMAIL_PORT",
            "smtp",
            "django.EMAIL_PORT: expected a whole number or null, got 'smtp'; write digits only",
        ),
    ],
)
def test_wrong_value_is_told_with_the_variable_and_the_path(
    name: str, value: str, message: str, tmp_path: Path
) -> None:
    assert error(tmp_path, TWO, {name: value}, settings=view()) == f"{name}  {message}"


def test_value_that_is_no_text_is_told(tmp_path: Path) -> None:
    message = error(tmp_path, TWO, {"DATABASE_URL": "postgresql://u:\udcff@h/n"})

    assert message == "DATABASE_URL  is not UTF-8; set it again, in UTF-8"


def test_very_long_value_is_read(tmp_path: Path) -> None:
    loaded = config(tmp_path, TWO, {"DBROUTE_DATABASES__BLOG_DB__PASSWORD": "x" * 1_000_000})

    assert len(loaded.databases["blog_db"].password.reveal()) == 1_000_000  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["a," * 500_000, "[" + "1," * 499_999 + "1]"], ids=["commas", "JSON"])
def test_list_of_a_megabyte_is_refused_at_once(text: str, tmp_path: Path) -> None:
    message = error(tmp_path, TWO, {"DJANGO_ALLOWED_HOSTS": text}, settings=view())

    assert message == "DJANGO_ALLOWED_HOSTS  django.ALLOWED_HOSTS: has more than 50,000 values; shorten it"


# Secret files


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"p", "p"),
        (b"p\n", "p"),
        (b"p\r\n", "p"),
        (b"p\n\n", "p\n"),
        (b"p\r", "p\r"),
        (b"a\r\nb\r\n", "a\r\nb"),
        (b" p ", " p "),
        (b"", ""),
        ("päß\n".encode(), "päß"),
    ],
)
def test_file_drops_one_trailing_newline_and_nothing_else(content: bytes, expected: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(content)

    loaded = config(tmp_path, TWO, {"DBROUTE_DATABASES__BLOG_DB__PASSWORD_FILE": str(tmp_path / "secret")})

    password = loaded.databases["blog_db"].password
    assert (password.reveal() if password is not None else "") == expected  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "content", "path", "expected"),
    [
        ("DATABASE_URL_FILE", "postgresql://h/main\n", "databases.default.name", "main"),
        ("DATABASE_URL_BLOG_FILE", "postgresql://h/other\n", "databases.blog_db.name", "other"),
        ("DBROUTE_DATABASES__BLOG_DB_FILE", "postgresql://h/other\n", "databases.blog_db.name", "other"),
        ("DBROUTE_DATABASES__BLOG_DB__CONN_MAX_AGE_FILE", "5m\n", "databases.blog_db.conn_max_age", 300),
        ("DJANGO_DEBUG_FILE", "true\n", "django.DEBUG", True),
    ],
)
def test_every_variable_has_a_file_form(name: str, content: str, path: str, expected: object, tmp_path: Path) -> None:
    write(tmp_path, {"secret": content})

    loaded = config(tmp_path, TWO, {name: str(tmp_path / "secret")}, settings=view())

    assert reveal(get(loaded, path)) == expected


@pytest.mark.parametrize("name", ["DBROUTE_DATABASES__NEW_FILE", "DBROUTE_DATABASES__NEW__URL_FILE"])
def test_new_key_that_ends_in_file_names_a_file(name: str, tmp_path: Path) -> None:
    write(tmp_path, {"secret": "postgresql://h/new"})

    loaded = config(tmp_path, TWO, {name: "secret"})

    assert reveal(loaded.databases["new"].name) == "new"


def test_setting_through_a_file_needs_no_django(tmp_path: Path) -> None:
    write(tmp_path, {"secret": "hunter2\n"})

    loaded = config(tmp_path, TWO, {"DBROUTE_DJANGO__SECRET_KEY_FILE": "secret"})

    assert reveal(dict(loaded.django)) == {"SECRET_KEY": "hunter2"}


def test_file_is_relative_to_the_configuration(tmp_path: Path) -> None:
    write(tmp_path, {"url": "postgresql://h/main"})

    loaded = config(tmp_path, TWO, {"DATABASE_URL_FILE": "url"})

    assert reveal(loaded.databases["default"].name) == "main"


def test_both_forms_at_once_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {"url": "postgresql://h/main"})

    message = error(tmp_path, TWO, {"DATABASE_URL": "sqlite:///x", "DATABASE_URL_FILE": str(tmp_path / "url")})

    assert message == "DATABASE_URL_FILE  DATABASE_URL is set too; unset one of the two"


@pytest.mark.parametrize("in_process", ["DATABASE_URL", "DATABASE_URL_FILE"])
def test_form_in_the_process_beats_the_other_one_in_dotenv(in_process: str, tmp_path: Path) -> None:
    in_dotenv = {"DATABASE_URL": "DATABASE_URL_FILE", "DATABASE_URL_FILE": "DATABASE_URL"}[in_process]
    values = {"DATABASE_URL": "postgresql://h/text", "DATABASE_URL_FILE": "url"}
    write(tmp_path, {"url": "postgresql://h/file", ".env": f"{in_dotenv}={values[in_dotenv]}"})

    loaded = config(tmp_path, TWO, {in_process: values[in_process]})

    expected = {"DATABASE_URL": "text", "DATABASE_URL_FILE": "file"}[in_process]
    assert reveal(loaded.databases["default"].name) == expected


def test_exact_known_name_beats_the_file_reading(tmp_path: Path) -> None:
    text = "databases: {default: 'sqlite:///d', file: 'sqlite:///f'}"

    loaded = config(tmp_path, text, {"DATABASE_URL_FILE": "postgresql://h/other"})

    assert loaded.databases["file"].name == "other"


def test_setting_whose_name_ends_in_file_is_not_read_as_a_file(tmp_path: Path) -> None:
    settings = view({"EMAIL_SSL_KEYFILE": None, "LOG_FILE": "x"})

    loaded = config(tmp_path, DEFAULT, {"DJANGO_LOG_FILE": "/var/log/site"}, settings=settings)

    assert loaded.django["LOG_FILE"] == "/var/log/site"


def test_fault_in_a_file_names_the_variable_and_the_file(tmp_path: Path) -> None:
    write(tmp_path, {"url": "postgresql://u:hunter2@h:x/n"})

    message = error(tmp_path, TWO, {"DATABASE_URL_FILE": "url"})

    assert message == (
        "DATABASE_URL_FILE (url)  database.url: the port is no number from 1 to 65535; "
        "correct it; in user and password write '/' as %2F, '@' as %40, ':' as %3A, '?' as %3F"
    )


def test_fault_in_dotenv_names_its_line(tmp_path: Path) -> None:
    write(tmp_path, {".env": "A=1\nDBROUTE_DATABASES__BLOG_DB__PORT=http\n"})

    message = error(tmp_path, TWO)

    assert message == ".env:2  databases.blog_db.port: the port is no number from 1 to 65535; correct it"


# Own sections


@attrs.frozen(kw_only=True)
class Retry:
    attempts: int = 3
    hosts: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Payment:
    token: str = "none"
    live: bool = False
    retry: Retry = attrs.field(factory=Retry)


class Project(DjangoConfig):
    databases = {"default": "sqlite:///d"}
    payment: Payment


def test_variables_set_leaves_of_own_sections(tmp_path: Path) -> None:
    variables = {
        "DBROUTE_PAYMENT__TOKEN": "123",
        "DBROUTE_PAYMENT__LIVE": "yes",
        "DBROUTE_PAYMENT__RETRY__ATTEMPTS": "5",
        "DBROUTE_PAYMENT__RETRY__HOSTS": "a,b",
    }

    loaded = load(tmp_path, environ=variables, declared=Project())

    assert loaded.payment == Payment(token="123", live=True, retry=Retry(attempts=5, hosts=("a", "b")))


def test_unknown_leaf_of_an_own_section_is_refused(tmp_path: Path) -> None:
    message = error(tmp_path, "{routing: {}}", {"DBROUTE_PAYMENT__LIFE": "yes"}, declared=Project())

    assert message == "DBROUTE_PAYMENT__LIFE  unknown part 'LIFE'; did you mean 'DBROUTE_PAYMENT__LIVE'?"
