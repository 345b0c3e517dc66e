"""Say everything that is wrong with the configuration of an environment, and exit 1 if anything is."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dbroute.config import Config, environments, load
from dbroute.config.excerpt import report
from dbroute.config.verdicts import verdicts
from dbroute.django.engines import check_engines
from dbroute.exceptions import ConfigError

from ..filled import settings_origin


def add_arguments(parser: CommandParser) -> None:
    """Take the environments, and whether variables have to be set."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--env", help="Environment to check; this one where it is not given.")
    which.add_argument("--all", action="store_true", help="Check every environment that has a file, and dev.")
    parser.add_argument(
        "--ignore-unset", action="store_true", help="A variable that is not set here is no fault (CI, pre-commit)."
    )


def run(*, env: str | None, ignore_unset: bool, **options: Any) -> str:
    """
    Return what was read, a line for each environment.

    Raises:
        CommandError: Something is wrong; or the settings are written by hand, so that no configuration lies behind
            them.
    """
    found = settings_origin()

    def checked(name: str | None) -> Config:
        config = load(env=name, declared=found.declared, settings=found.view, lenient=ignore_unset)
        check_engines(config)
        return config

    names = environments(optional=found.declared is not None) if options["all"] else [env]
    lines: list[str] = []
    failed = False
    for verdict in verdicts(names, checked):
        if verdict.summary:
            lines.append(verdict.summary)
            continue
        failed = True
        if options["all"]:
            lines.append(f"{verdict.environment}:" if verdict.problems else f"{verdict.environment}: the same")
        if verdict.problems:
            lines.append(report(ConfigError(verdict.problems), excerpts=sys.stderr.isatty()))
    if failed:
        raise CommandError("\n".join(["the configuration cannot be used", *lines]))
    return "\n".join(lines)
