"""The configuration room: files and variables in, one validated tree out."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from ..exceptions import ConfigError, ConfigWarning
from ..models import DjangoConfig
from .build import build, check_layer
from .declared import SettingsView, class_root, own_sections, settings_root
from .environ import Environ
from .interpolation import Resolver, interpolate
from .layers import Layer, merge
from .locate import environment_name, locate
from .nodes import Branch
from .problems import Problems
from .schema import Schema
from .spellings import Spelling, declared, short_names, without_replaced_options
from .terminal import for_terminal
from .tree import Config
from .yaml import read_yaml

__all__ = ["Config", "SettingsView", "environment_name", "load", "load_config"]


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
    path: Path | str | None = None,
    *,
    env: str | None = None,
    environ: Mapping[str, str] | None = None,
    declared: DjangoConfig | None = None,
    settings: SettingsView | None = None,
) -> Config:
    """Do what :func:`load_config` does, above what a settings module had."""
    try:
        config = _load(path, env, environ, declared, settings)
    except ConfigError as error:
        # None: neither the traceback nor the chain may hold what was being read.
        raise for_terminal(error) from None
    for message in config.warnings:
        warnings.warn(message, ConfigWarning, stacklevel=3)
    return config


def _load(
    path: Path | str | None,
    env: str | None,
    environ: Mapping[str, str] | None,
    config: DjangoConfig | None,
    settings: SettingsView | None,
) -> Config:
    problems = Problems()
    place = locate(path, env, environ, problems, optional=config is not None)
    code = [Layer("class", class_root(config, place.folder))] if config is not None else []
    files = [Layer(file.name, root) for file, rank in place.files if (root := read_yaml(file, rank, problems))]
    if problems and len(files) < len(place.files):
        raise problems.error()  # with a file unread, everything else would be guesswork
    schema = Schema(own_sections(config) if config else {}, settings.known if settings else None)

    def with_settings(mentioned: set[str]) -> list[Layer]:
        if settings is None:
            return []
        return [Layer(settings.name, settings_root(settings, mentioned), from_settings=True)]

    lower = [*with_settings(set()), *code, *files]
    roots = [layer.root for layer in lower]
    variables, ignored = Environ(place.variables, schema, roots, short_names(roots), problems).layer()
    mentioned = {str(key) for root in [*roots, variables] for key in root.branch("django").nodes}
    layers = [*with_settings(mentioned), *code, *files, Layer("environment", variables)]

    resolver = Resolver(place.texts, problems)
    spelling = Spelling(declared(layer.root for layer in layers), resolver, problems)
    normal = [spelling.normalise(layer) for layer in layers]
    for layer, root in zip(layers, normal, strict=True):
        if not layer.from_settings:
            check_layer(root, schema, problems)
    merged = interpolate(merge(without_replaced_options(normal)), resolver)
    notes = tuple(
        f"{name} names no rule and no database that is declared; it is ignored. Add a rule or a database, or unset it"
        for name in ignored
    )
    assert isinstance(merged, Branch)  # noqa: S101 - for the type checker
    routers = tuple(config.database_routers) if config else ()
    tree = build(merged, schema, place, problems, routers=routers, warnings=notes)
    problems.raise_if_any()
    return tree
