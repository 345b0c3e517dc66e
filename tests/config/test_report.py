"""All faults in one report; and whatever is read, nothing but a report is ever raised."""

import json
import tempfile
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbroute import ConfigError
from dbroute.config import load
from tests.config.loading import DEFAULT, config, error, view, write


def test_all_faults_of_all_layers_are_told_at_once_sorted_by_source(tmp_path: Path) -> None:
    files = {
        "config.prod.yaml": """\
            databases:
              blog_db: {url: "postgresql://u:p@h:x/n", conn_max_age: soon}
            routing: {shop: shop_db}
            """,
        "config.local.yaml": "databases: {blog_db: {portt: 5}, blog_db: {port: 5}}\n",
        ".env": "A=1\nDBROUTE_DATABASES__BLOG_DB__AUTOCOMMIT=maybe\n",
    }
    text = dedent("""\
        database:
          url: sqlite://default.sqlite3
          url_blog: "${BLOG}"
        databases:
          blog_db: {conn_max_agee: 5}
          x: {engine: postgresql, name: n, pool: true, conn_max_age: 60, port: 0543}
        rooting: {}
        """)
    variables = {"DJANGO_ENV": "prod", "DBROUTE_ROOTING__X": "y", "DATABASE_URL_BLOG": "mongo://h/n"}

    message = error(write(tmp_path, files), text, variables)

    assert [line.partition("; known are ")[0] for line in message.splitlines()] == [
        "config.yaml:2:8  database.url: has two slashes before the SQLite file; write three slashes for a path beside "
        "the file, four for an absolute one",
        "config.yaml:5:13  databases.blog_db.conn_max_agee: unknown key; did you mean 'conn_max_age'?",
        "config.yaml:6:42  databases.x.pool: cannot be combined with conn_max_age; remove one of them; the pool keeps "
        "connections open itself (max_lifetime)",
        "config.yaml:6:72  databases.x.port: '0543' has a leading zero; write 0o543 for octal, or quote it",
        "config.yaml:7:1  rooting: unknown key; did you mean 'routing'?",
        "config.prod.yaml:2:18  databases.blog_db.url: the port is no number from 1 to 65535; correct it; in user and "
        "password write '/' as %2F, '@' as %40, ':' as %3A, '?' as %3F",
        "config.prod.yaml:2:58  databases.blog_db.conn_max_age: expected a whole number of seconds, a duration such as "
        "10m, or null, got 'soon'; write 600 or 10m",
        "config.prod.yaml:3:17  routing.shop: there is no database 'shop_db'",
        "config.local.yaml:1:23  databases.blog_db.portt: unknown key; did you mean 'port'?",
        "config.local.yaml:1:34  databases.blog_db: is there twice, first in line 1; keep one of the two",
        ".env:2  databases.blog_db.autocommit: expected true or false, got 'maybe'; write true or false",
        "DATABASE_URL_BLOG  database.url_blog: unknown scheme 'mongo'",
        "DBROUTE_ROOTING__X  unknown part 'ROOTING'; did you mean 'DBROUTE_ROUTING'?",
    ]


def test_fault_that_a_higher_layer_replaces_is_told_all_the_same(tmp_path: Path) -> None:
    files = {"config.local.yaml": "databases: {default: {conn_max_age: 5}}"}

    message = error(write(tmp_path, files), "databases: {default: {url: 'sqlite:///x', conn_max_age: soon}}")

    assert message == (
        "config.yaml:1:57  databases.default.conn_max_age: expected a whole number of seconds, "
        "a duration such as 10m, or null, got 'soon'; write 600 or 10m"
    )


def test_unknown_mapping_is_told_in_every_layer_that_has_it(tmp_path: Path) -> None:
    """They merge into one, so that nothing but the layers themselves knows of the lower ones."""
    text = "databases:\n  default:\n    url: sqlite:///x\n    optionz: {a: 1}\n"
    files = {"config.local.yaml": "databases: {default: {optionz: {b: 2}}}\n"}

    message = error(write(tmp_path, files), text)

    assert message.splitlines() == [
        "config.yaml:4:5  databases.default.optionz: unknown key; did you mean 'options'?",
        "config.local.yaml:1:23  databases.default.optionz: unknown key; did you mean 'options'?",
    ]


