"""
What migrating costs: whole processes, paired in one run, against Django's own `migrate` on the same apps.

    python -m benchmarks.migrations                  Wagtail's apps; needs the `prove` extra
    python -m benchmarks.migrations --quick          a small set of apps and databases: shows that everything runs
    python -m benchmarks.migrations --postgres 32    also on a PostgreSQL server, where the tests would find one
    python -m benchmarks.migrations --write          also puts the table into RESULTS.md
"""

import argparse
import compileall
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import attrs

from benchmarks.peers import REPOSITORY
from tests.lockstep.appsets import AWAY, CONTRIB, PATCH, WAGTAIL
from tests.projects import clean_environment, project
from tests.servers import databases, find_postgres

RESULTS = REPOSITORY / "benchmarks" / "RESULTS.md"
NEW = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("away", "0002_size")]
    operations = [migrations.AddField("away", "colour", models.CharField(max_length=9, default="red"))]
"""
EVERYWHERE = """
from django.test import TestCase


class EverywhereTest(TestCase):
    databases = "__all__"

    def test_nothing(self):
        self.assertTrue(True)
"""


@attrs.frozen
class Cost:
    """What a run of processes, one after another, took: seconds, and the largest one's peak memory in MiB."""

    seconds: float
    memory: float


@attrs.frozen
class Bench:
    """
    One project and its databases.

    Attributes:
        folder: Where manage.py is.
        urls: By alias.
    """

    folder: Path
    urls: Mapping[str, str]

    @classmethod
    def write(cls, folder: Path, settings: str, urls: Mapping[str, str], *, away: bool) -> "Bench":
        """
        Write a project.

        Args:
            folder: New.
            settings: Its apps.
            urls: By alias; the first one is ``default``.
            away: The other databases have the app ``away`` only; else they have every app, as tenants do.
        """
        others = list(urls)[1:]
        lines = ["databases:", f"  default: '{urls['default']}'"]
        for alias in others:
            like = "default" if not away else others[0]
            more = "apps: [away]" if alias == like else f"migrates_like: {like}"
            lines.append(f"  {alias}: {{url: '{urls[alias]}', {more}}}")
        text = settings if '"away"' in settings else settings + '\nINSTALLED_APPS.insert(0, "away")\n'
        files = {"config.yaml": "\n".join(lines) + "\n", "tests.py": EVERYWHERE, **AWAY}
        project(folder, settings=text + PATCH, files=files)
        return cls(folder, urls)

    def all_at_once(self) -> Cost:
        """Run one ``migrate_all``."""
        return self._processes(["migrate_all", "--skip-makemigrations", "--verbosity", "0"])

    def stock(self, *aliases: str) -> Cost:
        """Run ``migrate --database X`` for each of these, the way a shell's loop does."""
        return self._processes(*(["migrate", "--database", alias, "--verbosity", "0"] for alias in aliases))

    def tests(self, runner: str) -> Cost:
        """Run a test that needs every database."""
        return self._processes(["test", "--testrunner", runner, "--verbosity", "0"])

    def _processes(self, *commands: Sequence[str]) -> Cost:
        memory = 0.0
        begin = time.monotonic()
        for command in commands:
            with tempfile.TemporaryFile("w+") as output:
                process = subprocess.Popen(
                    [sys.executable, "manage.py", *command],
                    cwd=self.folder,
                    env=clean_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                if process.returncode:
                    output.seek(0)
                    raise RuntimeError(f"{' '.join(command)}: {output.read()[-3000:]}")
            memory = max(memory, usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2))
        return Cost(time.monotonic() - begin, memory)


