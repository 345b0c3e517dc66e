"""The ``dbroute`` script: looks at a project's configuration without starting Django."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .config import Config, load_config
from .exceptions import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the script.

    Args:
        arguments: What stands behind the script's name; those of the process where ``None``.

    Returns:
        The exit code: 0, 1 where the configuration is wrong.
    """
    options = _parser().parse_args(arguments)
    try:
        config = load_config(options.path, env=options.env)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{_summary(config)}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dbroute", description="Look at a project's configuration.")
    parser.add_argument("--version", action="version", version=f"dbroute {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    validate = commands.add_parser("validate", help="say everything that is wrong, and exit 1 if anything is")
    validate.add_argument(
        "path", nargs="?", type=Path, help="folder of config.yaml, or the file (default: look for it)"
    )
    validate.add_argument("--env", help="environment to check (default: the one that DJANGO_ENV names)")
    return parser


def _summary(config: Config) -> str:
    """Return in one line what was read."""
    files = ", ".join(config.files) or "no files"
    databases, rules = len(config.databases), len(config.routing)
    return f"{config.environment}: {files}: {databases} databases, {rules} rules; nothing is wrong"
