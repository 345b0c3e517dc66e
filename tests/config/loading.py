"""Writes configuration files and loads them: what every test of this room does first."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from dbroute import ConfigError
from dbroute.config import Config, SettingsView, load

# A database that nothing is wrong with, for tests of something else.
DEFAULT = "databases: {default: 'sqlite:///default.sqlite3'}\n"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files by their names, dedented, and return the folder."""
    for name, text in files.items():
        (folder / name).write_text(dedent(text), encoding="utf-8")
    return folder


def config(folder: Path, text: str = DEFAULT, environ: Mapping[str, str] | None = None, **kwargs: Any) -> Config:
    """Write ``text`` as config.yaml and load it with nothing but ``environ`` around it."""
    return load(write(folder, {"config.yaml": text}), environ=environ or {}, **kwargs)


def error(folder: Path, text: str = DEFAULT, environ: Mapping[str, str] | None = None, **kwargs: Any) -> str:
    """Do the same where it fails, and return the whole message."""
    with pytest.raises(ConfigError) as caught:
        config(folder, text, environ, **kwargs)
    return str(caught.value)


def view(known: Mapping[str, Any] | None = None, **values: Any) -> SettingsView:
    """Return a settings module with these values, in a Django that knows a few settings."""
    defaults = {
        "ALLOWED_HOSTS": [],
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
        "DATABASES": {},
        "DATABASE_ROUTERS": [],
        "DEBUG": False,
        "EMAIL_HOST_PASSWORD": "",
        "EMAIL_PORT": 25,
        "EMAIL_TIMEOUT": None,
        "LANGUAGE_CODE": "en-us",
        "LOGGING": {},
        "SECRET_KEY": "",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "TIME_ZONE": "America/Chicago",
    }
    return SettingsView("settings", values, {**defaults, **(known or {})})