@attrs.frozen
class Row:
    """
    A line of the table: what was measured, in rounds, against what.

    Attributes:
        goal: As text, from the project's goals.
        faster: Shown as how many times faster, not as a ratio.
    """

    name: str
    ours: list[float]
    against: str
    theirs: list[float]
    goal: str
    faster: bool = False
    unit: str = "s"

    @property
    def ratio(self) -> float:
        """Ours to theirs, or theirs to ours where faster is meant; the median of the rounds."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return statistics.median(theirs / ours if self.faster else ours / theirs for ours, theirs in pairs)

    def __str__(self) -> str:
        shown = f"{self.ratio:.1f} times faster" if self.faster else f"{self.ratio:.2f}"
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        digits = 2 if self.unit == "s" else 0
        return (
            f"| {self.name} | {ours:.{digits}f} {self.unit} | {self.against} | {theirs:.{digits}f} {self.unit} "
            f"| {shown} | {self.goal} |"
        )


TABLE = "| run | | against | | ratio | goal |\n|---|---|---|---|---|---|"


def sqlite_urls(folder: Path, count: int) -> dict[str, str]:
    """Return the URLs of databases in a folder."""
    aliases = ["default", *(f"db_{number:02}" for number in range(1, count))]
    return {alias: f"sqlite:///{folder}/databases/{alias}.sqlite3" for alias in aliases}


def on_sqlite(root: Path, settings: str, some: int, many: int, rounds: int, runner: str) -> Iterator[Row]:
    """Measure everything that SQLite files are enough for."""
    sizes = {"one": (1, False), "some": (some, True), "many": (many, False)}
    benches = {
        name: Bench.write(root / name, settings, sqlite_urls(root / name, count), away=away)
        for name, (count, away) in sizes.items()
    }
    one, several, crowd = benches.values()
    found: dict[str, list[Cost]] = {}

    def note(name: str, cost: Cost) -> None:
        found.setdefault(name, []).append(cost)

    for _ in range(rounds):
        for bench in benches.values():
            empty(bench)
        note("stock", one.stock("default"))
        empty(one)
        note("one", one.all_at_once())
        note("some", several.all_at_once())
        empty(several)
        note("loop of some", several.stock(*several.urls))
        note("many", crowd.all_at_once())
        note("nothing on one", one.all_at_once())
        note("nothing on many", crowd.all_at_once())
        before = crowd.folder / "before"
        shutil.copytree(crowd.folder / "databases", before)
        new = crowd.folder / "away" / "migrations" / "0003_colour.py"
        new.write_text(NEW, encoding="utf-8")
        note("new on many", crowd.all_at_once())
        shutil.rmtree(crowd.folder / "databases")
        before.rename(crowd.folder / "databases")
        note("loop of new", crowd.stock(*crowd.urls))
        new.unlink()
        if runner:
            note("tests", several.tests(runner))
            note("Django's tests", several.tests("django.test.runner.DiscoverRunner"))

    def row(name: str, ours: str, against: str, theirs: str, goal: str, *, faster: bool = False) -> Row:
        times = [[cost.seconds for cost in found[key]] for key in (ours, theirs)]
        return Row(name, times[0], against, times[1], goal, faster)

    def memory(name: str, ours: str, against: str, theirs: str) -> Row:
        sizes = [[cost.memory for cost in found[key]] for key in (ours, theirs)]
        return Row(name, sizes[0], against, sizes[1], "at most 1.5", unit="MiB")

    single = "`migrate`, one database"
    yield row("first run, 1 database", "one", single, "stock", "at most 0.4")
    yield row(f"first run, {some} databases, one app away on each", "some", single, "stock", "at most 0.7")
    yield row("the same", "some", f"shell loop of {some}", "loop of some", "at least 10 times faster", faster=True)
    yield row(f"first run, {many} databases, every app on each", "many", single, "stock", "at most 4")
    yield row(f"one new migration, {many} databases", "new on many", f"shell loop of {many}", "loop of new",
              "at least 20 times faster", faster=True)  # fmt: skip
    yield row(f"nothing to do, {many} databases", "nothing on many", "nothing to do on one", "nothing on one",
              "at most 1.5")  # fmt: skip
    if runner:
        yield row(f"test databases, {some}", "tests", "Django's runner", "Django's tests",
                  "at least 8 times faster", faster=True)  # fmt: skip
    yield memory(f"peak memory, {many} databases", "many", "1 database", "one")
    yield memory("peak memory, 1 database", "one", f"{single}, collector running", "stock")


def empty(bench: Bench) -> None:
    """Take the databases of a project away."""
    shutil.rmtree(bench.folder / "databases", ignore_errors=True)
    (bench.folder / "databases").mkdir()


def on_postgres(root: Path, settings: str, count: int, rounds: int) -> Iterator[Row]:
    """Measure a first run on a PostgreSQL server, every app on each database."""
    ours, theirs = [], []
    for number in range(rounds):
        with fresh_postgres(count) as urls:
            bench = Bench.write(root / f"postgres_{number}", settings, urls, away=False)
            ours.append(bench.all_at_once().seconds)
        with fresh_postgres(1) as urls:
            bench = Bench.write(root / f"postgres_{number}_stock", settings, urls, away=False)
            theirs.append(bench.stock("default").seconds)
    yield Row(f"first run, {count} PostgreSQL databases, every app on each", ours, "`migrate`, one database", theirs,
              "at most 2.5")  # fmt: skip


@contextmanager
def fresh_postgres(count: int) -> Iterator[dict[str, str]]:
    """Lend empty databases."""
    server = find_postgres(os.environ)
    try:
        with databases(server) as lent:
            yield {alias: lent.create(alias) for alias in sqlite_urls(Path(), count)}
    finally:
        server.stop()


def write(figures: str) -> None:
    """Put the table into RESULTS.md."""
    text = RESULTS.read_text(encoding="utf-8")
    marked = re.compile(r"(<!-- migrations: begin -->\n).*(<!-- migrations: end -->)", re.DOTALL)
    RESULTS.write_text(marked.sub(lambda found: f"{found[1]}\n{figures}\n\n{found[2]}", text), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.migrations",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="few databases, contrib apps only, one round")
    parser.add_argument("--some", type=int, default=8, help="databases of the middle size")
    parser.add_argument("--many", type=int, default=64, help="databases of the large size")
    parser.add_argument("--postgres", type=int, default=0, metavar="N", help="also on N PostgreSQL databases")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runner", default="", help="dotted path of the test runner to measure against Django's")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args(arguments)
    some, many, rounds = (2, 3, 1) if options.quick else (options.some, options.many, options.rounds)
    settings = CONTRIB if options.quick else WAGTAIL
    # As an installed package is; the projects run without writing byte code.
    compileall.compile_dir(REPOSITORY / "dbroute", quiet=1)
    packages = ["Django", *([] if options.quick else ["wagtail"])]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    figures = [f"Python {platform.python_version()}, {versions}; medians of {rounds} rounds.", "", TABLE]
    print("\n".join(figures), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        rows = list(on_sqlite(root, settings, some, many, rounds, options.runner))
        if options.postgres:
            rows += on_postgres(root, settings, options.postgres, rounds)
    for row in rows:
        print(row)
    if options.write:
        write("\n".join([*figures, *map(str, rows)]))


if __name__ == "__main__":
    main()
