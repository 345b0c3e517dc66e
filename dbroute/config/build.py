"""Builds the tree from the merged nodes, and refuses what cannot work."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Mapping
from typing import Any

import attrs

from ..models import ConnectionConfig, DatabaseConfig, DatabaseTestConfig, ReplicaConfig, Secret, Text, reveal, starts_read_only
from .convert import FAILED, Converter, fields_of
from .locate import Place
from .nodes import Branch, Items, Leaf, Node, Source, dotted, key_source, path_of, plain, shown
from .problems import Problems, did_you_mean, listed
from .schema import OWNED, Schema
from .tree import Config, ShortForm
from .urls import (
    PARTS,
    UrlError,
    absolute_file,
    backend,
    check_port,
    is_sqlite,
    join_url,
    split_hosts,
    unknown_engine,
)

_POOLED = ("postgresql", "postgis", "oracle")
_HELPERS = {"extra", "sqlite_mode"}  # keys that the normalisation adds


@attrs.frozen
class Builder:
    """
    Converts and checks, with one set of rules for a layer alone and for the whole.

    Attributes:
        schema: What may stand where.
        problems: Takes what is wrong.
    """

    schema: Schema
    problems: Problems

    def check_layer(self, layer: Branch) -> None:
        """Note every fault of one layer that shows without the other layers."""
        converter = Converter(self.problems, resolved=False)
        known = {**self.schema.sections, "routers": None}
        for key, node in layer.nodes.items():
            if key not in known:
                hint = did_you_mean(str(key), self.schema.sections) or f"known are {listed(self.schema.sections)}"
                self.problems.add(key_source(node), str(key), "unknown key", hint)
        for path, node in _keys(layer):
            if str(path[-1]).startswith("dynaconf_"):
                self.problems.add(key_source(node), dotted(path), "is a word of Dynaconf's", "remove it")
        for alias, node in layer.branch("databases").nodes.items():
            if isinstance(node, Branch):
                self.fields(converter, node, DatabaseConfig, ("databases", alias))
        self.rules(converter, layer)
        self.settings(converter, layer)
        for name, cls in self.schema.own.items():
            if (own := layer.get(name)) is not None:
                converter.convert(own, cls, (name,))

    def fields(self, converter: Converter, node: Branch, cls: type, path: tuple[Hashable, ...]) -> dict[str, Any]:
        """Return the converted fields of one database, replicas aside."""
        values = converter.fields(node, cls, path, ignore={*_HELPERS, "replicas", "migrate_url"})
        ddl, replicas = node.get("migrate_url"), node.get("replicas")
        if isinstance(ddl, Branch):
            self.fields(converter, ddl, ConnectionConfig, (*path, "migrate_url"))
        elif ddl is not None:
            values["migrate_url"] = converter.convert(ddl, Text | None, (*path, "migrate_url"))
        if replicas is not None and cls is ReplicaConfig:
            hint = "list it among the replicas of the primary"
            self.problems.add(key_source(replicas), dotted((*path, "replicas")), "a replica has no replicas", hint)
        elif isinstance(replicas, Items):
            for number, replica in enumerate(replicas.nodes):
                here = (*path, "replicas", number)
                if isinstance(replica, Branch):
                    self.fields(converter, replica, ReplicaConfig, here)
                else:
                    message = f"expected a URL or a mapping, got {shown(replica)}"
                    self.problems.add(replica.source, dotted(here), message, "write {url: …}")
        elif replicas is not None:
            converter.convert(replicas, list[Any], (*path, "replicas"))
        return {key: value for key, value in values.items() if value is not FAILED}

    def rules(self, converter: Converter, root: Branch) -> dict[str, tuple[str, Node]]:
        """Return rule to alias, with the node that says so."""
        found: dict[str, tuple[str, Node]] = {}
        for key, node in root.branch("routing").nodes.items():
            if not isinstance(key, str) or not key:
                self.problems.add(key_source(node), dotted(("routing", key)), "a rule is no text", "quote it")
                continue
            alias = converter.convert(node, str, ("routing", key))
            if alias is not FAILED:
                found[key] = (alias, node)
        return found

    def settings(self, converter: Converter, root: Branch) -> dict[str, Any]:
        """Return the Django settings of the ``django:`` section."""
        found: dict[str, Any] = {}
        for key, node in root.branch("django").nodes.items():
            path = ("django", key)
            name = str(key)
            if name in OWNED:
                self.problems.add(key_source(node), dotted(path), "has a section of its own", f"use '{OWNED[name]}:'")
            elif not name.isupper():
                known = self.schema.known or ()
                hint = did_you_mean(name.upper(), known) or "settings are written in capitals"
                self.problems.add(key_source(node), dotted(path), "unknown setting", hint)
            elif self.schema.known is not None and name not in self.schema.known and (near := self.near(name)):
                self.problems.add(key_source(node), dotted(path), "unknown setting", f"did you mean '{near}'?")
            else:
                value = converter.convert(node, self.schema.setting(name), path)
                if value is not FAILED:
                    found[name] = value
        return found

    def near(self, name: str) -> str | None:
        """Return the known setting that is one edit away."""
        close = difflib.get_close_matches(name, self.schema.known or (), n=3, cutoff=0.8)
        return next((known for known in close if _one_edit(name, known)), None)

    def build(self, root: Branch, place: Place, warnings: tuple[str, ...], routers: tuple[str, ...]) -> Config:
        """Return the tree of the merged and expanded nodes; faults are in ``problems``, and the tree then of no use."""
        converter = Converter(self.problems)
        databases: dict[str, DatabaseConfig] = {}
        replicas: dict[str, tuple[str, ReplicaConfig]] = {}
        connections: dict[str, ConnectionConfig] = {}
        urls: dict[str, str] = {}
        nodes = {str(alias): node for alias, node in root.branch("databases").nodes.items()}
        for alias, node in nodes.items():
            if not isinstance(node, Branch):
                continue
            values = self.fields(converter, node, DatabaseConfig, ("databases", alias))
            values = self.connection(node, values, ("databases", alias))
            if starts_read_only(values.get("options")):
                values["readonly"] = True
            if (ddl := self.ddl(converter, alias, node)) is not None:
                connections[alias] = ddl
                values["migrate_url"] = ddl.url
            databases[alias] = DatabaseConfig(**values)
            for name, replica in self.replicas(converter, alias, node).items():
                if name in nodes:
                    hint = "rename that database"
                    self.problems.add(key_source(node), f"databases.{alias}.replicas", f"'{name}' exists already", hint)
                replicas[name] = (alias, replica)
            if databases[alias].url:
                urls[_short(alias)] = reveal(databases[alias].url)
        self.default(databases, place)
        rules = self.routing(converter, root, databases, replicas)
        self.references(root, databases)
        own = {name: self.own(converter, root, name, cls) for name, cls in self.schema.own.items()}
        return Config(
            environment=place.environment,
            folder=place.folder,
            files=tuple(path.name for path, _ in place.files),
            databases=databases,
            replicas=replicas,
            migrate_connections=connections,
            database=ShortForm({**urls, **{f"url_{alias}": url for alias, url in _full_names(databases, urls)}}),
            routing=rules,
            routers=routers,
            django=self.settings(converter, root),
            own=own,
            extra={alias: _extra(node) for alias, node in nodes.items() if isinstance(node, Branch)},
            warnings=warnings,
            nodes=root,
        )

    def own(self, converter: Converter, root: Branch, name: str, cls: type) -> Any:
        """Return a section that a DjangoConfig subclass declares."""
        return converter.convert(root.get(name) or Branch({}, root.source), cls, (name,))

    def default(self, databases: Mapping[str, Any], place: Place) -> None:
        """Refuse a project without a ``default`` database."""
        if "default" not in databases:
            source = Source(place.files[0][0].name if place.files else "configuration", rank=1)
            hint = "add databases.default, or database.url, or set DATABASE_URL"
            self.problems.add(source, "databases", "there is no database 'default'", hint)

    def connection(self, node: Branch, values: dict[str, Any], path: tuple[Hashable, ...]) -> dict[str, Any]:
        """Return the fields of a database with the connection's parts in their final form."""
        values = dict(values)
        if any(isinstance(part := node.get(name), Leaf) and part.reading == "missing" for name in ("url", *PARTS)):
            return values  # what is missing is reported already
        scheme = values.get("engine")
        if scheme is None:
            hint = "write url: engine://user:password@host:port/name, or engine and name"
            self.problems.add(key_source(node), dotted(path), "has neither url nor engine", hint)
            return values
        values["engine"] = engine = backend(scheme)
        if engine is None:
            error = unknown_engine(scheme, "engine")
            self.fault(node, "engine", path, error)
            return values
        for part in PARTS:
            if reveal(values.get(part)) == "":
                values[part] = None
        self.host(node, values, path)
        self.name(node, values, path)
        self.pool(node, values, path, engine)
        parts = {part: reveal(values.get(part)) for part in PARTS}
        text = join_url(scheme, parts, reveal(values.get("options", {})))
        values["url"] = Secret(text)
        return values

    def fault(self, node: Branch, field: str, path: tuple[Hashable, ...], error: UrlError) -> None:
        """Note what is wrong with one part of a connection, at the place that set it."""
        part = node.get(field) or node
        self.problems.add(part.source, path_of(part, (*path, field)), str(error), error.hint)

    def host(self, node: Branch, values: dict[str, Any], path: tuple[Hashable, ...]) -> None:
        """Take a host apart that came out of a reference and may carry a port; check the port."""
        host, text = node.get("host"), str(reveal(values.get("host") or ""))
        try:
            if isinstance(host, Leaf) and host.reading == "host" and host.secret:
                name, port = split_hosts(text)
                if port and values.get("port"):
                    raise UrlError("the port is given twice", "leave it out of the URL, or out of the variable")
                values |= {"host": Secret(name), "port": port or values.get("port")}
            elif re.fullmatch(r"[^:/\[]+:\d+", text):
                raise UrlError("holds a port", "write it as 'port'")
        except UrlError as error:
            self.fault(node, "host", path, error)
        port = reveal(values.get("port"))
        if port is not None:
            try:
                check_port(port)
            except UrlError as error:
                self.fault(node, "port", path, error)
            values["port"] = int(port) if str(port).isdecimal() else values["port"]

    def name(self, node: Branch, values: dict[str, Any], path: tuple[Hashable, ...]) -> None:
        """Refuse an empty name; make the path of an SQLite file absolute."""
        name = reveal(values.get("name"))
        if name is None:
            if not is_sqlite(values["engine"]) and "service" in values.get("options", {}):
                return
            self.fault(node, "name", path, UrlError("the name of the database is empty", "name the database"))
        elif is_sqlite(values["engine"]):
            leaf = node.get("name")
            mode = node.get("sqlite_mode")
            text = absolute_file(
                str(name), leaf.source.folder if leaf else None, str(mode.value) if isinstance(mode, Leaf) else None
            )
            values["name"] = Secret(text) if isinstance(leaf, Leaf) and leaf.secret else text

    def pool(self, node: Branch, values: dict[str, Any], path: tuple[Hashable, ...], engine: str) -> None:
        """Refuse a pool together with persistent connections, and where the backend has none."""
        if not values.get("pool"):
            return
        if values.get("conn_max_age", 0) != 0:
            hint = "remove one of them; the pool keeps connections open itself (max_lifetime)"
            self.fault(node, "pool", path, UrlError("cannot be combined with conn_max_age", hint))
        if engine.startswith("django.") and not engine.endswith(_POOLED):
            self.fault(node, "pool", path, UrlError("needs PostgreSQL or Oracle", "remove it; use conn_max_age"))

    def ddl(self, converter: Converter, alias: str, node: Branch) -> ConnectionConfig | None:
        """Return the connection that migrations of one database use, if it is another one."""
        ddl, path = node.get("migrate_url"), ("databases", alias, "migrate_url")
        if not isinstance(ddl, Branch):
            return None
        whole = ddl.with_nodes({**ddl.nodes, "options": _options(node, ddl)})
        values = self.fields(converter, whole, ConnectionConfig, path)
        return ConnectionConfig(**self.connection(whole, values, path))

    def replicas(self, converter: Converter, alias: str, node: Branch) -> dict[str, ReplicaConfig]:
        """Return the replicas of one database by alias; what a replica does not say it has from its primary."""
        found: dict[str, ReplicaConfig] = {}
        replicas = node.get("replicas")
        common = {*fields_of(ConnectionConfig), "sqlite_mode"}
        inherited = {key: item for key, item in node.nodes.items() if key in common}
        for number, replica in enumerate(replicas.nodes if isinstance(replicas, Items) else ()):
            if not isinstance(replica, Branch):
                continue
            path = ("databases", alias, "replicas", number)
            whole = replica.with_nodes({**inherited, **replica.nodes, "options": _options(node, replica)})
            values = self.connection(whole, self.fields(converter, whole, ReplicaConfig, path), path)
            found[f"{alias}_replica_{number + 1}"] = ReplicaConfig(**values)
        return found

    def routing(
        self,
        converter: Converter,
        root: Branch,
        databases: Mapping[str, DatabaseConfig],
        replicas: Mapping[str, tuple[str, ReplicaConfig]],
    ) -> dict[str, str]:
        """Return all rules, those beside the databases included, and refuse the ones that lead nowhere."""
        rules: dict[str, str] = {}
        seen: dict[str, tuple[str, Source]] = {}
        entries = [(rule, alias, node, ("routing", rule)) for rule, (alias, node) in self.rules(converter, root).items()]
        for alias in databases:
            apps = root.get("databases", alias, "apps")
            for number, node in enumerate(_list(apps)):
                path: tuple[Hashable, ...] = ("databases", alias, "apps", number)
                rule = converter.convert(node, str, path)
                if rule is not FAILED:
                    entries.append((rule, alias, node, path))  # type: ignore[arg-type]
        for rule, alias, node, path in entries:
            folded = rule.lower() if "." in rule else rule
            if folded in seen and seen[folded][0] != alias:
                other, where = seen[folded]
                hint = "keep one of the two rules"
                message = f"'{rule}' leads to '{alias}' here and to '{other}' in {where}"
                self.problems.add(key_source(node), dotted(path), message, hint)
            seen.setdefault(folded, (alias, key_source(node)))
            rules.setdefault(rule, alias)
            self.target(alias, node, dotted(path), databases, replicas)
        return rules

    def target(
        self,
        alias: str,
        node: Node,
        path: str,
        databases: Mapping[str, DatabaseConfig],
        replicas: Mapping[str, tuple[str, ReplicaConfig]],
    ) -> None:
        """Refuse a rule to an alias that cannot be a home."""
        if alias in replicas:
            primary = replicas[alias][0]
            self.problems.add(node.source, path, f"'{alias}' is a replica", f"name its primary, '{primary}'")
        elif alias not in databases:
            hint = did_you_mean(alias, databases) or f"known are {listed(databases)}"
            self.problems.add(node.source, path, f"there is no database '{alias}'", hint)
        elif databases[alias].migrates_like:
            like = databases[alias].migrates_like
            hint = f"name '{like}', or remove migrates_like"
            self.problems.add(node.source, path, f"'{alias}' migrates like '{like}' and is nobody's home", hint)

    def references(self, root: Branch, databases: Mapping[str, DatabaseConfig]) -> None:
        """Refuse fields of databases that name a database which does not exist, or cannot be meant."""
        for alias, database in databases.items():
            like = database.migrates_like
            test = database.test
            names: list[tuple[str, str]] = [("migrates_like", like)] if like is not None else []
            if isinstance(test, DatabaseTestConfig):
                names += [("test.mirror", test.mirror)] if test.mirror is not None else []
                names += [("test.dependencies", name) for name in test.dependencies or ()]
            for field, name in names:
                node = root.get("databases", alias, *field.split("."))
                source = node.source if node is not None else Source("configuration")
                path = f"databases.{alias}.{field}"
                if name not in databases:
                    hint = did_you_mean(name, databases) or f"known are {listed(databases)}"
                    self.problems.add(source, path, f"there is no database '{name}'", hint)
                elif field == "migrates_like" and (name == alias or databases[name].migrates_like):
                    hint = "name the database whose rules are meant"
                    self.problems.add(source, path, f"'{name}' has no tables of its own to be like", hint)


