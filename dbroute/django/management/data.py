"""What the data commands share: without ``--database`` they follow the rules, with it they are Django's."""

from abc import abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from dbroute.django.routes import follows_rules


class AnyAlias(str):
    """
    Stands where Django's commands want one alias, and means the home of each model.

    It is empty, so that ``using()`` and ``save(using=…)`` fall back to the routers; and it equals every alias, so that
    ``allow_migrate`` says of every model that this is the place.
    """

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    def __ne__(self, other: object) -> bool:
        return not isinstance(other, str)


class FollowsRules(BaseCommand):
    """
    Turns a command that works on one database into one that follows the rules.

    A subclass says in ``handle_by_rules`` what to do without ``--database``. Where nothing is routed, that is
    ``default``, as ever.
    """

    def add_arguments(self, parser: CommandParser) -> None:
        """Take ``--database`` as not given unless it is."""
        super().add_arguments(parser)
        for action in parser._actions:
            if action.dest == "database":
                action.default = None
                action.help = "Works on this database only. Without it every model is looked for where its rule says."

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Choose between Django's way and ours."""
        if options["database"] is not None:
            return super().handle(*args, **options)
        if not follows_rules():
            return super().handle(*args, **{**options, "database": DEFAULT_DB_ALIAS})
        return self.handle_by_rules(*args, **options)

    @abstractmethod
    def handle_by_rules(self, *args: Any, **options: Any) -> str | None:
        """Do the work on every database that the rules name for it."""


class OnHomeOfUsers(FollowsRules):
    """A command for users, who live where the user model's home is."""

    def handle_by_rules(self, *args: Any, **options: Any) -> str | None:
        """Work on that database."""
        from django.contrib.auth import get_user_model
        from django.db import router

        return super().handle(*args, **{**options, "database": router.db_for_write(get_user_model())})


class NeedsAuth(BaseCommand):
    """Stands in for the commands of ``django.contrib.auth`` where that is not installed."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Accept the one option that is looked at."""
        parser.add_argument("--database")

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Say so."""
        raise CommandError("This command needs 'django.contrib.auth' in INSTALLED_APPS.")
