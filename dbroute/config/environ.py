"""Turns environment variables into layers: one for ``.env``, one above it for the process."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from .annotations import annotation_like, holds_one, single_fields
from .convert import FAILED, Converter
from .files import UnreadableError, text_of
from .locate import Variable
from .nodes import MAX_DEPTH, Branch, Items, Leaf, Node, Source, leaves, means_options
from .problems import Problems, did_you_mean, nearly
from .schema import OWNED, Schema
from .spellings import short_names

RESERVED = {"DBROUTE_CONFIG"}
"""Variables that begin like configuration and are switches of dbroute itself."""

_SWITCHES = {*RESERVED, "DJANGO_ENV", "DJANGO_SETTINGS_MODULE"}
_PREFIXES = ("DATABASE_URL", "DBROUTE_", "DJANGO_")
_SHORT = "DATABASE_URL_"

Path_ = tuple[Hashable, ...]


class _UnknownError(Exception):
    """A variable leads to no place in the configuration."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


@attrs.frozen(eq=False, repr=False)
class _Section:
    """
    A mapping that parts of variables' names lead to; many variables share it.

    Attributes:
        path: Its keys.
        annotation: What it is.
        single: The keys that one value belongs to, and nothing else can.
        named: The keys that the lower layers and the schema have there, by their lower-case form.
        open: Other keys may stand there too.
        layers: The mappings that the lower layers have there, the lowest first.
        lower: Their keys, each with the node of the highest.
        query: Texts mean there what they mean in a URL's query.
    """

    path: Path_
    annotation: Any
    single: frozenset[str]
    named: Mapping[str, set[Hashable]]
    open: bool
    layers: Sequence[Branch]
    lower: Mapping[Hashable, Node]
    query: bool


_Target = tuple[_Section, Hashable]
"""What a variable leads to: a mapping, and a key in it."""


