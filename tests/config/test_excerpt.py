"""The line under a fault, for people at a terminal."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbroute.config import load
from dbroute.config.excerpt import masked, report
from dbroute.exceptions import ConfigError


def shown(folder: Path, text: str) -> list[str]:
    (folder / "config.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(folder, environ={})
    return report(caught.value, excerpts=True).splitlines()


def test_the_line_stands_under_the_fault_with_a_caret_at_the_column(tmp_path: Path) -> None:
    lines = shown(tmp_path, "databases:\n  default:\n    name: x\n    engine: sqlite\n    conn_max_agee: 600\n")

    assert lines == [
        "config.yaml:5:5  databases.default.conn_max_agee: unknown key; did you mean 'conn_max_age'?",
        "     5 |     conn_max_agee: ***",
        "       |     ^",
    ]


def test_a_url_is_not_shown(tmp_path: Path) -> None:
    lines = shown(tmp_path, "database:\n  url: postgresql://u:hunter2@h:1x/n # hunter3\n")

    assert lines[1:] == ["     2 |   url: ***", "       |        ^"]


@pytest.mark.parametrize(
    ("line", "shown_line"),
    [
        ("    conn_max_age: soon", "    conn_max_age: soon"),
        ("    conn_max_age: 'soon'", "    conn_max_age: 'soon'"),
        ("    autocommit: 12", "    autocommit: 12"),
        ("    conn_max_age: a@b", "    conn_max_age: ***"),
        ("    conn_max_agee: soon", "    conn_max_agee: ***"),
        ("    options: {passfile: [hunter2], sslmode: soon}", "    options: ***"),
        ("    password: [soon]", "    password: ***"),
    ],
)
def test_a_value_is_shown_where_the_fault_shows_it(line: str, shown_line: str, tmp_path: Path) -> None:
    lines = shown(tmp_path, f"databases:\n  default:\n    url: postgresql://h/n\n{line}\n")

    assert lines[1] == f"     4 | {shown_line}"


def test_programs_get_one_line_a_fault(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("databse: 1\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={})

    assert report(caught.value, excerpts=False) == str(caught.value)


def test_a_fault_of_a_variable_has_no_line(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("database: {url: 'sqlite:///x.sqlite3'}\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={"DBROUTE_DATABASES__DEFAULT__CONN_MAX_AGE": "x"})

    assert len(report(caught.value, excerpts=True).splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("    password: hunter2", "    password: ***"),
        ("    {name: x, PASSWORD: hunter2, port: 1}", "    ***"),
        ("  'api_token' : hunter2", "  'api_token' : ***"),
        ("  - hunter2=", "  ***"),
        ("  default:", "  default:"),
        ("  - url: mysql:/u:hunter2@h/n", "  - url: ***"),
        ("  - mysql://u:hunter2@h/n", "  ***"),
        ("        hunter2${MISSING}", "        ***"),
        ("  u:hunter2@h", "  ***"),
    ],
)
def test_only_the_key_of_a_line_is_shown(line: str, expected: str) -> None:
    assert masked(line) == expected


def test_a_line_of_dotenv_is_shown_up_to_the_name(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("database: {url: 'sqlite:///x.sqlite3'}\n")
    (tmp_path / ".env").write_text("A=1\nexport DBROUTE_DATABASES__DEFAULT__CONN_MAX_AGE=hunter2\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={})

    assert report(caught.value, excerpts=True).splitlines()[1] == (
        "     2 | export DBROUTE_DATABASES__DEFAULT__CONN_MAX_AGE=***"
    )


@given(st.from_regex(r"[ -9;-~]{8,40}", fullmatch=True))
def test_no_value_survives(secret: str) -> None:
    secret = f"x{secret}"

    assert secret not in masked(f"  url: {secret}")
    assert secret not in masked(f"  - {secret} ")
    assert secret not in masked(f"  '{secret}")


def test_a_key_that_moves_the_cursor_is_escaped(tmp_path: Path) -> None:
    lines = shown(tmp_path, '"\\e[2Jx\\nfake.yaml:1:1 ok": 3\ndatabase: {url: "sqlite:///x"}\n')

    assert lines[0].startswith("config.yaml:1:1  \\x1b[2Jx\\nfake.yaml:1:1 ok: unknown key;")
