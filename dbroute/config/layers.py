"""The merge: layers in, one tree of nodes out. Dynaconf does it; nothing else in dbroute imports Dynaconf."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from typing import Any

import attrs

from .nodes import Branch, Node


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

    Dynaconf compares keys without case, and gives some of them a meaning of its own. So every key travels as a number,
    and every value as a node that Dynaconf cannot look into.
    """
    roots = [root for root in roots if root.nodes or root.lost] or list(roots[:1])
    if len(roots) == 1:
        return roots[0]  # and Dynaconf, which takes longer to import than all else of a load, stays out
    object_merge = _object_merge()
    numbers: dict[Hashable, int] = {}
    sources: dict[tuple[int, ...], Branch] = {}
    keys: dict[tuple[int, ...], Hashable] = {}

    def opaque(branch: Branch, path: tuple[int, ...]) -> dict[int, Any]:
        lost = path in sources and sources[path].lost
        sources[path] = attrs.evolve(branch, lost=True) if lost else branch
        data: dict[int, Any] = {}
        for key, node in branch.nodes.items():
            number = numbers.setdefault(key, len(numbers) + 1)
            keys.setdefault((*path, number), key)  # 1 and true are one key in Python: each stays what it is
            data[number] = opaque(node, (*path, number)) if isinstance(node, Branch) else node
        return data

    merged: dict[int, Any] = {}
    for root in roots:
        merged = object_merge(merged, opaque(root, ()))

    def clear(data: dict[int, Any], path: tuple[int, ...]) -> Branch:
        nodes: dict[Hashable, Node] = {}
        for number, value in data.items():
            nodes[keys[*path, number]] = clear(value, (*path, number)) if isinstance(value, dict) else value
        return sources[path].with_nodes(nodes)

    return clear(merged, ())


def _object_merge() -> Any:
    """
    Return Dynaconf's merge of two mappings.

    Its ``Settings`` around it would read ``*_FOR_DYNACONF`` variables, and some of them change what a merge is.
    """
    with warnings.catch_warnings():
        # It warns about PROJECT_ROOT and other variables that are none of its business here.
        warnings.simplefilter("ignore", DeprecationWarning)
        # Imported here: it takes longer than everything else of a load, and drags django.conf in.
        from dynaconf.utils import object_merge
    return object_merge
