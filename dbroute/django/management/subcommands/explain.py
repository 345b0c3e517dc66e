"""Print every value of the configuration, where it comes from and what it shadows."""

from shutil import get_terminal_size
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dbroute.config import load
from dbroute.config.explain import UnknownPathError, explain
from dbroute.config.show import as_json, as_table
from dbroute.exceptions import ConfigError

from ..filled import settings_origin


def add_arguments(parser: CommandParser) -> None:
    """Take a path, an environment and the form."""
    parser.add_argument("key", nargs="?", default="", help="A dotted path, for example databases.blog_db.")
    parser.add_argument("--env", help="Environment to ask about; this one where it is not given.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(*, key: str, env: str | None, json: bool, wide: bool, **options: Any) -> str:
    """
    Return the table, or the JSON.

    Raises:
        CommandError: Nothing goes by the path, the environment's configuration is wrong, or settings.py is written by
            hand, so that no configuration lies behind it.
    """
    found = settings_origin()
    try:
        config = found.config
        if env is not None:
            config = load(env=env, declared=found.declared, settings=found.view, lenient=True)
        rows = explain(config, key)
    except (ConfigError, UnknownPathError) as error:
        raise CommandError(str(error)) from None
    width = None if wide else get_terminal_size().columns
    return as_json(rows) if json else as_table(rows, width=width, colors=not wide)
