"""
What ``manage.py dbroute <name>`` can do: a module for each name.

A module has a docstring whose first sentence is the help text, ``add_arguments(parser)``, and ``run(**options)``, which
returns what is printed. ``NEEDS_ROUTING = False`` lets it run where nothing in the settings routes anything yet.
"""

from types import ModuleType

from . import drift, explain, init, orphans, route, schema, validate

SUBCOMMANDS: dict[str, ModuleType] = {
    "explain": explain,
    "validate": validate,
    "route": route,
    "orphans": orphans,
    "schema": schema,
    "init": init,
    "drift": drift,
}
