"""The `dbroute` script."""

from pathlib import Path

import pytest

from dbroute import __version__
from dbroute.cli import main

CONFIG = "database: {url: 'sqlite:///a.sqlite3', url_blog: 'sqlite:///b.sqlite3'}\nrouting: {blog: blog_db}\n"


def test_validate_says_what_was_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "config.prod.yaml").write_text("django: {DEBUG: false}\n")

    code = main(["validate", str(tmp_path), "--env", "production"])

    assert code == 0
    assert capsys.readouterr().out == (
        "prod: config.yaml, config.prod.yaml: 2 databases, 1 rules; nothing is wrong\n"
    )


def test_validate_prints_every_fault_and_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG + "routin: {}\ndjango: {debug: true}\n")

    code = main(["validate", str(tmp_path)])

    assert code == 1
    assert capsys.readouterr().err == (
        "config.yaml:3:1  routin: unknown key; did you mean 'routing'?\n"
        "config.yaml:4:10  django.debug: unknown setting; write settings in capitals\n"
    )


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
