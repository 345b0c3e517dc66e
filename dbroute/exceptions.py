"""What dbroute raises; imports nothing of dbroute, so that every room may raise it."""

from collections.abc import Iterable

import attrs


class DbrouteError(Exception):
    """The base of every error that dbroute raises on purpose."""


@attrs.frozen
class Problem:
    """
    One thing that is wrong in the configuration, told in one line.

    Attributes:
        path: The dotted key, for example ``databases.blog_db.port``; empty where the whole file is meant.
        message: What is wrong, never with a secret in it.
        source: Where it stands: ``file:line:column``, or the name of a variable, or of a class.
        hint: What to do about it; may be empty.
    """

    path: str
    message: str
    source: str
    hint: str = ""

    def __str__(self) -> str:
        what = f"{self.path}: {self.message}" if self.path else self.message
        return f"{self.source}  {what}" + (f"; {self.hint}" if self.hint else "")


class ConfigError(DbrouteError):
    """
    The configuration cannot be used; carries everything that is wrong with it.

    Attributes:
        problems: One :class:`Problem` for each fault of all files, variables and classes, sorted by source.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type, tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


class ConfigWarning(UserWarning):
    """Something in the configuration has no effect, and probably was meant to have one."""


class ReadOnlyDatabaseError(DbrouteError):
    """
    A write was about to be sent to a database that the configuration calls read-only.

    Attributes:
        model: Label of the model whose table was to be written, or the table's name where no model has it.
        alias: The database.
        source: Where the database is called read-only.
    """

    def __init__(self, model: str, alias: str, source: str) -> None:
        self.model, self.alias, self.source = model, alias, source
        super().__init__(
            f"{model} cannot be written: database '{alias}' is read-only ({source}); "
            f"write to another database, or set databases.{alias}.readonly to false"
        )

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.model, self.alias, self.source)
