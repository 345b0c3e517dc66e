"""``manage.py migrate_all``: every database of the project, in one command."""

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError, CommandParser

from ...migrating.session import MigratingCommand, Session


class Command(MigratingCommand):
    """Migrates every database that the routing rules lead to."""

    help = "Migrates every database that the routing rules lead to (without rules: every database)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        super().add_arguments(parser)
        parser.add_argument("app_label", nargs="?", metavar="APP", help="Migrate this app only, where it lives.")
        parser.add_argument(
            "migration_name",
            nargs="?",
            metavar="MIGRATION",
            help="Go to this migration of the app, forwards or backwards; 'zero' unapplies all of them.",
        )
        parser.add_argument("--app", metavar="LABEL", help="The same as APP.")
        parser.add_argument(
            "--exclude",
            action="append",
            default=[],
            metavar="ALIAS",
            help="Leave this database out; may be given several times.",
        )
        parser.add_argument(
            "--plan", action="store_true", help="Show what would run on which databases; change nothing."
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="Exit with 1 if anything is pending or models lack migrations; change nothing.",
        )
        parser.add_argument(
            "--dry-run-sql",
            metavar="DIR",
            help="Write the SQL that each database would get into a file of its own in DIR; change nothing.",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object for each database.")
        parser.add_argument(
            "--jobs",
            type=_positive,
            metavar="N",
            help="Databases of a server that take a schema migration at the same time; if not given, 8 where schema "
            "statements roll back, else 1.",
        )
        parser.add_argument("--fail-fast", action="store_true", help="End the run at the first failure.")
        parser.add_argument(
            "--lock-timeout",
            type=_seconds,
            metavar="SECONDS",
            help="Wait no longer than this for another run on the same databases; as long as it takes if not given.",
        )
        parser.add_argument("--run-syncdb", action="store_true", help="Make the tables of apps without migrations.")
        parser.add_argument("--fake", action="store_true", help="Record migrations without running them.")
        parser.add_argument(
            "--fake-initial", action="store_true", help="Record first migrations whose tables exist already."
        )
        parser.add_argument(
            "--prune", action="store_true", help="Delete the rows of migrations that are gone; needs APP."
        )
        parser.add_argument(
            "--stock", action="store_true", help="Use Django's own executor, one database after the other, to compare."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, or show what is pending."""
        if options["app"] and options["app_label"] and options["app"] != options["app_label"]:
            raise CommandError(f"Two apps are named, {options['app_label']} and {options['app']}; name one.")
        if options["prune"] and not (options["app"] or options["app_label"]):
            raise CommandError("--prune needs an app: migrate_all APP --prune.")
        session = Session(self, options)
        if options["dry_run_sql"]:
            session.write_sql(options["dry_run_sql"])
        elif options["plan"] or options["check"]:
            session.show_pending(check=options["check"])
        else:
            session.migrate()


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise ArgumentTypeError(f"'{text}' is no number of databases; say 1 or more.")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ArgumentTypeError(f"'{text}' is no number of seconds; say 0 or more.")
    return seconds
