"""``manage.py dbroute <subcommand>``: what dbroute knows of this project."""

from argparse import SUPPRESS
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dbroute.django.checks import settings_problem

from ..failure import PrintedError
from ..subcommands import SUBCOMMANDS


class Command(BaseCommand):
    """Parses the subcommand, runs it and prints what it returns."""

    help = "Tells what dbroute knows of this project."
    requires_system_checks = ()  # it is what one asks when the checks complain

    def add_arguments(self, parser: CommandParser) -> None:
        """Give each subcommand a parser of its own."""
        choices = parser.add_subparsers(dest="subcommand", metavar="subcommand", required=True)
        common = BaseCommand().create_parser("manage.py", "dbroute", add_help=False)
        for action in common._actions:
            action.default = SUPPRESS  # what stands before the subcommand counts too
        for name, module in SUBCOMMANDS.items():
            text = (module.__doc__ or "").strip().splitlines()[0]
            module.add_arguments(choices.add_parser(name, help=text, description=text, parents=[common]))

    def handle(self, *args: Any, **options: Any) -> str | None:
        """
        Run the subcommand.

        Raises:
            CommandError: Nothing in the settings routes anything, or the subcommand says so.
        """
        module = SUBCOMMANDS[options["subcommand"]]
        problem = settings_problem() if getattr(module, "NEEDS_ROUTING", True) else None
        if problem is not None:
            raise CommandError(problem)
        try:
            printed: str = module.run(**options, wide=not self.stdout.isatty(), command=self)
        except PrintedError as error:
            self.stdout.write(error.printed)
            self.stdout.flush()
            raise CommandError(str(error)) from None
        return printed
