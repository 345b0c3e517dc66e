"""
Runs every trial in full and writes down what came of it: a part of ``make prove``.

    python -m tests.lockstep.prove --sites sqlite,postgres,mariadb --apps 40 --length 12 --kills 50

The first run of a seed writes the same project every time; the first difference ends it with exit code 1.
"""

import argparse
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import metadata
from itertools import chain
from pathlib import Path
from random import Random

import attrs

from tests.projects import REPOSITORY
from tests.servers import Server, databases, find_mariadb, find_postgres

from .appsets import CONTRIB_SET, EXAMPLES, TENANTS_SET, WAGTAIL_SET
from .generate import ALIASES, Size, generate
from .kills import Killing
from .sites import Files, MariaDB, Postgres, Site
from .trial import Trial, from_seed

PAGE = REPOSITORY / "docs" / "explanation" / "proof.md"
NAMES = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}
KILLABLE = Size(5, 4, 3, killable=True)


class FindingError(Exception):
    """Both sides differ; the text says how."""


@attrs.frozen
class Row:
    """
    A line of the table.

    Attributes:
        lines: How many lines of schema, records and rows were compared.
        stock: Seconds of ``migrate --database X`` for each X, in processes that have Django loaded.
        ours: Seconds of one ``migrate_all``, the start of its process included.
    """

    project: str
    server: str
    databases: int
    lines: int
    stock: float
    ours: float

    def __str__(self) -> str:
        return (
            f"| {self.project} | {self.server} | {self.databases} | {self.lines} | {self.stock:.1f} | {self.ours:.1f} "
            f"| {self.ours / self.stock:.2f} |"
        )


@contextmanager
def open_site(name: str) -> Iterator[Site]:
    """Lend a place for databases, by its name."""
    if name == "sqlite":
        yield Files()
        return
    found: Server = (find_postgres if name == "postgres" else find_mariadb)(os.environ)
    try:
        with databases(found) as lent:
            yield Postgres(lent) if name == "postgres" else MariaDB(lent)
    finally:
        found.stop()


def compare(trial: Trial, what: str, server: str, *arguments: str, aliases: Sequence[str] = ()) -> Row:
    """Migrate both sides and return the line of the table."""
    begin = time.monotonic()
    trial.theirs.stock(*arguments, aliases=aliases)
    middle = time.monotonic()
    trial.ours.all_at_once(*arguments)
    end = time.monotonic()
    theirs = trial.theirs.dump()
    if found := trial.compare(theirs):
        raise FindingError(f"{what} on {server}:\n{found}")
    lines = sum(map(len, theirs.values()))
    return Row(what, server, len(aliases) or len(trial.ours.urls), lines, middle - begin, end - middle)


def app_sets(site: Site, server: str, folder: Path) -> Iterator[Row]:
    """Compare the projects of real apps."""
    for number, app_set in enumerate((*EXAMPLES, CONTRIB_SET, TENANTS_SET, WAGTAIL_SET)):
        trial = app_set.trial(site, folder / f"set_{number}")
        yield compare(trial, app_set.name, server)
        site.drop([*trial.theirs.urls.values(), *trial.ours.urls.values()])


def generated(site: Site, server: str, folder: Path, seed: int, size: Size) -> Iterator[Row]:
    """Compare a generated project: forwards, one app back to zero, forwards again."""
    made = generate(seed, site.vendor, size)
    trial = from_seed(made, site, folder / f"seed_{seed}")
    name = f"{size.apps} apps of {size.length} migrations, seed {seed}"
    yield compare(trial, name, server)
    lives_on = made.lives_on(made.zero)
    yield compare(trial, f"{name}: `{made.zero} zero`", server, made.zero, "zero", aliases=lives_on)
    yield compare(trial, f"{name}: forwards again", server)
    site.drop([*trial.theirs.urls.values(), *trial.ours.urls.values()])


def kills(site: Site, server: str, folder: Path, seed: int, count: int) -> str:
    """Kill runs and return the line of the table."""
    killing = Killing(generate(seed, site.vendor, KILLABLE), site, folder / "kills")
    torn = unfinished = 0
    for kill in killing.kills(Random(seed), count):
        harmed = {*kill.torn, *kill.different}
        allowed = 1 if site.vendor == "mysql" else 0
        named = kill.rerun[1].split(":")[0]
        if len(harmed) > allowed or (kill.rerun[0] and [named] != [*harmed]):
            shown = "\n".join([kill.rerun[1], *kill.different.values()])
            raise FindingError(f"{server}, killed at statement {kill.statement}, torn {kill.torn}:\n{shown}")
        torn += bool(harmed)
        unfinished += bool(kill.rerun[0])
    return f"| {server} | {count} | {killing.statements} | {count - torn} | {torn} | {unfinished} |"


TABLE = (
    "| project | server | databases | lines compared | stock, s | `migrate_all`, s | ratio |\n"
    "|---|---|---|---|---|---|---|"
)
KILLS = (
    "| server | kills | statements and commits of a whole run | the same end state after a rerun "
    "| one database with half a migration | of these, reruns that name it |\n|---|---|---|---|---|---|"
)


def prove(options: argparse.Namespace, say: Callable[[str], None]) -> str:
    """Run everything and return the figures as text; the first difference raises :class:`FindingError`."""
    rows: list[Row] = []
    killed: list[str] = []
    size = Size(options.apps, options.length)
    for name in options.sites.split(","):
        with tempfile.TemporaryDirectory() as root, ExitStack() as stack:
            site, server, folder = stack.enter_context(open_site(name)), NAMES[name], Path(root)
            trials = chain(app_sets(site, server, folder), generated(site, server, folder, options.seed, size))
            for row in trials:
                rows.append(row)
                say(str(row))
            if options.kills:
                killed.append(kills(site, server, folder, options.seed, options.kills))
                say(killed[-1])
    packages = ("Django", "wagtail", "django-constance", "django-taggit")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    return "\n".join(
        [
            f"Python {platform.python_version()}, {versions}; seed {options.seed}, {len(ALIASES)} databases a project.",
            "",
            *[TABLE, *map(str, rows)],
            *(["", KILLS, *killed] if killed else []),
        ]
    )


def write(figures: str) -> None:
    """Put the figures into their page."""
    text = PAGE.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- proof: begin -->\n).*(<!-- proof: end -->)", re.DOTALL)
    PAGE.write_text(marked.sub(lambda found: f"{found[1]}\n{figures}\n\n{found[2]}", text), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", default="sqlite,postgres,mariadb", help="where, comma-separated")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--apps", type=int, default=40, help="apps of the generated project")
    parser.add_argument("--length", type=int, default=12, help="migrations of each")
    parser.add_argument("--kills", type=int, default=50, help="on each server")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/explanation/proof.md")
    options = parser.parse_args(arguments)
    try:
        figures = prove(options, lambda line: print(line, flush=True))
    except (FindingError, AssertionError) as error:
        print(error)
        return 1
    if options.write:
        write(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
