"""Turns what the code declares into layers: a DjangoConfig subclass, and what settings.py had before the patch."""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from ..exceptions import ConfigError, Problem
from ..models import DjangoConfig, Secret
from .annotations import LISTS, attrs_class, default_of, element, fields_of, members, unsupported
from .nodes import Branch, Items, Leaf, Node, Source, node_of
from .problems import did_you_mean, nearly
from .tree import TAKEN

CHANGES = "override_config"
"""Source of everything that a test changes."""

ROUTER_NAMES = frozenset(
    f"dbroute.{module}.{name}"
    for module in ("routing", "routing.routers")
    for name in ("DatabaseRouter", "AppDatabaseRouter")
)
_ATTRIBUTES = ("databases", "database_routers", "database_routing_rules", "django")
_SECTIONS = {"database": "databases", "routing": "database_routing_rules"}  # as files call them
_SUPPORTED = (
    "bool, int, float, str, Path, timedelta, Secret, Size, Url, an enum, a Literal, "
    "a list, set or mapping of them, or an attrs class"
)


@attrs.frozen
class SettingsView:
    """
    What the Django side knows and this room must not import.

    Attributes:
        name: Name of the settings module.
        values: Its names and values; empty for a script without one.
        defaults: Name to value of Django's own defaults.
    """

    name: str
    values: Mapping[str, Any]
    defaults: Mapping[str, Any]

    @property
    def databases(self) -> dict[str, Any]:
        """Alias to entry of DATABASES, without Django's stand-ins and without replicas."""
        entries = self.values.get("DATABASES") or {}
        # Replicas are those of an earlier run of the patch; the configuration brings them again.
        return {alias: entry for alias, entry in entries.items() if entry and not _is_replica(entry)}

    @property
    def known(self) -> dict[str, Any]:
        """Name to value of every setting that Django or the settings module knows."""
        return {**self.defaults, **{name: value for name, value in self.values.items() if name.isupper()}}


def settings_root(view: SettingsView, mentioned: Iterable[str]) -> Branch:
    """
    Return the layer of what settings.py had.

    Args:
        view: The settings module.
        mentioned: Settings that higher layers set; mappings among them merge with what settings.py had.
    """
    source = Source(view.name)
    values = {
        "databases": view.databases,
        "routing": view.values.get("DATABASE_ROUTING_RULES") or {},
        "django": {name: view.values[name] for name in mentioned if name in view.values},
    }
    return Branch({key: node_of(value, source) for key, value in values.items() if value}, source)


def _is_replica(entry: Any) -> bool:
    mark = entry.get("DBROUTE") if isinstance(entry, Mapping) else None
    return isinstance(mark, Mapping) and "replica_of" in mark


