"""Database URLs, put together from their final parts, so that dj-database-url reads the same parts from them again."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from string import ascii_uppercase
from typing import Any
from urllib.parse import quote

import dj_database_url

from .engines import SCHEMES, backend, is_sqlite
from .urls import MEMORY


def join_url(engine: str, parts: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """
    Return the URL of final parts, so that dj-database-url reads the same parts from it again.

    Args:
        engine: The scheme that the configuration used, or a dotted engine.
        parts: name, user, password, host and port, not encoded; ``None`` where there is none.
        options: What goes into the query.
    """
    scheme = engine if engine in dj_database_url.ENGINE_SCHEMES else SCHEMES.get(engine, engine)
    if "." in scheme:
        known = {value.backend: key for key, value in reversed(dj_database_url.ENGINE_SCHEMES.items())}
        scheme = {"django.db.backends.postgresql": "postgresql"}.get(scheme) or known.get(scheme, scheme)
    name = str(parts.get("name") or "")
    query = _query(options)
    tail = f"?{query}" if query else ""
    if is_sqlite(backend(engine)):
        return f"{scheme}:///{quote(name, safe='/:') if name != MEMORY else name}{tail}"
    user, password = (_quoted(str(parts.get(key) or "")) for key in ("user", "password"))
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    hosts, ports = str(parts.get("host") or "").split(","), str(parts.get("port") or "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    if len(set(ports)) > 1:
        # dj-database-url reads one port; libpq takes hosts and ports as options too.
        tail += f"{'&' if tail else '?'}host={quote(','.join(hosts), safe=',')}&port={','.join(ports)}"
        return f"{scheme}://{login}/{_quoted(name)}{tail}"
    netloc = ",".join(map(_host, hosts)) + (f":{ports[0]}" if ports[0] else "")
    return f"{scheme}://{login}{netloc}/{_quoted(name)}{tail}"


def _query(options: Mapping[str, Any]) -> str:
    return "&".join([f"{_quoted(key, '/:,=')}={_quoted(value, '/:,=')}" for key, value in _pairs(options)])


def _quoted(text: str, safe: str = "") -> str:
    """Do what ``urllib.parse.quote`` does; for ASCII, where that takes its time, with a table."""
    return text.translate(_quoting(safe)) if text.isascii() else quote(text, safe)


@functools.cache
def _quoting(safe: str) -> dict[int, str]:
    """Return what becomes of each ASCII character."""
    return {code: quote(chr(code), safe) for code in range(128)}


def _host(host: str) -> str:
    if ":" in host and not host.startswith("/"):
        return f"[{host}]"
    if not host.startswith("/"):
        return _quoted(host)
    # Whoever reads the URL lowers the case of its host; that of a socket's path matters.
    return "".join(f"%{ord(letter):02X}" if letter in ascii_uppercase else quote(letter, safe="") for letter in host)


def _pairs(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return options as pairs of a query: lists repeat their key; what a URL cannot say is left to the settings."""
    pairs: list[tuple[str, str]] = []
    for name, value in options.items():
        key = str(name)  # what is no text is refused, but not here
        if type(value) is str:
            pairs.append((key, value))
            continue
        if key == "ssl" and isinstance(value, Mapping) and "ca" in value:
            pairs.append(("ssl-ca", str(value["ca"])))
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, bool):
                pairs.append((key, str(item).lower()))
            elif isinstance(item, (str, int, float)):
                pairs.append((key, str(item)))
    return pairs


def absolute_file(name: str, folder: Path | None, parameters: Mapping[str, Any]) -> str:
    """Return the path of an SQLite file, absolute from ``folder``; with parameters, as the URI that SQLite wants."""
    query = _query(parameters)
    if name.startswith("file:"):
        return f"{name}{'&' if '?' in name else '?'}{query}" if query else name
    if name == MEMORY:
        # By "mode=memory" Django knows that closing the connection loses the database.
        return f"file:{name}?{_query({'mode': 'memory', **parameters})}" if query else name
    path = str(folder / name) if folder else name
    return f"file:{quote(path)}?{query}" if query else path
