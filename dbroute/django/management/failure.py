"""A subcommand that has something to print, and fails all the same."""

from django.core.management.base import CommandError


class PrintedError(CommandError):
    """
    The answer is what was asked for, and it is bad news; ``dbroute`` prints it and ends with the summary.

    Attributes:
        printed: The answer, for stdout.
    """

    def __init__(self, printed: str, summary: str) -> None:
        self.printed = printed
        super().__init__(summary)
