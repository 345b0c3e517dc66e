"""Django's defaults, had without importing Django."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import global_settings

from dbroute.config.django_defaults import django_defaults
from tests.projects import clean_environment


def test_defaults_are_those_of_django() -> None:
    expected = {name: value for name, value in vars(global_settings).items() if name.isupper()}

    assert django_defaults() == expected


@pytest.mark.process
def test_script_knows_them_and_imports_no_django(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("database: {url: 'sqlite:///a'}\ndjango: {DEBUG: maybe, ALOWED_HOSTS: []}\n")
    code = """
import sys
from dbroute.cli import main
code = main(["validate"])
print(code, [name for name in sys.modules if name.split(".")[0] == "django"])
"""

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, check=False
    )

    assert (done.stdout, done.stderr.splitlines()) == (
        "1 []\n",
        [
            "config.yaml:2:17  django.DEBUG: expected true or false, got 'maybe'; write true or false",
            "config.yaml:2:24  django.ALOWED_HOSTS: unknown setting; did you mean 'ALLOWED_HOSTS'?",
        ],
    )
