"""``flush``: without ``--database`` every database that this project migrates, asked once."""

from typing import Any

from django.core.management.commands.flush import Command as DjangoCommand
from django.db import connections

from dbroute.django.routes import project_table

from ..data import FollowsRules


class Command(FollowsRules, DjangoCommand):  # type: ignore[misc]  # the stubs forget *args
    """Django's ``flush``, for all databases that are not read-only, replicas or somebody else's."""

    def handle_by_rules(self, *args: Any, **options: Any) -> str | None:
        """Name them all, ask once, then flush one after the other."""
        aliases = [alias for alias in connections if project_table().takes_migrations(alias)]
        if options["interactive"]:
            names = "\n".join(f"    {alias} ({connections[alias].settings_dict['NAME']})" for alias in aliases)
            answer = input(
                f"You have requested a flush of these databases:\n\n{names}\n\n"
                "This will IRREVERSIBLY DESTROY all data currently in them,\n"
                "and return each table to an empty state.\n"
                "Are you sure you want to do this?\n\n"
                "    Type 'yes' to continue, or 'no' to cancel: "
            )
            if answer != "yes":
                self.stdout.write("Flush cancelled.")
                return None
        for alias in aliases:
            super().handle(*args, **{**options, "database": alias, "interactive": False})
        return None
