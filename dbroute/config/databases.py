"""Builds the databases of the tree from their merged fields, and refuses those that cannot work."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any

import attrs

from ..models import (
    ConnectionConfig,
    DatabaseConfig,
    ReplicaConfig,
    Secret,
    Text,
    reveal,
    starts_read_only,
)
from . import limits
from .annotations import fields_of
from .convert import FAILED, Converter
from .engines import UrlError, backend, driver, is_sqlite, unknown_engine
from .joined_urls import absolute_file, join_url
from .nodes import Branch, Hidden, Items, Leaf, Node, dotted, key_source, path_of, place_of, plain, shown
from .problems import Problems, did_you_mean
from .references import References
from .urls import MEMORY, PARTS, check_port, split_hosts

_POOLED = ("postgresql", "postgis", "oracle")
_HELPERS = {*Hidden, "replicas", "migrate_url"}  # what is not converted field by field


@attrs.define
class Built:
    """The databases of the tree; the fields are those of :class:`dbroute.config.tree.Config`."""

    databases: dict[str, DatabaseConfig] = attrs.field(factory=dict)
    replicas: dict[str, tuple[str, ReplicaConfig]] = attrs.field(factory=dict)
    migrate_connections: dict[str, ConnectionConfig] = attrs.field(factory=dict)


@attrs.frozen(eq=False, repr=False)
class Databases:
    """
    Builds databases, replicas and the connections that migrations use.

    Attributes:
        converter: Converts fields, and has the problems.
        whole: There are no other databases, in a section that cannot be read.
        complete: The aliases of those that have an engine.
    """

    converter: Converter
    whole: bool = True
    complete: list[str] = attrs.field(init=False, factory=list)

    @property
    def problems(self) -> Problems:
        """What takes the faults."""
        return self.converter.problems

    def build(self, root: Branch) -> Built:
        """Return the databases of the merged and expanded nodes."""
        built = Built()
        nodes = {str(alias): node for alias, node in root.branch("databases").nodes.items()}
        self.complete.extend(alias for alias, node in nodes.items() if isinstance(node, Branch) and node.get("engine"))
        for alias, node in nodes.items():
            if not isinstance(node, Branch):
                continue
            path = ("databases", alias)
            values = self.connection(node, self.fields(node, DatabaseConfig, path), path)
            if starts_read_only(values.get("options")):
                values["readonly"] = True
            if (ddl := self.ddl(alias, node)) is not None:
                built.migrate_connections[alias] = ddl
                values["migrate_url"] = ddl.url
            built.databases[alias] = DatabaseConfig(**values)
            for name, replica in self.replicas(alias, node).items():
                if name in nodes:
                    message = f"'{name}' is a database already"
                    self.problems.add(key_source(node), dotted((*path, "replicas")), message, "rename that database")
                built.replicas[name] = (alias, replica)
        References(root, built.databases, self.problems, self.whole).check()
        self.twins(root, built.databases)
        return built

    def fields(self, node: Branch, cls: type, path: tuple[Hashable, ...]) -> dict[str, Any]:
        """Return the converted fields of one database, replicas aside."""
        values = self.converter.fields(node, cls, path, ignore=_HELPERS)
        ddl, replicas = node.get("migrate_url"), node.get("replicas")
        if ddl is not None and cls is not DatabaseConfig:
            hint = "write it beside the database"
            self.problems.add(key_source(ddl), dotted((*path, "migrate_url")), "unknown key", hint)
        elif isinstance(ddl, Branch):
            self.fields(ddl, ConnectionConfig, (*path, "migrate_url"))
        elif ddl is not None:
            values["migrate_url"] = self.converter.convert(ddl, Text | None, (*path, "migrate_url"))
        if replicas is not None and cls is ReplicaConfig:
            hint = "list it among the replicas of the primary"
            self.problems.add(key_source(replicas), dotted((*path, "replicas")), "a replica has no replicas", hint)
        elif isinstance(replicas, Items):
            for number, replica in enumerate(replicas.nodes):
                here = (*path, "replicas", number)
                if isinstance(replica, Branch):
                    self.fields(replica, ReplicaConfig, here)
                else:
                    message = f"expected a URL or a mapping, got {shown(replica)}"
                    self.problems.add(replica.source, dotted(here), message, "write {url: …}")
        elif replicas is not None:
            self.converter.convert(replicas, list[Any], (*path, "replicas"))
        return {key: value for key, value in values.items() if value is not FAILED}

    def connection(self, node: Branch, values: dict[str, Any], path: tuple[Hashable, ...]) -> dict[str, Any]:
        """Return the fields of a database with the connection's parts in their final form."""
        values = dict(values)
        missing = {
            name
            for name in ("url", *PARTS)
            if (part := node.nodes.get(name)) is not None and (name not in values or _is_missing(part))
        }
        slips, lost = _slips(node), node.lost or not self.whole
        scheme = values.get("engine")
        for field in PARTS:
            if reveal(values.get(field)) == "":
                values[field] = None
        self.host(node, values, path)
        if missing & {"url", "engine"} or (scheme is None and (lost or slips & {"url", "engine"})):
            return values  # reported already, and nothing else can be said
        if scheme is None:
            said = next((part for name in ("engine", "url") if (part := node.get(name)) is not None), node)
            hint = "write url: engine://user:password@host:port/name, or engine and name"
            if said is node and (meant := did_you_mean(str(path[1]), self.complete, cutoff=0.8)):
                hint = f"{meant} Otherwise {hint}"
            # A mapping that variables alone make up has no place of its own.
            source = key_source(said) if said.key or said.source.line else place_of(said)
            self.problems.add(source, dotted(path), "has neither url nor engine", hint)
            return values
        values["engine"] = engine = backend(scheme)
        for field, error in limits.faults(values):
            self.fault(node, field, path, error)
        if engine is None:
            part = node.get("engine")
            secret = isinstance(part, Leaf) and part.secret
            self.fault(node, "engine", path, unknown_engine(scheme, "engine", secret=secret))
            return values
        if not lost and "name" not in missing | slips:
            self.name(node, values, path)
        self.pool(node, values, path, engine)
        parts = {part: reveal(values.get(part)) for part in PARTS}
        text = join_url(scheme, parts, reveal(values.get("options", {})))
        values["url"] = Secret(text)
        return values

    def fault(self, node: Branch, field: str, path: tuple[Hashable, ...], error: UrlError) -> None:
        """Note what is wrong with one part of a connection, at the place that set it."""
        parts = field.split(".")
        part = node.get(*parts) or node.get(parts[0])
        source = key_source(node) if part is None else part.source
        self.problems.add(source, path_of(part or node, (*path, *parts)), str(error), error.hint)

    def host(self, node: Branch, values: dict[str, Any], path: tuple[Hashable, ...]) -> None:
        """Take a host apart that came out of a reference and may carry a port; check the port."""
        host, text = node.get("host"), str(reveal(values.get("host") or ""))
        try:
            if isinstance(host, Leaf) and host.reading == "host" and host.secret:
                name, port = split_hosts(text)
                if port and values.get("port"):
                    raise UrlError("the port is given twice", "leave it out of the URL, or out of the variable")
                values |= {"host": Secret(name) if name else None, "port": port or values.get("port")}
            elif "://" in text:
                raise UrlError("is a URL", "write the host alone, or the whole as 'url'")
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
            else:
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
            query = node.branch(Hidden.SQLITE_QUERY)
            text = absolute_file(str(name), leaf.source.folder if leaf else None, plain(query))
            secret = any(isinstance(part, Leaf) and part.secret for part in (leaf, *query.nodes.values()))
            values["name"] = Secret(text) if secret else text

    def pool(self, node: Branch, values: dict[str, Any], path: tuple[Hashable, ...], engine: str) -> None:
        """Refuse a pool together with persistent connections, and where the backend has none."""
        field = "pool" if values.get("pool") or "pool" not in values.get("options", {}) else "options"
        if not (values.get("pool") or values.get("options", {}).get("pool")):
            return
        if values.get("conn_max_age", 0) != 0:
            hint = "remove one of them; the pool keeps connections open itself (max_lifetime)"
            self.fault(node, field, path, UrlError("cannot be combined with conn_max_age", hint))
        if engine.startswith("django.") and not engine.endswith(_POOLED):
            self.fault(node, field, path, UrlError("needs PostgreSQL or Oracle", "remove it; use conn_max_age"))

    def ddl(self, alias: str, node: Branch) -> ConnectionConfig | None:
        """Return the connection that migrations of one database use, if it is another one."""
        ddl, path = node.get("migrate_url"), ("databases", alias, "migrate_url")
        if not isinstance(ddl, Branch):
            return None
        whole = ddl.with_nodes({**ddl.nodes, "options": _options(node, ddl)})
        values = self.fields(whole, ConnectionConfig, path)
        return ConnectionConfig(**self.connection(whole, values, path))

    def replicas(self, alias: str, node: Branch) -> dict[str, ReplicaConfig]:
        """Return the replicas of one database by alias; what a replica does not say it has from its primary."""
        found: dict[str, ReplicaConfig] = {}
        replicas = node.get("replicas")
        common = {*fields_of(ConnectionConfig), Hidden.SQLITE_QUERY}
        inherited: dict[Hashable, Node] = {key: item for key, item in node.nodes.items() if key in common}
        for number, replica in enumerate(replicas.nodes if isinstance(replicas, Items) else ()):
            if not isinstance(replica, Branch):
                continue
            path = ("databases", alias, "replicas", number)
            whole = replica.with_nodes({**inherited, **replica.nodes, "options": _options(node, replica)})
            values = self.connection(whole, self.fields(whole, ReplicaConfig, path), path)
            found[replica_alias(alias, number)] = ReplicaConfig(**values)
        return found

    def twins(self, root: Branch, databases: Mapping[str, DatabaseConfig]) -> None:
        """
        Refuse two aliases of one database that both want its tables.

        A migration that one of them records is done for the other, whose tables are then never made.
        """
        places: dict[Any, list[str]] = {}
        for alias, database in databases.items():
            place = _place(database)
            if place is not None:
                places.setdefault(place, []).append(alias)
        for aliases in places.values():
            seen: dict[str, str] = {}
            for alias in aliases if len(aliases) > 1 else ():
                # Options may name a schema of its own.
                options = repr(sorted(reveal(dict(databases[alias].options)).items(), key=str))
                first = seen.setdefault(options, alias)
                if first != alias:
                    node = root.get("databases", alias, "name") or root.branch("databases", alias)
                    hint = "give it a name of its own, or say migrate: false or migrates_like"
                    message = f"is the same database as '{first}'"
                    self.problems.add(node.source, f"databases.{alias}", message, hint)