def declared_config(name: str) -> DjangoConfig:
    """
    Return the configuration that ``module:Class`` names, a subclass of DjangoConfig.

    Args:
        name: The class; importable from the working directory.

    Raises:
        ConfigError: There is no such class.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise _refused(f"'{name}' names no class", "write module:Class")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)  # a script's own folder stands there, not the project's
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise _refused(f"'{module}' cannot be imported: {error}", "run it in the project's folder") from None
    if not isinstance(found, type) or not issubclass(found, DjangoConfig):
        raise _refused(f"'{name}' is no subclass of DjangoConfig", "name the class itself")
    return found()


def _refused(message: str, hint: str) -> ConfigError:
    return ConfigError([Problem("", message, "--config", hint)])


def own_sections(config: DjangoConfig) -> dict[str, Any]:
    """Return name to annotation of the sections that a DjangoConfig subclass declares: attrs classes, or optional."""
    found: dict[str, Any] = {}
    for cls in reversed(type(config).__mro__[:-1]):
        if not issubclass(cls, DjangoConfig) or cls is DjangoConfig:
            continue
        hints = _hints(cls)
        found |= {name: hint for name, hint in hints.items() if attrs_class(hint)}
        for name, value in vars(cls).items():
            if not name.startswith("_") and not isinstance(value, type) and attrs.has(type(value)):
                found.setdefault(name, type(value))
    return found


def class_faults(config: DjangoConfig) -> Iterator[tuple[str, str, str]]:
    """Yield path, problem and remedy of whatever a DjangoConfig subclass declares and nobody could read or set."""
    own = own_sections(config)
    for name, annotation in own.items():
        if name in TAKEN:
            yield name, "is a name that the tree has already", "rename the section"
        for path, kind in _unsupported(annotation, name, ()):
            yield path, f"the type {kind} is not supported", f"annotate it with {_SUPPORTED}"
    for name, meant in _misspelt(config).items():
        yield name, "unknown attribute", f"did you mean '{meant}'?"
    for number, router in enumerate(config.database_routers):
        if str(router).startswith("dbroute.") and router not in ROUTER_NAMES:
            hint = did_you_mean(str(router), ROUTER_NAMES) or "write dbroute.routing.DatabaseRouter"
            yield f"database_routers[{number}]", f"there is no router '{router}'", hint


def _misspelt(config: DjangoConfig) -> dict[str, str]:
    """Return attribute to ours that is meant; helpers have any name, but a mapping or list called nearly so is none."""
    found: dict[str, str] = {}
    for name in set(dir(config)).difference(own_sections(config), _ATTRIBUTES):
        meant = _SECTIONS.get(name) or nearly(name, _ATTRIBUTES)
        value = inspect.getattr_static(config, name)
        if meant and name.islower() and not name.startswith("_") and isinstance(value, Mapping | list | tuple):
            found[name] = meant
    return found


def _unsupported(annotation: Any, path: str, above: tuple[Any, ...]) -> Iterator[tuple[str, str]]:
    """Yield the path and the name of every type below an annotation that is not supported."""
    for kind in unsupported(annotation):
        yield path, kind.__name__ if isinstance(kind, type) else str(kind)
    if annotation in above:
        return  # a class that holds itself
    for member in members(annotation):
        if (cls := attrs_class(member)) is not None:
            for name, (_, inner) in fields_of(cls).items():
                yield from _unsupported(inner, f"{path}.{name}", (*above, annotation))
        elif (inner := element(member, Mapping) or element(member, LISTS)) is not None:
            yield from _unsupported(inner, path, (*above, annotation))


def _hints(cls: type) -> dict[str, Any]:
    own = inspect.get_annotations(cls)
    return {name: hint for name, hint in typing.get_type_hints(cls).items() if name in own}


def class_root(config: DjangoConfig, folder: Path) -> Branch:
    """
    Return the layer of a DjangoConfig subclass: whatever it sets, references in it included.

    Args:
        config: The configuration.
        folder: What relative paths in it are relative to.
    """
    cls = type(config)
    source = Source(f"{cls.__module__}.{cls.__qualname__}", folder=folder)
    values: dict[Hashable, Any] = {
        "databases": config.databases,
        "routing": config.database_routing_rules,
        "django": config.django,
        **{name: getattr(config, name) for name in own_sections(config) if hasattr(config, name)},
    }
    nodes = {key: _written(value, source) for key, value in values.items() if value}
    return Branch(nodes, source, lost=bool(_misspelt(config)))


def changes_root(changes: Mapping[str, Any], folder: Path) -> Branch:
    """Return the layer of what a test changes, which is written like a class; relative paths as in the files."""
    source = Source(CHANGES, rank=6, folder=folder)
    return Branch({key: _written(value, source) for key, value in changes.items()}, source)


def _written(value: Any, source: Source) -> Node:
    """Return the node of what somebody wrote in a class; an attrs object says the fields not at their default."""
    if isinstance(value, Secret):
        return Leaf(value.reveal(), source, template="${" in value.reveal(), secret=True)
    if attrs.has(type(value)):
        fields = {field.name: getattr(value, field.name) for field in attrs.fields(type(value)) if field.init}
        defaults = {field.name: default_of(field) for field in attrs.fields(type(value))}
        value = {name: item for name, item in fields.items() if item is not defaults[name] and item != defaults[name]}
    if isinstance(value, Mapping):
        return Branch({key: _written(item, source) for key, item in value.items()}, source)
    if isinstance(value, list | tuple):
        return Items(tuple(_written(item, source) for item in value), source)
    return node_of(value, source, template=True)
