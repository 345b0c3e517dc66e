"""
What ``manage.py dbroute <name>`` can do: a module for each name.

A module has a docstring whose first sentence is the help text, ``add_arguments(parser)``, and ``run(**options)``, which
returns what is printed.
"""

from types import ModuleType

from . import route

SUBCOMMANDS: dict[str, ModuleType] = {"route": route}
