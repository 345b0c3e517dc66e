"""The validated tree: what the merged layers mean, frozen."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs

from ..models import ConnectionConfig, DatabaseConfig, ReplicaConfig, Secret
from .nodes import Branch, Node
from .schema import Schema


def _frozen(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(value))


class ShortForm:
    """
    The databases' URLs under the names of the short form: ``url``, and ``url_<name>`` for each other database.

    They are plain strings that dj-database-url reads, passwords included: the one spot of the tree that is not masked.
    """

    def __init__(self, urls: Mapping[str, Secret]) -> None:
        self._urls = dict(urls)

    def __getattr__(self, name: str) -> str:
        try:
            url: Secret = self.__dict__["_urls"][name]
            return url.reveal()
        except KeyError:
            known = ", ".join(self.__dict__.get("_urls", ()))
            raise AttributeError(f"no database goes by '{name}'; known are {known}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._urls]

    def __repr__(self) -> str:
        return f"ShortForm({', '.join(f'{name}=***' for name in self._urls)})"


@attrs.frozen(kw_only=True, repr=False)
class Config:
    """
    The configuration of a project for one environment.

    Attributes:
        environment: Canonical name of the environment.
        folder: The folder of the files.
        files: Names of the files that were read, lowest layer first.
        databases: Alias to :class:`dbroute.DatabaseConfig`, in the order of the configuration.
        replicas: Alias of each replica to its primary's alias and its :class:`dbroute.ReplicaConfig`.
        migrate_connections: Alias to the connection that its migrations use, where it is another one.
        database: The URLs in the short form.
        routing: Rule to alias; rules that stand beside a database included.
        relations: What was chosen for relations over databases, ``cross_database_relations`` and so on.
        routers: Routers that were configured besides dbroute's own.
        django: Any other Django setting.
        own: Name to value of the sections that a DjangoConfig subclass declares; also attributes of the tree.
        extra: Alias to what settings.py had for a database and only its backend knows.
        warnings: What has no effect, and probably was meant to have one.
        nodes: The merged layers with their references expanded and every source.
        layers: The layers in one spelling, lowest first, as they were written.
        shape: What may stand where.
    """

    environment: str
    folder: Path
    files: tuple[str, ...]
    databases: Mapping[str, DatabaseConfig] = attrs.field(converter=_frozen)
    replicas: Mapping[str, tuple[str, ReplicaConfig]] = attrs.field(converter=_frozen)
    migrate_connections: Mapping[str, ConnectionConfig] = attrs.field(converter=_frozen)
    database: ShortForm
    routing: Mapping[str, str] = attrs.field(converter=_frozen)
    relations: Mapping[str, str] = attrs.field(factory=dict, converter=_frozen)
    routers: tuple[str, ...] = ()
    django: Mapping[str, Any] = attrs.field(converter=_frozen)
    own: Mapping[str, Any] = attrs.field(converter=_frozen)
    extra: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    warnings: tuple[str, ...] = ()
    nodes: Branch = attrs.field(eq=False)
    layers: tuple[Branch, ...] = attrs.field(default=(), eq=False)
    shape: Schema = attrs.field(factory=Schema, eq=False)

    def __getattr__(self, name: str) -> Any:
        if name != "own" and name in self.own:
            return self.own[name]
        raise AttributeError(f"the configuration has no section '{name}'")

    def __repr__(self) -> str:
        names = f"environment={self.environment!r}, files={list(self.files)}, databases={list(self.databases)}"
        return f"Config({names})"

    def source(self, *path: Hashable) -> str:
        """Return where the value at a path comes from, numbers being positions in a list; empty for defaults."""
        node: Node | None = self.nodes.get(*path)
        return str(node.key or node.source) if node is not None else ""

    def rule_source(self, rule: str) -> str:
        """Return where a rule comes from: its line in ``routing:``, or in the ``apps`` of its database."""
        node = self.nodes.get("routing", rule) or self.nodes.get("databases", self.routing.get(rule), "apps")
        return str(node.key or node.source) if node is not None else ""


TAKEN = frozenset(name for name in dir(Config) if not name.startswith("__"))
"""Names that a section of a DjangoConfig subclass cannot have."""
