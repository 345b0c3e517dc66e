"""What has the right type and cannot work all the same: Django or the driver would say so much later, or never."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..models import DatabaseTestConfig, PoolConfig, reveal
from . import driver_options
from .engines import UrlError
from .problems import did_you_mean

_POSTGRESQL = ("django.db.backends.postgresql", "django.contrib.gis.db.backends.postgis")
_LONGEST_NAME = 63  # PostgreSQL cuts longer ones off; Django refuses them when it connects
_MIN_SIZE = 4  # of psycopg's pool

Found = Iterator[tuple[str, UrlError]]
"""A field, and what is wrong with it; a dot leads into a mapping."""


def faults(values: Mapping[str, Any]) -> Found:
    """
    Yield what cannot work in the fields of one database.

    Args:
        values: The fields in their final form.
    """
    for field in ("name", "user", "password", "host", "time_zone"):
        if "\0" in str(reveal(values.get(field)) or ""):
            yield field, UrlError("has a NUL character in it", "remove it")
    if (zone := values.get("time_zone")) is not None and (hint := wrong_time_zone(str(reveal(zone)))) is not None:
        yield "time_zone", UrlError("is no time zone", hint)
    hosts, ports = (str(reveal(values.get(field)) or "").split(",") for field in ("host", "port"))
    if 1 < len(ports) != len(hosts):
        message = f"has {len(ports)} ports for {len(hosts)} host{'' if len(hosts) == 1 else 's'}"
        yield "port", UrlError(message, "give one port, or one for each host")
    for option, error in driver_options.faults(str(values.get("engine")), values.get("options") or {}):
        yield f"options.{option}".rstrip("."), error
    if values.get("engine") in _POSTGRESQL:
        yield from _of_postgresql(values)


def _of_postgresql(values: Mapping[str, Any]) -> Found:
    if len(str(reveal(values.get("name")) or "")) > _LONGEST_NAME:
        yield "name", UrlError(f"is longer than the {_LONGEST_NAME} letters that PostgreSQL allows", "shorten it")
    test, pool = values.get("test"), values.get("pool")
    if isinstance(test, DatabaseTestConfig) and test.collation is not None:
        yield "test.collation", UrlError("cannot be set when PostgreSQL creates a database", "remove it; use template")
    if isinstance(pool, PoolConfig):
        least = _MIN_SIZE if pool.min_size is None else pool.min_size
        if pool.max_size is not None and pool.max_size < least:
            known = f"{least}, psycopg's default" if pool.min_size is None else str(least)
            yield "pool.max_size", UrlError(f"is less than min_size, which is {known}", "raise it, or lower min_size")
        elif pool.max_size is None and least == 0:
            yield "pool.min_size", UrlError("leaves a pool of no connections", "set max_size too")


def wrong_time_zone(name: str) -> str | None:
    """Return what to do about a name that is no time zone; ``None`` where it is one, or nobody can tell."""
    import zoneinfo  # here: few configurations name a time zone

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        return (did_you_mean(name, sorted(known)) or "name one such as Europe/Berlin or UTC") if known else None
    return None
