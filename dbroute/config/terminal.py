"""
Shows a configuration error to the person at the terminal as its lines, without a traceback; a warning likewise.

No kind of exception that Django catches does that for every command: most read the settings outside of any ``try``,
and ``shell`` goes on without them. So the kind is decided where the error is raised, by what runs further up.
"""

from __future__ import annotations

import sys
import warnings
from types import TracebackType
from typing import Any

from ..exceptions import ConfigError, ConfigWarning, printable
from .excerpt import report

_ANSWERS_ANYWAY = {"help", "version", "--help", "-h", "--version"}


def for_terminal(error: ConfigError) -> ConfigError:
    """
    Return the error to raise; under manage.py and django-admin, arrange for it to be printed as its lines.

    Django's command line lets any exception but ImproperlyConfigured end the process at once, which is right for every
    command except those that ask for help.
    """
    utility = management_utility()
    if utility is None:
        return error
    _print_config_errors()
    if len(utility.argv) > 1 and utility.argv[1] not in _ANSWERS_ANYWAY:
        return error
    improperly_configured = sys.modules["django.core.exceptions"].ImproperlyConfigured
    kind: Any = type("ConfigError", (ConfigError, improperly_configured), {"__module__": ConfigError.__module__})
    return kind(error.problems)  # type: ignore[no-any-return]


def warn(message: str, stacklevel: int) -> None:
    """Warn of what has no effect; under manage.py and django-admin in one plain line, and once."""
    if management_utility() is not None:
        print_config_warnings()
        _print_config_errors()
    warnings.warn(message, ConfigWarning, stacklevel=stacklevel + 1)


def print_config_warnings() -> None:
    """Put a hook before Python's that prints configuration warnings as lines, each once; it passes others on."""
    previous = warnings.showwarning
    if getattr(previous, "prints_config_warnings", False):
        return
    told: set[str] = set()

    def hook(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, ConfigWarning):
            previous(message, category, *where, **more)
        elif str(message) not in told:
            told.add(str(message))
            sys.stderr.write(f"{printable(str(message))}\n")

    hook.prints_config_warnings = True  # type: ignore[attr-defined]
    warnings.showwarning = hook


def management_utility() -> Any:
    """Return Django's command line where it is running, found on the stack: nothing here imports Django."""
    module = sys.modules.get("django.core.management")
    kind: Any = getattr(module, "ManagementUtility", None)
    frame = sys._getframe() if kind is not None else None
    while frame is not None:
        running = frame.f_locals.get("self") if frame.f_code.co_name == "execute" else None
        if running is not None and isinstance(running, kind):
            return running
        frame = frame.f_back
    return None


def _print_config_errors() -> None:
    """Put a hook before Python's that prints configuration errors; any other exception goes to the hook before."""
    previous = sys.excepthook
    if getattr(previous, "prints_config_errors", False):
        return

    def hook(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
        if isinstance(value, ConfigError):
            sys.stderr.write(f"{report(value, excerpts=sys.stderr.isatty())}\n")
        elif isinstance(value, ConfigWarning):  # python -W error
            sys.stderr.write(f"{printable(str(value))}\n")
        else:
            previous(kind, value, traceback)

    hook.prints_config_errors = True  # type: ignore[attr-defined]
    sys.excepthook = hook
