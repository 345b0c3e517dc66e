"""Refuses fields of databases that name a database which does not exist, or cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs

from ..models import MASK, DatabaseConfig, DatabaseTestConfig
from .nodes import Branch, Leaf, Source
from .problems import Problems, did_you_mean, listed


@attrs.frozen(eq=False, repr=False)
class References:
    """
    The databases, to look names up in.

    Attributes:
        root: The merged nodes.
        databases: The databases by alias.
        problems: Takes the faults.
        whole: There are no other databases, in a section that cannot be read.
    """

    root: Branch
    databases: Mapping[str, DatabaseConfig]
    problems: Problems
    whole: bool = True

    def check(self) -> None:
        """Look at every reference of every database."""
        for alias, database in self.databases.items():
            for field, name in _references(database):
                fault = self.fault(alias, field, name)
                if fault is not None:
                    self.refuse(alias, field, *fault)
        self.circles()

    def refuse(self, alias: str, field: str, message: str, hint: str) -> None:
        """Note a fault of one field."""
        node = self.root.get("databases", alias, *field.split("."))
        source = node.source if node is not None else Source("configuration")
        self.problems.add(source, f"databases.{alias}.{field}", message, hint)

    def fault(self, alias: str, field: str, name: str) -> tuple[str, str] | None:
        """Return what is wrong with the name of a database in a field of another one, and what to do."""
        node = self.root.get("databases", alias, *field.split("."))
        shown = MASK if isinstance(node, Leaf) and node.secret else f"'{name}'"
        other = self.databases.get(name)
        if other is None:
            known = did_you_mean(name, self.databases) or f"known are {listed(self.databases)}"
            return (f"there is no database {shown}", known) if self.whole else None
        if field == "migrates_like" and (name == alias or other.migrates_like):
            return f"{shown} has no tables of its own to be like", "name the database whose rules are meant"
        # Django would run the tests on the real database.
        if field == "test.mirror" and (name == alias or _test(other).mirror is not None):
            return f"{shown} has no test database of its own", "name the database that is copied"
        return None

    def circles(self) -> None:
        """Refuse test databases that wait for each other: Django creates a database after its dependencies."""
        waiting = {alias: set(_waits_for(alias, found)) for alias, found in self.databases.items()}
        while ready := [alias for alias, names in waiting.items() if not names & set(waiting)]:
            for alias in ready:
                del waiting[alias]
        said = [alias for alias in waiting if _test(self.databases[alias]).dependencies]
        if said:
            hint = "remove one of the dependencies; without any, a database waits for default"
            what = f"{listed(waiting)} wait for each other" if len(waiting) > 1 else "the database waits for itself"
            self.refuse(said[0], "test.dependencies", what, hint)


def _test(database: DatabaseConfig) -> DatabaseTestConfig:
    return database.test if isinstance(database.test, DatabaseTestConfig) else DatabaseTestConfig()


def _references(database: DatabaseConfig) -> Iterator[tuple[str, str]]:
    """Yield the fields of a database that name others, each with one name."""
    test = _test(database)
    if database.migrates_like is not None:
        yield "migrates_like", database.migrates_like
    if test.mirror is not None:
        yield "test.mirror", test.mirror
    for name in test.dependencies or ():
        yield "test.dependencies", name


def _waits_for(alias: str, database: DatabaseConfig) -> Sequence[str]:
    """Return the aliases whose test databases Django creates before this one's."""
    test = _test(database)
    if test.mirror is not None:
        return ()
    if test.dependencies is not None:
        return test.dependencies
    return () if alias == "default" else ("default",)
