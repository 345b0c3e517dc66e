"""
Django projects that tests write into a temporary folder and drive in fresh processes.

    blog = project(tmp_path, settings=SETTINGS, files={"blog/models.py": MODELS})
    result = blog.run("migrate_all", "--plan", env={"DJANGO_ENV": "prod"})
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import attrs

from tests import forkserver

REPOSITORY = Path(__file__).resolve().parent.parent

MANAGE = """\
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""

# What every project needs and no test is about.
BASICS = """\
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent
SECRET_KEY = "only for tests"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
"""

# Django's MySQL backend on machines that have PyMySQL instead of the compiled driver.
MYSQL_DRIVER = """\
try:
    import MySQLdb
except ImportError:
    import pymysql

    pymysql.install_as_MySQLdb()
"""

# Prefixes that would let the caller's environment configure the project under test.
PRIVATE = ("DJANGO_", "DATABASE_", "DBROUTE_", "DYNACONF_", "PYTEST_", "PYTHON", "FORCE_COLOR", "NO_COLOR")


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    Return the process's environment without anything that configures a Django project.

    Args:
        extra: Variables put on top.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
    # A file rewritten within one second would be hidden by its own byte code.
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1", **(extra or {})}


@attrs.frozen
class Project:
    """
    A Django project on disk.

    Attributes:
        root: The folder of manage.py.
    """

    root: Path

    def write(self, files: Mapping[str, str]) -> None:
        """Write (or overwrite) files, dedented; a name's folders are made, and are packages if they hold Python."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
            if path.suffix == ".py":
                self._make_packages(path.parent)

    def _make_packages(self, folder: Path) -> None:
        while folder != self.root:
            (folder / "__init__.py").touch()
            folder = folder.parent

    def run(
        self, *args: str, env: Mapping[str, str] | None = None, stdin: int = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[str]:
        """
        Run ``python manage.py <args>`` in the project's folder and return what came of it, failed or not.

        Args:
            args: What stands after ``manage.py``.
            env: Variables on top of a clean environment.
            stdin: A file descriptor to read from, a pseudo-terminal say; without it there is nothing to read.
        """
        return self._execute(["manage.py", *args], env, stdin)

    def python(
        self, code: str, *, env: Mapping[str, str] | None = None, setup: bool = True, fresh: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """
        Run Python code in the project's folder, in a fresh process.

        Args:
            code: The program, dedented.
            env: Variables on top of a clean environment.
            setup: Call ``django.setup()`` with the project's settings first.
            fresh: Nothing may be loaded that the code does not load itself.
        """
        program = dedent(code)
        if setup:
            env = {"DJANGO_SETTINGS_MODULE": "settings", **(env or {})}
            program = f"import django\ndjango.setup()\n{program}"
        return self._execute(["-c", program], env, subprocess.DEVNULL, fresh=fresh)

    def _execute(
        self, args: list[str], env: Mapping[str, str] | None, stdin: int, *, fresh: bool = False
    ) -> subprocess.CompletedProcess[str]:
        return forkserver.run(args, cwd=self.root, env=clean_environment(env), stdin=stdin, fresh=fresh)


def project(folder: Path, *, settings: str = "", files: Mapping[str, str] | None = None) -> Project:
    """
    Write a minimal Django project and return it.

    Args:
        folder: Where manage.py and settings.py go; made if it is missing.
        settings: What stands in settings.py after SECRET_KEY and the like (``BASE_DIR`` is there to use).
        files: Further files, by their path from the folder; may replace manage.py and settings.py.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Project(folder)
    made.write({"manage.py": MANAGE, "settings.py": f"{BASICS}\n{dedent(settings)}"})
    made.write(files or {})
    return made
