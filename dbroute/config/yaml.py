"""
Reads one YAML file, as YAML 1.2 means it, into nodes that know line and column.

The parser's events are walked here instead of PyYAML's composer: that one recurses in C (a deeply nested file ends
the process), resolves scalars as YAML 1.1 did, and forgets duplicate keys.
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import attrs
import yaml

from ..models import MASK
from .files import UnreadableError, text_of
from .nodes import MAX_DEPTH, MAX_NODES, Branch, Items, Leaf, Node, Source, dotted, key_source, secret_path
from .problems import Problems
from .yaml_faults import fault

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NUMERIC = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_TEXT = "tag:yaml.org,2002:str"


class _FileError(Exception):
    """The file cannot be read any further."""

    def __init__(self, source: Source, message: str, hint: str = "", path: str = "") -> None:
        super().__init__(message)
        self.source, self.message, self.hint, self.path = source, message, hint, path


def read_yaml(path: Path, rank: int, problems: Problems) -> Branch | None:
    """
    Read a file into nodes.

    Args:
        path: The file.
        rank: Height of the layer, for the sources.
        problems: Takes what is wrong with the file.

    Returns:
        The mapping at the top of the file; ``None`` where it cannot be used, and ``problems`` says why.
    """
    source = Source(path.name, rank=rank, folder=path.parent)
    try:
        return _Reader(source, problems).read(text_of(path))
    except UnreadableError as error:
        problems.add(source._replace(line=error.line), "", error.message, error.hint)
    except _FileError as fault:
        problems.add(fault.source, fault.path, fault.message, fault.hint)
    return None


class _Reader:
    """Walks the parser's events; holds what has been seen so far."""

    def __init__(self, source: Source, problems: Problems) -> None:
        self.source, self.problems = source, problems
        self.name, self.rank, self.folder = source.name, source.rank, source.folder
        self.anchors: dict[str, Node] = {}
        self.count = 0
        self.refused: Source | None = None  # the place of the last value that is refused whatever it means

    def at(self, mark: Any) -> Source:
        return Source(self.name, mark.line + 1, mark.column + 1, self.rank, self.folder)

    def read(self, text: str) -> Branch:
        parser = None
        try:
            parser = _Parser(text)
            events = iter(parser.get_event, None)
            next(events), next(events)  # the start of the stream, and of the document if there is one
            first = next(events, None)
            if first is None:
                raise _FileError(self.source, "is empty", "write a section such as 'databases:', or delete the file")
            top = self.node(events, first, ())
            next(events)
            if not isinstance(next(events), yaml.StreamEndEvent):
                raise _FileError(self.source, "holds several documents", "keep one, and remove the '---' lines")
        except yaml.MarkedYAMLError as error:
            raise self.no_yaml(error, text) from None
        except yaml.reader.ReaderError as error:
            line = text.encode()[: error.position].count(b"\n") + 1
            where = self.source._replace(line=line)
            raise _FileError(where, f"is not YAML: {error.reason}", "remove the control character") from None
        except (yaml.YAMLError, ValueError):
            raise _FileError(self.source, "is not YAML", "check indentation, colons and quotes") from None
        finally:
            if parser is not None:
                parser.dispose()
        if isinstance(top, Leaf) and top.value is None:
            raise _FileError(self.source, "is empty", "write a section such as 'databases:', or delete the file")
        if not isinstance(top, Branch):
            raise _FileError(top.source, "has no sections", "start it with a section such as 'databases:'")
        return top

    def no_yaml(self, error: yaml.MarkedYAMLError, text: str) -> _FileError:
        """Return the fault of a text that is no YAML."""
        if error.problem_mark and "nesting depth" in str(error.problem):  # a parser with a limit of its own
            return _too_deep(self.at(error.problem_mark))
        found = fault(error, text, _Parser)
        where = self.source._replace(line=found.line, column=found.column)
        return _FileError(where, f"is not YAML: {found.message}", found.hint)

    def node(self, events: Any, event: Any, path: tuple[Any, ...], key: Source | None = None) -> Node:
        """Return the node that begins with ``event``."""
        where = self.at(event.start_mark)
        self.count += 1
        if self.count > MAX_NODES:
            raise _too_large(where)
        if len(path) > MAX_DEPTH:
            raise _too_deep(where)
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, where, key)
        node: Node
        anchor = event.anchor
        if event.tag is not None:
            self.tag(event, where, path)
        if isinstance(event, yaml.ScalarEvent):
            value = self.value(event, where, path)
            node = Leaf(value, where, key, template=isinstance(value, str) and "${" in value)
        elif isinstance(event, yaml.SequenceStartEvent):
            nodes: list[Node] = []
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                nodes.append(self.node(events, event, (*path, len(nodes))))
            node = Items(tuple(nodes), where, key)
        else:
            node = self.mapping(events, where, path, key)
        if self.refused is where and isinstance(node, Leaf):
            node = Leaf(node.value, where, key, reading="missing")
        if anchor:
            self.anchors[anchor] = node
        return node

    def tag(self, event: Any, where: Source, path: tuple[Any, ...]) -> None:
        """Refuse any tag but the one that makes a text of a scalar."""
        if event.tag not in {"!", _TEXT}:
            # Its name is not told: a password that begins with '!' and is not quoted reads as a tag.
            self.problems.refuse(where, dotted(path), "has a tag", "remove it, or quote a text that begins with '!'")
            self.refused = where

    def alias(self, event: Any, where: Source, key: Source | None) -> Node:
        if event.anchor not in self.anchors:
            hint = "define the anchor above, or quote a text that begins with '*'"
            self.problems.add(where, "", "refers to an anchor that is not there", hint)
            return Leaf(None, where, key, reading="missing")
        node = self.anchors[event.anchor]
        self.count += _size(node)
        if self.count > MAX_NODES:
            raise _too_large(where)
        return attrs.evolve(node, key=key)

    def mapping(self, events: Any, where: Source, path: tuple[Any, ...], key: Source | None) -> Branch:
        nodes: dict[Any, Node] = {}
        merged: dict[Any, Node] = {}
        lost = False
        again: list[tuple[int, Source, tuple[Any, ...], int]] = []
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key_at = self.at(event.start_mark)
            name = self.key(event, key_at, path)
            here = (*path, name)
            node = self.node(events, next(events), here, key_at)
            if name == "<<" and not event.style:
                parts = node.nodes if isinstance(node, Items) else (node,)
                merged = {**self.merge_key(parts, path), **merged}
                lost = lost or any(not isinstance(part, Branch) or part.lost for part in parts)
            elif name in nodes:
                other = nodes[name]
                again.append((len(nodes), key_at, here, key_source(other).line))
                if isinstance(other, Leaf) and other.value is None:
                    nodes[name] = node  # the one that says something, so that nothing seems to be missing
            else:
                nodes[name] = node
        for _, slip in groupby(again, key=itemgetter(0)):  # those without a new key between them
            self.twice([key[1:] for key in slip])
        # The names of the short form name databases: one that is lost here may be missed elsewhere.
        lost = lost or (bool(again) and path == ("database",))
        return Branch({**merged, **nodes}, where, key, lost)

    def twice(self, keys: list[tuple[Source, tuple[Any, ...], int]]) -> None:
        """Note successive keys that are all there already: each alone, or as a mapping that has lost its own key."""
        first, rest = keys[0][2], len(keys) - 1
        if rest and len({path for _, path, _ in keys}) == len(keys):
            others = "is the key" if rest == 1 else f"are the {rest} keys"
            message = f"is there twice, first in line {first}, as {others} below it"
            self.problems.add(keys[0][0], dotted(keys[0][1]), message, "put a key above them that they belong to")
            return
        for where, path, line in keys:
            self.problems.add(where, dotted(path), f"is there twice, first in line {line}", "keep one of the two")

    def key(self, event: Any, where: Source, path: tuple[Any, ...]) -> Any:
        if not isinstance(event, yaml.ScalarEvent):
            raise _FileError(where, "has a key that is not a text", "quote the key", dotted(path))
        if event.tag is not None:
            self.tag(event, where, path)
        name = self.value(event, where, path)
        return "" if name is None else name

    def merge_key(self, nodes: tuple[Node, ...], path: tuple[Any, ...]) -> dict[Any, Node]:
        """Return what ``<<`` brings in; the first of several mappings wins."""
        merged: dict[Any, Node] = {}
        for item in nodes:
            if isinstance(item, Leaf) and item.reading == "missing":
                continue
            if not isinstance(item, Branch):
                self.problems.add(item.source, dotted((*path, "<<")), "is not a mapping", "merge mappings only")
                continue
            merged = {**item.nodes, **merged}
        return merged

    def value(self, event: Any, where: Source, path: tuple[Any, ...]) -> Any:
        """Return what a scalar stands for in the core schema of YAML 1.2."""
        text = event.value
        if event.style or event.tag in {"!", _TEXT}:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in _NUMERIC:  # most of them
            return text
        if _INTEGER.fullmatch(text):
            digits = text.lstrip("+-")
            if len(digits) > 1 and digits[0] == "0":
                # A long one is nobody's file mode: an account, a PIN, a password.
                shown = MASK if secret_path(path) or len(digits) > 6 else f"'{text}'"
                octal = shown != MASK and re.fullmatch("[0-7]+", digits)
                hint = f"write 0o{digits.lstrip('0') or '0'} for octal, or quote it" if octal else "quote it"
                self.problems.refuse(where, dotted(path), f"{shown} has a leading zero", hint)
                self.refused = where
                return text
            return int(text) if len(digits) <= 100 else text
        if re.fullmatch(r"0o[0-7]{1,100}", text):
            return int(text[2:], 8)
        if re.fullmatch(r"0x[0-9a-fA-F]{1,100}", text):
            return int(text[2:], 16)
        if _FLOAT.fullmatch(text) and len(text) <= 100:
            return float(text)
        return text


def _too_large(where: Source) -> _FileError:
    return _FileError(where, f"has more than {MAX_NODES:,} values, aliases expanded", "shorten it")


def _too_deep(where: Source) -> _FileError:
    return _FileError(where, f"is nested deeper than {MAX_DEPTH} levels", "flatten it")


def _size(node: Node) -> int:
    if isinstance(node, Leaf):
        return 1
    nodes = node.nodes if isinstance(node, Items) else node.nodes.values()
    return 1 + sum(_size(item) for item in nodes)
