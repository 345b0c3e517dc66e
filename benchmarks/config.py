"""
What configuration costs: reading it, starting with it, using it, and what its imports bring along.

    python -m benchmarks.config                 dbroute alone
    python -m benchmarks.config --peers DIR     also against the peers, installed into a virtual environment there
    python -m benchmarks.config --profile       where the time of a load goes, nothing else
"""

import argparse
import cProfile
import gc
import platform
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from benchmarks import startup
from benchmarks.peers import REPOSITORY, add_peers_option, peers_python, run
from dbroute import load_config

DATABASES = 20
FIELDS = {
    "conn_max_age": "300",
    "conn_health_checks": "true",
    "atomic_requests": "true",
    "user": "somebody",
    "password": "p@ss:word/1",
    "port": "5433",
    "host": "db.internal",
    "time_zone": "UTC",
}
"""What a variable sets of a database before it goes on with options."""


_LOADERS: dict[str, Any] = {"PyYAML in C": yaml.CSafeLoader, "in Python": yaml.SafeLoader}
"""What a load is held against in the same run: PyYAML's loaders with 200 lines, nothing merged and nothing checked."""


def write_layers(folder: Path) -> dict[str, int]:
    """Write four layers of 200 lines together: three files and ``.env``; return the lines of each."""
    aliases = [f"area_{number:02}_db" for number in range(DATABASES)]
    base = ["databases:", "  default:", "    url: postgresql://app:${DB_PASSWORD}@localhost:5432/main"]
    for alias in aliases[1:]:
        base += [f"  {alias}:", f"    url: postgresql://app:${{DB_PASSWORD}}@localhost:5432/{alias}"]
        base += ["    conn_max_age: 60", "    options: {connect_timeout: 10, application_name: shop}"]
    base += ["routing:", *(f"  area_{number:02}: {alias}" for number, alias in enumerate(aliases) if number)]
    base += ["django:", "  DEBUG: false", "  ALLOWED_HOSTS: [example.com, www.example.com]", "  TIME_ZONE: UTC"]
    prod = ["databases:"]
    for alias in aliases[1:13]:
        prod += [f"  {alias}:", f"    url: postgresql://app:${{DB_PASSWORD}}@{alias.replace('_', '-')}:5432/{alias}"]
        prod += ["    conn_max_age: 10m"]
    local = ["databases:"]
    for alias in aliases[13:20]:
        local += [f"  {alias}:", "    conn_health_checks: true", "    conn_max_age: null"]
    dotenv = ["DB_PASSWORD=s3cr3t"]
    rest = 200 - sum(map(len, (base, prod, local, dotenv)))
    for number in range(rest):
        turn, database = divmod(number, DATABASES - 1)
        field = ("AUTOCOMMIT", "DISABLE_SERVER_SIDE_CURSORS", "CONN_HEALTH_CHECKS")[turn]
        dotenv.append(f"DBROUTE_DATABASES__AREA_{database + 1:02}_DB__{field}=true")
    layers = {"config.yaml": base, "config.prod.yaml": prod, "config.local.yaml": local, ".env": dotenv}
    for name, lines in layers.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {name: len(lines) for name, lines in layers.items()}


def variables(count: int) -> dict[str, str]:
    """Return variables that set one value each, spread over the databases."""
    found = {"DJANGO_ENV": "prod", "PATH": "/usr/bin", "HOME": "/home/app"}
    for number in range(count):
        turn, database = divmod(number, DATABASES - 1)
        names = list(FIELDS)
        path = names[turn] if turn < len(names) else f"options__key_{turn}"
        name = f"DBROUTE_DATABASES__AREA_{database + 1:02}_DB__{path.upper()}"
        found[name] = FIELDS.get(path, f"value {number}")
    return found


