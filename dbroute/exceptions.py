"""What dbroute raises; imports nothing of dbroute, so that every room may raise it."""

from collections.abc import Iterable
from pathlib import Path

import attrs


def printable(text: str) -> str:
    """Return a text in one line that moves no cursor: what a terminal would obey is written as an escape."""
    return text if text.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


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
        location: File, line and column (from 1) of the same place, where it is a file.
    """

    path: str
    message: str
    source: str
    hint: str = ""
    location: tuple[Path, int, int] | None = attrs.field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        what = f"{self.path}: {self.message}" if self.path else self.message
        return printable(f"{self.source}  {what}" + (f"; {self.hint}" if self.hint else ""))


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
        remedy: What to do about it.
    """

    def __init__(self, model: str, alias: str, source: str, remedy: str = "write to another database") -> None:
        self.model, self.alias, self.source, self.remedy = model, alias, source, remedy
        super().__init__(f"{model} cannot be written: database '{alias}' is read-only ({source}); {remedy}")

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:
        return type(self), (self.model, self.alias, self.source, self.remedy)


class CrossDatabaseTransactionError(DbrouteError):
    """
    Rows of several databases were about to be written together, inside a transaction that spans only some of them.

    Attributes:
        what: What was not done.
        open: Databases with an open transaction.
        closed: Those without one, whose rows would stay written if it were rolled back.
    """

    def __init__(self, what: str, open: Iterable[str], closed: Iterable[str]) -> None:  # noqa: A002
        self.what, self.open, self.closed = what, tuple(open), tuple(closed)
        blocks = ", ".join(f"transaction.atomic(using='{alias}')" for alias in self.closed)
        super().__init__(
            f"{what}: there is a transaction on {_listed(self.open)}, but none on {_listed(self.closed)}, where it "
            f"would be committed on its own; put `with {blocks}:` around it"
        )

    def __reduce__(self) -> tuple[type, tuple[str, tuple[str, ...], tuple[str, ...]]]:
        return type(self), (self.what, self.open, self.closed)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


class CrossDatabaseDeletionError(DbrouteError):
    """
    Rows of another database refer to what was to be deleted, and the project does not follow relations there.

    Attributes:
        model: Label of the model of which a row was to be deleted.
        far_model: Label of the model whose rows refer to it.
        far_alias: The database of that one.
    """

    def __init__(self, model: str, far_model: str, far_alias: str) -> None:
        self.model, self.far_model, self.far_alias = model, far_model, far_alias
        super().__init__(
            f"{model} cannot be deleted: rows of {far_model} in '{far_alias}' refer to it, and relations are not "
            "followed into other databases here; delete or change those rows first, or set "
            "'cross_database_relations: follow' below 'routing:'"
        )

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.model, self.far_model, self.far_alias)


class CrossDatabaseJoinError(DbrouteError):
    """
    A query would read tables of two databases; no part of it was sent.

    Attributes:
        model: Label of the model on this side.
        alias: The database of that one.
        far_model: Label of the model on the other side.
        far_alias: The database of that one.
        lookup: What needs both, as it was written; empty for a query inside another.
        kind: ``join``, ``subquery``, ``union``, ``intersection`` or ``difference``.
    """

    def __init__(self, model: str, alias: str, far_model: str, far_alias: str, lookup: str, kind: str = "join") -> None:
        self.model, self.alias, self.far_model, self.far_alias = model, alias, far_model, far_alias
        self.lookup, self.kind = lookup, kind
        what = f"'{lookup}' cannot be looked up" if lookup else f"no {kind} is possible here"
        ways = (
            "find the keys first, as in filter(author__in=[…]); read rows with select_related() or "
            "prefetch_related(); or let dbroute find the keys, with dbroute.django.relations.split(queryset) or "
            "'cross_database_lookups: split' below 'routing:'"
            if kind == "join"
            else "give it a list, as in list(queryset); or let dbroute find the keys of an __in lookup, with "
            "dbroute.django.relations.split(queryset) or 'cross_database_lookups: split' below 'routing:'"
            if kind == "subquery"
            else "put lists together, as in [*first, *second]"
        )
        super().__init__(
            f"{what}: {model} is on '{alias}' and {far_model} on '{far_alias}', and no database reads the tables of "
            f"another; {ways}"
        )

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str, str, str]]:
        return type(self), (self.model, self.alias, self.far_model, self.far_alias, self.lookup, self.kind)


class CrossDatabaseLimitError(DbrouteError):
    """
    A lookup that is answered in two steps found more keys on the far side than are sent in one query.

    Attributes:
        model: Label of the model whose keys they are.
        limit: How many may be sent.
    """

    def __init__(self, model: str, limit: int) -> None:
        self.model, self.limit = model, limit
        super().__init__(
            f"the lookup found more than {limit} keys of {model}, the most that are sent to another database in one "
            "query; narrow it down, or go through the rows in batches"
        )

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        return type(self), (self.model, self.limit)
