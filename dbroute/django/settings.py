"""Writes the tree into Django settings; nothing else does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import attrs
from django.conf import global_settings
from django.core.exceptions import ImproperlyConfigured

from ..config import Config, SettingsView, load
from ..config.declared import ROUTER_NAMES
from ..config.terminal import management_utility
from ..exceptions import ConfigError
from ..models import ConnectionConfig, DatabaseConfig, DatabaseTestConfig, DjangoConfig, PoolConfig, reveal
from .engines import check_engines

APP = "dbroute.django"
ROUTER = "dbroute.routing.DatabaseRouter"

_DEFAULTS = {name: value for name, value in vars(global_settings).items() if name.isupper()}


@attrs.frozen
class Origin:
    """
    What settings were filled from; tests read it again.

    Attributes:
        view: The settings module as it was before.
        declared: The DjangoConfig that lay above it.
        config: The tree.
        mark: The DBROUTE setting that was written.
    """

    view: SettingsView
    declared: DjangoConfig | None
    config: Config
    mark: Mapping[str, Any]


_origins: list[Origin] = []


def origin(mark: Mapping[str, Any]) -> Origin | None:
    """Return what the settings that carry this mark were filled from; ``None`` where it was not in this process."""
    return next((found for found in reversed(_origins) if found.mark == mark), None)


def defaults() -> Mapping[str, Any]:
    """Return name to value of Django's own defaults."""
    return _DEFAULTS


def configure(module: str | None, declared: DjangoConfig | None = None) -> dict[str, Any]:
    """Do what :func:`dbroute.configure` says."""
    namespace: MutableMapping[str, Any] = vars(sys.modules[module]) if module is not None else {}
    return fill(namespace, declared)


def fill(namespace: MutableMapping[str, Any], declared: DjangoConfig | None = None) -> dict[str, Any]:
    """
    Load the configuration above what a settings module has, and write the result into it.

    Args:
        namespace: The names of the settings module; changed in place.
        declared: A DjangoConfig that lies above the module's own values and below the files.

    Returns:
        What was written, name to value.

    Raises:
        ImproperlyConfigured: Something in the configuration is wrong.
        ConfigError: The same, under manage.py and django-admin.
    """
    before = {name: value for name, value in namespace.items() if name.isupper()}
    view = SettingsView(str(namespace.get("__name__", "settings")), before, _DEFAULTS)
    try:
        config = load(declared=declared, settings=view)
        check_engines(config)
    except ConfigError as error:
        if management_utility() is not None:
            raise  # in the form that prints its lines and no traceback
        raise ImproperlyConfigured(str(error)) from error
    settings = written(config, before)
    _origins.append(Origin(view, declared, config, settings["DBROUTE"]))
    namespace.update(settings)
    _tell_dynaconf(namespace, settings)
    return settings


def all_settings(declared: DjangoConfig) -> dict[str, Any]:
    """Return what ``fill`` would write into an empty settings module; INSTALLED_APPS only where it is configured."""
    view = SettingsView("settings", {}, _DEFAULTS)
    config = load(declared=declared, settings=view)
    settings = settings_of(config)
    _origins.append(Origin(view, declared, config, settings["DBROUTE"]))
    return settings


