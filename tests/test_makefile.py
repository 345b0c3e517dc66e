"""`make` finds an interpreter, or says what to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import REPOSITORY

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]


def test_make_says_in_one_line_that_there_is_no_python(tmp_path: Path) -> None:
    for tool in ("make", "sh"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))

    done = subprocess.run(
        ["make", "python"],
        cwd=REPOSITORY,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == (
        "make: found no Python 3.11 or newer with the modules venv and ensurepip (Debian and Ubuntu: apt install "
        "python3-venv); name one with PYTHON=/path/to/python3.12"
    )


def test_make_takes_the_python_that_it_is_given() -> None:
    done = subprocess.run(
        ["make", "python", f"PYTHON={sys.executable}"],
        cwd=REPOSITORY,
        # What an outer make hands down would make this one talk about folders.
        env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, f"{sys.executable}\n")
