"""Finds the folder, the environment and the files: the one place that looks at the process and the file system."""

from __future__ import annotations

import glob
import importlib.util
import io
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import attrs

from .files import UnreadableError, text_of
from .nodes import Source
from .problems import Problems, did_you_mean, listed

SYNONYMS = {
    "dev": ("dev", "development", "local"),
    "test": ("test", "testing"),
    "stage": ("stage", "staging"),
    "prod": ("prod", "production"),
}
_CANONICAL = {name: canonical for canonical, names in SYNONYMS.items() for name in names}

LOCAL = "local"


class Variable(NamedTuple):
    """
    A variable of the process or of ``.env``.

    Attributes:
        value: Its text.
        source: Its name, or its line in ``.env``.
    """

    value: str
    source: Source


@attrs.frozen
class Place:
    """
    Where the configuration is, and for which environment it is read.

    Attributes:
        folder: The folder of the files; relative paths are relative to it.
        stem: What the files' names begin with: ``config``.
        environment: Canonical name of the environment.
        files: Path and layer of each file to read, lowest first.
        process: Name to text of the variables of the process.
        dotenv: Name to variable of ``.env``, also the ones that the process sets too.
        fault: What is wrong if no layer in code declares the databases, the environment has no file: source, message
            and hint.
    """

    folder: Path
    stem: str
    environment: str
    files: tuple[tuple[Path, int], ...]
    process: Mapping[str, str]
    dotenv: Mapping[str, Variable] = attrs.field(factory=dict)
    fault: tuple[Source, str, str] | None = None

    @property
    def source(self) -> Source:
        """What messages name for something that is in no layer at all."""
        return Source(self.files[0][0].name if self.files else "configuration", rank=1)

    @property
    def texts(self) -> dict[str, str]:
        """Name to text of the variables of the process above those of ``.env``."""
        return {name: variable.value for name, variable in self.dotenv.items()} | dict(self.process)


def canonical(name: str) -> str:
    """Return the name under which an environment is known: ``production`` is ``prod``."""
    name = name.strip().lower()
    return _CANONICAL.get(name, name)


def environment_name(environ: Mapping[str, str] | None = None) -> str:
    """
    Return the canonical name of the environment that DJANGO_ENV names; ``dev`` where it names none.

    Args:
        environ: The variables; those of the process where ``None``.
    """
    return canonical((os.environ if environ is None else environ).get("DJANGO_ENV", "")) or "dev"


def environments(
    path: Path | str | None = None, environ: Mapping[str, str] | None = None, *, optional: bool = False
) -> list[str]:
    """
    Return ``dev`` and every environment that has a file, by their canonical names.

    Args:
        path: As for :func:`locate`.
        environ: The variables; those of the process where ``None``.
        optional: No file is needed, since a class declares the configuration.

    Raises:
        ConfigError: There is no folder with a configuration.
    """
    folder, stem = _folder(path, dict(os.environ if environ is None else environ), Problems(), optional)
    # What ends in .yml belongs to an environment too, whose check refuses it.
    files = [file for end in ("yaml", "yml") for file in folder.glob(f"{glob.escape(stem)}.*.{end}")]
    names = {canonical(file.stem.removeprefix(f"{stem}.")) for file in files}
    return ["dev", *sorted(names - {"dev"})]


def locate(
    path: Path | str | None,
    env: str | None,
    environ: Mapping[str, str] | None,
    problems: Problems,
    *,
    optional: bool = False,
) -> Place:
    """
    Find everything that is to be read.

    Args:
        path: A folder, or the lowest file; looked for where ``None``.
        env: The environment; from the variables where ``None``.
        environ: The variables; those of the process where ``None``.
        problems: Takes what is wrong.
        optional: No file is needed, since a class declares the configuration.

    Raises:
        ConfigError: There is no folder with a configuration, or no such environment.
    """
    inherited = dict(os.environ if environ is None else environ)
    folder, stem = _folder(path, inherited, problems, optional)
    given = Variable(env, Source("env", rank=5)) if env else None
    if given is None and "DJANGO_ENV" in inherited:
        given = Variable(inherited["DJANGO_ENV"], Source("DJANGO_ENV", rank=5, folder=folder))
    dotenv: dict[str, Variable] = {}
    if given is None or not given.value.strip() or canonical(given.value) != "test":
        dotenv = _dotenv(folder, problems)
    if given is None or not given.value.strip():
        given = dotenv.get("DJANGO_ENV")
    named = given.value.strip() if given else ""
    source = given.source if given else Source("DJANGO_ENV", rank=5)
    environment = canonical(named) or "dev"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", environment):
        problems.add(source, "", "is no name of an environment", "use letters, digits, - and _")
        raise problems.error()
    if environment == "test":
        dotenv = {}
    files = _files(folder, stem, environment, problems)
    fault = None
    if named and not any(rank == 2 for _, rank in files) and environment not in {"dev", "test"}:
        names = (f"{stem}.{name}" for name in SYNONYMS.get(environment, (environment,)))
        misnamed = next((name for name in names if os.path.lexists(folder / f"{name}.yml")), None)
        # Told already, and the whole reason.
        fault = _misnamed(misnamed, 2) if misnamed else _no_file(folder, stem, named, environment, source)
    return Place(folder, stem, environment, files, inherited, dotenv, fault)


def _misnamed(name: str, rank: int) -> tuple[Source, str, str]:
    return Source(f"{name}.yml", rank=rank), "ends in .yml and is not read", f"rename it {name}.yaml"


