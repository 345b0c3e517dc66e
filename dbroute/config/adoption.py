"""Puts an existing project's ``DATABASES`` into the words of ``config.yaml``, secrets set aside."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
from dotenv.parser import parse_stream

from ..models import MASK, ConnectionConfig, DatabaseConfig, DatabaseTestConfig, PoolConfig
from .annotations import fields_of
from .convert import Converter
from .databases import replica_alias
from .engines import is_sqlite
from .joined_urls import join_url
from .nodes import Source, names_secret, node_of
from .problems import Problems
from .template import Entry, escaped
from .urls import MEMORY, PARTS

_DUMMY = "django.db.backends.dummy"
_PARTS = {name.upper(): name for name in fields_of(ConnectionConfig) if name not in {"url", "pool", "options"}}
_TAKEN = ("DATABASE_URL", "DBROUTE_", "DJANGO_")  # variables that mean configuration by themselves


@attrs.frozen
class Secrets:
    """
    The secrets that were set aside, under the names of variables.

    Attributes:
        environ: The variables that are set; a name that has another value there is not used.
        values: Name to value.
    """

    environ: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    values: dict[str, str] = attrs.field(factory=dict, repr=False)

    def reference(self, alias: str, path: Iterable[Any], value: str) -> str:
        """Set a value aside and return the reference to it."""
        words = ["DB" if alias == "default" else alias, *path]
        name = re.sub(r"\W", "_", "_".join(map(str, words)), flags=re.ASCII).upper()
        if name[0].isdigit() or name.startswith(_TAKEN):
            name = f"DB_{name}"
        free, number = name, 1
        while {self.values.get(free, value), self.environ.get(free, value)} != {value}:
            number += 1
            free = f"{name}_{number}"
        self.values[free] = value
        return f"${{{free}}}"

    def masked(self) -> list[str]:
        """Return the lines of ``.env`` without the values."""
        return [f"{name}={MASK}" for name in self.values]

    def lines(self) -> list[str]:
        """Return the lines of ``.env``; they hold the secrets."""
        return [f"{name}={_quoted(value)}" for name, value in self.values.items()]


def _quoted(value: str) -> str:
    """Return a value as ``.env`` holds it: the first way of quoting that is read as the value again."""
    inside = value.replace("\\", "\\\\")
    double = '"' + inside.replace('"', '\\"') + '"'
    # Only here a carriage return can be spelled; as it is, a reader takes it for the end of a line.
    ways = [f"'{inside.replace(chr(39), chr(92) + chr(39))}'", value, double, double.replace("\r", "\\r")]
    if re.fullmatch(r"[A-Za-z0-9_./:@%+=-]+", value):
        ways.insert(0, value)
    for way in ways:
        # The line below it shows whether a quote stays open.
        found = [(item.key, item.value) for item in parse_stream(StringIO(f"A={way}\nB='b'\n", newline=None))]
        if found == [("A", value), ("B", "b")]:
            return way
    return ways[0]


@attrs.define
class Adoption:
    """
    Turns entries of DATABASES into entries of ``config.yaml``.

    Attributes:
        folder: Where ``config.yaml`` is to stand.
        secrets: Takes passwords and what looks like one.
        kept: What cannot be said in ``config.yaml`` and has to stay in the settings, as Python calls it.
        closed: Aliases on which the project's routers let no table be created.
    """

    folder: Path
    secrets: Secrets
    closed: frozenset[str] = frozenset()
    kept: list[str] = attrs.field(factory=list)

    def entries(self, databases: Mapping[str, Mapping[str, Any]]) -> list[Entry]:
        """Return the databases; replicas stand with their primaries."""
        primaries = {alias: _own(entry).get("replica_of") for alias, entry in databases.items()}
        found: list[Entry] = []
        for alias, entry in databases.items():
            if primaries[alias] in databases:
                continue
            replicas = {other: databases[other] for other, primary in primaries.items() if primary == alias}
            found.append(self.entry(alias, entry, replicas))
        return found

    def entry(self, alias: str, entry: Mapping[str, Any], replicas: Mapping[str, Mapping[str, Any]]) -> Entry:
        """Return one database."""
        if entry.get("ENGINE", _DUMMY) in {_DUMMY, "", "django.db.backends."}:
            return Entry(alias, {}, ["It is empty in the settings; dbroute needs to know a database by this name."])
        before = len(self.kept)
        fields = self.connection(alias, entry)
        test = self.test(alias, entry.get("TEST") or {})
        fields |= {**({"test": test} if test else {}), **self.own(alias, _own(entry))}
        comments = []
        if mirror := test.get("mirror"):
            comments = [
                f"During tests it is a copy of {mirror!r}.",
                f"If it always is one, a read replica: write it below 'replicas:' of {mirror!r}, and remove it here.",
            ]
        if replicas:
            names = [replica_alias(alias, number) for number in range(len(replicas))]
            order = names if set(names) == set(replicas) else list(replicas)
            fields["replicas"] = [self.replica(name, replicas[name], entry, comments) for name in order]
            renamed = [(old, new) for old, new in zip(order, names, strict=True) if old != new]
            comments += [f"The replica {old!r} is {new!r} from now on." for old, new in renamed]
        if len(self.kept) > before:
            comments.append(f"What stays in settings.py: {', '.join(self.kept[before:])}")
        return Entry(alias, fields, comments)

    def connection(self, alias: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that say how to connect, those at their defaults left out."""
        fields: dict[str, Any] = {}
        for key, name in _PARTS.items():
            value = entry.get(key, "")
            field, annotation = fields_of(ConnectionConfig)[name]
            if (isinstance(value, str) and not value) or value == field.default:
                continue
            value = self.part(alias, name, value, str(entry["ENGINE"]))
            if _fits(value, annotation, field.metadata.get("unit", "")):
                fields[name] = value
            else:
                self.keep(alias, key)
        for key in entry:
            if key not in _PARTS and key not in {"OPTIONS", "TEST", "DBROUTE"}:
                self.keep(alias, key)
        options = self.options(alias, entry.get("OPTIONS") or {}, ("OPTIONS",))
        if _is_pool(options.get("pool")):
            fields["pool"] = options.pop("pool")
        return {**fields, **({"options": options} if options else {})}

    def part(self, alias: str, name: str, value: Any, engine: str) -> Any:
        """Return one part of a connection as the file says it."""
        if name == "password" and type(value) in {str, int} and _is_text(str(value)):
            return self.secrets.reference(alias, [name], str(value))
        if name == "name" and isinstance(value, os.PathLike):
            value = os.fspath(value)
        if name == "name" and isinstance(value, str) and is_sqlite(engine):
            value = self.file(value)
        if name == "port" and str(value).isdecimal():
            value = int(value)
        return escaped(_plain(value))

    def file(self, name: str) -> str:
        """Return an SQLite file as seen from the folder, where it is inside of it."""
        if name == MEMORY or name.startswith("file:"):
            return name
        path = Path.cwd() / name
        return path.relative_to(self.folder).as_posix() if path.is_relative_to(self.folder) else str(path)

    def options(self, alias: str, options: Mapping[Any, Any], path: tuple[Any, ...]) -> dict[Any, Any]:
        """Return the options that YAML can say, secret ones as references."""
        found: dict[Any, Any] = {}
        for key, value in options.items():
            here = (*path, key)
            if isinstance(value, dict) and value:
                if inner := self.options(alias, value, here):
                    found[key] = inner
            elif not _is_sayable(key) or not _is_sayable(value):
                self.keep(alias, *here)
            elif isinstance(value, str) and value and _is_secret(value, here[1:]):
                found[key] = self.secrets.reference(alias, here[1:], value)
            else:
                found[key] = escaped(_plain(value))
        return found

    def test(self, alias: str, test: Mapping[str, Any]) -> dict[str, Any]:
        """Return what differs for tests."""
        known = fields_of(DatabaseTestConfig)
        found: dict[str, Any] = {}
        for key, value in test.items():
            name = str(key).lower()
            if name not in known:
                self.keep(alias, "TEST", key)
                continue
            field, annotation = known[name]
            if isinstance(value, os.PathLike):
                value = os.fspath(value)
            elif isinstance(value, tuple):
                value = list(value)
            if value == field.default:
                continue
            if _fits(value, annotation):
                found[name] = escaped(_plain(value))
            else:
                self.keep(alias, "TEST", key)
        return found

    def own(self, alias: str, own: Mapping[str, Any]) -> dict[str, Any]:
        """Return what dbroute's own part of an entry says."""
        found: dict[str, Any] = {}
        for name in ("readonly", "migrate", "migrates_like"):
            default = fields_of(DatabaseConfig)[name][0].default
            if own.get(name, default) != default:
                found[name] = own[name]
        if alias in self.closed:
            found["migrate"] = False
        if isinstance(ddl := own.get("migrate_url"), Mapping):
            parts = {name: ddl.get(name.upper()) for name in PARTS}
            url = join_url(str(ddl.get("ENGINE")), parts, ddl.get("OPTIONS") or {})
            found["migrate_url"] = self.secrets.reference(alias, ["migrate_url"], url)
        return found

    def replica(
        self, name: str, entry: Mapping[str, Any], primary: Mapping[str, Any], comments: list[str]
    ) -> dict[str, Any]:
        """Return a replica: what differs from its primary."""
        different = [key for key in (*_PARTS, "OPTIONS") if entry.get(key) != primary.get(key)]
        extra = {key: value for key, value in entry.items() if key not in _PARTS and key not in {"OPTIONS", "TEST"}}
        fields = self.connection(name, {**extra, **{key: entry.get(key, "") for key in ("ENGINE", *different)}})
        if "ENGINE" not in different:
            del fields["engine"]
        for field in (_PARTS[key] for key in different if key in _PARTS):
            default = fields_of(ConnectionConfig)[field][0].default
            if field not in fields and entry.get(field.upper(), "") in ("", default):
                fields[field] = default  # it would have the value of its primary otherwise
        if more := sorted(map(str, set(primary.get("OPTIONS") or ()) - set(entry.get("OPTIONS") or ()))):
            comments.append(f"The replica {name!r} has these options of its primary from now on: {', '.join(more)}")
        weight = _own(entry).get("weight", 1)
        return fields if weight == 1 else {**fields, "weight": weight}

    def keep(self, alias: str, *path: Any) -> None:
        """Note what stays in the settings."""
        self.kept.append("DATABASES" + "".join(f"[{part!r}]" for part in (alias, *path)))


