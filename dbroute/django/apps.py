"""The app ``dbroute``: its commands, its checks and the guard over read-only databases."""

from django.apps import AppConfig
from django.core.checks import register


class DbrouteConfig(AppConfig):
    """Makes the commands known, registers the checks and installs the write guard."""

    name = "dbroute.django"
    # Without this the label would be "django", which reads as Django's own wherever it is printed.
    label = "dbroute"
    verbose_name = "dbroute"

    def ready(self) -> None:
        """Start watching, and make the folders of SQLite files; nothing here opens a connection."""
        from . import checks, folders, guard, placement
        from .relations import checks as relation_checks
        from .relations import constraints, patches

        folders.make()

        for check in (*checks.CHECKS, *placement.CHECKS, *relation_checks.CHECKS):
            register(check, "dbroute")
        guard.install()
        constraints.install()
        if relation_checks.is_anything_crossing():
            patches.install()
