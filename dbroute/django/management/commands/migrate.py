"""``manage.py migrate``: Django's own, with the router on the side of the database that is being migrated."""

from importlib import import_module
from typing import Any

from ...migrating.scope import scope
from ...migrating.stock import provider

# Another app may bring a command of this name too; which of them Django finds depends on INSTALLED_APPS.
Replaced: Any = import_module(f"{provider()}.management.commands.migrate").Command


class Command(Replaced):  # type: ignore[misc]
    """Does what the command behind it does; data migrations that forgot ``using()`` write where they run."""

    def handle(self, *args: Any, **options: Any) -> Any:
        """Migrate one database."""
        with scope(options["database"]):
            return super().handle(*args, **options)