def _own(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    own = entry.get("DBROUTE")
    return own if isinstance(own, Mapping) else {}


def _is_secret(text: str, path: Sequence[Any]) -> bool:
    return any(map(names_secret, path)) or ("://" in text and "@" in text)


def _fits(value: Any, annotation: Any, unit: str = "") -> bool:
    """Tell whether a field takes a value."""
    problems = Problems()
    if _is_sayable(value):
        Converter(problems).convert(node_of(value, Source("settings")), annotation, ("",), unit)
    return _is_sayable(value) and not problems


def _is_pool(value: Any) -> bool:
    """Tell whether an option 'pool' can be said with the field of that name."""
    if not isinstance(value, dict):
        return value is True
    return bool(value) and None not in value.values() and _fits(value, PoolConfig)


def _is_sayable(value: Any) -> bool:
    """Tell whether YAML can say exactly this value; a number with a name is said as the number."""
    if isinstance(value, str):
        return (type(value) is str or isinstance(value, enum.Enum)) and _is_text(value)
    if isinstance(value, bool | int | float | None):
        return type(value) in {bool, int, float, type(None)} or isinstance(value, enum.Enum)
    if type(value) is dict:
        return all(_is_sayable(key) and _is_sayable(item) for key, item in value.items())
    return type(value) is list and all(map(_is_sayable, value))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any) -> Any:
    """Return the value without the names that an enum gives it."""
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