def replica_alias(alias: str, number: int) -> str:
    """Return the alias of a database's replica by its position in the list."""
    return f"{alias}_replica_{number + 1}"


def _is_missing(node: Node) -> bool:
    return isinstance(node, Leaf) and node.reading == "missing"


def _slips(node: Branch) -> set[str]:
    """Return the fields that keys nobody knows were probably meant to be; the keys themselves are told already."""
    fields = fields_of(DatabaseConfig)
    unknown = [key for key in node.nodes if key not in fields and isinstance(key, str)]
    if not unknown:
        return set()
    if any(isinstance(part := node.nodes[key], Leaf) and "://" in str(part.value) for key in unknown):
        return {"url"}
    return {field for field in ("url", "engine", "name") if any(did_you_mean(key, [field]) for key in unknown)}


def _place(database: DatabaseConfig) -> Any:
    """Return what tells one physical database from another; ``None`` where no tables are made, or none are kept."""
    name = reveal(database.name)
    if not name or str(name) == MEMORY or "mode=memory" in str(name):
        return None
    if database.readonly or not database.migrate or database.migrates_like:
        return None
    return database.engine, reveal(database.host), reveal(database.port), str(name)


def _options(node: Branch, other: Branch) -> Branch:
    """Return the options of another connection to a database: its own above the database's, where the driver is one."""
    ours, theirs = (item.get("engine") for item in (node, other))
    drivers = {driver(str(item.value)) for item in (ours, theirs) if isinstance(item, Leaf)}
    inherited = node.branch("options").nodes if len(drivers) == 1 else {}
    return Branch({**inherited, **other.branch("options").nodes}, other.source)
