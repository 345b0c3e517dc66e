"""Write a config.yaml from the DATABASES and routers of this project."""

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dbroute.config import load_config
from dbroute.config.adoption import Adoption, Secrets
from dbroute.config.declared import ROUTER_NAMES
from dbroute.config.json_schema import FILE, schema_text
from dbroute.config.template import CONFIG, config_text, write_files
from dbroute.django.checks import LINE
from dbroute.django.routes import mark
from dbroute.exceptions import ConfigError

from ..answers import answers
from .schema import project_schema

NEEDS_ROUTING = False


def add_arguments(parser: CommandParser) -> None:
    """Take the folder, and what to do there."""
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        help="Where to write to (default: beside manage.py, else the working directory).",
    )
    parser.add_argument("--force", action="store_true", help="Overwrite the files that are there.")
    parser.add_argument("--dry-run", action="store_true", help="Print config.yaml, and write nothing.")
    parser.add_argument(
        "--show-env",
        action="store_true",
        help="Print the lines of .env with the passwords in them, and do nothing else: for '>> .env'.",
    )


def run(*, folder: Path | None, force: bool, dry_run: bool, show_env: bool, **options: Any) -> str:
    """
    Write ``config.yaml`` and its schema, and return what is left to do; passwords are only printed on demand.

    Args:
        folder: Where to.
        force: Overwrite what is there.
        dry_run: Return the file instead.
        show_env: Return the lines of ``.env`` instead, values included.

    Raises:
        CommandError: A file is there already, or cannot be written.
    """
    place = (folder or _folder()).absolute()
    asked = answers()
    adoption = Adoption(place, Secrets(os.environ), asked.closed)
    text = config_text(adoption.entries(settings.DATABASES), asked.rules, asked.notes)
    if show_env:
        return "\n".join(adoption.secrets.lines())
    faults = _faults(text, adoption.secrets.values)
    if dry_run:
        return "\n".join([text, *_report(adoption, faults)])
    files = {place / CONFIG: text, place / FILE: schema_text(project_schema())}
    try:
        write_files(files, force=force)
    except ConfigError as error:
        raise CommandError(str(error)) from None
    return "\n".join([*(f"Wrote {path}" for path in files), "", *_report(adoption, faults)])


def _folder() -> Path:
    """Return the folder of manage.py, else the working directory."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(main).absolute().parent if main and Path(main).name == "manage.py" else Path.cwd()


def _faults(text: str, variables: Mapping[str, str]) -> list[str]:
    """Return what dbroute has to say against the file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, CONFIG)
        path.write_text(text, encoding="utf-8")
        try:
            load_config(path, environ=variables)
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
    return []


def _report(adoption: Adoption, faults: Iterable[str]) -> list[str]:
    """Return what is left to do for people."""
    steps: list[str] = []
    if faults:
        steps.append(_block("Put right what dbroute refuses:", faults))
    if variables := adoption.secrets.masked():
        steps.append(_block("Set these variables; 'manage.py dbroute init --show-env >> .env' writes them:", variables))
    steps.append(
        _block(
            "Remove DATABASES from the settings, except:" if adoption.kept else "Remove DATABASES from the settings.",
            adoption.kept,
        )
    )
    routers = [router if isinstance(router, str) else type(router).__qualname__ for router in settings.DATABASE_ROUTERS]
    if replaced := [router for router in routers if router not in ROUTER_NAMES]:
        steps.append(_block("Remove from DATABASE_ROUTERS what the rules replace:", replaced))
    if not mark():
        steps.append(_block("Put this line at the end of the settings:", [LINE]))
    steps.append(_block("Compare:", ["python manage.py dbroute route"]))
    return [f"{number}. {step}" for number, step in enumerate(steps, 1)]


def _block(title: str, lines: Iterable[str]) -> str:
    return "\n".join([title, *(f"   {line}" for line in lines)])
