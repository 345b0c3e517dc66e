"""``manage.py migrate_all``: every database of the project, in one command."""

from typing import Any

from django.core.management.base import CommandParser

from ...migrating.session import MigratingCommand, Session


class Command(MigratingCommand):
    """Migrates every database that the routing rules lead to."""

    help = "Migrates every database that the routing rules lead to (without rules: every database)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--plan", action="store_true", help="Show what would run on each database; change nothing.")
        parser.add_argument(
            "--check",
            action="store_true",
            help="Exit with 1 if anything is pending or models lack migrations; change nothing.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, or show what is pending."""
        session = Session(self, options)
        if options["plan"] or options["check"]:
            session.show_pending(check=options["check"])
        else:
            session.migrate()
