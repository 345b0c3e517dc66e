"""``migrate``: while a database is migrated, the models whose tables are there are at home there."""

from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import find_commands

from ...migrating.scope import migrating


def _next_command() -> Any:
    """Return the command that Django would run without this one: that of the next app that has one, or its own."""
    names = [
        config.name
        for config in apps.get_app_configs()
        if config.label != "dbroute" and "migrate" in find_commands(str(Path(config.path) / "management"))
    ]
    return import_module(f"{[*names, 'django.core'][0]}.management.commands.migrate").Command


class Command(_next_command()):  # type: ignore[misc]  # the base is known only when the apps are
    """Migrates as ever, and lets a data migration that forgot ``using()`` write where it runs."""

    def handle(self, *args: Any, **options: Any) -> Any:
        """Run the command while its database is the one that is meant."""
        with migrating(options["database"]):
            return super().handle(*args, **options)
