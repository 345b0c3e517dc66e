"""System checks: databases that nothing leads to, apps on the wrong one, and options that hurt there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.db import router
from django.db.models import Model

from dbroute.config.problems import nearly
from dbroute.routing.databases import HAND_WRITTEN
from dbroute.routing.routers import DatabaseRouter
from dbroute.routing.rules import Rule
from dbroute.routing.table import DEFAULT

from .routes import follows_rules, project_table

Found = list[checks.CheckMessage]

_ROUTER = "dbroute.routing.DatabaseRouter"

# Where Constance keeps its values: by the names that its app has had.
_CONSTANCE = (("constance", "Constance"), ("database", "Constance"))


def check_unreached(**kwargs: Any) -> Found:
    """Find databases that take migrations and that no rule leads to: they are never migrated."""
    table = project_table()
    if not follows_rules() or not table.rules or len(router.routers) > 1:
        return []  # another router may lead there
    reached = {DEFAULT, *(rule.alias for rule in table.rules)}
    return [
        checks.Warning(
            f"No rule leads to '{alias}' ({database.source}).",
            hint=_remedy(alias, reached),
            id="dbroute.W013",
        )
        for alias, database in table.databases.items()
        if alias not in reached
        and database.migrates_like is None
        and (database.is_plain or _meant(alias, reached))
        and not (settings.DATABASES[alias].get("TEST") or {}).get("MIRROR")
    ]


def _meant(alias: str, reached: Collection[str]) -> str | None:
    """Return the database with rules whose name an alias without any is probably a slip of; ``_db`` says nothing."""
    bare = {other.removesuffix("_db"): other for other in reached}
    near = nearly(alias.removesuffix("_db"), bare)
    # shop_1 beside shop_2 is none.
    return bare[near] if near and not re.search(r"\d", alias) else None


def _remedy(alias: str, reached: Collection[str]) -> str:
    if meant := _meant(alias, reached):
        return f"Did you mean '{meant}'?"
    return (
        f"Write a rule that leads to '{alias}', or remove that database; if it is for using() alone, say so there with "
        "'migrate: false', or with 'migrates_like'."
    )


def check_homes(**kwargs: Any) -> Found:
    """Find apps that cannot work where they are."""
    if not follows_rules():
        return []
    return [*_permissions(), *_stores()]


def check_routers(**kwargs: Any) -> Found:
    """Find routers that are asked before ours and answer otherwise than a rule."""
    if not follows_rules():
        return []
    table = project_table()
    found: dict[tuple[str, Rule], tuple[str, str]] = {}
    for other in _before_ours():
        name = f"{type(other).__module__}.{type(other).__qualname__}"
        for model in apps.get_models():
            rule = table.rule_for(model)
            if rule is not None and (answer := _answer(other, model)) not in (None, rule.alias):
                found.setdefault((name, rule), (model._meta.label, str(answer)))
    return [
        checks.Warning(
            f"The router '{name}' is asked before dbroute's and sends {label} to '{answer}', where the rule "
            f"'{rule.key}' ({rule.source}) says '{rule.alias}'.",
            hint=f"Put '{_ROUTER}' before it in DATABASE_ROUTERS.",
            id="dbroute.W014",
        )
        for (name, rule), (label, answer) in found.items()
    ]


def check_options(**kwargs: Any) -> Found:
    """Find options of a database that Django accepts and that fail, or cost, at the first request."""
    found: Found = []
    for alias, entry in settings.DATABASES.items():
        database = project_table().databases[alias]
        written = database.source == HAND_WRITTEN
        if database.replica_of is not None and entry.get("ATOMIC_REQUESTS"):
            found.append(
                checks.Warning(
                    f"Every request opens a transaction on '{alias}' ({database.source}), a replica of "
                    f"'{database.replica_of}', whether it reads there or not.",
                    hint=f"Set ATOMIC_REQUESTS to False in DATABASES['{alias}']."
                    if written
                    else "Write 'atomic_requests: false' at that replica.",
                    id="dbroute.W015",
                )
            )
        if (entry.get("OPTIONS") or {}).get("pool") and entry.get("CONN_MAX_AGE", 0) != 0:
            found.append(
                checks.Error(
                    f"'{alias}' ({database.source}) has a pool and CONN_MAX_AGE; Django cannot do both.",
                    hint=f"Remove CONN_MAX_AGE from DATABASES['{alias}'], or 'pool' from its OPTIONS.",
                    id="dbroute.E018",
                )
            )
    return found


CHECKS: tuple[Callable[..., Found], ...] = (check_unreached, check_homes, check_routers, check_options)


def _permissions() -> Iterator[checks.CheckMessage]:
    """Each permission points at a content type, and Django makes both on one database."""
    if not (apps.is_installed("django.contrib.auth") and apps.is_installed("django.contrib.contenttypes")):
        return
    table = project_table()
    home = table.home(apps.get_model("auth", "Permission"))
    types = table.home(apps.get_model("contenttypes", "ContentType"))
    if home != types:
        yield checks.Error(
            f"Permissions are on '{home}' and content types on '{types}', but Django makes both on one database after "
            "migrating.",
            hint=f"Let both live on one: write the rule 'contenttypes': '{home}'.",
            id="dbroute.E016",
        )


def _stores() -> Iterator[checks.CheckMessage]:
    """Sessions and Constance write whenever somebody logs in or changes a value."""
    table = project_table()
    stores: list[tuple[str, str, tuple[tuple[str, str], ...]]] = []
    if str(settings.SESSION_ENGINE).endswith((".backends.db", ".backends.cached_db")):
        stores.append(("Sessions", "SESSION_ENGINE", (("sessions", "Session"),)))
    if str(getattr(settings, "CONSTANCE_BACKEND", "")).startswith("constance.backends.database"):
        stores.append(("Constance's values", "CONSTANCE_BACKEND", _CONSTANCE))
    for what, setting, names in stores:
        model = next((found for name in names if (found := _model(*name)) is not None), None)
        if model is None:
            continue
        home = table.home(model)
        database = table.databases.get(home)
        if database is None or not database.refuses_writes:
            continue
        writable = next((alias for alias, one in table.databases.items() if not one.refuses_writes), DEFAULT)
        yield checks.Error(
            f"{what} are kept on '{home}' ({database.source}), which is read-only.",
            hint=f"Write the rule '{model._meta.app_label}': '{writable}', or another {setting}.",
            id="dbroute.E017",
        )


def _model(label: str, name: str) -> type[Model] | None:
    return apps.all_models.get(label, {}).get(name.lower())


def _before_ours() -> Iterator[Any]:
    for one in router.routers:
        if isinstance(one, DatabaseRouter):
            return
        yield one


def _answer(other: Any, model: type[Model]) -> str | None:
    """Return where a router sends what is read or written of a model, without any hint; ``None`` for no opinion."""
    for name in ("db_for_write", "db_for_read"):
        method = getattr(other, name, None)
        if method is None:
            continue
        try:
            answer = method(model)
        except Exception:  # noqa: BLE001 - the project's code, which may need hints or a request
            answer = None
        if answer is not None:
            return str(answer)
    return None
