"""Ends ``migrate_all`` the hard way at a random statement, looks at what is there, and runs it again."""

import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

import attrs

from .dumps import recorded_in, schema_of
from .generate import ALIASES, Generated
from .sites import Site
from .trial import Side, difference, start


@attrs.frozen
class Kill:
    """
    What came of one kill.

    Attributes:
        statement: The number of the statement, or commit, before which the process died.
        torn: Databases that are between two migrations: more is there than they have recorded, or less.
        rerun: The exit code of the second run, and what it wrote to stderr.
        different: How databases differ, after the second run, from those of a run that nobody killed; by alias. Keys do
            not count: what was made after the kill got other numbers.
    """

    statement: int
    torn: tuple[str, ...]
    rerun: tuple[int, str]
    different: dict[str, str]


@attrs.define
class Killing:
    """
    Kills runs from the same start.

    Attributes:
        expected: What is in the databases after a run that nobody killed.
        statements: How many statements and commits that took.
    """

    generated: Generated
    site: Site
    folder: Path
    first: dict[str, str] = attrs.field(init=False)
    expected: dict[str, list[str]] = attrs.field(init=False)
    statements: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.first = self.site.create(ALIASES, self.folder / "start" / "db")
        early = Side(self.generated.write(self.folder / "start", self.first, late=False), self.site, self.first)
        start(early, self.generated.start)
        counted = self.folder.resolve() / "statements"
        whole = self._side("whole", {"PROBE_COUNT_TO": str(counted)})
        whole.all_at_once()
        self.statements = int(counted.read_text())
        self.expected = whole.dump(numbers=False)

    def _side(self, name: str, env: dict[str, str] | None = None) -> Side:
        urls = self.site.clone(self.first, self.folder / name / "db")
        return Side(self.generated.write(self.folder / name, urls), self.site, urls, env or {})

    def kills(self, random: Random, count: int) -> Iterator[Kill]:
        """Kill as many runs as are wanted, one after another."""
        for number in range(count):
            yield self.kill(f"{number}", random.randint(1, self.statements))

    def kill(self, name: str, statement: int) -> Kill:
        """Kill one run, look at what it left, and let a second one finish."""
        side = self._side(f"killed_{name}")
        done = side.attempt("migrate_all", "--skip-makemigrations", env={"PROBE_KILL_AT": str(statement)})
        if done.returncode != -signal.SIGKILL:
            raise AssertionError(f"statement {statement} killed nobody: {done.returncode} {done.stderr[-500:]}")
        torn = self._torn(name, side)
        again = side.attempt("migrate_all", "--skip-makemigrations", "--verbosity", "0")
        found = side.dump(numbers=False)
        different = {
            alias: difference(lines, found[alias], alias)
            for alias, lines in self.expected.items()
            if lines != found[alias]
        }
        self.site.drop(side.urls.values())
        return Kill(statement, torn, (again.returncode, again.stderr), different)

    def _torn(self, name: str, side: Side) -> tuple[str, ...]:
        """Return the databases that are not what Django makes of the migrations that they have recorded."""
        reference = self._side(f"reference_{name}")
        recorded = {
            alias: [(app, migration) for app, names in recorded_in(self.site, url).items() for migration in names]
            for alias, url in side.urls.items()
        }
        start(reference, recorded)
        theirs, ours = reference.dump(), side.dump()
        self.site.drop(reference.urls.values())
        return tuple(alias for alias in theirs if schema_of(theirs[alias]) != schema_of(ours[alias]))
