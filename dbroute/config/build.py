"""Checks every layer, and builds the tree from the merged nodes."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from ..models import DatabaseConfig, reveal
from .annotations import members
from .convert import Converter
from .databases import Databases
from .django_section import django_settings
from .locate import Place
from .nodes import Branch, Hidden, Node, dotted, key_source, plain
from .problems import Problems, did_you_mean, listed
from .rules import checked, rules_beside_databases, written_rules
from .schema import Schema
from .tree import Config, ShortForm


def check_layer(layer: Branch, schema: Schema, problems: Problems) -> None:
    """
    Note every fault of one layer that shows without the other layers, so that none hides behind a higher one.

    Args:
        layer: The layer, normalised, its references not expanded.
        schema: What may stand where.
        problems: Takes the faults.
    """
    converter = Converter(problems, resolved=False)
    sections = schema.sections
    for key, node in layer.nodes.items():
        if key not in sections and not _of_dynaconf(key):
            hint = did_you_mean(str(key), sections) or f"known are {listed(sections)}"
            problems.add(key_source(node), str(key), "unknown key", hint)
    for path, node in _keys(layer):
        if _of_dynaconf(path[-1]):
            problems.add(key_source(node), dotted(path), "is a word of Dynaconf's and means nothing here", "remove it")
    databases = Databases(converter)
    for alias, node in layer.branch("databases").nodes.items():
        if isinstance(node, Branch):
            databases.fields(node, DatabaseConfig, ("databases", alias))
    written_rules(converter, layer)
    django_settings(converter, schema, layer)
    for name, cls in schema.own.items():
        if (own := layer.get(name)) is not None:
            converter.convert(own, cls, (name,))


def build(
    root: Branch,
    schema: Schema,
    place: Place,
    problems: Problems,
    *,
    routers: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    layers: Sequence[Branch] = (),
) -> Config:
    """
    Return the tree.

    Args:
        root: The merged layers, references expanded.
        schema: What may stand where.
        place: Where the configuration is.
        problems: Takes what is wrong; where it has anything afterwards, the tree is of no use.
        routers: Routers that were configured besides dbroute's own.
        warnings: What has no effect.
        layers: The layers in one spelling, lowest first.
    """
    converter = Converter(problems)
    built = Databases(converter).build(root)
    if "default" not in built.databases:
        hint = "add databases.default, or database.url, or set DATABASE_URL"
        problems.add(place.source, "databases", "there is no database 'default'", hint)
    rules = written_rules(converter, root) + rules_beside_databases(converter, root)
    primaries = {alias: primary for alias, (primary, _) in built.replicas.items()}
    return Config(
        environment=place.environment,
        folder=place.folder,
        files=tuple(path.name for path, _ in place.files),
        databases=built.databases,
        replicas=built.replicas,
        migrate_connections=built.migrate_connections,
        database=_short_form(built.databases),
        routing=checked(converter, rules, built.databases, primaries),
        routers=routers,
        django=django_settings(converter, schema, root),
        own={name: _own(converter, root, name, cls, place) for name, cls in schema.own.items()},
        extra={alias: plain(root.branch("databases", alias, Hidden.EXTRA)) for alias in built.databases},
        warnings=warnings,
        nodes=root,
        layers=tuple(layers),
    )


def _own(converter: Converter, root: Branch, name: str, annotation: Any, place: Place) -> Any:
    """Return a section that a DjangoConfig subclass declares; one that no layer mentions has its defaults."""
    node = root.get(name)
    if node is None and type(None) in members(annotation):
        return None
    return converter.convert(node or Branch({}, place.source), annotation, (name,))


def _short_form(databases: dict[str, DatabaseConfig]) -> ShortForm:
    """Return the URLs under the names of the short form, and under ``url_<alias>`` where that is another name."""
    urls = {alias: str(reveal(database.url)) for alias, database in databases.items() if database.url}
    found = {"url": urls["default"]} if "default" in urls else {}
    found |= {f"url_{alias.removesuffix('_db')}": url for alias, url in urls.items() if alias != "default"}
    return ShortForm(found | {f"url_{alias}": url for alias, url in urls.items() if alias != "default"})


def _of_dynaconf(key: Hashable) -> bool:
    return str(key).lower().startswith("dynaconf_")


def _keys(node: Branch, path: tuple[Hashable, ...] = ()) -> Iterator[tuple[tuple[Hashable, ...], Node]]:
    """Yield every key of every mapping with its path."""
    for key, item in node.nodes.items():
        yield (*path, key), item
        if isinstance(item, Branch):
            yield from _keys(item, (*path, key))