@attrs.frozen(eq=False, repr=False)
class Environ:
    """
    Reads the variables that mean configuration.

    Attributes:
        process: Name to text of the variables of the process.
        dotenv: Name to variable of ``.env``.
        folder: What paths in a variable of the process are relative to.
        schema: What may stand where.
        lower: The layers below, before they are normalised.
        problems: Takes what is wrong.
    """

    process: Mapping[str, str]
    dotenv: Mapping[str, Variable]
    folder: Path
    schema: Schema
    lower: Sequence[Branch]
    problems: Problems
    _names: set[str] = attrs.field(init=False, factory=set)
    _sections: dict[str | None, _Section] = attrs.field(init=False, factory=dict)
    _at: dict[Path_, _Section] = attrs.field(init=False, factory=dict)

    def layers(self) -> tuple[list[Branch], list[str]]:
        """Return both layers, and a sentence for each variable that looks like configuration and leads nowhere."""
        dotenv = {name: self.dotenv[name] for name in _mine(self.dotenv)}
        process = {
            name: Variable(self.process[name], Source(name, 0, 0, 5, self.folder)) for name in _mine(self.process)
        }
        if any(name.startswith(_SHORT) for name in (*dotenv, *process)):
            self._names.update(short_names(self.lower, self.aliases({**dotenv, **process})))
        ignored: list[str] = []
        roots = [
            self.layer(variables, Source("environment", rank=rank), ignored)
            for variables, rank in ((dotenv, 4), (process, 5))
        ]
        return roots, list(dict.fromkeys(ignored))

    def aliases(self, names: Mapping[str, Variable]) -> set[str]:
        """Return the aliases that variables themselves declare, or give to a rule."""
        found: set[str] = set()
        for name, variable in names.items():
            section, _, rest = name.removeprefix("DBROUTE_").partition("__")
            if name.startswith("DBROUTE_") and section.upper() == "DATABASES":
                found.add(rest.partition("__")[0])
            elif name.startswith("DBROUTE_") and section.upper() == "ROUTING":
                found.add(variable.value)
        return found

    def layer(self, variables: Mapping[str, Variable], source: Source, ignored: list[str]) -> Branch:
        """Return one layer; add sentences about variables that lead nowhere to ``ignored``."""
        root = Branch({}, source)
        for name, variable in variables.items():
            try:
                found = self.target(name)
            except _UnknownError as error:
                self.problems.add(variable.source, "", str(error), error.hint)
                continue
            if found is None:
                ignored += self.passed_over(name)
                continue
            (above, key), from_file = found
            if from_file and (twin := name.removesuffix("_FILE")) in variables:
                self.problems.add(variable.source, "", f"{twin} is set too", "unset one of the two")
                continue
            node, path = self.typed(self.leaf(variable, from_file), above, key), (*above.path, key)
            for place, value in ((path, node),) if isinstance(node, Leaf) else leaves(node, path):
                if (other := _put(root, place, value)) is not None:
                    self.problems.add(variable.source, "", f"{other} sets the same value", "unset one of the two")
        return root

    def passed_over(self, name: str) -> list[str]:
        """Return a sentence about a variable that means nothing here and looks as if it was meant to."""
        if name.startswith(_SHORT):
            hint = did_you_mean(name.removeprefix(_SHORT).lower(), self._names)
            said = f"{name} names no rule and no declared database, and is ignored"
            return [f"{said}; {_as_variable(hint, _SHORT)}" if hint else said]
        setting = name.removeprefix("DJANGO_")
        near = nearly(setting, self.schema.known or ()) if name.startswith("DJANGO_") else None
        return [f"{name} names no setting, and is ignored; did you mean 'DJANGO_{near}'?"] if near else []

    def target(self, name: str) -> tuple[_Target, bool] | None:
        """Return what a variable sets, and whether it names a file; ``None`` for other people's variables."""
        read = self.database
        if not name.startswith("DATABASE_URL"):
            read = self.path if name.startswith("DBROUTE_") else self.setting
        failure: _UnknownError | None = None
        exact: _Target | None = None
        try:
            exact = read(name)
        except _UnknownError as error:
            failure = error
        if exact is not None:
            return exact, False
        behind = self.behind(name, read) if name.endswith("_FILE") else None
        if behind is not None:
            return behind, True
        if failure is not None:
            raise failure
        return None

    def behind(self, name: str, read: Any) -> _Target | None:
        """Return what a variable sets through a file."""
        try:
            found: _Target | None = read(name.removesuffix("_FILE"))
        except _UnknownError:
            return None
        return found

    def database(self, name: str) -> _Target | None:
        """DATABASE_URL, DATABASE_URL_<NAME>."""
        short = name.removeprefix(_SHORT).lower()
        if name != "DATABASE_URL" and not (name.startswith(_SHORT) and short in self._names):
            return None
        return self.at(("database",)), "url" if name == "DATABASE_URL" else f"url_{short}"

    def setting(self, name: str) -> _Target | None:
        """DJANGO_<SETTING>."""
        setting = name.removeprefix("DJANGO_")
        if setting in OWNED:
            raise _UnknownError(f"{setting} cannot be set by a variable", OWNED[setting][1])
        mentioned = any(root.get("django", setting) is not None for root in self.lower)
        known = mentioned or setting in (self.schema.known or ())
        return (self.at(("django",)), setting) if known else None

    def path(self, name: str) -> _Target:
        """DBROUTE_<PATH>, with two underscores between its parts."""
        before, part = _split(name.removeprefix("DBROUTE_"))
        above = self._sections.get(before) or self.section(before)  # another variable has found most of them
        # A new key whose name ends in _FILE is nothing that is known: the variable names a file.
        key = self.part(above, part, before, new=not part.upper().endswith("_FILE"))
        if before is None:
            raise _UnknownError("names a section, not a value", f"name the value: {name}__…")
        return above, key

    def section(self, name: str | None) -> _Section:
        """Return what a variable's name leads to without its last part; ``None`` where it has no other."""
        if name not in self._sections:
            path: Path_ = ()
            if name is not None:
                if name.count("__") > MAX_DEPTH - 2:
                    raise _UnknownError(f"has more than {MAX_DEPTH} parts", "name a value of the configuration")
                before, part = _split(name)
                above = self.section(before)
                path = (*above.path, self.part(above, part, before, new=True))
            self._sections[name] = self.at(path)
        return self._sections[name]

    def at(self, path: Path_) -> _Section:
        """Return what stands at a path."""
        if path not in self._at:
            above = self.at(path[:-1]) if path else None
            found = [root.nodes.get(path[-1]) for root in above.layers] if above else self.lower
            layers = [branch for branch in found if isinstance(branch, Branch)]
            lower: dict[Hashable, Node] = {}
            for branch in layers if path else ():
                lower |= branch.nodes
            known, open_ = self.schema.keys(path)
            below: dict[str, set[Hashable]] = {}
            for key in lower:
                # Django's own names of a database's fields, in settings.py, are the known ones in capitals.
                if not (len(path) == 2 and path[0] == "databases" and isinstance(key, str) and key.isupper()):
                    below.setdefault(str(key).lower(), set()).add(key)
            annotation = self.schema.annotation(path)
            query = bool(above and above.query) or means_options(path)
            self._at[path] = _Section(
                path, annotation, single_fields(annotation), {**known, **below}, open_, layers, lower, query
            )
        return self._at[path]

    def part(self, above: _Section, part: str, before: str | None, *, new: bool) -> Hashable:
        """
        Return the key that one part of a variable's name means.

        Args:
            above: What the parts before it lead to.
            part: The part.
            before: What stands before it in the name; ``None`` where nothing does.
            new: It may be a key that nobody mentions, where any key may stand.
        """
        folded, path = part.lower(), above.path
        if same := above.named.get(folded):
            if len(same) > 1:
                raise _UnknownError(f"'{part}' may mean {' and '.join(sorted(map(str, same)))}", "rename one of them")
            return next(iter(same))
        start = "DBROUTE_" if before is None else f"DBROUTE_{before}__"
        if path == ("databases",) and part and (slip := _without_underscores(part, above.named)):
            raise _UnknownError(f"unknown part '{part}'", f"did you mean '{start}{slip.upper()}__…'?")
        if above.open and part and new:
            return folded
        if path == ("django",) and self.schema.known is None and part.isupper() and new:
            return part
        raise _UnknownError(f"unknown part '{part}'", self.remedy(part, start, above.named))

    def remedy(self, part: str, before: str, known: Iterable[str]) -> str:
        """Return what to do about an unknown part."""
        names = sorted({name.upper() for name in known})
        if not names:
            return f"nothing can stand below {before.removesuffix('__')}"
        switches = [name.removeprefix(before) for name in RESERVED] if before == "DBROUTE_" else []
        if close := did_you_mean(part, [*names, *switches]):
            return close.replace("'", f"'{before}", 1)
        listed = ", ".join(names)
        return f"known here are {listed}" if len(listed) < 400 else "see the reference of settings"

    def leaf(self, variable: Variable, from_file: bool) -> Leaf:
        """Return the variable's text, or the text of the file that it names."""
        value, source = variable
        if not from_file:
            if not (value.isascii() or _encodable(value)):
                self.problems.add(source, "", "is not UTF-8", "set it again, in UTF-8")
                return Leaf(None, source, reading="missing")
            return Leaf(value, source, reading="text")
        try:
            text = text_of(Path(source.folder or "", value))
        except UnreadableError as error:
            self.problems.add(source, "", f"names a file that {error.message}", error.hint)
            return Leaf(None, source, reading="missing")
        for newline in ("\r\n", "\n"):
            if text.endswith(newline):
                text = text[: -len(newline)]
                break
        return Leaf(text, source._replace(name=f"{source} ({value})", line=0), reading="text", secret=True)

    def typed(self, leaf: Leaf, section: _Section, key: Hashable) -> Node:
        """Return what a text means where a list or a mapping stands, or where a lower layer has a typed value."""
        if key in section.single:
            return leaf
        path = (*section.path, key)
        annotation = self.schema.below(section.path, section.annotation, key)
        if holds_one(annotation):
            return leaf
        if annotation is Any:
            lower = section.lower.get(key)
            if lower is None:
                return leaf.with_value(leaf.value, "query", template=False) if section.query else leaf
            value = lower.value if isinstance(lower, Leaf) else [] if isinstance(lower, Items) else None
            annotation = dict[Any, Any] if isinstance(lower, Branch) else annotation_like(value)
            if isinstance(value, bool | int | float):
                converted = Converter(self.problems).convert(leaf, annotation, path)
                return attrs.evolve(leaf, **({"reading": "missing"} if converted is FAILED else {"value": converted}))
        node = Converter(self.problems).unfolded(leaf, annotation, path)
        return leaf.with_value(leaf.value, "query", template=False) if section.query and node is leaf else node


