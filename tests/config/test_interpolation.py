"""References in texts: which forms there are, what they never touch, and what is told where one is missing."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from dbroute import DatabaseConfig, DjangoConfig, Secret
from dbroute.config import load
from dbroute.models import reveal
from tests.config.loading import DEFAULT, config, error, view, write

VARIABLES = {"A": "a", "B": "b", "EMPTY": "", "REF": "${A}", "DEEP": "x}y", "N": "5"}


def value(folder: Path, text: str, environ: dict[str, str] | None = None) -> Any:
    """Return what a text in YAML becomes."""
    quoted = text.replace("'", "''")
    loaded = config(folder, f"{DEFAULT}django: {{X: '{quoted}'}}", VARIABLES if environ is None else environ)
    return reveal(loaded.django["X"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "a"),
        ("<${A}|${B}>", "<a|b>"),
        ("${EMPTY}", ""),
        ("${A:-x}", "a"),
        ("${NONE:-x}", "x"),
        ("${EMPTY:-x}", "x"),
        ("${NONE:-}", ""),
        ("${NONE:-:-x}", ":-x"),
        ("${NONE:-a:?b}", "a:?b"),
        ("${NONE:-${A}}", "a"),
        ("${NONE:-${NIL:-${B}}}", "b"),
        ("${NONE:-<${A}-${B}>}", "<a-b>"),
        ('${NONE:-{"k": {}}}', '{"k": {}}'),
        ("${A:-${NONE}}", "a"),
        ("${A:?needed}", "a"),
        ("$${A}", "${A}"),
        ("$${A", "${A"),
        ("$$${A}", "$${A}"),
        ("${A}$${B}${B}", "a${B}b"),
        ("${NONE:-$${A}}", "${A}"),
        ("$A $(A) {A} $ {A} 100$", "$A $(A) {A} $ {A} 100$"),
        ("${REF}", "${A}"),
        ("${NONE:-${REF}}", "${A}"),
        ("${DEEP}", "x}y"),
    ],
)
def test_reference_is_expanded_once(text: str, expected: str, tmp_path: Path) -> None:
    assert value(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NONE}", "variable NONE is not set; set NONE, or write ${NONE:-default}"),
        ("${NONE:-${NIL}}", "variable NIL is not set; set NIL, or write ${NIL:-default}"),
        ("${NONE:?ask the team}", "variable NONE is not set: ask the team; set NONE"),
        ("${EMPTY:?ask the team}", "variable EMPTY is empty: ask the team; set EMPTY"),
        ("${NONE:?}", "variable NONE is not set; set NONE"),
        ("${A", "a reference '${' has no closing '}'; write $${ for a literal ${"),
        ("${A:-{}", "a reference '${' has no closing '}'; write $${ for a literal ${"),
        ("${}", "a reference is none of ${NAME}, ${NAME:-default} and ${NAME:?message}; write $${ for a literal ${"),
        ("${1A}", "a reference is none of ${NAME}, ${NAME:-default} and ${NAME:?message}; write $${ for a literal ${"),
        ("${A-x}", "a reference is none of ${NAME}, ${NAME:-default} and ${NAME:?message}; write $${ for a literal ${"),
        ("${ A }", "a reference is none of ${NAME}, ${NAME:-default} and ${NAME:?message}; write $${ for a literal ${"),
        ("${X:-" * 11 + "}" * 11, "references '${' are nested too deep; flatten them"),
        ("${X:-" * 9999, "references '${' are nested too deep; flatten them"),
        ("${A}" * 1001, "has more than 1,000 references; put the whole into one variable"),
        (
            "${LONG}" * 101,
            "becomes longer than 1,000,000 characters; shorten the variables, or refer to them less often",
        ),
        (
            "${NONE:-x${LONG}}" * 101,
            "becomes longer than 1,000,000 characters; shorten the variables, or refer to them less often",
        ),
    ],
)
def test_reference_that_leads_nowhere_is_told(text: str, message: str, tmp_path: Path) -> None:
    found = error(tmp_path, f"{DEFAULT}django:\n  X: '{text}'\n", VARIABLES | {"LONG": "x" * 10_000})

    assert found == f"config.yaml:3:6  django.X: {message}"


def test_missing_variable_suggests_one_that_is_set(tmp_path: Path) -> None:
    message = error(tmp_path, f"{DEFAULT}django: {{X: '${{DB_PASSWRD}}'}}", {"DB_PASSWORD": "hunter2"})

    assert message == (
        "config.yaml:2:13  django.X: variable DB_PASSWRD is not set; did you mean 'DB_PASSWORD'? "
        "Otherwise set DB_PASSWRD, or write ${DB_PASSWRD:-default}"
    )


def test_all_missing_variables_are_told_at_once_with_file_and_line(tmp_path: Path) -> None:
    files = {
        "config.yaml": """\
            database:
              url: postgresql://${ONE}:${TWO}@h/n
            databases:
              blog_db: {engine: postgresql, name: n, password: "${THREE}", replicas: ["postgresql://${SIX}/n"]}
            """,
        "config.local.yaml": "routing: {blog: '${FOUR}', shop: blog_db}\ndjango: {HOSTS: [a, '${FIVE}']}\n",
    }
    text = files.pop("config.yaml")

    message = error(write(tmp_path, files), dedent(text))

    hint = "is not set; set {0}, or write ${{{0}:-default}}"
    assert message.splitlines() == [
        f"config.yaml:2:8  database.url: variable ONE {hint.format('ONE')}",
        f"config.yaml:2:8  database.url: variable TWO {hint.format('TWO')}",
        f"config.yaml:4:52  databases.blog_db.password: variable THREE {hint.format('THREE')}",
        f"config.yaml:4:75  databases.blog_db.replicas[0].url: variable SIX {hint.format('SIX')}",
        f"config.local.yaml:1:17  routing.blog: variable FOUR {hint.format('FOUR')}",
        f"config.local.yaml:2:21  django.HOSTS[1]: variable FIVE {hint.format('FIVE')}",
    ]


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("django: {X: '${NONE}'}", "django: {X: 1}"),
        ("django: {X: ['${NONE}']}", "django: {X: []}"),
        ("databases: {default: {password: '${NONE}'}}", "databases: {default: {password: x}}"),
        ("databases: {default: {url: 'postgresql://u:${NONE}@h/n'}}", "databases: {default: 'sqlite:///x'}"),
        ("databases: {default: {url: 'postgresql://u:${NONE}@h/n'}}", "databases: {default: {password: x}}"),
        ("databases: {default: {url: 'postgresql://${NONE}/n'}}", "databases: {default: {host: x}}"),
        ("databases: {default: {url: '${NONE}'}}", "databases: {default: 'sqlite:///x'}"),
        ("databases: {default: {replicas: ['postgresql://${NONE}/n']}}", "databases: {default: {replicas: []}}"),
        ("routing: {blog: '${NONE}'}", "routing: {blog: default}"),
    ],
)
def test_reference_that_a_higher_layer_replaced_need_not_resolve(low: str, high: str, tmp_path: Path) -> None:
    class Declared(DjangoConfig):
        databases = {"default": DatabaseConfig(engine="postgresql", name="n")}

    write(tmp_path, {"config.yaml": low, "config.local.yaml": high})

    loaded = load(tmp_path, environ={}, declared=Declared())

    assert list(loaded.databases) == ["default"]


def test_values_of_variables_are_not_expanded(tmp_path: Path) -> None:
    variables = {"A": "a", "DBROUTE_DATABASES__DEFAULT__PASSWORD": "${A}", "DJANGO_X": "$${A}"}

    loaded = config(tmp_path, "databases: {default: {url: 'postgresql://h/n'}}\ndjango: {X: x}", variables)

    assert reveal(loaded.databases["default"].password) == "${A}"
    assert loaded.django["X"] == "$${A}"


def test_values_of_secret_files_are_not_expanded(tmp_path: Path) -> None:
    write(tmp_path, {"secret": "${A}"})

    variables = {"A": "a", "DBROUTE_DATABASES__DEFAULT__PASSWORD_FILE": "secret"}

    loaded = config(tmp_path, "database: {url: 'pgsql://h/n'}", variables)

    assert reveal(loaded.databases["default"].password) == "${A}"


def test_values_of_settings_are_not_expanded(tmp_path: Path) -> None:
    databases = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "n", "PASSWORD": "${A}"}}
    settings = view(DATABASES=databases, LOGGING={"format": "${A} {message}", "list": ["${A}"]})

    loaded = config(tmp_path, "django: {LOGGING: {version: 1}}", {"A": "a"}, settings=settings)

    assert reveal(loaded.databases["default"].password) == "${A}"
    assert loaded.django["LOGGING"] == {"format": "${A} {message}", "list": ["${A}"], "version": 1}


def test_values_of_a_class_are_expanded(tmp_path: Path) -> None:
    class Declared(DjangoConfig):
        databases = {
            "default": DatabaseConfig(engine="postgresql", name="n", password="${PW}", options={"a": ["${A}"]}),
            "other": {"url": "postgresql://u:${PW}@h/n"},
        }

    loaded = load(tmp_path, environ={"PW": "p@/w", "A": "a"}, declared=Declared())

    assert {alias: reveal(database.password) for alias, database in loaded.databases.items()} == {
        "default": "p@/w",
        "other": "p@/w",
    }
    assert reveal(loaded.databases["default"].options) == {"a": ["a"]}


def test_secret_of_a_class_stays_secret_where_only_a_literal_is_unescaped(tmp_path: Path) -> None:
    class Declared(DjangoConfig):
        databases = {"default": DatabaseConfig(engine="postgresql", name="n", user=Secret("hunter2$${x"))}

    loaded = load(tmp_path, environ={}, declared=Declared())

    assert repr(loaded.databases["default"].user) == "***"
    assert reveal(loaded.databases["default"].user) == "hunter2${x"


def test_keys_are_not_expanded(tmp_path: Path) -> None:
    loaded = config(tmp_path, f"{DEFAULT}django: {{X: {{'${{A}}': 1}}}}", VARIABLES)

    assert loaded.django["X"] == {"${A}": 1}


@pytest.mark.parametrize(
    ("line", "path", "expected"),
    [
        ("port: '${N}'", "port", 5),
        ("conn_max_age: '${N}'", "conn_max_age", 5),
        ("conn_max_age: '${N}m'", "conn_max_age", 300),
        ("conn_health_checks: '${T:-yes}'", "conn_health_checks", True),
        ("apps: ['${A}', b]", "apps", ["a", "b"]),
        ("apps: '${A},${B}'", "apps", ["a", "b"]),
        ("options: {connect_timeout: '${N}'}", "options", {"connect_timeout": 5}),
        ("options: '${O:-{\"connect_timeout\": 5}}'", "options", {"connect_timeout": 5}),
        ("name: '${A}_${B}'", "name", "a_b"),
        ("time_zone: '${Z:-UTC}'", "time_zone", "UTC"),
    ],
)
def test_expanded_text_is_converted_by_the_type_of_its_leaf(
    line: str, path: str, expected: object, tmp_path: Path
) -> None:
    text = f"databases:\n  default:\n    url: postgresql://h/n\n    {line}\n"

    loaded = config(tmp_path, text, VARIABLES)

    assert reveal(getattr(loaded.databases["default"], path)) == expected


def test_rules_beside_a_database_come_out_of_references(tmp_path: Path) -> None:
    text = "databases: {default: {url: 'sqlite:///x', apps: '${APPS}'}}\nrouting: {x: '${ALIAS:-default}'}"

    loaded = config(tmp_path, text, {"APPS": '["one", "two"]'})

    assert dict(loaded.routing) == {"x": "default", "one": "default", "two": "default"}


def test_expanded_text_is_checked_by_the_type_of_a_known_setting(tmp_path: Path) -> None:
    text = f"{DEFAULT}django: {{EMAIL_PORT: '${{PORT}}', DEBUG: '${{D}}', ALLOWED_HOSTS: '${{H}}'}}"

    loaded = config(tmp_path, text, {"PORT": "2525", "D": "false", "H": "a,b"}, settings=view())

    assert reveal(dict(loaded.django)) == {"EMAIL_PORT": 2525, "DEBUG": False, "ALLOWED_HOSTS": ["a", "b"]}


def test_variable_that_is_no_text_is_told(tmp_path: Path) -> None:
    message = error(tmp_path, "databases: {default: 'postgresql://u:${PW}@h/n'}", {"PW": "\udcff"})

    assert message == "config.yaml:1:22  databases.default.url: variable PW is not UTF-8; set PW again"


def test_short_file_that_becomes_huge_is_told_in_one_line(tmp_path: Path) -> None:
    lines = "".join(f"  X{number}: 'a${{LONG}}'\n" for number in range(20_000))

    message = error(tmp_path, f"{DEFAULT}django:\n{lines}", {"LONG": "x" * 100_000})

    assert message == (
        "config.yaml:102:8  django.X99: becomes, with the references before it, longer than 10,000,000 characters; "
        "shorten the variables, or refer to them less often"
    )


def test_a_thousand_references_and_a_megabyte_of_escapes_are_fine(tmp_path: Path) -> None:
    texts = "${A}" * 1000, "$${" * 300_000

    found = [config(tmp_path, f"{DEFAULT}django: {{X: '{text}'}}\n", {"A": "a"}).django["X"] for text in texts]

    assert [reveal(value) for value in found] == ["a" * 1000, "${" * 300_000]


def test_whole_query_cannot_become_huge(tmp_path: Path) -> None:
    query = "&".join(["${Q}"] * 900)

    message = error(tmp_path, f"databases: {{default: 'mssql://h/n?{query}'}}\n", {"Q": "a=" + "x" * 100_000})

    assert message == (
        "config.yaml:1:22  databases.default.url: becomes, with the references before it, longer than "
        "10,000,000 characters; shorten the variables, or refer to them less often"
    )


@pytest.mark.parametrize("text", ["postgresql://h/" + "n" * 9986, "${URL}"])
def test_endless_url_is_told(text: str, tmp_path: Path) -> None:
    message = error(tmp_path, f"databases: {{default: '{text}'}}\n", {"URL": "postgresql://h/n?a=" + "x" * 1_000_000})

    assert message == (
        "config.yaml:1:22  databases.default.url: is longer than 10,000 characters; "
        "shorten it, or write the parts one by one"
    )
