"""
``import dbroute.django`` in a settings module fills that module with the configuration.

It acts once, while the module that DJANGO_SETTINGS_MODULE names is being imported, and on the module whose top-level
code runs the import: that one, or one that it imports. Any other import, by Django's app loading, a conftest or a
shell, changes nothing.
"""

from __future__ import annotations

import os
import sys
from types import FrameType

from django.conf import settings as _settings

from ..config.terminal import warn

FIRST_IMPORTER: str | None = None
"""Who imported this package first, where that was not a settings module; its line in settings.py then does nothing."""


def _importer() -> FrameType | None:
    """Return the frame whose code runs the import."""
    frame: FrameType | None = sys._getframe(3)  # past this function, _patch and the top level of this module
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "importlib":
        frame = frame.f_back
    return frame


def _imports_settings(frame: FrameType) -> bool:
    """Tell whether ``frame``, or one below it on the stack, is the top level of the project's settings module."""
    name = os.environ.get("DJANGO_SETTINGS_MODULE")
    here: FrameType | None = frame
    while here is not None:
        if here.f_code.co_name == "<module>" and here.f_globals.get("__name__") == name:
            return True
        here = here.f_back
    return False


def _patch() -> str | None:
    """Fill the settings module that is importing this package; return the importer's name where there is none."""
    frame = _importer()
    if frame is None:
        return None
    if frame.f_code.co_name == "<module>" and _imports_settings(frame):
        from .settings import fill

        fill(frame.f_globals)
        return None
    name = str(frame.f_globals.get("__name__"))
    if name.partition(".")[0] in {"django", "dbroute"}:
        return None  # app loading, configure() and the like: where it belongs in settings without the line
    importer = f"{name} ({frame.f_code.co_filename}:{frame.f_lineno})"
    if not _settings.configured:
        message = f"dbroute.django is imported before the settings, by {importer}; its line in settings.py does nothing"
        warn(message, stacklevel=3)
    return importer


FIRST_IMPORTER = _patch()
