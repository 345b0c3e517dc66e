"""The ``dbroute`` script: looks at a project's configuration without starting Django."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import get_terminal_size

from . import __version__
from .config import Config, environments, load
from .config.declared import declared_config
from .config.django_defaults import without_settings
from .config.excerpt import report
from .config.explain import UnknownPathError, explain
from .config.json_schema import declared_schema, schema_text
from .config.show import as_json, as_table
from .config.template import write_starter
from .config.terminal import print_config_warnings
from .config.verdicts import verdicts
from .exceptions import ConfigError, ConfigWarning

FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the script.

    Args:
        arguments: What stands behind the script's name; those of the process where ``None``.

    Returns:
        The exit code: 0, or 1 where the configuration is wrong.
    """
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    with warnings.catch_warnings():
        warnings.simplefilter("always", ConfigWarning)
        print_config_warnings()
        try:
            return run(options)
        except ConfigError as error:
            _complain(error)
            return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dbroute", description="Look at a project's configuration.")
    parser.add_argument("--version", action="version", version=f"dbroute {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    folder = {"type": Path, "help": "folder of config.yaml, or the file (default: look for it)"}
    declared = {"metavar": "module:Class", "help": "the DjangoConfig that lies below the files"}

    command = commands.add_parser("explain", help="print every value, where it comes from and what it shadows")
    command.add_argument("key", nargs="?", default="", help="a dotted path, for example databases.blog_db")
    command.add_argument("--path", **folder)  # type: ignore[arg-type]
    command.add_argument("--env", help="environment to ask about (default: the one that DJANGO_ENV names)")
    command.add_argument("--config", **declared)  # type: ignore[arg-type]
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=_explain)

    command = commands.add_parser("validate", help="say everything that is wrong, and exit 1 if anything is")
    command.add_argument("path", nargs="?", **folder)  # type: ignore[arg-type]
    command.add_argument("--config", **declared)  # type: ignore[arg-type]
    which = command.add_mutually_exclusive_group()
    which.add_argument("--env", help="environment to check (default: the one that DJANGO_ENV names)")
    which.add_argument("--all", action="store_true", help="check every environment that has a file, and dev")
    command.add_argument(
        "--ignore-unset", action="store_true", help="a variable that is not set here is no fault (CI, pre-commit)"
    )
    command.set_defaults(run=_validate)

    command = commands.add_parser("schema", help="print the JSON Schema of the configuration, for editors")
    command.add_argument("--output", type=Path, metavar="FILE", help="write it to this file")
    command.add_argument("--config", metavar="module:Class", help="a DjangoConfig whose own sections belong to it")
    command.set_defaults(run=_schema)

    command = commands.add_parser("init", help="write a config.yaml to start from, and its schema")
    command.add_argument("folder", nargs="?", type=Path, default=Path(), help="where to (default: here)")
    command.add_argument("--force", action="store_true", help="overwrite the files that are there")
    command.set_defaults(run=_init)
    return parser


def _explain(options: argparse.Namespace) -> int:
    config = _load(options, options.env, lenient=True)
    try:
        rows = explain(config, options.key)
    except UnknownPathError as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    terminal = sys.stdout.isatty()
    width = get_terminal_size().columns if terminal else None
    _say(as_json(rows) if options.json else as_table(rows, width=width, colors=terminal))
    return 0


def _load(options: argparse.Namespace, env: str | None, *, lenient: bool) -> Config:
    declared = declared_config(options.config) if options.config else None
    return load(options.path, env=env, declared=declared, settings=without_settings(), lenient=lenient)


def _validate(options: argparse.Namespace) -> int:
    optional = options.config is not None
    names: list[str | None] = [*environments(options.path, optional=optional)] if options.all else [options.env]
    code = 0
    for verdict in verdicts(names, lambda name: _load(options, name, lenient=options.ignore_unset)):
        if verdict.summary:
            _say(verdict.summary)
            continue
        code = FAILED
        sys.stdout.flush()  # the order of the environments, also where both streams go to one pipe
        if options.all:
            sys.stderr.write(f"{verdict.environment}:{'' if verdict.problems else ' the same'}\n")
        _complain(ConfigError(verdict.problems))
    return code


def _schema(options: argparse.Namespace) -> int:
    text = schema_text(declared_schema(options.config))
    if options.output is None:
        sys.stdout.write(text)
        return 0
    try:
        options.output.write_text(text, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"{options.output} cannot be written: {error.strerror}\n")
        return FAILED
    _say(f"Wrote {options.output}")
    return 0


def _init(options: argparse.Namespace) -> int:
    for file in write_starter(options.folder, force=options.force):
        _say(f"Wrote {file}")
    return 0


def _complain(error: ConfigError) -> None:
    if error.problems:
        sys.stderr.write(f"{report(error, excerpts=sys.stderr.isatty())}\n")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
