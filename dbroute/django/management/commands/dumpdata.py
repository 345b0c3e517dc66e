"""``dumpdata``: without ``--database`` one document from every home that the selected models have."""

from typing import Any

from django.core.management.commands.dumpdata import Command as DjangoCommand

from ..data import AnyAlias, FollowsRules


class Command(FollowsRules, DjangoCommand):
    """Django's ``dumpdata``, reading each model from its home."""

    def handle_by_rules(self, *args: Any, **options: Any) -> str | None:
        """Let Django collect the objects in its own order, asking the routers for each model."""
        return super().handle(*args, **{**options, "database": AnyAlias()})
