"""
The classes that people write, and that the validated tree is made of.

Every field is keyword-only and optional: a layer says only what it wants to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

if TYPE_CHECKING:
    from .config.tree import Config

MASK = "***"


class Secret:
    """
    A text that prints as ``***`` wherever it is printed.

    ``reveal()`` is the one way to the text. Two secrets are equal when their texts are.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Secret) -> None:
        self._text: str = text.reveal() if isinstance(text, Secret) else text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __str__(self) -> str:
        return MASK

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return Secret, (self._text,)


class Size(int):
    """A number of bytes, for own sections; written as digits, ``512KiB`` (of 1024) or ``10MB`` (of 1000)."""


class Url(str):
    """A URL with a scheme and a host, for own sections; annotate :class:`Secret` where it holds a password."""

    __slots__ = ()


class _Masked:
    """Makes a text print as ``***`` wherever a repr of it is printed; it stays the text everywhere else."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


class MaskedText(_Masked, str):
    """A text of a secret origin in a field that is annotated ``str``."""

    __slots__ = ()


class MaskedUrl(_Masked, Url):
    """A URL of a secret origin in a field that is annotated :class:`Url`."""

    __slots__ = ()


_PLAIN = {str, int, bool, float, type(None)}


def reveal(value: Any) -> Any:
    """Return ``value`` with every masked text in it, at any depth of dicts and lists, replaced by the text itself."""
    if type(value) in _PLAIN:  # most values; asking for a Mapping takes longer than all else here
        return value
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, _Masked):
        return str(value)
    if isinstance(value, Mapping):
        return {key: item if type(item) in _PLAIN else reveal(item) for key, item in value.items()}
    if type(value) in {list, tuple, set, frozenset}:
        return type(value)(map(reveal, value))
    return value


Text = str | Secret

_READ_ONLY = "default_transaction_read_only"
_READ_ONLY_SWITCH = re.compile(r"(?:-c\s*|--)default[-_]transaction[-_]read[-_]only\s*=\s*'?(\w+)", re.IGNORECASE)
_ON = frozenset({"on", "true", "yes", "1", "t", "y"})


def starts_read_only(options: Mapping[str, Any] | None) -> bool:
    """Tell whether these options of a database make PostgreSQL begin every transaction read-only."""
    said, switches = (reveal((options or {}).get(key)) or "" for key in (_READ_ONLY, "options"))
    if str(said).lower() in _ON:
        return True
    switches = _READ_ONLY_SWITCH.findall(str(switches))
    return bool(switches) and switches[-1].lower() in _ON


def _mask(value: Any) -> str:
    """Show that something is set, and nothing of it."""
    return MASK if value else repr(value)


def _mask_values(value: Any) -> str:
    """Show the keys of a mapping; its values may have come from anywhere."""
    return repr(dict.fromkeys(value, MASK)) if isinstance(value, Mapping) and value else repr(value)


@attrs.frozen(kw_only=True)
class PoolConfig:
    """
    A connection pool that psycopg keeps in this process, instead of persistent connections.

    Attributes:
        min_size: Connections kept open; psycopg's default where ``None``.
        max_size: Connections at the most.
        timeout: Seconds to wait for a free connection.
        max_waiting: Requests that may wait before further ones fail at once; 0 means no limit.
        max_lifetime: Seconds after which a connection is replaced.
        max_idle: Seconds after which an unused connection above ``min_size`` is closed.
        reconnect_timeout: Seconds during which a lost connection is tried again.
        num_workers: Background threads that open and check connections.

    Source: ``databases.<alias>.pool``
    """

    min_size: int | None = attrs.field(default=None, metadata={"least": 0})
    max_size: int | None = attrs.field(default=None, metadata={"least": 1})
    timeout: float | None = attrs.field(default=None, metadata={"unit": "seconds"})
    max_waiting: int | None = attrs.field(default=None, metadata={"least": 0})
    max_lifetime: float | None = attrs.field(default=None, metadata={"unit": "seconds"})
    max_idle: float | None = attrs.field(default=None, metadata={"unit": "seconds"})
    reconnect_timeout: float | None = attrs.field(default=None, metadata={"unit": "seconds"})
    num_workers: int | None = attrs.field(default=None, metadata={"least": 1})


@attrs.frozen(kw_only=True)
class DatabaseTestConfig:
    """
    What differs when a test runner creates the database.

    Attributes:
        name: Name of the test database; Django derives one where ``None``.
        mirror: Alias of the database that this one is a copy of during tests.
        migrate: False leaves the test database without tables.
        charset: Character set of the test database (PostgreSQL, MySQL).
        collation: Collation of the test database (MySQL).
        template: Template that the test database is created from (PostgreSQL).
        dependencies: Aliases to create before this one; Django's default is ``["default"]``.

    Source: ``databases.<alias>.test``
    """

    name: Text | None = None
    mirror: str | None = None
    migrate: bool = True
    charset: str | None = None
    collation: str | None = None
    template: str | None = None
    dependencies: Sequence[str] | None = None


@attrs.frozen(kw_only=True)
class ConnectionConfig:
    """
    How to reach one database: the part that a database and its replicas have in common.

    Attributes:
        url: Database URL; its parts can be overridden one by one by the fields below.
        engine: Dotted path of a Django backend, or one of the names that URLs use (``postgresql``, ``mysql`` …).
        name: Name of the database; for SQLite the file, relative to the folder of the file that says so.
        user: User that connects.
        password: Its password.
        host: Host name, address, several of them with commas (PostgreSQL), or the folder of a Unix socket.
        port: Port, or several with commas.
        conn_max_age: Seconds that a connection is kept open; 0 closes it after each request, ``None`` never does.
        conn_health_checks: Ask a kept connection whether it still works before a request uses it.
        pool: ``True`` or a :class:`PoolConfig` keeps a pool of connections (PostgreSQL, Oracle).
        options: Passed on to the database driver.
        atomic_requests: Wrap every view in a transaction on this database.
        autocommit: False leaves transactions to the application entirely.
        time_zone: Time zone of the datetimes stored here, where it differs from Django's.
        disable_server_side_cursors: Needed behind a pooler in transaction mode (PostgreSQL).

    Source: ``databases.<alias>``
    """

    url: Text | None = attrs.field(default=None, repr=_mask)
    engine: str | None = None
    name: Text | Path | None = None
    user: Text | None = None
    password: Text | None = attrs.field(default=None, repr=_mask)
    host: Text | None = None
    port: int | str | Secret | None = None
    conn_max_age: int | str | None = attrs.field(default=0, metadata={"unit": "seconds"})
    conn_health_checks: bool = False
    pool: bool | PoolConfig | Mapping[str, Any] = False
    options: Mapping[str, Any] = attrs.field(factory=dict, repr=_mask_values)
    atomic_requests: bool = False
    autocommit: bool = True
    time_zone: str | None = None
    disable_server_side_cursors: bool = False


@attrs.frozen(kw_only=True)
class ReplicaConfig(ConnectionConfig):
    """
    A read-only copy of a primary; what it does not say it has from the primary.

    Attributes:
        weight: Share of reads relative to the other replicas of the set; 0 gives it none.

    Source: ``databases.<alias>.replicas[]``
    """

    weight: int = attrs.field(default=1, metadata={"least": 0})


@attrs.frozen(kw_only=True)
class DatabaseConfig(ConnectionConfig):
    """
    One database of the project.

    Attributes:
        test: What differs when a test runner creates the database.
        apps: Rules that lead here: app labels, ``app_label.Model`` or globs.
        replicas: Read-only copies; each becomes an alias ``<alias>_replica_<number>``, counted from 1.
        readonly: Writes are refused and migrations never run here. ``default_transaction_read_only=on`` in
            ``options`` implies it.
        migrate: False where somebody else owns the schema.
        migrates_like: Alias whose tables this database has too (a tenant, an archive).
        migrate_url: URL that migrations connect with instead (the owner of the tables, past a pooler).

    Source: ``databases.<alias>``
    """

    test: DatabaseTestConfig | Mapping[str, Any] = attrs.field(factory=DatabaseTestConfig)
    apps: Sequence[str] = ()
    replicas: Sequence[str | Secret | ReplicaConfig | Mapping[str, Any]] = attrs.field(
        default=(), repr=lambda value: f"[{len(value)} of them]" if value else "[]"
    )
    readonly: bool = False
    migrate: bool = True
    migrates_like: str | None = None
    migrate_url: Text | None = attrs.field(default=None, repr=_mask)


class DjangoConfig:
    """
    Configuration written as a class; ``config.yaml`` is then optional and lies above it.

    Subclasses set the attributes below. A further attribute whose annotation or value is an attrs class declares a
    section of its own: it is layered, validated and explained like the built-in ones.

    Attributes:
        databases: Alias to :class:`DatabaseConfig`, URL or mapping.
        database_routers: Further routers, dotted paths; dbroute's own is added where it is missing.
        database_routing_rules: App label, ``app_label.Model`` or glob to alias.
        django: Any other Django setting.
    """

    databases: ClassVar[Mapping[str, Any]] = {}
    database_routers: ClassVar[Sequence[str]] = ()
    database_routing_rules: ClassVar[Mapping[str, str]] = {}
    django: ClassVar[Mapping[str, Any]] = {}

    def load(
        self, path: Path | str | None = None, *, env: str | None = None, environ: Mapping[str, str] | None = None
    ) -> Config:
        """
        Return the validated tree: this class, and above it the files and the environment.

        Args and errors are those of :func:`dbroute.load_config`.
        """
        from .config import load_config

        return load_config(path, env=env, environ=environ, declared=self)

    def get_all_settings(self) -> dict[str, Any]:
        """
        Return what ``dbroute.configure`` would write into a settings module, for those who fill theirs by hand.

        Raises:
            dbroute.exceptions.ConfigError: Something in the class, the files or the environment is wrong.
        """
        from .django.settings import all_settings

        return all_settings(self)
