"""Writes a ``config.yaml`` for people to go on with: YAML that every reader reads alike, and comments between it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from textwrap import indent
from typing import Any

import attrs
import yaml

from ..exceptions import ConfigError, Problem
from .json_schema import FILE, MODELINE, schema_text
from .schema import Schema

CONFIG = "config.yaml"

STARTER = f"""\
{MODELINE}
# Paths are relative to this file. What config.<environment>.yaml says lies above it, and variables above both.
databases:
  default: sqlite:///db.sqlite3 # three slashes: beside this file
  blog_db:
    url: sqlite:///blog.sqlite3
    # A server instead; ${{BLOG_DB_PASSWORD}} comes from the environment, or from a file .env beside this one.
    # url: postgresql://blog:${{BLOG_DB_PASSWORD}}@localhost:5432/blog
    # conn_max_age: 10m

routing:
  blog: blog_db # every model of the app "blog"; apps without a rule live in default
"""
"""A ``config.yaml`` to begin a project with."""

# Read as the same text by YAML 1.1 and 1.2 without quotes, also by readers that go further than either.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.-]*|\$\{[A-Z_][A-Z0-9_]*\}")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})


@attrs.frozen
class Entry:
    """
    One database as it is to be written.

    Attributes:
        alias: Its alias.
        fields: Its fields, in the words of :class:`dbroute.DatabaseConfig`.
        comments: What stands above it, a line each.
    """

    alias: str
    fields: Mapping[str, Any]
    comments: Sequence[str] = ()


def config_text(entries: Iterable[Entry], rules: Mapping[str, str], comments: Sequence[str] = ()) -> str:
    """
    Return the text of a ``config.yaml``.

    Args:
        entries: The databases.
        rules: Rule to alias.
        comments: What stands above the rules, a line each.
    """
    lines = [MODELINE, "# ${...} comes from the environment, or from a file .env beside this one.", "databases:"]
    for entry in entries:
        lines += [*_commented(entry.comments, "  "), indent(_dumped({entry.alias: dict(entry.fields)}), "  ")]
    if rules or comments:
        lines += ["", *_commented(comments, "")]
    if rules:
        lines += ["routing:", indent(_dumped(dict(rules)), "  ")]
    return "\n".join(lines) + "\n"


def write_starter(folder: Path, *, force: bool = False) -> list[Path]:
    """
    Write a ``config.yaml`` to begin with, and the schema that editors read.

    Args:
        folder: Where to; it has to exist.
        force: Overwrite what is there.

    Returns:
        The files.

    Raises:
        ConfigError: A file is there already, or cannot be written.
    """
    files = {folder / CONFIG: STARTER, folder / FILE: schema_text(Schema())}
    write_files(files, force=force)
    return list(files)


def write_files(files: Mapping[Path, str], *, force: bool = False) -> None:
    """
    Write all files, or none where one of them is there already.

    Raises:
        ConfigError: A file is there already, or cannot be written.
    """
    # lexists: a broken link is there too.
    there = [path for path in files if os.path.lexists(path)]
    if there and not force:
        hint = "add --force to overwrite it"
        raise ConfigError([Problem("", "is there already", path.name, hint) for path in there])
    written: dict[Path, Path] = {}
    try:
        for path, text in files.items():
            # Beside its place, so that nothing stands there before everything could be written.
            new = path.with_name(f".{path.name}.new")
            new.unlink(missing_ok=True)
            written[new] = path
            with new.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        for new, path in written.items():
            new.replace(os.path.realpath(path))  # resolve() would refuse a link that leads in circles
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        hint = "check the folder and its permissions"
        raise ConfigError([Problem("", f"cannot be written: {reason}", str(path), hint)]) from None
    finally:
        for new in written:
            with suppress(OSError):
                new.unlink(missing_ok=True)


def escaped(value: Any) -> Any:
    """Return a value whose texts are read as they are: ``${`` in them is no reference."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {key: escaped(item) for key, item in value.items()}
    return [escaped(item) for item in value] if isinstance(value, list) else value


def _commented(comments: Iterable[str], margin: str) -> list[str]:
    # A name may hold anything, and a comment ends with its line.
    return [f"{margin}# {''.join(letter if letter.isprintable() else ' ' for letter in line)}" for line in comments]


def _dumped(value: Mapping[str, Any]) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=1_000_000
    )
    return text.rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Writes lists below their key, and repeats what stands twice instead of naming it."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Leave a text without quotes only where every reader sees a text."""
    style = None
    if not _PLAIN.fullmatch(value) or value.lower() in _WORDS:
        style = "'" if value.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
