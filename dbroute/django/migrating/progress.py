"""What a person sees while databases are being migrated."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

import attrs

from .member import Member
from .outcome import Outcome


@attrs.define
class Progress:
    """
    Says what nobody should miss, and nothing else.

    Attributes:
        write: Prints a line.
    """

    write: Callable[[str], None] = lambda text: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let a display go."""

    def say(self, text: str) -> None:
        """Show a sentence that nobody should miss."""
        self.write(text)

    def begin(self, alias: str) -> None:
        """Hear that a database is being opened."""

    def hear(self, member: Member) -> None:
        """Hear that a migration begins or has ended."""

    def end(self, outcome: Outcome) -> None:
        """Hear what became of a database."""


@attrs.define
class Lines(Progress):
    """
    A line when a database's turn comes, and from verbosity 2 on one for each migration.

    Attributes:
        verbosity: Django's.
    """

    verbosity: int = 1

    def begin(self, alias: str) -> None:
        """Print the alias."""
        self.write(f"Migrating {alias}")

    def hear(self, member: Member) -> None:
        """Print the migration that begins."""
        if member.running and not member.error and self.verbosity > 1:
            self.write(f"{member.alias}: {member.running}")
