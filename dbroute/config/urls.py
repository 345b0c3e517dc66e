"""
Database URLs, taken apart before their references are expanded.

Because a URL is split first, the value of a reference can neither break it nor lead it to another host: it stands in
one part, whatever characters it has. dj-database-url knows the schemes, and what the pairs of a query mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import attrs
import dj_database_url

from .engines import DRIVERS, SCHEMES, UrlError, backend, driver, is_sqlite, unknown_engine
from .interpolation import Reference, Segment, TemplateError, segments
from .nodes import Branch, Hidden, Leaf, Node, Reading, node_of
from .problems import Problems

PARTS = ("engine", "name", "user", "password", "host", "port")
FIELDS_IN_QUERY = (
    "conn_max_age",
    "conn_health_checks",
    "pool",
    "atomic_requests",
    "autocommit",
    "time_zone",
    "disable_server_side_cursors",
    "readonly",
    "migrate",
    "migrates_like",
)
OF_SQLITE = ("mode", "cache", "immutable", "nolock", "psow", "vfs", "modeof")
MEMORY = ":memory:"
_MAX_DIGITS = 100
_MAX_URL = 10_000

# The usual cause of a wrong port is a password that holds one of these characters as it is.
_QUOTING = "in user and password write '/' as %2F, '@' as %40, ':' as %3A, '?' as %3F"
_HOSTS = (
    re.compile(r"\[([^\[\]]*)\](?::(.*))?"),  # [IPv6]:port
    re.compile(r"(%2[Ff].*?)(?::([0-9]*))?"),  # a socket's path: those of Cloud SQL have colons in them
    re.compile(r"([^:]*)(?::([^:]*))?"),  # host:port
)
# Stands for a reference while a URL is being split: a character that no splitter knows, and that means nothing.
_MARK = "\ue000"
_HEAD = re.compile(rf"([A-Za-z{_MARK}][A-Za-z0-9+._{_MARK}-]*)://")
_MARKED = re.compile(rf"{_MARK}(\d+)x")


def whole_reference(text: str) -> Reference | None:
    """Return the reference that a text is, if it is one and nothing else."""
    text = text.strip()
    if not text.startswith("${"):
        return None
    try:
        parts = segments(text)
    except TemplateError:
        return None
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Reference) else None


def split_url(leaf: Leaf, path: str, problems: Problems) -> Branch | None:
    """
    Take the URL in ``leaf`` apart.

    Args:
        leaf: The URL; its references are kept, each in the part where it stands.
        path: The dotted key, for messages.
        problems: Takes what is wrong with the URL.

    Returns:
        The fields of a database that the URL sets, each with the source of the URL; parts that it lacks are there as
        ``None``, since a URL replaces all parts of the layers below. ``None`` where the URL is wrong.
    """
    try:
        if len(leaf.value) > _MAX_URL:
            raise UrlError(f"is longer than {_MAX_URL:,} characters", "shorten it, or write the parts one by one")
        url = _Url(leaf, path)
        found = url.split()
        faults: Sequence[UrlError | TemplateError] = url.faults
    except (TemplateError, UrlError) as error:
        faults = [error]
    for fault in faults:
        problems.add(leaf.source, path, str(fault), fault.hint)
    return None if faults else found


class _Url:
    """One URL on its way apart; its parts may each have a fault."""

    def __init__(self, leaf: Leaf, path: str) -> None:
        self.leaf, self.path = leaf, path
        self.faults: list[UrlError] = []
        self.text: str = leaf.value
        self.parts: list[Segment] = []
        if leaf.template:
            self.parts = segments(leaf.value)
            if _MARK in unquote("".join(part for part in self.parts if isinstance(part, str))):
                hint = "put what has it into a variable of its own"
                raise UrlError("has the private character U+E000 in it, beside a reference", hint)
            self.text = "".join(
                part if isinstance(part, str) else f"{_MARK}{number}x" for number, part in enumerate(self.parts)
            )

    def split(self) -> Branch:
        head = _HEAD.match(self.text)
        scheme = head.group(1) if head else ""
        if self.marked(scheme if head else self.text[:1]):
            hint = "write the scheme out, or put the whole URL into one variable"
            raise UrlError("the scheme comes from a reference", hint)
        if not self.text.strip():
            raise UrlError("the URL is empty", "write it as engine://user:password@host:port/name")
        if not head:
            raise UrlError("is not a database URL", "write it as engine://user:password@host:port/name")
        engine = scheme if "." in scheme else scheme.lower()
        known = backend(engine) is not None
        if not known:
            self.faults.append(unknown_engine(engine, "scheme", secret=self.leaf.secret))
        if "#" in self.text:
            self.faults.append(UrlError("has a '#' in it", "write %23"))
        rest, _, query = self.text[head.end() :].partition("?")
        nodes: dict[Any, Node] = {"url": self.of(None), "engine": self.of(engine)}
        try:
            nodes |= self.file(rest) if is_sqlite(backend(engine)) else self.server(rest)
        except UrlError as error:
            self.faults.append(error)
        try:
            nodes |= self.query(engine, query) if query and known else {}
        except UrlError as error:
            self.faults.append(error)
        return Branch(nodes, self.leaf.source, self.leaf.key)

    def marked(self, text: str) -> bool:
        """Tell whether a reference stands in a part of the URL's text."""
        return self.leaf.template and _MARK in text

    def of(self, text: Any, reading: Reading | None = None) -> Leaf:
        """Return a leaf for one part, with the references that stand in it; only those are read in another way."""
        leaf, template = self.leaf, False
        if not isinstance(text, str) or not leaf.template:
            reading = None
        elif _MARK in text:
            text, template = "".join(map(self.written, enumerate(_MARKED.split(text)))), True
        else:
            text, reading = text.replace("${", "$${"), None
            template = "${" in text
        return Leaf(text, leaf.source, leaf.key, reading or leaf.reading, template, leaf.secret, self.path)

    def written(self, piece: tuple[int, str]) -> str:
        """Return a piece of a part as a template: every second one is the number of a reference."""
        number, text = piece
        reference = self.parts[int(text)] if number % 2 else ""
        return reference.text if isinstance(reference, Reference) else text.replace("${", "$${")

    def file(self, rest: str) -> dict[Any, Node]:
        """Return the SQLite file that the part behind ``sqlite://`` names, and that there is nothing else."""
        name = MEMORY
        if rest not in {MEMORY, f"/{MEMORY}"}:
            if not rest.startswith("/"):
                hint = "write three slashes for a path beside the file, four for an absolute one"
                raise UrlError("has two slashes before the SQLite file", hint)
            name = decoded(rest[1:])
        return {"name": self.of(name), **{part: self.of(None) for part in PARTS[2:]}}

    def server(self, rest: str) -> dict[Any, Node]:
        """Return name, user, password, host and port."""
        netloc, _, path = rest.partition("/")
        name = decoded(path)
        userinfo, at, hosts = netloc.rpartition("@")
        user, colon, password = userinfo.partition(":")
        host, port = split_hosts(hosts)
        return {
            "name": self.of(name),
            "user": self.of(decoded(user) if at else None),
            "password": self.of(decoded(password) if colon else None),
            "host": self.of(decoded(host) or None, "host"),
            "port": self.of(port or None, "text"),
        }

    def query(self, engine: str, query: str) -> dict[Any, Node]:
        """Return everything that stands in a query among the options."""
        options: dict[Any, Node] = {}
        pairs = [pair for pair in query.split("&") if pair]
        for number, pair in enumerate(pairs):
            if self.marked(pair) and _MARKED.fullmatch(pair):
                options[f"?{number}"] = self.of(pair, "query")
        known = [pair for number, pair in enumerate(pairs) if f"?{number}" not in options]
        if any(self.marked(pair.partition("=")[0]) for pair in known):
            raise UrlError("a reference stands for the key of an option", "write the key out: ?key=${VALUE}")
        options |= {key: self.option(value) for key, value in query_options(engine, "&".join(known)).items()}
        return {"options": Branch(options, self.leaf.source, self.leaf.key)}

    def option(self, value: Any) -> Node:
        if isinstance(value, Mapping):
            return Branch({key: self.option(item) for key, item in value.items()}, self.leaf.source, self.leaf.key)
        if isinstance(value, str):
            return self.of(value, "query")
        return attrs.evolve(node_of(value, self.leaf.source), key=self.leaf.key)


