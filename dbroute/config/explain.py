"""Tells of every value where it came from, how it was written, and what it hides in the layers below."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import attrs

from ..models import MASK, DatabaseConfig, Secret
from .annotations import fields_of
from .interpolation import Reference, TemplateError, segments
from .nodes import Branch, Hidden, Items, Leaf, Node, dotted, secret_path
from .problems import did_you_mean
from .tree import Config

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
    rows = list(_rows(config))
    found = [row for row in rows if not path or _is_below(row.path, path)]
    if not found and (default := _default(config, path)) is not None:
        found = [default]
    sections = {"databases", "routing", "django", *config.own}
    if not found and path not in sections:
        known = {row.path for row in rows} | {row.path.rpartition(".")[0] for row in rows} | sections
        hint = did_you_mean(path, sorted(known)) or "without a path everything is shown"
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


def _rows(config: Config) -> Iterator[Explained]:
    for path, node in _values(config.nodes):
        chain = [found for layer in reversed(config.layers) if (found := layer.get(*path)) is not None]
        if chain and _is_gap(chain[0]):
            continue
        # The first of the chain is the node itself, before its references were expanded.
        raw = _raw(chain[0], path) if chain else None
        shadows = tuple(_said(below, path) for below in chain[1:] if not _is_gap(below))
        yield Explained(dotted(path), attrs.evolve(_said(node, path), raw=raw), shadows)


def _values(node: Node, path: tuple[Hashable, ...] = ()) -> Iterator[tuple[tuple[Hashable, ...], Node]]:
    """Yield the values that somebody wrote, lists as a whole unless they hold mappings."""
    if isinstance(node, Branch):
        for key, item in node.nodes.items():
            if not isinstance(key, Hidden):
                yield from _values(item, (*path, key))
    else:
        yield path, node


def _is_gap(node: Node) -> bool:
    """Tell whether a node, as it was written, only says that a URL lacks a part."""
    return isinstance(node, Leaf) and node.value is None and (bool(node.written) or node.reading == "missing")


def _said(node: Node, path: tuple[Hashable, ...]) -> Said:
    return Said(_shown(node, path), str(node.source), _raw(node, path))


def _shown(node: Node, path: tuple[Hashable, ...]) -> Any:
    if isinstance(node, Branch):
        items = {key: item for key, item in node.nodes.items() if not isinstance(key, Hidden) and not _is_gap(item)}
        return {str(key): _shown(item, (*path, key)) for key, item in items.items()}
    if isinstance(node, Items):
        return [_shown(item, path) for item in node.nodes]
    text = str(node.value)
    if node.secret or secret_path(path) or isinstance(node.value, Secret) or "://" in text or "@" in text:
        return MASK if node.value not in (None, "") else node.value
    if node.template and (raw := _raw(node, path)) is not None:
        return raw
    return node.value if isinstance(node.value, str | int | float | bool | None) else str(node.value)


def _raw(node: Node, path: tuple[Hashable, ...]) -> str | None:
    """Return a text as it was written, if it has references; what stands between them in a secret is masked."""
    if not isinstance(node, Leaf) or not node.template or not isinstance(node.value, str):
        return None
    try:
        parts = segments(node.value)
    except TemplateError:
        return None
    if not any(isinstance(part, Reference) for part in parts):
        return None
    hide = secret_path(path) or "://" in node.value
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
    shown = value if isinstance(value, str | int | float | bool | None) else str(value)
    return Explained(path, Said(shown, DEFAULT))
