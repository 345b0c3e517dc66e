"""What engines are: the scheme or the name that people write, the backend that is meant, the driver below it."""

from __future__ import annotations

import functools
import re

import dj_database_url

from ..models import MASK
from .problems import did_you_mean, listed

SCHEMES = {
    "mariadb": "mysql",
    "postgresql+psycopg": "postgresql",
    "cockroachdb": "cockroach",
    "sqlite3": "sqlite",
}
"""Schemes that are in use and unknown to dj-database-url, and the ones that it knows them by."""

_OF_DJANGO = ("postgresql", "mysql", "sqlite3", "oracle", "dummy", "postgis", "spatialite")
DRIVERS = {
    "libpq": "postgres|postgis|psql|cockroach|redshift|timescale",
    "mysql": "mysql|mariadb",
    "sqlite": "sqlite|spatialite",
}


class UrlError(ValueError):
    """A text is no database URL; the message holds nothing of the text."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def backend(engine: str) -> str | None:
    """Return the dotted path of the Django backend that a scheme or an engine names; ``None`` for unknown ones."""
    if engine.startswith(("django.db.backends.", "django.contrib.gis.db.backends.")):
        return engine if engine.rpartition(".")[2] in _OF_DJANGO else None
    if "." in engine:
        return engine
    known = dj_database_url.ENGINE_SCHEMES.get(SCHEMES.get(engine, engine))
    return known.backend if known else None


def unknown_engine(engine: str, what: str, *, secret: bool = False) -> UrlError:
    """Return the error for a scheme or engine that nobody knows; a secret one is not printed."""
    known = {*dj_database_url.ENGINE_SCHEMES, *SCHEMES}
    if what == "engine" and "." in engine:
        known = {f"django.db.backends.{name}" for name in _OF_DJANGO[:4]}
    hint = did_you_mean(engine, known) or f"known are {listed(known)}, and any dotted path of a Django backend"
    return UrlError(f"unknown {what} {MASK if secret else repr(engine)}", hint)


def driver(engine: str) -> str | None:
    """Return what backends have in common that take the same options: the driver below them, or else themselves."""
    path = backend(engine)
    return path and _driver(path)


@functools.cache
def _driver(path: str) -> str:
    return next((name for name, backends in DRIVERS.items() if re.search(backends, path, re.IGNORECASE)), path)


def is_sqlite(engine: str | None) -> bool:
    """Tell whether a backend keeps its database in one file."""
    return bool(engine) and str(engine).endswith((".sqlite3", ".spatialite"))