def _no_file(folder: Path, stem: str, named: str, environment: str, source: Source) -> tuple[Source, str, str]:
    found = [item.name for item in folder.glob(f"{glob.escape(stem)}.*.yaml") if item.name != f"{stem}.{LOCAL}.yaml"]
    known = [name.removeprefix(f"{stem}.").removesuffix(".yaml") for name in found]
    hint = "" if environment in SYNONYMS else did_you_mean(named, {*known, *_CANONICAL} - {LOCAL})
    there = f"found {listed(found)}" if found else f"there is no {stem}.<environment>.yaml in {folder}"
    message = f"environment '{named}' has no file {stem}.{environment}.yaml; {there}"
    return source, message, hint or "add the file, or correct the name"


def _folder(
    path: Path | str | None, environ: Mapping[str, str], problems: Problems, optional: bool
) -> tuple[Path, str]:
    """Return the folder of the files and what their names begin with."""
    given = path if path is not None else environ.get("DBROUTE_CONFIG") or None
    if given is not None:
        source = Source("path" if path is not None else "DBROUTE_CONFIG")
        place = Path(given).absolute()
        if os.path.isdir(place):  # noqa: PTH112 - Path.is_dir raises where a folder above cannot be entered
            if not optional and not _holds_config(place):
                problems.add(source, "", f"{place} holds no config.yaml", "create it, or name another folder")
                raise problems.error()
            return place, "config"
        if place.suffix != ".yaml" or not os.path.lexists(place):
            what = "is no .yaml file" if os.path.lexists(place) else "does not exist"
            problems.add(source, "", f"{place} {what}", "name a folder, or a file that ends in .yaml")
            raise problems.error()
        return place.parent, place.stem
    places = _places(environ)
    for place in places:
        if _holds_config(place):
            return place, "config"
    if optional:
        return places[0], "config"
    looked = ", ".join(str(place) for place in places)
    hint = "create it there, or set DBROUTE_CONFIG to its folder"
    problems.add(Source("config.yaml"), "", f"there is none; looked in {looked}", hint)
    raise problems.error()


def _holds_config(folder: Path) -> bool:
    return any(os.path.lexists(folder / f"config.{end}") for end in ("yaml", "yml")) or any(
        folder.glob("config.*.yaml")
    )


def _places(environ: Mapping[str, str]) -> list[Path]:
    """Return the folders where a project's config.yaml may be: manage.py's, the settings module's project, here."""
    places: list[Path] = []
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if main and Path(main).name == "manage.py":
        places.append(Path(main).absolute().parent)
    top = environ.get("DJANGO_SETTINGS_MODULE", "").partition(".")[0]
    if top:
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            spec = None
        roots = list(spec.submodule_search_locations or ()) if spec else []
        if roots or (spec and spec.origin):
            places.append(Path(roots[0] if roots else str(spec and spec.origin)).absolute().parent)
    places.append(Path.cwd())
    return list(dict.fromkeys(places))


def _files(folder: Path, stem: str, environment: str, problems: Problems) -> tuple[tuple[Path, int], ...]:
    """Return the files of all layers that are there, lowest first."""
    names = SYNONYMS.get(environment, (environment,))
    wanted = [(f"{stem}.{name}", 2) for name in names if name != LOCAL]
    wanted = [(stem, 1), *wanted, *([] if environment == "test" else [(f"{stem}.{LOCAL}", 3)])]
    for name, rank in wanted:
        if os.path.lexists(f"{folder}/{name}.yml"):
            source, message, hint = _misnamed(name, rank)
            problems.add(source, "", message, hint)
    # lexists: a broken or circular link is a file that cannot be read, not one that is not there.
    found = [(folder / f"{name}.yaml", rank) for name, rank in wanted if os.path.lexists(f"{folder}/{name}.yaml")]
    same = [path.name for path, rank in found if rank == 2]
    if len(same) > 1:
        source = Source(same[1], rank=2)
        problems.add(source, "", f"is for the same environment as {same[0]}", "keep one of the two")
    return tuple(found)


def _dotenv(folder: Path, problems: Problems) -> dict[str, Variable]:
    """Return the variables of ``.env``, as they stand there: nothing in it is expanded."""
    path = folder / ".env"
    # lexists: a broken or circular link is meant to be a file. A folder of this name is a virtual environment.
    if not os.path.lexists(path) or path.is_dir():
        return {}
    from dotenv.parser import parse_stream  # here: many a place has no .env

    found: dict[str, Variable] = {}
    try:
        text = text_of(path)
    except UnreadableError as error:
        problems.add(Source(".env", line=error.line, rank=4, folder=folder), "", error.message, error.hint)
        return {}
    for binding in parse_stream(io.StringIO(text, newline=None)):
        line = binding.original.line
        if binding.key is not None:  # it may begin with empty lines
            written = binding.original.string
            line += written[: len(written) - len(written.lstrip())].count("\n")
        source = Source(".env", line=line, rank=4, folder=folder)
        if binding.error:
            problems.add(source, "", "is not NAME=value", "write one variable a line")
        elif binding.key is not None:
            if (first := found.get(binding.key)) is not None and first.value != (binding.value or ""):
                message = f"{binding.key} is there twice, first in line {first.source.line}"
                problems.add(source, "", message, "keep one of the two")
            found[binding.key] = Variable(binding.value or "", source)
    return found
