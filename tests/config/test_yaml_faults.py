"""What is no YAML is told with the line to mend, not only the line where a parser gave up."""

from pathlib import Path

import pytest
import yaml as pyyaml

from dbroute.config import yaml
from dbroute.config.problems import Problems

ALIKE = "indent lines that belong together alike"
NO_COLON = "a key has no colon; write key: value, or key: with its keys below it"

FAULTS = [
    # a colon
    ("a\n  b: c", f"1:1  is not YAML: {NO_COLON}"),
    ("a:\n  b 1\n  c: 2", f"2:3  is not YAML: {NO_COLON}"),
    ("a:\n  b:1\n  c: 2", "2:3  is not YAML: a key has no space behind its colon; write key: value"),
    ("a:\n  b  1 # x\n  c: 2", f"2:3  is not YAML: {NO_COLON}"),
    ("a: 1\nb", "2:1  is not YAML: a key has no colon; write key: value"),
    ("a: b: c", "1:5  is not YAML: a value has a colon and a space in it; quote the value"),
    ("- a: b: c", "1:7  is not YAML: a value has a colon and a space in it; quote the value"),
    # indentation
    ("a: hunter2\n  b: 1", "2:3  is not YAML: keys stand below line 1, which has a value; indent the two lines alike, "
     "or leave no value in line 1"),
    (" a:\n  b: 1\nc: 2", f"3:1  is not YAML: is indented less than line 1; {ALIKE}"),
    ("a:\n  b: 1\n c: 2", f"3:2  is not YAML: is indented less than line 2 and more than line 1; {ALIKE}"),
    ("a:\n   b:\n    x: 1\n\n# y\n  c: 2", "6:3  is not YAML: is indented less than line 2 and more than line 1; "
     f"{ALIKE}"),
    ("a:\n\tb: 1", "2:1  is not YAML: a line is indented with a tab; indent with spaces"),
    # lists
    ("a:\n  - b\n  c: 1", "3:3  is not YAML: is no item of the list that begins in line 2; begin all items with '- '"),
    ("a:\n  b: 1\n  - c", "3:3  is not YAML: is an item of a list in the mapping that begins in line 2; "
     "remove the '- ', or begin all lines of the list with it"),
    ("a: [hunter2\nb: c", "1:4  is not YAML: '[' has no ']' that belongs to it; close it, or quote a text that begins "
     "with '['"),
    ("a: {b: [1, 2}", "1:8  is not YAML: '[' has no ']' that belongs to it; close it, or quote a text that begins "
     "with '['"),
    ("a: [1, {b: hunter2", "1:8  is not YAML: '{' has no '}' that belongs to it; close it, or quote a text that begins "
     "with '{'"),
    # quotes
    ("a: 'hunter2", "1:4  is not YAML: a quote has no end; close the quote in its line"),
    ('a: "hunter2\nb: c # "d"', "1:4  is not YAML: a quote has its end in line 2; close it in its line"),
    ("a: 'b' hunter2", "1:8  is not YAML: there is more behind a value that has ended; quote the whole value"),
    # letters
    ("a: @hunter2", "1:4  is not YAML: a value begins with '@'; quote the value"),
    ("a: `hunter2", "1:4  is not YAML: a value begins with '`'; quote the value"),
]  # fmt: skip


def messages(folder: Path, text: str) -> list[str]:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    problems = Problems()
    yaml.read_yaml(path, 1, problems)
    return [str(problem) for problem in problems.error().problems]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_fault_is_told_with_the_line_to_mend(text: str, message: str, tmp_path: Path) -> None:
    assert messages(tmp_path, text) == [f"config.yaml:{message}"]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_the_parser_without_a_compiler_says_the_same(
    text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml, "_Parser", pyyaml.SafeLoader)

    assert messages(tmp_path, text) == [f"config.yaml:{message}"]


@pytest.mark.parametrize(
    "text", ["a: |hunter2\n", "a: !<hunter2 y\n", "%YAML hunter2\n", 'a: "\\q"\n', "a: - hunter2\n"]
)
@pytest.mark.parametrize("parser", ["CSafeLoader", "SafeLoader"])
def test_other_faults_say_what_the_parser_says_and_no_value(
    text: str, parser: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml, "_Parser", getattr(pyyaml, parser))

    (message,) = messages(tmp_path, text)

    assert message.startswith("config.yaml:1:")
    assert message.endswith("; check indentation, colons and quotes")
    assert "hunter2" not in message
    assert "'q'" not in message


def test_keys_that_lost_the_key_above_them_are_told_once(tmp_path: Path) -> None:
    text = "a:\n  x: 1\n  y: 2\n  z: 3\n  x: 4\n  y: 5\n  z: 6\n"

    assert messages(tmp_path, text) == [
        "config.yaml:5:3  a.x: is there twice, first in line 2, as are the 2 keys below it; "
        "put a key above them that they belong to"
    ]


def test_two_slips_with_a_good_key_between_them_are_two(tmp_path: Path) -> None:
    text = "a: 1\nb: 2\na: 3\nc: 4\nb: 5\n"

    assert messages(tmp_path, text) == [
        "config.yaml:3:1  a: is there twice, first in line 1; keep one of the two",
        "config.yaml:5:1  b: is there twice, first in line 2; keep one of the two",
    ]
