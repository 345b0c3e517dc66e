"""Django's own defaults, for those who look at a configuration without starting Django."""

from __future__ import annotations

import functools
import importlib.util
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .declared import SettingsView


@functools.cache
def django_defaults() -> Mapping[str, Any]:
    """
    Return name to value of Django's own defaults; empty where there is no Django.

    They stand in one module that imports nothing. It is run as a file: importing it would import Django around it.
    """
    spec = importlib.util.find_spec("django")
    for folder in spec.submodule_search_locations or () if spec else ():
        module = runpy.run_path(str(Path(folder, "conf", "global_settings.py")))
        return {name: value for name, value in module.items() if name.isupper()}
    return {}


def without_settings() -> SettingsView | None:
    """Return what stands for a settings module where none is known; ``None`` where there is no Django."""
    return SettingsView("settings", {}, defaults) if (defaults := django_defaults()) else None