def fields_in_query(engine: str, options: dict[Any, Node]) -> dict[Any, Node]:
    """Take the fields of a database, and what SQLite wants in its URI, out of the options of a URL; return them."""
    fields: dict[Any, Node] = {}
    for key in list(options):
        # In capitals they are Django's own names.
        name = key.lower() if isinstance(key, str) and key.isupper() else key
        if name in FIELDS_IN_QUERY:
            fields[name] = _as_text(options.pop(key))
    if is_sqlite(backend(engine)) and (found := [key for key in OF_SQLITE if key in options]):
        source = options[found[0]].source
        fields[Hidden.SQLITE_QUERY] = Branch({key: options.pop(key) for key in found}, source)
    return fields


def _as_text(node: Node) -> Node:
    """Return a value of a query as the text that it was; its field knows what ``1`` and ``none`` mean there."""
    if not isinstance(node, Leaf) or not isinstance(node.value, str | int):
        return node
    value = str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
    return attrs.evolve(node, value=value, reading="query")


def decoded(text: str) -> str:
    """
    Return a part of a URL without its percent-encoding.

    Raises:
        UrlError: The part is not UTF-8.
    """
    if "%" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        hint = "write '%' as %25, and other characters as their UTF-8"
        raise UrlError("is not UTF-8 where it is percent-encoded", hint) from None