def test_fault_of_an_anchor_is_told_where_the_value_is_in_force(tmp_path: Path) -> None:
    text = """\
        databases:
          default: &both {engine: sqlite, name: d, conn_max_age: soon}
          blog_db: *both
        """
    files = {"config.local.yaml": "databases: {blog_db: {conn_max_age: 3, name: e}}\n"}

    message = error(write(tmp_path, files), dedent(text))

    assert message.startswith("config.yaml:2:58  databases.default.conn_max_age: expected a whole number of seconds")
    assert message.count("\n") == 0


def test_faults_below_mappings_of_several_layers_are_told_once_each(tmp_path: Path) -> None:
    text = "databases:\n  default:\n    url: sqlite:///x\n    test: {migrate: perhaps, nam: x}\n    pool: {}\n"
    files = {
        "config.dev.yaml": "databases: {default: {test: {migrate: never}, pool: {max_size: many}}}\n",
        "config.local.yaml": "databases: {default: {test: {migrate: false}, pool: false}}\n",
    }

    message = error(write(tmp_path, files), text)

    assert [line.partition(",")[0].partition(";")[0] for line in message.splitlines()] == [
        "config.yaml:4:21  databases.default.test.migrate: expected true or false",
        "config.yaml:4:30  databases.default.test.nam: unknown key",
        "config.dev.yaml:1:39  databases.default.test.migrate: expected true or false",
        "config.dev.yaml:1:64  databases.default.pool.max_size: expected a whole number or null",
    ]


@pytest.mark.parametrize(
    ("database", "other"),
    [
        ("{engine: postgressql, name: n, port: abc}", "engine: unknown engine 'postgressql'"),
        ("{url: 'postgressql://h/n', port: abc}", "url: unknown scheme 'postgressql'"),
        ("{url: 'postgresql://h:x/n', port: abc}", "url: the port is no number from 1 to 65535"),
        ("{port: abc}", "has neither url nor engine"),
    ],
)
def test_wrong_port_shows_whatever_else_is_wrong_with_the_database(database: str, other: str, tmp_path: Path) -> None:
    message = error(tmp_path, f"databases: {{default: {database}}}\n")

    told = {line.partition("  databases.default")[2].lstrip(".: ").partition(";")[0] for line in message.splitlines()}
    assert told == {other, "port: the port is no number from 1 to 65535"}


def test_unknown_key_that_is_no_database_hides_no_missing_one(tmp_path: Path) -> None:
    text = "databases: {default: {url: 'sqlite:///x', migrates_like: nope}}\nrouting: {blog: c}\n"

    message = error(tmp_path, text, {"DBROUTE_DATABASE__X": "1"})

    assert message.splitlines() == [
        "config.yaml:1:58  databases.default.migrates_like: there is no database 'nope'; known are default",
        "config.yaml:2:17  routing.blog: there is no database 'c'; known are default",
        "DBROUTE_DATABASE__X  database.x: unknown key; write url, or url_<name>",
    ]


def test_unknown_key_that_may_be_a_database_leaves_missing_ones_untold(tmp_path: Path) -> None:
    message = error(tmp_path, f"{DEFAULT}routing: {{blog: c}}\n", {"DBROUTE_DATABASE__X": "sqlite:///c"})

    assert message == "DBROUTE_DATABASE__X  database.x: unknown key; write url, or url_<name>"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("databases: {default: !!python/object/apply:os.system [a, b]}", "1:22  databases.default: has a tag"),
        ("databases: !!python/name:os.system", "1:12  databases: has a tag"),
        ("databases: {default: {url: 'sqlite:///x', user: !x {a: b}}}", "1:49  databases.default.user: has a tag"),
        ("databases: {default: {<<: 5, name: x}}", "1:27  databases.default.<<: is not a mapping"),
        ("databases: {default: {<<: 5, engine: mysql}}", "1:27  databases.default.<<: is not a mapping"),
        ("databases: {default: &a {<<: *a, name: x}}", "1:30  refers to an anchor that is not there"),
        ("databases: {<<: 5}\nrouting: {blog: c}", "1:17  databases.<<: is not a mapping"),
        ("<<: 5", "1:5  <<: is not a mapping"),
    ],
)
@pytest.mark.parametrize("above", ["", "databases: {default: {user: y}}"])
def test_what_is_no_value_or_no_mapping_to_merge_costs_one_line(
    text: str, message: str, above: str, tmp_path: Path
) -> None:
    files = {"config.local.yaml": above} if above else {}

    found = error(write(tmp_path, files), text)

    assert found.partition(";")[0] == f"config.yaml:{message}"
    assert "\n" not in found