def written(config: Config, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``fill`` writes: the settings that the tree means, and INSTALLED_APPS with ours among them."""
    return {**settings_of(config, before), "INSTALLED_APPS": _installed_apps(config, before)}


def settings_of(config: Config, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """
    Return the Django settings that a tree means: plain dicts, lists and strings.

    Args:
        config: The tree.
        before: What the settings module has already.
    """
    before = before or {}
    databases = {alias: reveal(_database(config, alias, database)) for alias, database in config.databases.items()}
    for alias, (primary, replica) in config.replicas.items():
        note = {"source": config.source("databases", primary, "replicas"), "replica_of": primary}
        databases[alias] = {
            **reveal(_connection(replica)),
            "TEST": {"MIRROR": primary},
            "DBROUTE": {**note, "weight": replica.weight},
        }
    rules = reveal(dict(config.routing))
    return {
        **reveal(dict(config.django)),
        "DATABASES": databases,
        "DATABASE_ROUTERS": _routers(config, before),
        "DATABASE_ROUTING_RULES": rules,
        "DBROUTE": {
            "environment": config.environment,
            "folder": str(config.folder),
            "files": list(config.files),
            "databases": list(databases),
            "rules": {rule: config.rule_source(rule) for rule in rules},
            **config.relations,
        },
    }


def _database(config: Config, alias: str, database: DatabaseConfig) -> dict[str, Any]:
    """Return the entry of DATABASES for one database."""
    note: dict[str, Any] = {"source": config.source("databases", alias)}
    if database.readonly:
        note["readonly"] = True
    if not database.migrate:
        note["migrate"] = False
    if database.migrates_like is not None:
        note["migrates_like"] = database.migrates_like
    if alias in config.migrate_connections:
        note["migrate_url"] = _connection(config.migrate_connections[alias])
    entry = _connection(database)
    extra = dict(config.extra.get(alias, {}))
    test = {**extra.pop("TEST", {}), **_test(database.test)}
    return {**entry, **({"TEST": test} if test else {}), **extra, "DBROUTE": note}


def _connection(connection: ConnectionConfig) -> dict[str, Any]:
    """Return the keys of a DATABASES entry that say how to connect."""
    options = dict(connection.options)
    if connection.pool:
        options["pool"] = _pool(connection.pool)
    entry: dict[str, Any] = {
        "ENGINE": connection.engine,
        **{key.upper(): getattr(connection, key) or "" for key in ("name", "user", "password", "host", "port")},
        "CONN_MAX_AGE": connection.conn_max_age,
        "CONN_HEALTH_CHECKS": connection.conn_health_checks,
        "OPTIONS": options,
    }
    for key in ("atomic_requests", "autocommit", "time_zone", "disable_server_side_cursors"):
        if getattr(connection, key) != attrs.fields_dict(ConnectionConfig)[key].default:
            entry[key.upper()] = getattr(connection, key)
    return entry


def _pool(pool: Any) -> Any:
    if isinstance(pool, PoolConfig):
        return {key: value for key, value in attrs.asdict(pool).items() if value is not None} or True
    return pool


def _test(test: Any) -> dict[str, Any]:
    """Return the keys of TEST that differ from Django's defaults."""
    if not isinstance(test, DatabaseTestConfig):
        return {}
    fields = {field.name: (getattr(test, field.name), field.default) for field in attrs.fields(DatabaseTestConfig)}
    return {name.upper(): value for name, (value, default) in fields.items() if value != default}


def _routers(config: Config, before: Mapping[str, Any]) -> list[Any]:
    """Return the routers, with ours at the end where it is not among them."""
    routers: list[Any] = []
    for router in (*(before.get("DATABASE_ROUTERS") or ()), *config.routers):
        if router not in routers:
            routers.append(router)
    known = any(isinstance(router, str) and router in ROUTER_NAMES for router in routers)
    return routers if known else [*routers, ROUTER]


def _installed_apps(config: Config, before: Mapping[str, Any]) -> list[Any]:
    """Return the apps with ours among them: before auth, whose createsuperuser would otherwise hide ours."""
    apps = list(config.django.get("INSTALLED_APPS", before.get("INSTALLED_APPS") or ()))
    if any(str(app) in {APP, f"{APP}.apps.DbrouteConfig"} for app in apps):
        return apps
    auth = [number for number, app in enumerate(apps) if str(app).startswith("django.contrib.auth")]
    apps.insert(auth[0] if auth else len(apps), APP)
    return apps


def _tell_dynaconf(namespace: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """
    Write the settings into the object that ``dynaconf.DjangoDynaconf(__name__)`` has put into the module.

    Where that line stands above ours, Django reads the settings from its object and never looks into the module again.
    """
    other = namespace.get("DYNACONF")
    if type(other).__module__.partition(".")[0] == "dynaconf":
        for name, value in settings.items():
            other.set(name, value, merge=False)  # type: ignore[union-attr]