def refuse_repeated(engine: str, keys: Sequence[str]) -> None:
    """
    Accept the keys of a query, each of which has one value where the driver is a known one.

    Raises:
        UrlError: One of them is there twice: nobody could tell which sslmode is meant.
    """
    names = [key.lower() for key in keys]
    if driver(engine) in DRIVERS and len(names) > len(set(names)):
        hint = "write each key once; several hosts go into one, with commas"
        raise UrlError("has a key twice in its query", hint)


def query_options(engine: str, query: str) -> dict[str, Any]:
    """Return what the query of a URL means to dj-database-url for this engine."""
    if not query:
        return {}
    decoded(query)  # dj-database-url would put U+FFFD there
    if re.search(rf"\d{{{_MAX_DIGITS + 1}}}", query):
        raise UrlError(f"has a number of more than {_MAX_DIGITS} digits in its query", "shorten it")
    refuse_repeated(engine, [decoded(pair.partition("=")[0]) for pair in query.split("&") if pair])
    # A backend without a scheme of its own is read with one whose queries have no special words.
    scheme = "spatialite" if "." in engine else SCHEMES.get(engine, engine)
    # NAME is of no interest here, and dj-database-url's complaint would hold parts of the URL.
    return dict(dj_database_url.parse(f"{scheme}:///x?{query}").get("OPTIONS", {}))


def query_value(text: str) -> Any:
    """Return what one value of a query means to dj-database-url: numbers and truth values are converted."""
    if text.isdecimal() and len(text) <= _MAX_DIGITS:
        return int(text)
    return text.lower() == "true" if text.lower() in {"true", "false"} else text


def split_hosts(text: str) -> tuple[str, str]:
    """
    Split ``host:port``, ``[IPv6]:port``, a socket's path, or several of them with commas, into hosts and ports.

    Raises:
        UrlError: A port is not a number between 1 and 65535.
    """
    if text.startswith("/"):
        return text, ""
    hosts, ports = [], []
    for item in text.split(","):
        host, _, port = item.partition(":")
        if ":" not in port and not item.startswith(("[", "%")):  # most of them
            hosts.append(host)
            ports.append(port)
            continue
        match = next(filter(None, (pattern.fullmatch(item) for pattern in _HOSTS)), None)
        if match is None:
            address = re.fullmatch("[0-9A-Fa-f:.]+", item)
            hint = "put an IPv6 address into brackets: [::1]:5432" if address else _QUOTING
            raise UrlError("has a host with several colons", hint)
        hosts.append(match.group(1))
        ports.append(match.group(2) or "")
    for port in ports:
        if port and not _MARKED.search(port):
            try:
                check_port(port)
            except UrlError as error:
                raise UrlError(str(error), f"correct it; {_QUOTING}") from None
    return ",".join(hosts), ",".join(ports) if any(ports) else ""


def check_port(port: str | int) -> None:
    """
    Accept a port, or several of them with commas.

    Raises:
        UrlError: One of them is not a number between 1 and 65535.
    """
    for item in str(port).split(","):
        if item and not (item.isascii() and item.isdigit() and len(item) < 10 and 0 < int(item) < 65536):
            raise UrlError("the port is no number from 1 to 65535", "correct it")