def test_fault_in_a_merged_anchor_counts_once(tmp_path: Path) -> None:
    text = """\
        databases:
          default: &base {url: 'sqlite:///x', conn_max_age: soon}
          one: {<<: *base, name: one}
          two: {<<: *base, name: two}
        """

    message = error(tmp_path, text)

    assert message.count("\n") == 0


def test_unreadable_files_are_told_with_what_is_wrong_in_the_others(tmp_path: Path) -> None:
    files = {"config.local.yaml": "a: [", "config.prod.yaml": "- x"}

    message = error(write(tmp_path, files), "database: {url: '${MISSING}'}", {"DJANGO_ENV": "prod"})

    assert message.splitlines() == [
        "config.yaml:1:17  database.url: variable MISSING is not set; set MISSING, or write ${MISSING:-default}",
        "config.prod.yaml:1:1  has no sections; start it with a section such as 'databases:'",
        "config.local.yaml:1:4  is not YAML: '[' has no ']' that belongs to it; "
        "close it, or quote a text that begins with '['",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "databases: {defaul: sqlite:///x, b: sqlite:///b}\nrouting: {a: default, c: default, d: b}\n",
            "config.yaml:1:1  databases: there is no database 'default'; rename 'defaul', or add databases.default, "
            "or database.url, or set DATABASE_URL",
        ),
        (
            "databases: {default: sqlite:///x, blgo_db: sqlite:///b}\nrouting: {a: blog_db, c: blog_db}\n",
            "config.yaml:2:14  routing.a: there is no database 'blog_db', which routing.c names too; "
            "did you mean 'blgo_db'?",
        ),
        (
            "databases: {default: sqlite:///x}\nrouting: {a: x, b: x, c: x, d: x, e: x, f: x}\n",
            "config.yaml:2:14  routing.a: there is no database 'x', which routing.b, routing.c, routing.d and 2 more "
            "name too; known are default",
        ),
        (
            "database:\n  url: sqlite:///x\n  url: sqlite:///b\nrouting: {blog: blog_db}\n",
            "config.yaml:3:3  database.url: is there twice, first in line 2; keep one of the two",
        ),
        (
            "databases: {default: sqlite:///x, '': sqlite:///b}\n",
            "config.yaml:1:35  databases.: an alias has to be a text; name the database",
        ),
    ],
)
def test_one_slip_costs_one_line_however_many_lines_suffer(text: str, message: str, tmp_path: Path) -> None:
    assert error(tmp_path, text) == message


def test_variables_of_an_alias_that_nobody_declares_are_named(tmp_path: Path) -> None:
    text = "databases: {default: sqlite:///x, blog_db: sqlite:///b}\n"

    message = error(tmp_path, text, {"DBROUTE_DATABASES__BLGO_DB__PORT": "1"})

    assert message.startswith(
        "DBROUTE_DATABASES__BLGO_DB__PORT  databases.blgo_db: has neither url nor engine; did you mean 'blog_db'? "
    )


@pytest.mark.parametrize(
    ("text", "variables", "where"),
    [
        ("default: {url: sqlite:///x, port: '%s'}", {}, "config.yaml"),
        ("default: {url: sqlite:///x}", {"DBROUTE_DATABASES__DEFAULT__PORT": "%s"}, "DBROUTE_DATABASES__DEFAULT__PORT"),
        ("default: {url: sqlite:///x}", {"DATABASE_URL": "postgresql://h/n?conn_max_age=%s"}, "DATABASE_URL"),
        ("default: {url: sqlite:///x}", {"DATABASE_URL": "postgresql://h/n?other=a%s"}, "DATABASE_URL"),
        ("default: {url: sqlite:///x, port: '0000001%s'}", {}, "config.yaml"),
    ],
)
@pytest.mark.parametrize("digits", ["9" * 5000, "0" * 5000])
def test_numbers_longer_than_python_reads_cost_one_line(
    digits: str, text: str, variables: dict[str, str], where: str, tmp_path: Path
) -> None:
    """Python refuses to convert more than 4,300 digits."""
    filled = {name: value % digits for name, value in variables.items()}

    message = error(tmp_path, f"databases: {{{text % digits if '%' in text else text}}}\n", filled)

    assert message.startswith(where)
    assert len(message.splitlines()) == 1
    assert digits not in message


