"""The router that Django asks."""

from collections.abc import Callable
from typing import Any

from .rules import Rule
from .table import Homes, Model, RouteTable


def project_table() -> RouteTable:
    """Return the table of this process's Django settings; the one place in this room that knows of Django."""
    from dbroute.django.routes import project_table as from_settings

    return from_settings()


# What every router without a table of its own reads, so that one clear() reaches the routers that already exist.
_project_homes = Homes(project_table)


def forget_project() -> None:
    """Let the routers ask for the project's table again; called when settings were changed."""
    _project_homes.clear()


def rule_for(model: Model) -> Rule | None:
    """Return the rule that decides where the model lives; ``None`` where none does, and its home is ``default``."""
    return project_table().rule_for(model)


def _follow(homes: Homes, table: Callable[[], RouteTable]) -> Callable[..., str | None]:
    """Build the look-up that answers db_for_read and db_for_write; every query of the project passes through it."""

    def home_of(model: Model, instance: Any = None, **hints: Any) -> str | None:
        home = homes[model]
        if instance is None:
            return home
        alias = instance._state.db
        # Nearly always the very string that was answered for the instance, so identity settles it; what is merely equal
        # ends below. A lazy object (request.user) has the class of what it wraps as __class__ only.
        if alias is home or alias is None or homes[instance.__class__] != home:
            return home
        # Same home, other database: one of its replicas, or using() took the instance there and Django follows it.
        return home if home is not None and table().primary(alias) == home else None

    return home_of


class DatabaseRouter:
    """
    Sends every model to its home, and lets its tables be created only there.

    Args:
        table: The table to follow; without one the project's, read from Django's settings on first use.
    """

    def __init__(self, table: RouteTable | None = None) -> None:
        self._table = table
        self._homes = _project_homes if table is None else table.homes
        self._home_of = _follow(self._homes, lambda: self.table)
        # A function on the instance costs half of what a method does. A subclass's own method has to stay in sight.
        for name in ("db_for_read", "db_for_write"):
            if getattr(type(self), name) is getattr(DatabaseRouter, name):
                setattr(self, name, self._home_of)

    @property
    def table(self) -> RouteTable:
        """The table that is followed."""
        return project_table() if self._table is None else self._table

    def db_for_read(self, model: Model, **hints: Any) -> str | None:
        """
        Return the model's home; or ``None``, so that Django follows the instance to where ``using()`` took it.

        Inside :func:`~dbroute.routing.scope.migrating_on` a model is at home on the database that is being migrated, if
        its tables are there too.

        The home is named even where it is ``default``: with ``None`` Django would follow an instance of another home.
        """
        return self._home_of(model, **hints)

    def db_for_write(self, model: Model, **hints: Any) -> str | None:
        """Return what :meth:`db_for_read` does: an instance that was read from a replica is written to its home."""
        return self._home_of(model, **hints)

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool | None:
        """Return ``True`` where the homes differ, or the databases are the same up to replicas; else no opinion."""
        table = self.table
        if not table.has_opinion:
            return None
        if self._homes[obj1.__class__] != self._homes[obj2.__class__]:
            return True
        return True if table.primary(obj1._state.db) == table.primary(obj2._state.db) else None

    def allow_migrate(self, db: str, app_label: str, model_name: str | None = None, **hints: Any) -> bool | None:
        """
        Return ``True`` exactly on the home, ``False`` everywhere else; ``None`` where the table has no opinion.

        Hints:
            model: Asked in place of the name: it knows what a proxy or a many-to-many table follows.
            target_db: Where an operation without a model runs (RunPython, RunSQL), if not on the app's home.
        """
        table = self.table
        if not table.has_opinion:
            return None
        if not table.takes_migrations(db):
            return False
        model: Any = hints.get("model")
        if hasattr(model, "_meta"):
            home = table.home(model)  # whatever is being migrated: the question names its database
        elif model_name:
            home = table.home_of_label(app_label, model_name)
        else:
            target = hints.get("target_db")
            if target is not None:
                return target in (db, table.modelled_on(db))
            home = table.home_of_app(app_label)
        return table.modelled_on(db) == home


AppDatabaseRouter = DatabaseRouter
