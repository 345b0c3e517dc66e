"""Gathers the rules of all spellings, and refuses those that lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

from ..models import MASK, DatabaseConfig
from .convert import FAILED, Converter
from .nodes import Branch, Items, Leaf, Node, Source, dotted, key_source
from .problems import did_you_mean, listed

_RULE = re.compile(r"[\w*?\[\]!-]+(\.[\w*?\[\]!-]+)?")

RELATIONS: Mapping[str, Any] = {
    "cross_database_relations": Literal["follow", "refuse", "off"],
    "cross_database_lookups": Literal["refuse", "split"],
    "cross_database_constraints": Literal["skip", "require"],
}
"""What stands among the rules and is none: what becomes of relations over databases."""

Rules = list[tuple[str, str, Node, tuple[Hashable, ...]]]
"""Rule, alias, the node that says so, and its path."""


def written_rules(converter: Converter, root: Branch) -> Rules:
    """Return the rules of the ``routing:`` section."""
    found: Rules = []
    for key, node in root.branch("routing").nodes.items():
        path = ("routing", key)
        if key in RELATIONS:
            continue
        if not isinstance(key, str) or not key:
            converter.problems.add(key_source(node), dotted(path), "a rule has to be a text", "put it into quotes")
        elif (alias := converter.convert(node, str, path)) is not FAILED:
            found.append((key, alias, node, path))
    return found


def relations(converter: Converter, root: Branch) -> dict[str, str]:
    """Return what the ``routing:`` section says of relations over databases."""
    nodes = root.branch("routing").nodes
    found = {
        key: converter.convert(nodes[key], choice, ("routing", key))
        for key, choice in RELATIONS.items()
        if key in nodes
    }
    return {key: chosen for key, chosen in found.items() if chosen is not FAILED}


def rules_beside_databases(converter: Converter, root: Branch) -> Rules:
    """Return the rules that stand in the ``apps`` of databases."""
    found: Rules = []
    for alias, database in root.branch("databases").nodes.items():
        apps = database.get("apps") if isinstance(database, Branch) else None
        for number, node in enumerate(_list(converter, apps)):
            path = ("databases", alias, "apps", number)
            rule = converter.convert(node, str, path)
            if rule is not FAILED:
                found.append((rule, str(alias), node, path))
    return found


def _list(converter: Converter, node: Node | None) -> tuple[Node, ...]:
    if isinstance(node, Leaf):
        node = converter.unfolded(node, Sequence[str], ("apps",))
    return node.nodes if isinstance(node, Items) else ()


def checked(
    converter: Converter,
    rules: Rules,
    databases: Mapping[str, DatabaseConfig],
    replicas: Mapping[str, str],
    *,
    whole: bool = True,
) -> dict[str, str]:
    """
    Return rule to alias.

    Args:
        converter: Has the problems; takes rules that contradict each other, or lead where no table can be.
        rules: The rules of all spellings.
        databases: The databases by alias.
        replicas: Alias of each replica to its primary's.
        whole: There are no other databases, in a section that cannot be read.
    """
    found: dict[str, str] = {}
    seen: dict[str, tuple[str, str, Source]] = {}
    nowhere: dict[str, list[tuple[Node, str]]] = {}
    for rule, alias, node, path in rules:
        if not _RULE.fullmatch(rule):
            hint = "write the label, the last part of the app's path" if "." in rule else "write letters, digits and _"
            converter.problems.add(key_source(node), dotted(path), "is no app label, app_label.Model or glob", hint)
        folded = rule.lower() if "." in rule else rule
        shown = _shown(alias, node)
        other, shown_other, where = seen.setdefault(folded, (alias, shown, key_source(node)))
        if other != alias:
            message = f"{_shown(rule, node)} leads to {shown} here and to {shown_other} in {where}"
            converter.problems.add(key_source(node), dotted(path), message, "keep one of the two rules")
        found.setdefault(rule, alias)
        if alias not in databases and alias not in replicas:
            nowhere.setdefault(alias, []).append((node, dotted(path)))
        elif (fault := _fault(alias, shown, databases, replicas)) is not None:
            converter.problems.add(node.source, dotted(path), *fault)
    for alias, ways in nowhere.items():
        # Without a default database, that is told already.
        if whole and alias != "default":
            (node, path_), *others = ways
            message = f"there is no database {_shown(alias, node)}"
            if others:
                names = _listed([other for _, other in others])
                message += f", which {names} name{'s' if len(others) == 1 else ''} too"
            hint = did_you_mean(alias, databases) or _known(databases)
            converter.problems.add(node.source, path_, message, hint)
    return found


def _listed(paths: Sequence[str]) -> str:
    """Return paths as a sentence names them."""
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def _shown(text: str, node: Node) -> str:
    return MASK if isinstance(node, Leaf) and node.secret else f"'{text}'"


def _known(databases: Mapping[str, DatabaseConfig]) -> str:
    return f"known are {listed(databases)}" if databases else "declare it below 'databases:'"


def _fault(
    alias: str, shown: str, databases: Mapping[str, DatabaseConfig], replicas: Mapping[str, str]
) -> tuple[str, str] | None:
    """Return why an alias cannot be anybody's home, and what to do."""
    if alias in replicas:
        return f"{shown} is a replica", f"name its primary, '{replicas[alias]}'"
    like = databases[alias].migrates_like
    if like and like in databases:  # what it lacks otherwise is told already
        return f"{shown} migrates like {like!r} and is nobody's home", f"name {like!r}, or remove migrates_like"
    return None
