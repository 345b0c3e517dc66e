"""``manage.py migrator``: all databases, one database, or one app; chosen by options, or from a menu."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...migrating.author import is_terminal
from ...migrating.session import MigratingCommand, Session


class Command(MigratingCommand):
    """Migrates what is named: all databases, some of them, or one app."""

    help = "Migrates all databases (--auto), some of them (--database) or one app where it lives (--app)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("--auto", action="store_true", help="Migrate all databases, without a question.")
        parser.add_argument("--app", metavar="LABEL", help="Migrate this app only, on the databases where it lives.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate what the options name; without any, ask on a terminal."""
        if not (options["auto"] or options["database"] or options["app"]):
            if options["interactive"] and is_terminal() and self.stdout.isatty():
                # Nothing but the menu needs the libraries that draw it.
                from ...migrating.menu import Menu

                Menu(self, options).run()
                return
            raise CommandError(
                "Say what to migrate: --auto (all databases), --database ALIAS or --app LABEL.", returncode=2
            )
        options["interactive"] &= not options["auto"]
        Session(self, options).migrate()
