"""``migrate``: while a database is migrated, the models whose tables are there are at home there."""

from importlib import import_module
from typing import Any

from ...migrating.scope import migrating
from ...migrating.stock import provider

# What Django would run without this command.
Next: Any = import_module(f"{provider()}.management.commands.migrate").Command


class Command(Next):  # type: ignore[misc]  # the base is known only when the apps are
    """Migrates as ever, and lets a data migration that forgot ``using()`` write where it runs."""

    def handle(self, *args: Any, **options: Any) -> Any:
        """Run the command while its database is the one that is meant."""
        with migrating(options["database"]):
            return super().handle(*args, **options)
