"""
A layer as it was read: a tree of nodes in which every value carries its source.

Nodes go through the whole room unchanged: read, normalised, merged, interpolated, and only then converted.
There are thousands of them in a load. That is why attrs does not freeze them: building a frozen object takes it four
times as long, and so does a source that is more than a tuple.
"""

from __future__ import annotations

import enum
import functools
import json
import re
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import attrs

from ..models import MASK

MAX_DEPTH = 50
"""Levels of mappings and lists that a file or a variable may have."""

MAX_NODES = 50_000
"""Values that a file or a variable may have."""

_SECRET_NAME = re.compile(r"pass(word|wd|phrase)?|secret|token|key|credential", re.IGNORECASE)


@functools.lru_cache(4096)  # the same few names, for thousands of values
def names_secret(key: Hashable) -> bool:
    """Tell whether a key's name says that its value is not for the eyes: password, secret, token, key."""
    return isinstance(key, str) and _SECRET_NAME.search(key) is not None


def secret_path(path: tuple[Hashable, ...]) -> bool:
    """Tell whether a key on the way down says that the value is not for the eyes; aliases and rules say nothing."""
    return any(names_secret(part) for part in path[2 if path[:1] in {("databases",), ("routing",)} else 0 :])


def may_hold_login(value: object) -> bool:
    """Tell whether a value is a text that looks like a URL with a password in it."""
    return isinstance(value, str) and "://" in value and "@" in value


class Hidden(enum.Enum):
    """
    Keys of a database's node that nobody can write.

    ``EXTRA``: what settings.py has and only its backend knows. ``SQLITE_QUERY``: what of an SQLite URL's query
    belongs into SQLite's own URI, such as ``mode``. ``URL``: the URL before it was taken apart.
    """

    EXTRA = "extra"
    SQLITE_QUERY = "sqlite_query"
    URL = "url"

    __hash__ = object.__hash__  # that of enums is written in Python; these are keys of every database


class Source(NamedTuple):
    """
    Where a value came from.

    Attributes:
        name: The file's name, the variable's name, or the name of a class or settings module.
        line: Line in the file, from 1; 0 where there are no lines.
        column: Column in the line, from 1; 0 where there are none.
        rank: Height of the layer; sources are sorted by it.
        folder: What relative paths are relative to; ``None`` leaves them as they are.
    """

    name: str
    line: int = 0
    column: int = 0
    rank: int = 0
    folder: Path | None = None

    def __str__(self) -> str:
        if not self.line:
            return self.name
        return f"{self.name}:{self.line}:{self.column}" if self.column else f"{self.name}:{self.line}"

    @property
    def location(self) -> tuple[Path, int, int] | None:
        """File, line and column; ``None`` where the source is no file."""
        return (self.folder / self.name, self.line, self.column) if self.folder and self.line else None

    @property
    def order(self) -> tuple[int, str, int, int]:
        """Sorts sources by layer, then by place."""
        return self.rank, self.name, self.line, self.column


Reading = Literal["value", "text", "query", "host", "missing"]
"""
How a leaf is to be read: a typed value; text to convert by the type of its place; text from the query, or from the
host part, of a URL; not at all, because its reference is missing and that is reported already.
"""


@attrs.define(eq=False)
class Leaf:
    """
    One value.

    Attributes:
        value: What was read.
        source: Where it stands.
        key: Where its key stands, if it has one.
        reading: How it is to be read.
        template: It is a text with references ``${…}`` that are to be expanded.
        secret: It came out of a reference or a secret file, and is never printed.
        written: The path under which people wrote it, where the normalisation moved it; messages name that one.
    """

    value: Any = attrs.field(repr=lambda value: MASK)  # whether it is secret shows only further down the road
    source: Source
    key: Source | None = None
    reading: Reading = "value"
    template: bool = False
    secret: bool = False
    written: str = ""

    def with_value(self, value: Any, reading: Reading, *, template: bool) -> Leaf:
        """Return the same place with another value."""
        return Leaf(value, self.source, self.key, reading, template, self.secret, self.written)


@attrs.define(eq=False)
class Items:
    """A list; layers replace it as a whole."""

    nodes: tuple[Node, ...]
    source: Source
    key: Source | None = None


