"""``createsuperuser``: without ``--database`` on the home of the user model."""

from django.apps import apps

from ..data import NeedsAuth, OnHomeOfUsers

if apps.is_installed("django.contrib.auth"):
    from django.contrib.auth.management.commands.createsuperuser import Command as DjangoCommand
else:
    DjangoCommand = NeedsAuth  # type: ignore[misc, assignment]


class Command(OnHomeOfUsers, DjangoCommand):
    """Django's ``createsuperuser``, on the home of the user model."""
