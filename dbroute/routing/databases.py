"""What routing has to know of one database, read from its entry in DATABASES."""

from collections.abc import Mapping
from typing import Any, Self

import attrs

from ..models import starts_read_only

HAND_WRITTEN = "settings.DATABASES"
KEYS = frozenset({"readonly", "migrate", "migrates_like", "migrate_url", "source", "replica_of", "weight"})


@attrs.frozen
class Database:
    """
    One entry of DATABASES as routing sees it.

    Attributes:
        alias: Its key.
        readonly: Writes are refused, migrations never run.
        migrate: False where somebody else owns the schema.
        replica_of: Alias of the primary, where this is a copy of one.
        weight: Share of reads relative to the other replicas of the set.
        migrates_like: Alias whose tables this database has too.
        test_migrate: False keeps a readonly or ``migrate: false`` database without tables under a test runner.
        source: Where the database is configured.
    """

    alias: str
    readonly: bool = False
    migrate: bool = True
    replica_of: str | None = None
    weight: int = 1
    migrates_like: str | None = None
    test_migrate: bool = True
    source: str = HAND_WRITTEN

    @classmethod
    def from_settings(cls, alias: str, entry: Mapping[str, Any]) -> Self:
        """Read the entry's ``DBROUTE``, and what its OPTIONS and TEST say besides."""
        own: Mapping[str, Any] = entry.get("DBROUTE") or {}
        return cls(
            alias,
            readonly=bool(own.get("readonly", False)) or starts_read_only(entry.get("OPTIONS")),
            migrate=bool(own.get("migrate", True)),
            replica_of=own.get("replica_of"),
            weight=own.get("weight", 1),
            migrates_like=own.get("migrates_like"),
            test_migrate=(entry.get("TEST") or {}).get("MIGRATE", True) is not False,
            source=own.get("source", HAND_WRITTEN),
        )

    @property
    def refuses_writes(self) -> bool:
        """Whether nothing may be written here: it is read-only, or a copy."""
        return self.readonly or self.replica_of is not None

    @property
    def is_plain(self) -> bool:
        """Whether nothing about this database calls for a router."""
        return not self.refuses_writes and self.migrate
