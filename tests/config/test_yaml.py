"""YAML as version 1.2 means it, and files that nobody should be able to do harm with."""

import random
import re
from pathlib import Path
from typing import Any

import pytest

from dbroute.config.nodes import leaves, plain
from dbroute.config.problems import Problems
from dbroute.config.yaml import read_yaml


def read(folder: Path, content: str | bytes) -> tuple[Any, list[str]]:
    """Return what a file holds (``None`` where it cannot be used), and the faults found in it."""
    path = folder / "config.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    problems = Problems()
    root = read_yaml(path, 1, problems)
    return root and plain(root), [str(problem) for problem in problems.error().problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("no", "no"),
        ("y", "y"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("12:30", "12:30"),
        ("1:2:3", "1:2:3"),
        ("2024-01-02", "2024-01-02"),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("0", 0),
        ("-0", 0),
        ("+5", 5),
        ("-5", -5),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("", None),
        ("''", ""),
        ("'5'", "5"),
        ('"true"', "true"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("|\n  5\n", "5\n"),
        ("9" * 200, "9" * 200),
        ("1" * 400 + ".5", "1" * 400 + ".5"),
        ("'a: b # c'", "a: b # c"),
    ],
)
def test_scalar(text: str, expected: object, tmp_path: Path) -> None:
    assert read(tmp_path, f"a: {text}\n") == ({"a": expected}, [])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("port: 0543", "config.yaml:1:7  port: '0543' has a leading zero; write 0o543 for octal, or quote it"),
        ("mode: 0777", "config.yaml:1:7  mode: '0777' has a leading zero; write 0o777 for octal, or quote it"),
        ("zip: 01099", "config.yaml:1:6  zip: '01099' has a leading zero; quote it"),
        ("n: -007", "config.yaml:1:4  n: '-007' has a leading zero; write 0o7 for octal, or quote it"),
        ("n: 00", "config.yaml:1:4  n: '00' has a leading zero; write 0o0 for octal, or quote it"),
        ("account: 0123456", "config.yaml:1:10  account: *** has a leading zero; quote it"),
        ("password: 0543", "config.yaml:1:11  password: *** has a leading zero; quote it"),
        ("tokens: [0543]", "config.yaml:1:10  tokens[0]: *** has a leading zero; quote it"),
    ],
)
def test_integer_with_a_leading_zero_is_refused(line: str, message: str, tmp_path: Path) -> None:
    assert read(tmp_path, line)[1] == [message]


def test_duplicate_key_is_told_with_both_lines_and_neither_value(tmp_path: Path) -> None:
    text = "a:\n  b: hunter1\n  c: 1\n  b: hunter2\n  'b': hunter3\n"

    found, messages = read(tmp_path, text)

    assert found == {"a": {"b": "hunter1", "c": 1}}
    assert messages == [
        "config.yaml:4:3  a.b: is there twice, first in line 2; keep one of the two",
        "config.yaml:5:3  a.b: is there twice, first in line 2; keep one of the two",
    ]


def test_anchors_and_merge_keys_keep_the_sources_of_their_values(tmp_path: Path) -> None:
    text = """\
base: &base {host: h, port: 1}
other: &other {port: 2, user: u}
one: {<<: *base, port: 3}
two: {<<: [*base, *other]}
three: *base
"""
    path = tmp_path / "config.yaml"
    path.write_text(text)
    problems = Problems()

    root = read_yaml(path, 1, problems)

    assert root is not None
    found = {".".join(map(str, key)): f"{plain(node)} {node.source}" for key, node in leaves(root)}
    assert {key: value for key, value in found.items() if not key.startswith(("base", "other"))} == {
        "one.host": "h config.yaml:1:20",
        "one.port": "3 config.yaml:3:24",
        "two.host": "h config.yaml:1:20",
        "two.port": "1 config.yaml:1:29",
        "two.user": "u config.yaml:2:31",
        "three.host": "h config.yaml:1:20",
        "three.port": "1 config.yaml:1:29",
    }


def test_quoted_merge_key_is_a_key(tmp_path: Path) -> None:
    assert read(tmp_path, "a: {'<<': {b: 1}}") == ({"a": {"<<": {"b": 1}}}, [])