def test_problems_carry_path_message_source_and_hint(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "databases:\n  default: {url: 'sqlite:///x', namee: y}\n"})

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={})

    (problem,) = caught.value.problems
    assert (problem.path, problem.message, problem.source, problem.hint) == (
        "databases.default.namee",
        "unknown key",
        "config.yaml:2:33",
        "did you mean 'name'?",
    )


KEYS = st.sampled_from(
    [
        "database",
        "databases",
        "routing",
        "django",
        "url",
        "url_blog",
        "default",
        "blog",
        "blog_db",
        "x",
        "engine",
        "name",
        "user",
        "password",
        "host",
        "port",
        "options",
        "pool",
        "test",
        "replicas",
        "apps",
        "readonly",
        "migrate",
        "migrates_like",
        "migrate_url",
        "conn_max_age",
        "min_size",
        "mirror",
        "weight",
        "DEBUG",
        "LOGGING",
        "CACHES",
        "ALLOWED_HOSTS",
        "ENGINE",
        "NAME",
        "TEST",
        "extra",
        "<<",
    ]
)
LONG = "9" * 5000  # Python reads no number of more than 4,300 digits
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.floats(),
    st.sampled_from(
        [
            "sqlite:///x",
            "postgresql://u:p@h:1/n",
            "postgresql://${A}:${B}@${C}:${D}/${E}?${F}",
            "${A}",
            "${NONE:-${A}}",
            "$${A}",
            "sqlite://x",
            "postgresql://",
            "://",
            "//",
            "x://y",
            "default",
            "blog_db",
            "postgresql",
            "mysql",
            "sqlite",
            "10m",
            "[1",
            "{}",
            '{"a":1}',
            "django.db.backends.postgresql",
            "a.b.c",
            "${A",
            "${",
            "}",
            LONG,
            f"postgresql://h/n?a={LONG}&conn_max_age={LONG}",
            "postgresql://u:%EE%80%809x@${C}/${E}%EE%80%800x",
            "\ue0000x",
        ]
    ),
    st.text(max_size=8),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=15,
)
SECTIONS = st.dictionaries(KEYS, TREES, max_size=4)
NAMES = st.one_of(
    st.sampled_from(["DATABASE_URL", "DATABASE_URL_BLOG", "DATABASE_URL_FILE", *"ABCDEF"]),
    st.lists(st.one_of(KEYS, st.text("AB_a", max_size=4)), min_size=1, max_size=4).map(
        lambda parts: "DBROUTE_" + "__".join(parts).upper()
    ),
)


@settings(max_examples=300, deadline=None)
@given(
    files=st.tuples(SECTIONS, SECTIONS),
    environ=st.dictionaries(NAMES, st.one_of(LEAVES.filter(lambda leaf: isinstance(leaf, str)), st.text(max_size=6))),
    settings_py=st.dictionaries(KEYS, st.dictionaries(KEYS, TREES, max_size=3), max_size=2),
)
@pytest.mark.filterwarnings("ignore::dbroute.exceptions.ConfigWarning")
def test_nothing_but_a_report_is_raised(
    files: tuple[Any, Any], environ: dict[str, str], settings_py: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        texts = {"config.yaml": json.dumps(files[0]), "config.local.yaml": json.dumps(files[1])}
        place = write(Path(folder), texts)

        try:
            found: object = load(place, environ=environ, settings=view(DATABASES=settings_py, LOGGING=settings_py))
        except ConfigError as failure:
            found = failure

    assert str(found)


def test_good_configuration_has_no_report(tmp_path: Path) -> None:
    assert config(tmp_path).warnings == ()
