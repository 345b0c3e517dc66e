"""
Brings every layer into one spelling before the layers merge.

``database.url_blog``, ``databases.blog_db: postgresql://…``, a mapping with ``url``, a mapping with parts and Django's
own ``DATABASES`` all become ``databases.<alias>.<field>``, so that a layer can override whatever a lower one said.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

import attrs

from ..models import DatabaseConfig, DatabaseTestConfig, Secret
from .annotations import fields_of
from .engines import UrlError, driver
from .interpolation import Resolver
from .layers import Layer
from .nodes import Branch, Hidden, Items, Leaf, Node, dotted, key_source, plain, shown
from .problems import Problems, did_you_mean
from .rules import RELATIONS
from .urls import PARTS, fields_in_query, query_options, refuse_repeated, split_url, whole_reference

_SHORT = "url_"


def short_names(roots: Sequence[Branch], others: Iterable[str] = ()) -> set[str]:
    """
    Return the names that ``DATABASE_URL_<NAME>`` may use, because a rule or a declared database goes by them.

    Args:
        roots: The layers below the variables.
        others: Aliases that are declared elsewhere.
    """
    aliases = declared(roots) | set(others)
    names = {alias.lower() for alias in aliases} | {alias.lower().removesuffix("_db") for alias in aliases}
    for root in roots:
        for key in root.branch("database").nodes:
            if isinstance(key, str) and key.startswith(_SHORT):
                names.add(key.removeprefix(_SHORT).lower())
    return names


def declared(roots: Iterable[Branch]) -> set[str]:
    """Return the aliases that a rule names or that are declared in full."""
    found: set[str] = set()
    for root in roots:
        found |= {str(key) for key in root.branch("databases").nodes}
        routing = root.branch("routing").nodes
        rules = (node for key, node in routing.items() if isinstance(node, Leaf) and key not in RELATIONS)
        found |= {rule.value for rule in rules if isinstance(rule.value, str)}
    return found


@attrs.frozen(eq=False, repr=False)
class Spelling:
    """
    Normalises layers.

    Attributes:
        aliases: The aliases that rules or full declarations of any layer name.
        resolver: Expands the few references that have to be known before the merge: whole URLs and whole queries.
        problems: Takes what is wrong.
        lost: Sections of any layer that cannot be read; whoever misses something in them has no fault of its own.
    """

    aliases: set[str]
    resolver: Resolver
    problems: Problems
    lost: set[str] = attrs.field(init=False, factory=set)

    def normalise(self, layer: Layer) -> Branch:
        """Return the layer with all its databases as ``databases.<alias>.<field>``."""
        for section in ("database", "databases", "routing", "django"):
            node = layer.root.get(section)
            if node is not None and not isinstance(node, Branch):
                hint = "write database: {url: …}" if section == "database" else "write keys below it, or remove it"
                self.problems.add(node.source, section, f"expected a mapping, got {shown(node)}", hint)
                self.lost.add(section)
            elif (layer.root if node is None else node).lost:
                self.lost.add(section)
        databases = self.full_form(layer, self.short_form(layer))
        nodes = {key: node for key, node in layer.root.nodes.items() if key != "database"}
        if databases or "databases" in nodes:
            top = layer.root.get("databases") or layer.root.get("database") or layer.root
            nodes["databases"] = Branch(databases, top.source, top.key)
        return layer.root.with_nodes(nodes)

    def short_form(self, layer: Layer) -> dict[Hashable, Node]:
        """Return the databases of the ``database:`` section by alias."""
        databases: dict[Hashable, Node] = {}
        section = layer.root.branch("database").nodes
        names = {str(key).removeprefix(_SHORT) for key in section}
        names |= {f"{name}_db" for name in names} | self.aliases
        for key, node in section.items():
            alias = self.alias(key, node, names)
            if alias is None:
                continue
            if isinstance(node, Leaf) and node.value is None:
                if not _is_missing(node):
                    hint = "write a URL, or remove the key"
                    self.problems.add(node.source, dotted(("database", key)), "expected a URL, got null", hint)
                databases[alias] = Branch(_missing(node), node.source, node.key)
                continue
            if alias in databases:
                self.twice(node, ("database", key), databases[alias])
            field = Branch({"url": node}, node.source, node.key)
            databases[alias] = self.database(field, ("database", key), layer)
        return databases

    def full_form(self, layer: Layer, databases: dict[Hashable, Node]) -> dict[Hashable, Node]:
        """Return the databases of the ``databases:`` section by alias, above those of the short form."""
        for key, node in layer.root.branch("databases").nodes.items():
            alias, path = key, ("databases", key)
            if not isinstance(alias, str) or not alias:
                hint = "put it into quotes" if alias != "" else "name the database"
                self.problems.add(key_source(node), dotted(path), "an alias has to be a text", hint)
                continue
            if isinstance(node, Leaf) and isinstance(node.value, str):
                if node.value in self.aliases:
                    self.problems.add(key_source(node), dotted(path), "is a rule", "write it below 'routing:'")
                    continue
                node = Branch({"url": node}, node.source, node.key)
            if not isinstance(node, Branch):
                if not _is_missing(node):
                    message = f"expected a URL or a mapping, got {shown(node)}"
                    self.problems.add(node.source, dotted(path), message, "write {url: …}")
                databases[alias] = Branch(_missing(node), node.source, node.key)
                continue
            short = databases.get(alias)
            if isinstance(short, Branch) and (url := node.get("url")) is not None:
                self.twice(url, (*path, "url"), short)
            full = self.database(node, path, layer)
            databases[alias] = full if not isinstance(short, Branch) else _above(short, full)
        return databases

    def twice(self, node: Node, path: tuple[Hashable, ...], other: Node) -> None:
        """Note that one layer sets a URL in two spellings."""
        message = f"sets the URL of the same database as {key_source(other)}"
        self.problems.add(key_source(node), dotted(path), message, "keep one of the two")

    def alias(self, key: Hashable, node: Node, names: Collection[Any]) -> str | None:
        """Return the alias that a key of the short form stands for; ``names`` are what databases go by."""
        if key == "url":
            return "default"
        if not isinstance(key, str) or not key.startswith(_SHORT) or key == _SHORT:
            hint = did_you_mean(str(key), ["url"]) or "write url, or url_<name>"
            if isinstance(node, Leaf) and node.value in names:
                hint = "write it below 'routing:'"
            elif str(key).isupper():
                hint = "write it below 'django:'"
            self.problems.add(key_source(node), dotted(("database", key)), "unknown key", hint)
            if _may_be_a_url(node):
                self.lost.add("database")
            return None
        name = key.removeprefix(_SHORT)
        if name == "default":
            return name
        wanted = (name, f"{name}_db")
        # Variables are written in capitals, whatever the alias is.
        found = [alias for alias in wanted if alias in self.aliases] or sorted(
            alias for alias in self.aliases if alias.lower() in {word.lower() for word in wanted}
        )
        if len(found) > 1:
            hint = "write the database in full below 'databases:'"
            message = f"may mean '{found[0]}' and '{found[1]}'"
            self.problems.add(key_source(node), dotted(("database", key)), message, hint)
        return found[0] if found else f"{name}_db"

    def database(self, node: Branch, path: tuple[Hashable, ...], layer: Layer) -> Branch:
        """Return the fields of one database, with its URL taken apart."""
        nodes = self.lowered(node, path, from_settings=layer.from_settings)
        url = nodes.pop("url", None)
        if url is not None and _is_null(url):
            nodes["url"] = attrs.evolve(url, written=dotted((*path, "url")))  # only tells where there is none
        elif url is not None:
            parts = self.url(url, path if path[0] == "database" else (*path, "url"))
            nodes = _above(Branch(parts, url.source), Branch(nodes, node.source)).nodes
        ddl = nodes.get("migrate_url")
        if isinstance(ddl, Branch) and layer.from_settings:
            nodes["migrate_url"] = ddl.with_nodes(self.lowered(ddl, (*path, "migrate_url"), from_settings=True))
        elif ddl is not None and not _is_null(ddl):
            nodes["migrate_url"] = Branch(self.url(ddl, (*path, "migrate_url")), ddl.source, key_source(ddl))
        replicas = nodes.get("replicas")
        if isinstance(replicas, Items):
            members = tuple(
                self.replica(item, (*path, "replicas", number), layer) for number, item in enumerate(replicas.nodes)
            )
            nodes["replicas"] = attrs.evolve(replicas, nodes=members)
        elif isinstance(replicas, Leaf) and replicas.template:
            hint = "write one URL an item; a reference may stand for one"
            self.problems.add(replicas.source, dotted((*path, "replicas")), "a reference is no list", hint)
            nodes["replicas"] = replicas.with_value(None, "missing", template=False)
        return node.with_nodes(nodes)

    def lowered(self, node: Branch, path: tuple[Hashable, ...], *, from_settings: bool) -> dict[Hashable, Node]:
        """Return a database's fields under dbroute's names; Django's are the same in capitals."""
        fields = fields_of(DatabaseConfig)
        nodes: dict[Hashable, Node] = {}
        extra: dict[Hashable, Node] = {}
        for key, item in node.nodes.items():
            name = key if key in fields and key not in nodes else self.name(key, item, nodes, path)
            if from_settings and name == "dbroute":
                nodes |= {ours: found for ours in _OURS if isinstance(item, Branch) and (found := item.get(ours))}
            elif from_settings and name not in fields:
                extra[key] = item
            elif name == "test" and isinstance(item, Branch):
                nodes[name] = self.lowered_test(item, (*path, "test"), extra if from_settings else None)
            else:
                nodes[name] = item
        if extra:
            nodes[Hidden.EXTRA] = Branch(extra, node.source)
        return nodes

    def lowered_test(self, node: Branch, path: tuple[Hashable, ...], extra: dict[Hashable, Node] | None) -> Branch:
        """Return the fields of ``test`` likewise; in settings, ``extra`` takes what only a backend knows."""
        fields = fields_of(DatabaseTestConfig)
        nodes: dict[Hashable, Node] = {}
        unknown: dict[Hashable, Node] = {}
        for key, item in node.nodes.items():
            name = self.name(key, item, nodes, path)
            (unknown if extra is not None and name not in fields else nodes)[name if name in fields else key] = item
        if extra is not None and unknown:
            extra["TEST"] = Branch(unknown, node.source)
        return node.with_nodes(nodes)

    def name(self, key: Hashable, node: Node, others: Mapping[Hashable, Node], path: tuple[Hashable, ...]) -> Hashable:
        """Return dbroute's name of a key; refuse one that is there in both spellings."""
        name = key.lower() if isinstance(key, str) and key.isupper() else key
        if name in others:
            message = f"is the same key as the one in {key_source(others[name])}"
            self.problems.add(key_source(node), dotted((*path, key)), message, "keep one of the two")
        return name

    def replica(self, node: Node, path: tuple[Hashable, ...], layer: Layer) -> Node:
        """Return the fields of one replica; what is no replica is left for the conversion to refuse."""
        if isinstance(node, Leaf) and isinstance(node.value, str):
            node = Branch({"url": node}, node.source)
        return self.database(node, path, layer) if isinstance(node, Branch) else node

    def url(self, node: Node, path: tuple[Hashable, ...]) -> dict[Hashable, Node]:
        """Return the fields that a URL sets."""
        leaf = node if isinstance(node, Leaf) else Leaf(None, node.source)
        if _is_missing(leaf):
            return _missing(node)
        if isinstance(leaf.value, Secret):
            leaf = attrs.evolve(leaf, value=leaf.value.reveal(), secret=True)
        if not isinstance(leaf.value, str):
            number = isinstance(node, Leaf) and isinstance(node.value, bool | int | float | None)
            what = shown(node) if number or not isinstance(node, Leaf) else "something else"
            self.problems.add(node.source, dotted(path), f"expected a URL, got {what}", "write a text")
            return _missing(node)
        while leaf.template and (reference := whole_reference(leaf.value)):
            text = self.resolver.value(reference)
            if text is None and reference.operator == ":-":
                leaf = attrs.evolve(leaf, value=reference.argument)  # a URL with references of its own, perhaps
                continue
            if text is None:
                # It may be replaced by a higher layer yet; if it is not, expanding it reports what is missing.
                return {**_missing(node), "url": attrs.evolve(leaf, written=dotted(path))}
            leaf = attrs.evolve(leaf, value=text, template=False, secret=True)
        found = split_url(leaf, dotted(path), self.problems)
        try:
            return _missing(node) if found is None else {**self.queries(found), Hidden.URL: node}
        except UrlError as error:
            self.problems.add(leaf.source, dotted(path), str(error), error.hint)
            return _missing(node)

    def queries(self, found: Branch) -> dict[Hashable, Node]:
        """
        Return the URL's fields with references that stand for a whole query replaced by the pairs they hold.

        Raises:
            UrlError: What a reference holds is no query.
        """
        if "options" not in found.nodes:
            return found.nodes
        nodes, options = dict(found.nodes), dict(found.branch("options").nodes)
        engine = str(plain(nodes["engine"]))
        for key, node in list(options.items()):
            if not (isinstance(key, str) and key.startswith("?") and isinstance(node, Leaf)):
                continue
            text = self.resolver.resolvable(node.value)
            if text is None:
                continue
            del options[key]
            pairs = query_options(engine, text.lstrip("?"))
            refuse_repeated(engine, [*map(str, options), *pairs])
            for name, value in pairs.items():
                options[name] = attrs.evolve(node, value=value, template=False, secret=True, reading="query")
        nodes |= fields_in_query(engine, options)
        nodes["options"] = found.branch("options").with_nodes(options)
        return nodes if options else {key: node for key, node in nodes.items() if key != "options"}