TAG = "has a tag; remove it, or quote a text that begins with '!'"
ANCHOR = "refers to an anchor that is not there; define the anchor above, or quote a text that begins with '*'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !!python/object/apply:os.system [x]", f"config.yaml:1:4  a: {TAG}"),
        ("a: !secret x", f"config.yaml:1:4  a: {TAG}"),
        ("a: !!int '5'", f"config.yaml:1:4  a: {TAG}"),
        ("!key a: x", f"config.yaml:1:1  {TAG}"),
        ("a: {<<: 5}", "config.yaml:1:9  a.<<: is not a mapping; merge mappings only"),
        ("password: !hunter2", f"config.yaml:1:11  password: {TAG}"),
        ("a: *nowhere", f"config.yaml:1:4  {ANCHOR}"),
        ("a: &a [*a]", f"config.yaml:1:8  {ANCHOR}"),
        ("? [a]\n: b", "config.yaml:1:3  has a key that is not a text; quote the key"),
        ("", "config.yaml  is empty; write a section such as 'databases:', or delete the file"),
        ("# only this\n", "config.yaml  is empty; write a section such as 'databases:', or delete the file"),
        ("---\n", "config.yaml  is empty; write a section such as 'databases:', or delete the file"),
        ("---\n...\n", "config.yaml  is empty; write a section such as 'databases:', or delete the file"),
        ("~", "config.yaml  is empty; write a section such as 'databases:', or delete the file"),
        ("hunter2", "config.yaml:1:1  has no sections; start it with a section such as 'databases:'"),
        ("- a", "config.yaml:1:1  has no sections; start it with a section such as 'databases:'"),
        ("a: 1\n---\nb: 2\n", "config.yaml  holds several documents; keep one, and remove the '---' lines"),
        ("a: 1\n---\n", "config.yaml  holds several documents; keep one, and remove the '---' lines"),
        ("a: 1\nb: x\0y", "config.yaml:2  is not YAML: control characters are not allowed; "
         "remove the control character"),
        ("a: 1\nb: \x07", "config.yaml:2  is not YAML: control characters are not allowed; "
         "remove the control character"),
        (b"a: 1\nb: \xe4", "config.yaml:2  is not UTF-8; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "config.yaml:1  is not UTF-8; save the file as UTF-8"),
        (b"a: \xed\xa0\x80", "config.yaml:1  is not UTF-8; save the file as UTF-8"),
        ("{a: " * 10_000, "config.yaml:1:205  is nested deeper than 50 levels; flatten it"),
        ("- " * 10_000, "config.yaml:1:103  is nested deeper than 50 levels; flatten it"),
        ("x: " * 10_000, "config.yaml:1:5  is not YAML: a value has a colon and a space in it; quote the value"),
        ("a: [" + "1, " * 60_000 + "]", "config.yaml:1:149999  has more than 50,000 values, aliases expanded; "
         "shorten it"),
    ],
)  # fmt: skip
def test_file_that_is_wrong_is_told_in_one_line(text: str | bytes, message: str, tmp_path: Path) -> None:
    messages = read(tmp_path, text)[1]

    assert messages == [message]


@pytest.mark.parametrize("text", ["[" * 10_000, "a: " + "[" * 10_000 + "]" * 10_000])
def test_brackets_that_are_nested_too_deep_are_told(text: str, tmp_path: Path) -> None:
    messages = read(tmp_path, text)[1]

    # Newer parsers have a limit of their own, and reach it first.
    (message,) = messages
    assert re.fullmatch(r"config\.yaml:1:\d+  is nested deeper than 50 levels; flatten it", message)


def test_alias_bomb_is_told(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    messages = read(tmp_path, "\n".join(lines))[1]

    assert messages == ["config.yaml:5:25  has more than 50,000 values, aliases expanded; shorten it"]


def test_merge_key_bomb_is_told(tmp_path: Path) -> None:
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: 1" for n in range(100)) + "}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 100)}]}}" for n in range(1, 20)]

    messages = read(tmp_path, "\n".join(lines))[1]

    assert [message.partition("  ")[2] for message in messages] == [
        "has more than 50,000 values, aliases expanded; shorten it"
    ]


def test_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfa:\r\n  b: 1\r\n  c: x\r\n") == ({"a": {"b": 1, "c": "x"}}, [])


def test_noise_is_told_and_never_raised(tmp_path: Path) -> None:
    letters = random.Random(1)
    alphabet = "ab:-[]{}&*!|>'\"%@`,?#\n\t 01.\\~<\x85\u2028é"

    for _ in range(300):
        read(tmp_path, "".join(letters.choice(alphabet) for _ in range(60)))

    assert read(tmp_path, "a: 1") == ({"a": 1}, [])