def _keys(node: Branch) -> list[tuple[tuple[Hashable, ...], Node]]:
    found: list[tuple[tuple[Hashable, ...], Node]] = []
    for key, item in node.nodes.items():
        found.append(((key,), item))
        if isinstance(item, Branch):
            found += [((key, *path), below) for path, below in _keys(item)]
    return found


def _short(alias: str) -> str:
    """Return the name of a database's URL in the short form."""
    return "url" if alias == "default" else f"url_{alias.removesuffix('_db')}"


def _full_names(databases: Mapping[str, DatabaseConfig], urls: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return further names for URLs: the alias in full, where the short form left something of it out."""
    return [
        (alias, reveal(database.url))
        for alias, database in databases.items()
        if database.url and f"url_{alias}" not in urls and alias != "default"
    ]


def _list(node: Node | None) -> tuple[Node, ...]:
    if isinstance(node, Items):
        return node.nodes
    if isinstance(node, Leaf) and isinstance(node.value, str):
        return tuple(attrs.evolve(node, value=part.strip()) for part in node.value.split(",") if part.strip())
    return ()


def _extra(node: Branch) -> dict[str, Any]:
    return {str(key): plain(item) for key, item in node.branch("extra").nodes.items()}


def _options(node: Branch, other: Branch) -> Branch:
    """Return the options of another connection to a database: its own above the database's, where the engine is one."""
    ours, theirs = (item.get("engine") for item in (node, other))
    engines = {backend(str(item.value)) for item in (ours, theirs) if isinstance(item, Leaf)}
    inherited = node.branch("options").nodes if len(engines) == 1 else {}
    return Branch({**inherited, **other.branch("options").nodes}, other.source)


def _one_edit(one: str, two: str) -> bool:
    """Tell whether inserting, deleting, replacing or swapping one character makes the one the other."""
    if one == two or abs(len(one) - len(two)) > 1:
        return False
    if len(one) == len(two):
        different = [position for position, pair in enumerate(zip(one, two, strict=True)) if pair[0] != pair[1]]
        swapped = len(different) == 2 and one[different[0]] == two[different[1]] and one[different[1]] == two[different[0]]
        return len(different) == 1 or (swapped and different[1] - different[0] == 1)
    short, long = sorted((one, two), key=len)
    return any(long[:position] + long[position + 1 :] == short for position in range(len(long)))
