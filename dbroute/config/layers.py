"""The merge: layers in, one tree of nodes out. Dynaconf does it; nothing else in dbroute imports Dynaconf."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import attrs

from .nodes import Branch, Node

_ROOT = "DBROUTE"


@attrs.frozen
class Layer:
    """
    One source of configuration.

    Attributes:
        name: What messages call it.
        root: Its content.
        from_settings: It is what settings.py had; keys of databases that dbroute does not know belong to a backend.
    """

    name: str
    root: Branch
    from_settings: bool = False


def merge(roots: Sequence[Branch]) -> Branch:
    """
    Merge mappings key by key, the later ones above the earlier; lists and single values replace.

    Dynaconf compares keys without case, and gives some of them a meaning of its own. So every key travels as ``k`` and
    a number, and every value as a node that Dynaconf cannot look into.
    """
    # Imported here: it takes longer than everything else of a load, and drags django.conf in.
    from dynaconf.base import Settings
    from dynaconf.loaders.base import SourceMetadata

    names: dict[Hashable, str] = {}
    sources: dict[tuple[str, ...], Branch] = {}

    def name_of(key: Hashable) -> str:
        return names.setdefault(key, f"k{len(names)}")

    def opaque(branch: Branch, path: tuple[str, ...]) -> dict[str, Any]:
        sources[path] = branch
        data: dict[str, Any] = {}
        for key, node in branch.nodes.items():
            name = name_of(key)
            data[name] = opaque(node, (*path, name)) if isinstance(node, Branch) else node
        return data

    settings = Settings(
        dynaconf_skip_loaders=True,
        dynaconf_skip_validators=True,
        DYNABOXIFY=False,
        MERGE_ENABLED_FOR_DYNACONF=True,
        AUTO_CAST_FOR_DYNACONF=False,
    )
    for number, root in enumerate(roots):
        origin = SourceMetadata("dbroute", str(number), "main", True)
        settings.set(_ROOT, opaque(root, ()), loader_identifier=origin, merge=True, validate=False)
    keys = {name: key for key, name in names.items()}

    def clear(data: dict[str, Any], path: tuple[str, ...]) -> Branch:
        nodes: dict[Hashable, Node] = {}
        for name, value in data.items():
            nodes[keys[name]] = clear(value, (*path, name)) if isinstance(value, dict) else value
        return sources[path].with_nodes(nodes)

    return clear(dict(settings.get(_ROOT) or {}), ())
