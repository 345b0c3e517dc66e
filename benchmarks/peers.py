"""The libraries that dbroute is compared with, in a virtual environment of their own, and fresh processes in it."""

import argparse
import configparser
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("dynaconf", "pydantic-settings", "typed-settings", "django-environ")
_EXTRAS = {"typed-settings": "typed-settings[attrs,cattrs]"}
# Would configure a project that is being measured from outside.
_PRIVATE = ("DJANGO_", "DATABASE_", "DBROUTE_", "DYNACONF_", "PYTEST_", "PYTHON", "FORCE_COLOR", "NO_COLOR")


def add_peers_option(parser: argparse.ArgumentParser) -> None:
    """Give a script the option ``--peers``."""
    parser.add_argument(
        "--peers", type=Path, metavar="DIR", help="compare with the peers, installed into a virtual environment there"
    )


def peers_python(folder: Path) -> Path:
    """
    Return the interpreter of a virtual environment that has the peers and what dbroute depends on.

    Args:
        folder: Where the environment is; made if there is none. Needs a package index then.
    """
    python = folder.absolute() / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    finished = folder / "finished"
    if not finished.exists():
        print(f"installing the peers into {folder}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        peers = [_EXTRAS.get(name, name) for name in PACKAGES]
        wanted = [*_requirements(), "psycopg[binary]", *peers]
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        subprocess.run([str(python), *install], check=True)
        finished.touch()
    return python


def _requirements() -> list[str]:
    """Return what dbroute depends on; dbroute itself is imported from this repository."""
    lines = (line.strip() for line in _setup()["options"]["install_requires"].splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return parser


def run(
    python: Path | str, arguments: Sequence[str], folder: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """
    Run Python in a fresh process, with dbroute from this repository at hand.

    Args:
        python: The interpreter.
        arguments: What stands behind its name.
        folder: The working directory.
        environ: Variables on top of an environment that configures no project.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_PRIVATE)}
    return subprocess.run(
        [str(python), *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(REPOSITORY), **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def versions(python: Path | str, packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python and of packages, as an interpreter sees them; ``dbroute`` is this repository's."""
    code = """
import platform, sys
from importlib.metadata import version
print("python", platform.python_version())
for name in sys.argv[1:]:
    print(name, version(name))
"""
    result = run(python, ["-c", code, *(name for name in packages if name != "dbroute")], REPOSITORY)
    if result.returncode:
        raise RuntimeError(result.stderr)
    found = dict(line.split() for line in result.stdout.splitlines())
    ours = _setup()["metadata"]["version"] if "dbroute" in packages else ""
    return {name: found.get(name, ours) for name in ("python", *packages)}
