"""Looks whether the backends and drivers of the databases are installed, before Django fails over them."""

from __future__ import annotations

import importlib.util
import sys

from ..config import Config
from ..config.terminal import for_terminal, management_utility
from ..exceptions import ConfigError, Problem

DRIVERS = {
    "django.db.backends.postgresql": (("psycopg", "psycopg2"), "pip install 'dbroute[postgres]'"),
    "django.contrib.gis.db.backends.postgis": (("psycopg", "psycopg2"), "pip install 'dbroute[postgres]'"),
    "django.db.backends.mysql": (("MySQLdb",), "pip install 'dbroute[mysql]'"),
    "django.contrib.gis.db.backends.mysql": (("MySQLdb",), "pip install 'dbroute[mysql]'"),
}
"""Engine to the modules of which one is needed, and how to get it."""


def check_engines(config: Config) -> None:
    """
    Refuse backends that do not exist; for whoever sits at a command line, drivers that are not installed too.

    Elsewhere a process may have a database in its settings and never touch it: it needs no driver.

    Raises:
        ConfigError: A backend or its driver is not installed.
    """
    problems: list[Problem] = []
    at_command_line = management_utility() is not None
    for alias, database in config.databases.items():
        engine = str(database.engine)
        if not _exists(f"{engine}.base"):
            hint = "correct it, or install the package that has it"
            problems.append(_problem(config, alias, f"there is no database backend '{engine}'", hint))
        elif at_command_line and engine in DRIVERS and not any(map(_exists, DRIVERS[engine][0])):
            needed, remedy = DRIVERS[engine]
            problems.append(_problem(config, alias, f"the driver {needed[0]} is not installed", remedy))
    if problems:
        raise for_terminal(ConfigError(problems))


def _problem(config: Config, alias: str, message: str, hint: str) -> Problem:
    node = config.nodes.get("databases", alias, "engine")
    source = node.source if node is not None else None
    where = str(source) if source is not None else "configuration"
    return Problem(f"databases.{alias}.engine", message, where, hint, source.location if source is not None else None)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # a package above it is missing; or a stand-in like PyMySQL's, without a spec
        return module in sys.modules
