"""What lies behind the settings of this process, for the subcommands that look at it."""

from django.core.management.base import CommandError

from dbroute.django.routes import mark
from dbroute.django.settings import Origin, origin


def settings_origin() -> Origin:
    """
    Return what the settings were filled from.

    Raises:
        CommandError: They are written by hand, so that no configuration lies behind them.
    """
    found = origin(mark())
    if found is None:
        raise CommandError(
            "These settings were not filled by dbroute, so there is nothing to look at. "
            "The script `dbroute` reads the files without Django."
        )
    return found
