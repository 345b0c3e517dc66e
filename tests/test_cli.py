"""The `dbroute` script."""

import json
import warnings
from pathlib import Path
from typing import Literal

import pytest

from dbroute import __version__
from dbroute.cli import main

CONFIG = "database: {url: 'sqlite:///a.sqlite3', url_blog: 'sqlite:///b.sqlite3'}\nrouting: {blog: blog_db}\n"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_validate_says_what_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "config.prod.yaml").write_text("django: {DEBUG: false}\n")

    found = run(capsys, "validate", tmp_path, "--env", "production")

    assert found == (0, "prod: config.yaml, config.prod.yaml: 2 databases, 1 rule; nothing is wrong\n", "")


def test_validate_prints_every_fault_and_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG + "routin: {}\ndjango: {debug: true}\n")

    found = run(capsys, "validate", tmp_path)

    assert found == (
        1,
        "",
        "config.yaml:3:1  routin: unknown key; did you mean 'routing'?\n"
        "config.yaml:4:10  django.debug: unknown setting; did you mean 'DEBUG'?\n",
    )


def test_validate_all_checks_every_environment_and_tells_a_common_fault_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG + "routin: {}\n")
    (tmp_path / "config.production.yaml").write_text("databases: {default: {hos: x}}\n")
    (tmp_path / "config.local.yaml").write_text("django: {DEBUG: true}\n")
    (tmp_path / "config.stage.yaml").write_text("django: {DEBUG: true}\n")

    found = run(capsys, "validate", tmp_path, "--all")

    assert found == (
        1,
        "",
        "dev:\nconfig.yaml:3:1  routin: unknown key; did you mean 'routing'?\n"
        "prod:\nconfig.production.yaml:1:23  databases.default.hos: unknown key; did you mean 'host'?\n"
        "stage: the same\n",
    )


def test_validate_all_sees_a_file_that_is_not_read_for_its_ending(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "config.prod.yml").write_text("django: {DEBUG: true}\n")

    code, out, err = run(capsys, "validate", tmp_path, "--all")

    assert (code, out) == (1, "dev: config.yaml: 2 databases, 1 rule; nothing is wrong\n")
    assert err == "prod:\nconfig.prod.yml  ends in .yml and is not read; rename it config.prod.yaml\n"


@pytest.mark.parametrize("action", ["default", "error"])
def test_what_has_no_effect_is_one_line_whatever_python_does_with_warnings(
    action: Literal["default", "error"],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "config.prod.yaml").write_text("django: {DEBUG: false}\n")
    monkeypatch.setenv("DJANGO_DEBU", "1")

    with warnings.catch_warnings():
        warnings.simplefilter(action)
        code, _, err = run(capsys, "validate", tmp_path, "--all")

    assert (code, err) == (0, "DJANGO_DEBU names no setting, and is ignored; did you mean 'DJANGO_DEBUG'?\n")


def test_validate_may_leave_variables_to_the_machine_that_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("databases: {default: 'postgresql://u:${NOT_SET_HERE}@h/n'}\n")

    strict = run(capsys, "validate", tmp_path)
    lenient = run(capsys, "validate", tmp_path, "--ignore-unset")

    assert (strict[0], lenient[0]) == (1, 0)
    assert strict[2].startswith("config.yaml:1:22  databases.default.url: variable NOT_SET_HERE is not set;")


@pytest.mark.parametrize("command", ["validate", "explain"])
def test_a_folder_without_a_configuration_is_a_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = [tmp_path] if command == "validate" else ["--path", tmp_path]

    found = run(capsys, command, *where)

    assert found == (1, "", f"path  {tmp_path} holds no config.yaml; create it, or name another folder\n")


def test_explain_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)

    found = run(capsys, "explain", "routing", "--path", tmp_path)

    assert found == (0, "path          value    source\nrouting.blog  blog_db  config.yaml:2:17\n", "")


def test_explain_names_what_it_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)

    found = run(capsys, "explain", "routing.blogg", "--path", tmp_path)

    assert found == (1, "", "nothing goes by 'routing.blogg'; did you mean 'routing.blog'?\n")


def test_schema_is_printed_or_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = run(capsys, "schema")
    written = run(capsys, "schema", "--output", tmp_path / "schema.json")
    nowhere = run(capsys, "schema", "--output", tmp_path / "missing" / "schema.json")

    assert json.loads(printed[1])["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert written == (0, f"Wrote {tmp_path / 'schema.json'}\n", "")
    assert (tmp_path / "schema.json").read_text() == printed[1]
    assert nowhere[0] == 1
    assert nowhere[2].endswith("cannot be written: No such file or directory\n")


def test_init_writes_a_configuration_that_is_valid_and_never_overwrites_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(capsys, "init", tmp_path)
    second = run(capsys, "init", tmp_path)
    forced = run(capsys, "init", tmp_path, "--force")

    assert first[0] == forced[0] == 0
    assert second[0] == 1
    assert "add --force to overwrite it" in second[2]
    assert run(capsys, "validate", tmp_path)[0] == 0


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])

    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"dbroute {__version__}\n"


def test_without_a_command_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main([])

    assert exit_.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


# A DjangoConfig below the files


DECLARED = """\
import attrs
from dbroute import DjangoConfig


@attrs.frozen
class Mail:
    port: int = 25


class {name}(DjangoConfig):
    databases = {{"default": "sqlite:///a.sqlite3"}}
    mail: Mail
"""


def test_validate_and_explain_take_a_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cli_declared.py").write_text(DECLARED.format(name="Mine"))
    (tmp_path / "config.prod.yaml").write_text("mail: {port: 5}\n")
    (tmp_path / "config.stage.yaml").write_text("mail: {prot: 5}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    valid = run(capsys, "validate", "--all", "--config", "cli_declared:Mine")
    explained = run(capsys, "explain", "mail.port", "--env", "prod", "--config", "cli_declared:Mine")

    assert valid == (
        1,
        "dev: no files: 1 database, 0 rules; nothing is wrong\n"
        "prod: config.prod.yaml: 1 database, 0 rules; nothing is wrong\n",
        "stage:\nconfig.stage.yaml:1:8  mail.prot: unknown key; did you mean 'port'?\n",
    )
    assert explained == (0, "path       value  source\nmail.port  5      config.prod.yaml:1:14\n", "")


def test_a_class_that_is_not_there_is_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "validate", tmp_path, "--config", "nowhere:Mine")

    assert found == (
        1,
        "",
        "--config  'nowhere' cannot be imported: No module named 'nowhere'; run it in the project's folder\n",
    )
