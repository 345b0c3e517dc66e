"""The configuration room: files and variables in, one validated tree out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from ..exceptions import ConfigError
from ..models import DjangoConfig
from .build import build, check_layer
from .convert import Converter
from .declared import CHANGES, SettingsView, changes_root, class_faults, class_root, own_sections, settings_root
from .environ import Environ
from .interpolation import Resolver, interpolate
from .layers import Layer, merge
from .locate import Place, environment_name, environments, locate
from .nodes import Branch
from .problems import Problems
from .schema import Schema
from .sections import with_known_sections
from .spellings import Spelling, declared, without_replaced_options
from .terminal import for_terminal, warn
from .tree import Config
from .yaml import read_yaml

__all__ = ["Config", "SettingsView", "environment_name", "environments", "load", "load_config"]


def load_config(
    path: Path | str | None = None,
    *,
    env: str | None = None,
    environ: Mapping[str, str] | None = None,
    declared: DjangoConfig | None = None,
) -> Config:
    """
    Read all layers and return the validated tree.

    Args:
        path: The folder of ``config.yaml``, or a file in its place. Without one: DBROUTE_CONFIG, else the folder of
            manage.py, else of the settings module's project, else the working directory.
        env: The environment; DJANGO_ENV where ``None``.
        environ: The environment variables; those of the process where ``None``.
        declared: A DjangoConfig whose attributes are the lowest layer; files are optional then.

    Returns:
        The configuration for the environment, frozen.

    Raises:
        dbroute.exceptions.ConfigError: Something is wrong; the error has all of it.
    """
    return load(path, env=env, environ=environ, declared=declared)


def load(
    path: Path | str | Place | None = None,
    *,
    env: str | None = None,
    environ: Mapping[str, str] | None = None,
    declared: DjangoConfig | None = None,
    settings: SettingsView | None = None,
    changes: Sequence[Mapping[str, Any]] = (),
    lenient: bool = False,
) -> Config:
    """
    Do what :func:`load_config` does, above what a settings module had and below what tests change.

    A ``Place`` is taken as it is, for settings that no file belongs to. ``lenient`` lets variables be unset: the tree
    is then good for looking at only.
    """
    failure: ConfigError | None = None
    try:
        config = _load(path, env, environ, declared, settings, changes, lenient)
    except ConfigError as error:
        failure = for_terminal(error)
    if failure is not None:
        # Raised anew: no traceback and no chain leads to the frames that hold what was being read.
        raise failure.with_traceback(None)
    for message in config.warnings:
        warn(message, stacklevel=3)
    return config


def _load(
    path: Path | str | Place | None,
    env: str | None,
    environ: Mapping[str, str] | None,
    config: DjangoConfig | None,
    settings: SettingsView | None,
    changes: Sequence[Mapping[str, Any]],
    lenient: bool,
) -> Config:
    problems = Problems()
    place = path if isinstance(path, Place) else locate(path, env, environ, problems, optional=config is not None)
    code = [Layer("class", class_root(config, place.folder))] if config is not None else []
    files, whole = _files(place, problems, in_code=config is not None or bool(settings and settings.databases))
    schema = Schema(own_sections(config) if config else {}, settings.known if settings else None)
    for fault in class_faults(config) if config else ():
        problems.add(code[0].root.source, *fault)
    top = [Layer(CHANGES, changes_root(change, place.folder)) for change in changes]
    written, top = (
        [attrs.evolve(layer, root=with_known_sections(layer.root, schema, problems)) for layer in group]
        for group in ([*code, *files], top)
    )
    layers, ignored = _layers(place, settings, written, top, schema, problems)

    resolver = Resolver(place.texts, problems, lenient)
    spelling = Spelling(declared(layer.root for layer in layers), resolver, problems)
    normal = [spelling.normalise(layer) for layer in layers]
    merged = merge(without_replaced_options(normal))
    root = interpolate(merged, resolver)
    assert isinstance(root, Branch)  # noqa: S101 - for the type checker

    def check_layers(built: Branch | None) -> None:
        check = Converter(problems, resolved=False)
        for layer, spelled in zip(layers, normal, strict=True):
            if not layer.from_settings:
                check_layer(check, spelled, built, schema)

    if not whole:  # what takes all layers to tell would be guesswork
        check_layers(None)
        raise problems.error()
    routers, warnings = tuple(config.database_routers) if config else (), tuple(ignored)
    tree = build(
        Converter(problems), root, schema, place, routers=routers, warnings=warnings, layers=normal, lost=spelling.lost
    )
    check_layers(merged)
    problems.raise_if_any()
    return tree


def _files(place: Place, problems: Problems, *, in_code: bool) -> tuple[list[Layer], bool]:
    """Return the layers of the files, and whether none of them is missing or unreadable."""
    files = [Layer(file.name, root) for file, rank in place.files if (root := read_yaml(file, rank, problems))]
    declares = any(layer.root.get(section) for layer in files for section in ("database", "databases"))
    missing = place.fault is not None and (declares or not in_code or len(files) < len(place.files))
    if missing and place.fault is not None:
        source, message, hint = place.fault
        problems.add(source, "", message, hint)
    return files, len(files) == len(place.files) and not missing


def _layers(
    place: Place,
    settings: SettingsView | None,
    written: list[Layer],
    top: list[Layer],
    schema: Schema,
    problems: Problems,
) -> tuple[list[Layer], list[str]]:
    """Return all layers, lowest first, and a sentence for each variable that leads nowhere."""

    def with_settings(mentioned: set[str]) -> list[Layer]:
        if settings is None:
            return []
        return [Layer(settings.name, settings_root(settings, mentioned), from_settings=True)]

    names = () if settings is None else place.texts
    by_variables = {name.split("__")[1].upper() for name in names if name.upper().startswith("DBROUTE_DJANGO__")}
    lower = [layer.root for layer in [*with_settings(by_variables), *written]]
    variables, ignored = Environ(place.process, place.dotenv, place.folder, schema, lower, problems).layers()
    above = [*written, *(Layer("environment", root) for root in variables), *top]
    mentioned = {str(key) for layer in above for key in layer.root.branch("django").nodes}
    return [*with_settings(mentioned), *above], ignored