def _is_missing(node: Node) -> bool:
    return isinstance(node, Leaf) and node.reading == "missing"


def _may_be_a_url(node: Node) -> bool:
    """Tell whether a node whose key nobody knows may have been meant as a database; other texts never are one."""
    return not isinstance(node, Leaf) or node.template or "://" in str(node.value)


def _is_null(node: Node) -> TypeGuard[Leaf]:
    return isinstance(node, Leaf) and node.value is None and not _is_missing(node)


def _missing(node: Node) -> dict[Hashable, Node]:
    """Return the parts of a database of which nothing can be known, which is told already."""
    unknown = Leaf(None, node.source, node.key, reading="missing")
    return dict.fromkeys(("url", *PARTS), unknown)


def without_replaced_options(layers: Sequence[Branch]) -> list[Branch]:
    """Drop the options of a database from the layers below a URL whose engine has another driver."""
    found = list(layers)
    for alias in {alias for layer in layers for alias in layer.branch("databases").nodes}:
        before: str | None = None
        for number, layer in enumerate(layers):
            node = layer.get("databases", alias, "engine")
            if not isinstance(node, Leaf) or not isinstance(node.value, str):
                continue
            after = driver(node.value)
            if before and after != before and layer.get("databases", alias, "url") is not None:
                found[:number] = [_without_options(lower, alias) for lower in found[:number]]
            before = after
    return found


def _without_options(layer: Branch, alias: Hashable) -> Branch:
    database = layer.branch("databases", alias)
    if "options" not in database.nodes:
        return layer
    rest = database.with_nodes({key: node for key, node in database.nodes.items() if key != "options"})
    databases = layer.branch("databases")
    return layer.with_nodes({**layer.nodes, "databases": databases.with_nodes({**databases.nodes, alias: rest})})


def _above(lower: Branch, upper: Branch) -> Branch:
    """Return two spellings of one database in one layer as one: the parts override what the URL says."""
    nodes = {**lower.nodes, **upper.nodes}
    options = {**lower.branch("options").nodes, **upper.branch("options").nodes}
    if options and isinstance(nodes.get("options"), Branch):
        nodes["options"] = upper.branch("options").with_nodes(options)
    return upper.with_nodes(nodes)


_OURS = ("readonly", "migrate", "migrates_like", "migrate_url")
