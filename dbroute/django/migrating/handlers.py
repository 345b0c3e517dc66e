"""
Django's handlers of ``post_migrate``, spared where what they do is known.

For every app and every database they ask which content types and permissions exist. Two queries tell it for all apps.
If nothing is missing, they have nothing to do. If a database has what the first one had before them, it is given the
rows that they gave to the first one, app by app. As soon as somebody else writes to these tables, they are asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast
from weakref import ReferenceType

import attrs
from django.apps import apps as installed
from django.db import connections, router
from django.db.migrations.state import StateApps
from django.db.models.signals import post_migrate

APPS = ("django.contrib.contenttypes", "django.contrib.auth")
# How statements begin that change nothing that a handler asks for, and how those begin that change rows.
HARMLESS = ("SELECT ", "SAVEPOINT ", "RELEASE ", "BEGIN")
ROWS = ("INSERT ", "UPDATE ", "DELETE ")
# The content types by their key, and key and codename of the permissions.
Contents = tuple[dict[Any, tuple[str, ...]], frozenset[Any]]


@attrs.define(eq=False)
class Inventory:
    """
    What Django's handlers make in a database that has every table of a registry.

    Attributes:
        content_type: The class of content types; ``None`` if there is nothing to spare.
        permission: The class of permissions.
        types: App label and model name.
        permissions: App label, model name and codename.
        handlers: Django's.
        first: What the handlers did on the first database that lacked something.
    """

    content_type: Any = None
    permission: Any = None
    types: frozenset[Any] = frozenset()
    permissions: frozenset[Any] = frozenset()
    handlers: tuple[Any, ...] = ()
    first: Recipe | None = attrs.field(default=None, init=False)

    @classmethod
    def of(cls, apps: StateApps) -> Inventory:
        """Return what is made for the models of a registry."""
        if not all(map(installed.is_installed, APPS)):
            return cls()
        types, auth = (import_module(f"{name}.management") for name in APPS)
        try:
            content_type, permission = apps.get_model("contenttypes.ContentType"), apps.get_model("auth.Permission")
            all_permissions = auth._get_all_permissions  # whoever replaces it means our answer too
        except (LookupError, AttributeError):
            return cls()
        labels = {config.label for config in installed.get_app_configs() if config.models_module}
        metas = [model._meta for model in apps.get_models() if model._meta.app_label in labels]
        handlers = types.create_contenttypes, auth.create_permissions
        if any(one.__module__ != place.__name__ for one, place in zip(handlers, (types, auth), strict=True)):
            return cls()  # somebody else's in the place of Django's
        return cls(
            content_type,
            permission,
            frozenset((meta.app_label, meta.model_name) for meta in metas),
            frozenset((meta.app_label, meta.model_name, code) for meta in metas for code, _ in all_permissions(meta)),
            handlers,
        )

    @contextmanager
    def sparing(self, alias: str, *, silent: bool) -> Iterator[None]:
        """
        Let the handlers rest where that makes no difference, while ``post_migrate`` is sent for a database.

        Args:
            alias: The database.
            silent: Nobody asked what they make; otherwise they say it.
        """
        models = (self.content_type, self.permission)
        if not self.handlers or not all(router.allow_migrate_model(alias, model) for model in models):
            yield
            return
        connection, found = connections[alias], self._contents(alias)
        watch = _Watch(alias, tuple(model._meta.db_table for model in models))
        recipe = Recipe(type(connection), found)
        if self._is_complete(found):
            watch.does = _Watch.rest
        elif silent and self.first is None:
            watch.recipe, watch.does = recipe, _Watch.record
        elif silent and self.first is not None and self.first.suits(recipe):
            watch.recipe, watch.does = self.first, _Watch.play
        else:
            yield
            return
        with connection.execute_wrapper(watch.hear), _standing_in(watch, self.handlers):
            yield
        if watch.does is _Watch.record and not watch.touched:
            recipe.after = self._contents(alias)
            self.first = recipe

    def _contents(self, alias: str) -> Contents:
        types = self.content_type.objects.using(alias).values_list("pk", "app_label", "model")
        permissions = self.permission.objects.using(alias).values_list("content_type", "codename")
        return {pk: tuple(name) for pk, *name in types}, frozenset(permissions)

    def _is_complete(self, found: Contents) -> bool:
        types, permissions = found
        if not self.types.issubset(types.values()):
            return False
        return self.permissions.issubset((*types[pk], code) for pk, code in permissions if pk in types)


@attrs.define
class Recipe:
    """
    What the handlers did on a database.

    Attributes:
        kind: Of the database.
        before: What it had.
        after: What it had afterwards.
        parts: The statements by handler and app.
    """

    kind: Any
    before: Contents
    after: Contents = attrs.field(init=False)
    parts: dict[Any, list[tuple[str, Any]]] = attrs.field(factory=dict, init=False)

    def suits(self, other: Recipe) -> bool:
        """Return whether another database had the same before."""
        return bool((self.kind, self.before) == (other.kind, other.before))

    def new_types(self, label: str) -> list[Any]:
        """Return the keys of the content types that an app got."""
        return sorted(pk for pk, name in self.after[0].items() if name[0] == label and pk not in self.before[0])


@attrs.define
class _Watch:
    """
    Stands between Django's handlers and a database.

    Attributes:
        tables: Those that the handlers write.
        does: What happens in place of a handler.
        touched: Somebody else has written to these tables, or more than rows somewhere.
    """

    alias: str
    tables: tuple[str, str]
    recipe: Any = None
    does: Any = None
    touched: bool = attrs.field(default=False, init=False)
    _heard: list[tuple[str, Any]] | None = attrs.field(default=None, init=False)

    def hear(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        text = str(sql)  # psycopg's own kinds of SQL are no text
        if self._heard is None:
            elsewhere = text.startswith(ROWS) and not any(table in text for table in self.tables)
            self.touched = self.touched or not (elsewhere or text.startswith(HARMLESS))
        elif text.startswith("INSERT "):
            self._heard.append((text, params))
        return execute(sql, params, many, context)

    def rest(self, handler: Any, app_config: Any, **kwargs: Any) -> None:
        """Do nothing: what the handler makes is there."""

    def record(self, handler: Any, app_config: Any, **kwargs: Any) -> None:
        """Let the handler do its work, and write down which rows it makes."""
        self._heard = self.recipe.parts[handler, app_config.label] = []
        try:
            handler(app_config, **kwargs)
        finally:
            self._heard = None

    def play(self, handler: Any, app_config: Any, **kwargs: Any) -> None:
        """Make the rows that the handler made on another database; ask it after all if they get other keys."""
        self._heard = []
        try:
            for sql, params in self.recipe.parts.get((handler, app_config.label), ()):
                with connections[self.alias].cursor() as cursor:
                    cursor.execute(sql, params)
                    made = [row[0] for row in cursor.fetchall()] if cursor.description else []
                if self.tables[0] in sql and sorted(made) != self.recipe.new_types(app_config.label):
                    self.touched = True
                    handler(app_config, **kwargs)
                    return
        finally:
            self._heard = None


@attrs.frozen
class _StandIn:
    """Is asked in place of a handler, and asks it for every other database, or if somebody has written."""

    handler: Any
    watch: _Watch
    entry: Any

    def __call__(self, app_config: Any, **kwargs: Any) -> None:
        if self.watch.touched or kwargs.get("using") != self.watch.alias:
            self.handler(app_config, **kwargs)
        else:
            self.watch.does(self.watch, self.handler, app_config, **kwargs)


@contextmanager
def _standing_in(watch: _Watch, handlers: tuple[Any, ...]) -> Iterator[None]:
    """Put stand-ins into the places of handlers: those that come before and after them still do."""
    signal = cast(Any, post_migrate)

    def replace(entry: Any) -> Any:
        key, receiver, *rest = entry
        handler = receiver() if isinstance(receiver, ReferenceType) else receiver
        # By identity, as somebody may have connected a function of their own in Django's name.
        return (key, _StandIn(handler, watch, entry), *rest) if any(handler is one for one in handlers) else entry

    def restore(entry: Any) -> Any:
        receiver = entry[1]
        return receiver.entry if isinstance(receiver, _StandIn) and receiver.watch is watch else entry

    def exchange(change: Any) -> None:
        with signal.lock:
            signal.receivers[:] = map(change, signal.receivers)

    exchange(replace)
    try:
        yield
    finally:
        exchange(restore)