@attrs.define(eq=False)
class Branch:
    """
    A mapping; layers merge it key by key.

    Attributes:
        nodes: Key to node.
        source: Where it begins.
        key: Where its key stands, if it has one.
        lost: Keys of it could not be read, which is told; whatever it seems to lack may be one of them.
    """

    nodes: dict[Hashable, Node]
    source: Source
    key: Source | None = None
    lost: bool = False

    def get(self, *path: Hashable) -> Node | None:
        """Return the node at ``path`` below this one, or ``None``; numbers are positions in a list too."""
        node: Node | None = self
        for part in path:
            if isinstance(node, Branch):
                node = node.nodes.get(part)
            elif isinstance(node, Items) and isinstance(part, int) and 0 <= part < len(node.nodes):
                node = node.nodes[part]
            else:
                node = None
        return node

    def branch(self, *path: Hashable) -> Branch:
        """Return the mapping at ``path``; an empty one where there is none."""
        node = self.get(*path)
        return node if isinstance(node, Branch) else Branch({}, self.source)

    def with_nodes(self, nodes: Mapping[Hashable, Node]) -> Branch:
        """Return the same mapping with other content."""
        return Branch(dict(nodes), self.source, self.key, self.lost)


Node = Leaf | Items | Branch


def means_options(path: tuple[Hashable, ...]) -> bool:
    """Tell whether the options of a database stand at a path; a text below it means what it means in a URL's query."""
    return len(path) > 2 and path[-1] == "options" and path[0] == "databases"


def key_source(node: Node) -> Source:
    """Return where the node's key stands, for faults of the key itself."""
    return node.key or node.source


def node_of(value: Any, source: Source, *, template: bool = False) -> Node:
    """
    Return the node of a Python value: dicts merge key by key, anything else is one value.

    A list stays the object it is, so that a tuple stays a tuple and whatever it holds is not touched; only where
    references are to be expanded is it taken apart.
    """
    if isinstance(value, Branch | Items | Leaf):
        return value
    if isinstance(value, Mapping):
        return Branch({key: node_of(item, source, template=template) for key, item in value.items()}, source)
    if template and isinstance(value, list | tuple):
        return Items(tuple(node_of(item, source, template=True) for item in value), source)
    return Leaf(value, source, template=template and isinstance(value, str) and "${" in value)


def plain(node: Node) -> Any:
    """Return the Python value of a node, without sources."""
    if isinstance(node, Branch):
        return {key: plain(item) for key, item in node.nodes.items()}
    if isinstance(node, Items):
        return [plain(item) for item in node.nodes]
    return node.value


def leaves(node: Node, path: tuple[Hashable, ...] = ()) -> Iterator[tuple[tuple[Hashable, ...], Leaf | Items]]:
    """Yield every leaf and list below ``node`` with its path."""
    if isinstance(node, Branch):
        for key, item in node.nodes.items():
            yield from leaves(item, (*path, key))
    else:
        yield path, node


def place_of(node: Node) -> Source:
    """Return where a node stands; a mapping that has no line of its own stands where its highest value does."""
    if node.source.line:
        return node.source
    return max((found.source for _, found in leaves(node)), key=lambda source: source.order, default=node.source)


def dotted(path: tuple[Hashable, ...]) -> str:
    """Return a path as people write it; numbers in it are positions in a list."""
    text = ""
    for part in path:
        text += (
            f"[{part}]" if isinstance(part, int) and not isinstance(part, bool) else f".{part}" if text else f"{part}"
        )
    return text


def path_of(node: Node, path: tuple[Hashable, ...]) -> str:
    """Return the path by which messages call a node."""
    return (node.written if isinstance(node, Leaf) else "") or dotted(path)


def shown(node: Node, path: tuple[Hashable, ...] = ()) -> str:
    """Return a node's value as a message may print it: masked where it may be secret, shortened where it is long."""
    if isinstance(node, Branch):
        return "a mapping"
    if isinstance(node, Items):
        return "a list"
    written = node.value is None or isinstance(node.value, bool)
    text = json.dumps(node.value) if written else repr(node.value)  # null, true and false, as YAML has them
    # "@": a URL that lacks its scheme holds a password all the same.
    if node.secret or secret_path(path) or "://" in text or "@" in text:
        return MASK
    return text if len(text) <= 40 else text[:37] + "…" + text[-1]
