"""
The names of the sections: what is none is refused once, and read as the section that was meant.

So a slip at the top of a file costs one line, and what stands below it is checked all the same.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Mapping

from .nodes import Branch, Leaf, Node, key_source
from .problems import Problems, closest, listed
from .schema import Schema


def with_known_sections(root: Branch, schema: Schema, problems: Problems) -> Branch:
    """
    Return a layer with nothing in it but sections.

    Args:
        root: The layer as it was read.
        schema: What may stand where.
        problems: Takes the names that are none of a section.
    """
    sections = schema.sections
    unknown = {key: node for key, node in root.nodes.items() if key not in sections and not of_dynaconf(key)}
    if not unknown:
        return root
    nodes = {key: node for key, node in root.nodes.items() if key not in unknown}
    stray = {key: node for key, node in unknown.items() if _is_like_a_database(node)}
    if "databases" not in nodes and len(stray) > 1:
        first, *others = stray
        hint = "write 'databases:' above them, and indent them below it"
        problems.add(key_source(stray[first]), str(first), f"unknown key, as are {listed(map(str, others))}", hint)
        nodes["databases"] = Branch(stray, root.source)
        unknown = {key: node for key, node in unknown.items() if key not in stray}
    for key, node in unknown.items():
        meant = _meant(str(key), node, sections)
        hint = f"did you mean '{meant}'?" if meant else f"known are {listed(sections)}"
        problems.add(key_source(node), str(key), "unknown key", hint)
        if meant and meant not in nodes:
            nodes[meant] = node
    return root.with_nodes(nodes)


@functools.lru_cache(4096)  # asked of every key of every layer
def of_dynaconf(key: Hashable) -> bool:
    """Tell whether a key is one of those that begin Dynaconf's own words."""
    return isinstance(key, str) and key[:9].lower() == "dynaconf_"


def _meant(key: str, node: Node, sections: Mapping[str, object]) -> str | None:
    """Return the section that a key was probably meant to be."""
    meant = closest(key, sections)
    if meant not in {"database", "databases"} or not isinstance(node, Branch):
        return meant
    return "database" if any(str(name).startswith("url") for name in node.nodes) else "databases"


def _is_like_a_database(node: Node) -> bool:
    if isinstance(node, Branch):
        return bool({"url", "engine"} & set(node.nodes))
    return isinstance(node, Leaf) and "://" in str(node.value)
