"""
Shows a configuration error to the person at the terminal without a traceback.

Under manage.py most commands read the settings outside every ``try`` of Django's, so no kind of exception is printed
nicely everywhere. The one place that all of them pass is ``sys.excepthook``.
"""

from __future__ import annotations

import sys
from types import TracebackType

from ..exceptions import ConfigError


def for_terminal(error: ConfigError) -> ConfigError:
    """
    Return the error to raise; under manage.py and django-admin, arrange for it to be printed as its lines.

    There it is an ``ImproperlyConfigured`` too, so that ``help`` and ``--version`` still answer.
    """
    if not _under_management():
        return error
    previous = sys.excepthook

    def show(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
        found = _config_error(value)
        if found is None:
            previous(kind, value, traceback)
        else:
            sys.stderr.write(f"{found}\n")

    if not getattr(previous, "shows_config_errors", False):
        show.shows_config_errors = True  # type: ignore[attr-defined]
        sys.excepthook = show
    return _improperly_configured(error)


def _under_management() -> bool:
    """Tell whether Django's command line is running, by its class on the stack: dbroute imports no Django here."""
    module = sys.modules.get("django.core.management")
    utility = getattr(module, "ManagementUtility", None)
    frame = sys._getframe() if utility is not None else None
    while frame is not None:
        if frame.f_code.co_name == "execute" and isinstance(frame.f_locals.get("self"), utility):  # type: ignore[arg-type]
            return True
        frame = frame.f_back
    return False


def _config_error(value: BaseException) -> ConfigError | None:
    """Return the configuration error that an exception is, or was raised from."""
    found: BaseException | None = value
    while found is not None and not isinstance(found, ConfigError):
        found = found.__cause__
    return found


def _improperly_configured(error: ConfigError) -> ConfigError:
    module = sys.modules.get("django.core.exceptions")
    if module is None:
        return error
    kind = type("ConfigError", (ConfigError, module.ImproperlyConfigured), {"__module__": ConfigError.__module__})
    found = kind(error.problems)
    return found if isinstance(found, ConfigError) else error
