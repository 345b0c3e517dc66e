"""The merge: layers in, one tree of nodes out. Dynaconf does it; nothing else in dbroute imports Dynaconf."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from typing import Any

import attrs

from .nodes import Branch, Node

_ITSELF, _LOST = 0, 1  # what no key's number is


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
    and every value as a node that Dynaconf cannot look into. A mapping travels along in the dict that stands for it.
    """
    roots = [root for root in roots if root.nodes or root.lost] or list(roots[:1])
    if len(roots) == 1:
        return roots[0]  # and Dynaconf, which takes longer to import than all else of a load, stays out
    object_merge = _object_merge()
    numbers: dict[Hashable, int] = {}
    texts: list[Hashable] = [_ITSELF, _LOST]  # by their numbers
    others: dict[tuple[int, ...], Hashable] = {}  # 1 and true are one key in Python: each stays what it is

    def opaque(branch: Branch, path: tuple[int, ...]) -> dict[int, Any]:
        data: dict[int, Any] = {_ITSELF: branch}
        if branch.lost:
            data[_LOST] = True
        for key, node in branch.nodes.items():
            number = numbers.setdefault(key, len(texts))
            if number == len(texts):
                texts.append(key)
            if not isinstance(key, str):
                others.setdefault((*path, number), key)
            data[number] = opaque(node, (*path, number)) if isinstance(node, Branch) else node
        return data

    merged = opaque(roots[0], ())
    for root in roots[1:]:
        merged = object_merge(merged, opaque(root, ()))

    def clear(data: dict[int, Any], path: tuple[int, ...]) -> Branch:
        branch, lost = data.pop(_ITSELF), data.pop(_LOST, False)
        nodes: dict[Hashable, Node] = {}
        for number, node in data.items():
            key = texts[number]
            if not isinstance(key, str):
                key = others[*path, number]
            nodes[key] = clear(node, (*path, number)) if isinstance(node, dict) else node
        return Branch(nodes, branch.source, branch.key, lost)

    return clear(merged, ())


def shadowed(layer: Branch, merged: Branch) -> Branch:
    """
    Return what of a layer the merged tree has not: values that a higher layer replaces, mappings that it adds to.

    A mapping of the merged tree has the source object of the highest layer that has it; no two layers share one.
    """
    nodes: dict[Hashable, Node] = {}
    for key, node in layer.nodes.items():
        above = merged.nodes.get(key)
        if node is above:
            continue
        if isinstance(node, Branch) and isinstance(above, Branch):
            highest = node.source is above.source
            node = shadowed(node, above)
            if highest and not node.nodes:
                continue
        nodes[key] = node
    return Branch(nodes, layer.source, layer.key, layer.lost)


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
