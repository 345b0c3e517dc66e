"""Builds the tree from the merged nodes, and checks what of each layer is not in it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Any

from ..models import DatabaseConfig, Secret, reveal
from .annotations import members
from .convert import Converter
from .databases import Databases
from .django_section import django_settings
from .layers import shadowed
from .locate import Place
from .nodes import Branch, Hidden, Node, dotted, key_source, plain
from .problems import closest
from .rules import checked, relations, rules_beside_databases, written_rules
from .schema import Schema
from .sections import of_dynaconf
from .tree import Config, ShortForm


def check_layer(converter: Converter, layer: Branch, merged: Branch | None, schema: Schema) -> None:
    """
    Note the faults of one layer that show without the other layers, so that none hides behind a higher one.

    Args:
        converter: Converts, and takes the faults; it knows that references are not expanded.
        layer: The layer, normalised.
        merged: The merged layers, which :func:`build` converts; only what is not in there is converted here. ``None``
            where nothing is built.
        schema: What may stand where.
    """
    problems = converter.problems
    for path, node in _words_of_dynaconf(layer):
        problems.add(key_source(node), dotted(path), "is a word of Dynaconf's and means nothing here", "remove it")
    if merged is not None:
        layer = shadowed(layer, merged)
    databases = Databases(converter)
    for alias, node in layer.branch("databases").nodes.items():
        if isinstance(node, Branch):
            databases.fields(node, DatabaseConfig, ("databases", alias))
    written_rules(converter, layer)
    relations(converter, layer)
    django_settings(converter, schema, layer)
    for name, cls in schema.own.items():
        if (own := layer.get(name)) is not None:
            converter.convert(own, cls, (name,))


def build(
    converter: Converter,
    root: Branch,
    schema: Schema,
    place: Place,
    *,
    routers: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    layers: Sequence[Branch] = (),
    lost: Collection[str] = (),
) -> Config:
    """
    Return the tree.

    Args:
        converter: Converts, and takes what is wrong; where it has anything afterwards, the tree is of no use.
        root: The merged layers, references expanded.
        schema: What may stand where.
        place: Where the configuration is.
        routers: Routers that were configured besides dbroute's own.
        warnings: What has no effect.
        layers: The layers in one spelling, lowest first.
        lost: Sections that some layer has and that cannot be read; what they lack is no fault of its own.
    """
    whole = not {"database", "databases"} & set(lost)
    built = Databases(converter, whole=whole).build(root)
    if whole and "default" not in built.databases:
        section = root.get("databases")
        near = closest("default", built.databases)
        hint = (f"rename '{near}', or " if near else "") + "add databases.default, or database.url, or set DATABASE_URL"
        source = place.source if section is None else key_source(section)
        converter.problems.add(source, "databases", "there is no database 'default'", hint)
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
        routing=checked(converter, rules, built.databases, primaries, whole=whole),
        relations=relations(converter, root),
        routers=routers,
        django=django_settings(converter, schema, root),
        own={name: _own(converter, root, name, cls, place) for name, cls in schema.own.items()},
        extra={alias: plain(root.branch("databases", alias, Hidden.EXTRA)) for alias in built.databases},
        warnings=warnings,
        nodes=root,
        layers=tuple(layers),
        shape=schema,
    )


def _own(converter: Converter, root: Branch, name: str, annotation: Any, place: Place) -> Any:
    """Return a section that a DjangoConfig subclass declares; one that no layer mentions has its defaults."""
    node = root.get(name)
    if node is None and type(None) in members(annotation):
        return None
    return converter.convert(node or Branch({}, place.source, lost=root.lost), annotation, (name,))


def _short_form(databases: dict[str, DatabaseConfig]) -> ShortForm:
    """Return the URLs under the names of the short form, and under ``url_<alias>`` where that is another name."""
    urls = {alias: Secret(reveal(database.url)) for alias, database in databases.items() if database.url}
    found = {"url": urls["default"]} if "default" in urls else {}
    found |= {f"url_{alias.removesuffix('_db')}": url for alias, url in urls.items() if alias != "default"}
    return ShortForm(found | {f"url_{alias}": url for alias, url in urls.items() if alias != "default"})


def _words_of_dynaconf(node: Branch, path: tuple[Hashable, ...] = ()) -> Iterator[tuple[tuple[Hashable, ...], Node]]:
    """Yield every key of every mapping that begins like one of Dynaconf's own words, with its path."""
    for key, item in node.nodes.items():
        if of_dynaconf(key):
            yield (*path, key), item
        if isinstance(item, Branch):
            yield from _words_of_dynaconf(item, (*path, key))
