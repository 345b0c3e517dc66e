"""Tells of every value where it came from, how it was written, and what it hides in the layers below."""

from __future__ import annotations

import enum
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from ..models import MASK, DatabaseConfig, MaskedText, MaskedUrl, Secret
from .annotations import fields_of, wants_secret
from .databases import replica_alias
from .interpolation import Reference, TemplateError, segments
from .nodes import Branch, Hidden, Items, Leaf, Node, dotted, secret_path
from .problems import did_you_mean
from .tree import Config

Path_ = tuple[Hashable, ...]

DEFAULT = "default"
"""Source of a value that no layer sets."""


@attrs.frozen
class Said:
    """
    What one layer says about a path.

    Attributes:
        value: The value as JSON has it; what nobody may see is ``***``.
        source: ``file:line:column``, the variable, the class or the settings module.
        raw: The text before its references were expanded, where it has any.
    """

    value: Any
    source: str
    raw: str | None = None


@attrs.frozen
class Explained:
    """
    One value of the configuration.

    Attributes:
        path: Its dotted key.
        said: What decides.
        shadows: What lower layers say and nobody hears, highest first.
    """

    path: str
    said: Said
    shadows: tuple[Said, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the same as a plain dict."""
        return {"path": self.path, **attrs.asdict(self.said), "shadows": [attrs.asdict(one) for one in self.shadows]}


class UnknownPathError(LookupError):
    """Nothing in the configuration goes by a path; the message has a suggestion."""


def explain(config: Config, path: str = "") -> list[Explained]:
    """
    Return what is known of the values at and below a path.

    Args:
        config: The tree.
        path: A dotted key; the short form (``database.url_blog``) means the database. Everything where empty.

    Raises:
        UnknownPathError: Nothing goes by that path.
    """
    path = _full_form(config, path)
    gaps, rows = _rows(config)
    rows += _rules_beside_databases(config, rows)
    found = [row for row in rows if not path or _is_below(row.path, path)]
    found = found or [row for row in gaps if row.path == path]
    if not found and (default := _default(config, path)) is not None:
        found = [default]
    sections = {"databases", "routing", "django", *config.own}
    if not found and path not in sections:
        known = {row.path for row in rows} | {row.path.rpartition(".")[0] for row in rows} | sections
        whole = f"databases.{path}"
        close = f"did you mean '{whole}'?" if whole in known else did_you_mean(path, sorted(known))
        hint = close or "without a path everything is shown"
        raise UnknownPathError(f"nothing goes by '{path}'; {hint}")
    return found


def _is_below(path: str, top: str) -> bool:
    return path == top or path.startswith((f"{top}.", f"{top}["))


def _full_form(config: Config, path: str) -> str:
    """Return the path of the database that a path of the short form means."""
    section, _, name = path.partition(".")
    if section != "database" or not name:
        return "databases" if section == "database" else path
    short = name.removeprefix("url_")
    aliases = ["default"] if name == "url" else [short, f"{short}_db"]
    return next((f"databases.{alias}" for alias in aliases if alias in config.databases), path)


def _rows(config: Config) -> tuple[list[Explained], list[Explained]]:
    """Return the parts of which a URL only says that it lacks them, as it does of itself, and all else that is set."""
    gaps: list[Explained] = []
    rows: list[Explained] = []
    for path, whole, node in _values(config.nodes):
        layers = [layer for layer in reversed(config.layers) if layer.get(*whole) is not None]
        # The first of them has the node itself, before its references were expanded.
        written = layers[0].get(*path) if layers else None
        below = [found for layer in layers[1:] if (found := layer.get(*whole)) is not None and not _is_gap(found)]
        text = layers[0].get(*path[:-1], Hidden.URL) if layers and path[-1] == "url" else None
        said = Said(_in_effect(config, node, path), str(node.source), _raw(config, text or written, path))
        row = Explained(dotted(path), said, tuple(_said(config, found, whole) for found in below))
        (gaps if written is not None and _is_gap(written) else rows).append(row)
    return gaps, rows


def _values(node: Node, path: Path_ = (), whole: Path_ | None = None) -> Iterator[tuple[Path_, Path_, Node]]:
    """Yield the path of every leaf, the path that layers replace as a whole (a list, or the leaf), and the leaf."""
    if isinstance(node, Leaf) or not node.nodes:
        if not isinstance(node, Branch):
            yield path, whole or path, node
        return
    for key, item in node.nodes.items() if isinstance(node, Branch) else enumerate(node.nodes):
        if not isinstance(key, Hidden):
            yield from _values(item, (*path, key), whole or (path if isinstance(node, Items) else None))


def _rules_beside_databases(config: Config, rows: Iterable[Explained]) -> Iterator[Explained]:
    """Yield the rules that stand in the ``apps`` of databases."""
    by_path = {row.path: row for row in rows}
    for alias, database in config.databases.items():
        for number, rule in enumerate(database.apps):
            path = ("databases", alias, "apps")
            row = by_path.get(dotted((*path, number))) or by_path.get(dotted(path))
            if row is not None and config.nodes.get("routing", rule) is None:
                name = MASK if isinstance(rule, MaskedText) else rule
                yield Explained(dotted(("routing", name)), attrs.evolve(row.said, value=alias))


def _in_effect(config: Config, node: Node, path: Path_) -> Any:
    """Return the value that the tree has in the end, as JSON has it; what nobody may see is ``***``."""
    shown = _shown(config, node, path)
    if shown == MASK or (isinstance(node, Leaf) and node.reading == "missing"):
        return shown
    try:
        return _as_json(config, _value(config, path), path)
    except (LookupError, AttributeError, TypeError):
        return shown  # a set has no positions


def _value(config: Config, path: Path_) -> Any:
    """Return the value of the tree at a path of the nodes."""
    value: Any
    match path:
        case "databases", str(alias), "replicas", int(number), *rest:
            value = config.replicas[replica_alias(alias, number)][1]
        case "databases", alias, "migrate_url", *rest if rest:
            value = config.migrate_connections[str(alias)]
        case "databases", *rest:
            value = config.databases
        case "routing", *rest:
            value = {**config.routing, **config.relations}
        case "django", *rest:
            value = config.django
        case _:
            value, rest = config.own, list(path)
    for part in rest:
        value = getattr(value, str(part)) if attrs.has(type(value)) else value[part]
    return value


def _is_gap(node: Node) -> bool:
    """Tell whether a node, as it was written, only says that a URL lacks a part."""
    return isinstance(node, Leaf) and node.value is None and (bool(node.written) or node.reading == "missing")


def _secret(config: Config, path: Path_) -> bool:
    """Tell whether a key, or the annotation of a section of one's own, says that a value is not for the eyes."""
    return secret_path(path) or (path[0] in config.own and wants_secret(config.shape.annotation(path)))


def _said(config: Config, node: Node, path: Path_) -> Said:
    return Said(_shown(config, node, path), str(node.source), _raw(config, node, path))


def _shown(config: Config, node: Node, path: Path_) -> Any:
    if isinstance(node, Branch):
        items = {key: item for key, item in node.nodes.items() if not isinstance(key, Hidden) and not _is_gap(item)}
        return {str(key): _shown(config, item, (*path, key)) for key, item in items.items()}
    if isinstance(node, Items):
        return [_shown(config, item, (*path, number)) for number, item in enumerate(node.nodes)]
    text = str(node.value)
    if node.secret or _secret(config, path) or isinstance(node.value, Secret) or "://" in text or "@" in text:
        return MASK if node.value not in (None, "") else node.value
    if node.template and (raw := _raw(config, node, path)) is not None:
        return raw
    return _as_json(config, node.value, path)


def _as_json(config: Config, value: Any, path: Path_) -> Any:
    """Return a value of the tree as JSON has it; what nobody may see is ``***``."""
    if isinstance(value, Secret | MaskedText | MaskedUrl) or (_secret(config, path) and value not in (None, "")):
        return MASK
    if isinstance(value, Mapping):
        return {str(key): _as_json(config, item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_as_json(config, item, (*path, number)) for number, item in enumerate(value)]
    if isinstance(value, enum.Enum):
        value = value.value
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _raw(config: Config, node: Node | None, path: Path_) -> str | None:
    """Return a text as it was written, if it has references; what stands between them in a secret is masked."""
    if not isinstance(node, Leaf) or not node.template or not isinstance(node.value, str):
        return None
    try:
        parts = segments(node.value)
    except TemplateError:
        return None
    if not any(isinstance(part, Reference) for part in parts):
        return None
    hide = _secret(config, path) or "://" in node.value
    return "".join(_written(part, hide=hide) for part in parts)


def _written(part: str | Reference, *, hide: bool) -> str:
    if isinstance(part, str):
        return MASK if hide else part
    # A default may be a secret itself, and may hold further references.
    return f"${{{part.name}{part.operator}{MASK}}}" if part.operator == ":-" and part.argument else part.text


def _default(config: Config, path: str) -> Explained | None:
    """Return the field of a database that no layer sets."""
    parts = path.split(".")
    if len(parts) != 3 or parts[0] != "databases" or parts[1] not in config.databases:
        return None
    if parts[2] not in fields_of(DatabaseConfig):
        return None
    value = getattr(config.databases[parts[1]], parts[2])
    return Explained(path, Said(_as_json(config, value, tuple(parts)), DEFAULT))