def alternating(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """
    Return the median of each call's milliseconds.

    The calls alternate, and the processor's time counts, so that what else the machine does changes little.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            gc.collect()
            start = time.process_time()
            call()
            times[name].append((time.process_time() - start) * 1e3)
    return {name: statistics.median(found) for name, found in times.items()}


def loading(rounds: int, *, profile: bool = False) -> None:
    """Print what one load costs, imports aside, by the number of variables."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        lines = write_layers(folder)
        strangers = {f"SERVICE_{number}_PORT": str(number) for number in range(300)}
        environs = {f"{count} variables": variables(count) for count in (0, 300, 600)}
        environs["300 other variables"] = variables(0) | strangers
        calls: dict[str, Callable[[], object]] = {
            name: partial(load_config, folder, environ=environ) for name, environ in environs.items()
        }
        calls |= {name: partial(yaml.load, _floor(folder), loader) for name, loader in _LOADERS.items()}
        for call in calls.values():
            call()  # imports, and caches that live as long as the process
        if profile:
            _profile(calls["300 variables"])
            return
        medians = alternating(calls, rounds)
    print(f"load_config(), {sum(lines.values())} lines in {len(lines)} layers: {lines}")
    for name, milliseconds in medians.items():
        print(f"  {name:22} {milliseconds:6.2f} ms")
    ratio = medians["600 variables"] / medians["300 variables"]
    print(f"  600 against 300        {ratio:6.2f}  (goals: 300 within 5 ms, ratio within 2.2)")
    for name in _LOADERS:
        print(f"  300 against {name:10} {medians['300 variables'] / medians[name]:6.2f}")


def _floor(folder: Path) -> str:
    """Return 200 lines of YAML: the lowest file, and once more what fits of it, under other names."""
    lines = (folder / "config.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    lines += [line if line[0] == " " else f"more_{line}" for line in lines]
    return "".join(lines[:200])


def _profile(call: Callable[[], object]) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(20):
        call()
    profiler.disable()
    for order in ("cumulative", "tottime"):
        pstats.Stats(profiler).strip_dirs().sort_stats(order).print_stats(35)


def reading(rounds: int) -> None:
    """Print what reading one setting costs at run time, against plain settings."""
    statements = ("settings.SHOP_LIMIT", "settings.DATABASES['blog_db']", "settings.ALLOWED_HOSTS")
    code = "import timeit; from django.conf import settings\n" + "".join(
        f'print(min(timeit.repeat("{statement}", globals=globals(), number=100_000, repeat=7)) * 10_000)\n'
        for statement in statements
    )
    times: dict[str, list[list[float]]] = {name: [] for name in startup.PROJECTS}
    with tempfile.TemporaryDirectory() as root:
        folders = {name: startup.write(files, Path(root) / name) for name, files in startup.PROJECTS.items()}
        for _ in range(rounds):
            for name, folder in folders.items():
                result = run(sys.executable, ["-c", code], folder, startup.ENVIRON)
                times[name].append([float(line) for line in result.stdout.split()])
    print("reading a setting at run time, ns:", ", ".join(statements))
    for name, runs in times.items():
        print(f"  {name:22}", *(f"{statistics.median(column):7.1f}" for column in zip(*runs, strict=True)))


def imports(rounds: int) -> None:
    """Print what a load has to import, each above what stands before it, and what ``import dynaconf`` is made of."""
    names = ("django.conf", "attrs", "yaml", "dotenv.parser", "dj_database_url", "dynaconf", "dbroute.config")
    code = "\n".join(
        f"start = time.perf_counter(); import {name}; print((time.perf_counter() - start) * 1e3)" for name in names
    )
    runs = [_floats(["-c", f"import time, importlib.metadata\n{code}"]) for _ in range(rounds)]
    print("imports of a load, each above those before it, ms")
    for name, times in zip(names, zip(*runs, strict=True), strict=True):
        print(f"  {name:34} {statistics.median(times):6.1f}")
    before = "import django.conf, attrs, yaml, dotenv.parser, dj_database_url; "
    times = [_import_times(before + "import dynaconf", before) for _ in range(rounds)]
    parts = {part: statistics.median(run.get(part, 0) for run in times) for part in times[0]}
    print(f"import dynaconf by package, own times, ms (sum {sum(parts.values()):.1f})")
    for part, milliseconds in sorted(parts.items(), key=lambda item: -item[1])[:12]:
        print(f"  {part:34} {milliseconds:6.1f}")


def _floats(arguments: Sequence[str]) -> list[float]:
    result = run(sys.executable, ["-W", "ignore", *arguments], REPOSITORY)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return [float(line) for line in result.stdout.split()]


def _import_times(code: str, without: str) -> dict[str, float]:
    """Return the milliseconds of the modules that only the first of two programs imports, by package."""
    with_it, floor = (dict(_own_times(program)) for program in (code, without))
    parts: dict[str, float] = {}
    for name in with_it.keys() - floor.keys():
        words = name.split(".")
        part = ".".join(words[: 3 if words[:2] == ["dynaconf", "vendor"] else 2 if words[0] == "dynaconf" else 1])
        parts[part] = parts.get(part, 0) + with_it[name]
    return parts


def _own_times(code: str) -> list[tuple[str, float]]:
    lines = run(sys.executable, ["-W", "ignore", "-X", "importtime", "-c", code], REPOSITORY).stderr.splitlines()
    rows = [line.removeprefix("import time:").split("|") for line in lines if line.startswith("import time:")]
    return [(name.strip(), int(own) / 1e3) for own, _, name in rows if own.strip().isdigit()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.config", description=__doc__.splitlines()[1])
    add_peers_option(parser)
    parser.add_argument("--quick", action="store_true", help="few rounds, no peers: shows that everything runs")
    parser.add_argument("--profile", action="store_true", help="show where the time of a load goes")
    options = parser.parse_args(arguments)
    rounds = 1 if options.quick else 15
    if options.profile:
        loading(rounds, profile=True)
        return
    print(f"Python {platform.python_version()}")
    loading(rounds if options.quick else 61)
    reading(1 if options.quick else 5)
    imports(1 if options.quick else 9)
    python = peers_python(options.peers) if options.peers and not options.quick else Path(sys.executable)
    startup.compare(python, rounds, peers=python != Path(sys.executable))


if __name__ == "__main__":
    main()