def _mine(names: Iterable[str]) -> list[str]:
    """Return the names of the variables that may mean configuration, sorted."""
    return sorted(name for name in names if name.startswith(_PREFIXES) and name not in _SWITCHES)


def _split(name: str) -> tuple[str | None, str]:
    """Return what stands before the last part of a variable's name, and that part."""
    before, separator, part = name.rpartition("__")
    if before.endswith("_"):  # of three in a row, the first two separate
        *parts, part = name.split("__")
        before = "__".join(parts)
    return before if separator else None, part


def _encodable(text: str) -> bool:
    """Tell whether a text is one: what is no UTF-8 in a variable reads as half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_underscores(part: str, names: Iterable[str]) -> str:
    """Return the name that differs from ``part`` in underscores only."""
    bare = part.lower().replace("_", "")
    return next((name for name in names if name.replace("_", "") == bare), "")


def _put(root: Branch, path: Path_, node: Leaf | Items) -> Source | None:
    """Put a node into a tree; return the source of the node that stands there already."""
    if len(path) == 2 and path[0] == "databases":
        path = (*path, "url")  # DBROUTE_DATABASES__X is short for DBROUTE_DATABASES__X__URL
    branch = root
    for part in path[:-1]:
        below = branch.nodes.get(part)
        if below is None:
            below = branch.nodes[part] = Branch({}, root.source)
        elif not isinstance(below, Branch):
            return below.source
        branch = below
    other = branch.nodes.setdefault(path[-1], node)
    if other is node:
        return None
    while isinstance(other, Branch):
        other = next(iter(other.nodes.values()))
    return other.source


def _as_variable(hint: str, prefix: str) -> str:
    """Return a suggestion with the suggested word as the variable that it stands for."""
    before, quote, rest = hint.partition("'")
    return f"{before}{quote}{prefix}{rest.upper()}" if quote else hint
