"""
Django's handlers of ``post_migrate``, spared where everything that they would make is there.

For every app and every database they ask which content types and permissions exist. Two queries tell it for all apps;
as long as nobody writes to this database meanwhile, its handlers have nothing to do.
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


@attrs.frozen
class Inventory:
    """
    What Django's handlers make in a database that has every table of a registry.

    Attributes:
        content_type: The class of content types; ``None`` if there is nothing to spare.
        permission: The class of permissions.
        types: App label and model name.
        permissions: App label, model name and codename.
        handlers: Django's.
    """

    content_type: Any = None
    permission: Any = None
    types: frozenset[Any] = frozenset()
    permissions: frozenset[Any] = frozenset()
    handlers: tuple[Any, ...] = ()

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
    def sparing(self, alias: str) -> Iterator[None]:
        """Let the handlers rest while ``post_migrate`` is sent for a database that has everything."""
        if not self._is_complete(alias):
            yield
            return
        watch = _Watch(alias)
        with connections[alias].execute_wrapper(watch.hear), _standing_in(watch, self.handlers):
            yield

    def _is_complete(self, alias: str) -> bool:
        models = (self.content_type, self.permission)
        if not self.handlers or not all(router.allow_migrate_model(alias, model) for model in models):
            return False
        found = self.content_type.objects.using(alias).values_list("app_label", "model")
        if not self.types.issubset(found):
            return False
        names = ("content_type__app_label", "content_type__model", "codename")
        return self.permissions.issubset(self.permission.objects.using(alias).values_list(*names))


@attrs.define
class _Watch:
    """Notices when somebody does more on a database than read."""

    alias: str
    touched: bool = False

    def hear(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        # psycopg's own kinds of SQL are no text.
        self.touched = self.touched or not str(sql).startswith(("SELECT ", "SAVEPOINT ", "RELEASE ", "BEGIN"))
        return execute(sql, params, many, context)


@attrs.frozen
class _StandIn:
    """Is asked in place of a handler, and asks it for every other database, or if somebody has written."""

    handler: Any
    watch: _Watch
    entry: Any

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        if self.watch.touched or kwargs.get("using") != self.watch.alias:
            self.handler(*args, **kwargs)


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
