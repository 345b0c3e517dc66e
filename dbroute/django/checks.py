"""System checks: what is wrong with the routing, once Django knows its apps and databases."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks

import dbroute.django
from dbroute.routing.databases import KEYS
from dbroute.routing.rules import Rule
from dbroute.routing.table import DEFAULT, owner_of

from .routes import has_router, mark, project_table

LINE = "import dbroute.django  # noqa: E402, F401  # isort: skip"
ROUTER = "dbroute.routing.DatabaseRouter"

_MOVE = f"Move the line `{LINE}` to the very end of the settings module; an import sorter may have moved it up."


def settings_problem() -> str | None:
    """
    Say in a sentence, with its remedy, that nothing in the settings routes anything; ``None`` if something does.

    Settings that the patch has filled carry its mark, settings written by hand name the router.
    """
    if mark() or has_router():
        return None
    problem, remedy = _unpatched()
    return f"{problem} {remedy}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ``Did you mean '…'?`` for the nearest of the known words; empty where none is near."""
    lowered = {name.lower(): name for name in known}
    near = get_close_matches(word.lower(), lowered, n=1)
    return f"Did you mean '{lowered[near[0]]}'?" if near else ""


def check_settings(**kwargs: Any) -> list[checks.CheckMessage]:
    """Find out whether the patch has run, and whether something later in the settings module undid it."""
    if not mark():
        if has_router():
            return []
        problem, remedy = _unpatched()
        return [checks.Error(problem, hint=remedy, id="dbroute.E001")]
    found: list[checks.CheckMessage] = []
    lost = [alias for alias in mark().get("databases", ()) if "DBROUTE" not in settings.DATABASES.get(alias, {})]
    if lost:
        names = ", ".join(repr(alias) for alias in lost)
        found.append(
            checks.Error(
                f"DATABASES was overwritten after dbroute had filled it; lost: {names}.", hint=_MOVE, id="dbroute.E002"
            )
        )
    if not has_router():
        found.append(
            checks.Error(
                f"DATABASE_ROUTERS was overwritten after dbroute had filled it; lost: '{ROUTER}'.",
                hint=_MOVE,
                id="dbroute.E003",
            )
        )
    return found


def check_rules(**kwargs: Any) -> list[checks.CheckMessage]:
    """Find rules that lead nowhere, and rules for what is not installed."""
    table = project_table()
    found: list[checks.CheckMessage] = []
    for rule in table.rules:
        found.extend(_alias_faults(rule))
        if not rule.is_glob:
            found.extend(_model_faults(rule) if "." in rule.key else _app_faults(rule))
    return found


def check_databases(**kwargs: Any) -> list[checks.CheckMessage]:
    """Find faults in the ``DBROUTE`` part of hand-written DATABASES, which no configuration file has validated."""
    found: list[checks.CheckMessage] = []
    for alias, entry in settings.DATABASES.items():
        own = entry.get("DBROUTE") or {}
        if not isinstance(own, Mapping):
            message = f"DATABASES['{alias}']['DBROUTE'] has to be a dict, not {type(own).__name__}."
            found.append(checks.Error(message, hint="Write for example {'readonly': True}.", id="dbroute.E006"))
            continue
        for key in own:
            if key not in KEYS:
                hint = suggestion(str(key), KEYS) or f"Known are {_listed(sorted(KEYS))}."
                message = f"DATABASES['{alias}']['DBROUTE'] has the unknown key '{key}'."
                found.append(checks.Error(message, hint=hint, id="dbroute.E006"))
        for key in ("replica_of", "migrates_like"):
            other = own.get(key)
            if other is not None and other not in settings.DATABASES:
                message = f"DATABASES['{alias}']['DBROUTE']['{key}'] names '{other}', which DATABASES does not have."
                found.append(checks.Error(message, hint=_alias_hint(str(other)), id="dbroute.E007"))
    return found


def check_order(**kwargs: Any) -> list[checks.CheckMessage]:
    """Find out whether ``createsuperuser`` is Django's although users live elsewhere than Django looks for them."""
    if not has_router() or not apps.is_installed("django.contrib.auth"):
        return []
    names = [config.name for config in apps.get_app_configs()]
    if names.index("dbroute.django") < names.index("django.contrib.auth"):
        return []
    try:
        home = project_table().home(apps.get_model(settings.AUTH_USER_MODEL, require_ready=False))
    except (LookupError, ValueError):
        return []  # auth's own check tells this better
    if home == DEFAULT:
        return []
    return [
        checks.Warning(
            f"createsuperuser and changepassword use the database 'default', but '{settings.AUTH_USER_MODEL}' lives on "
            f"'{home}'.",
            hint="Put 'dbroute.django' before 'django.contrib.auth' in INSTALLED_APPS.",
            id="dbroute.W004",
        )
    ]


CHECKS = (check_settings, check_rules, check_databases, check_order)


def _unpatched() -> tuple[str, str]:
    importer = dbroute.django.FIRST_IMPORTER
    if importer:
        return (
            f"Nothing is routed: dbroute.django was first imported by {importer}, outside of the settings module, so "
            "that the line there found it loaded and did nothing.",
            f"Remove that import, and keep `{LINE}` at the end of the settings module.",
        )
    return (
        "Nothing is routed: dbroute.django is installed, but the settings carry neither its mark nor its router.",
        f"Put `{LINE}` at the end of the settings module, or '{ROUTER}' into DATABASE_ROUTERS.",
    )


def _alias_faults(rule: Rule) -> Iterator[checks.CheckMessage]:
    database = project_table().databases.get(rule.alias)
    if database is None:
        yield checks.Error(
            f"The rule '{rule.key}' ({rule.source}) leads to '{rule.alias}', which DATABASES does not have.",
            hint=_alias_hint(rule.alias),
            id="dbroute.E004",
        )
    elif database.replica_of is not None:
        yield checks.Error(
            f"The rule '{rule.key}' ({rule.source}) leads to '{rule.alias}', a replica of '{database.replica_of}'.",
            hint=f"Let it lead to '{database.replica_of}'; nothing can be written to a replica.",
            id="dbroute.E005",
        )


def _app_faults(rule: Rule) -> Iterator[checks.CheckMessage]:
    if rule.key in apps.app_configs:
        return
    yield checks.Warning(
        f"The rule '{rule.key}' ({rule.source}) names no installed app.",
        hint=_key_hint(rule.key),
        id="dbroute.W001",
    )


def _model_faults(rule: Rule) -> Iterator[checks.CheckMessage]:
    model = next((one for one in apps.get_models(include_auto_created=True) if rule.matches(*_names(one))), None)
    if model is None:
        installed = rule.key.partition(".")[0].lower() in {label.lower() for label in apps.app_configs}
        yield checks.Warning(
            f"The rule '{rule.key}' ({rule.source}) names no installed model.",
            hint=_key_hint(rule.key),
            id="dbroute.W002" if installed else "dbroute.W001",
        )
    elif (owner := owner_of(model)) is not model:
        kind = "a proxy" if model._meta.proxy else "a many-to-many table"
        yield checks.Warning(
            f"The rule '{rule.key}' ({rule.source}) has no effect: {kind} lives where '{owner._meta.label}' does.",
            hint=f"Remove it, or write the rule for '{owner._meta.label}'.",
            id="dbroute.W003",
        )


def _names(model: type[Any]) -> tuple[str, str]:
    return model._meta.app_label, model._meta.model_name


def _key_hint(key: str) -> str:
    """Say which key was probably meant: a label instead of a dotted path, or a slip of the pen."""
    by_path = {config.name: config.label for config in apps.get_app_configs()}
    for model in apps.get_models():
        by_path[f"{model.__module__}.{model.__name__}"] = model._meta.label
        by_path[f"{apps.get_app_config(model._meta.app_label).name}.{model.__name__}"] = model._meta.label
    if key in by_path:
        return f"Did you mean '{by_path[key]}'?"
    app_label, _, rest = key.partition(".")
    if not rest:
        near = suggestion(key, apps.app_configs)
    elif app_label in apps.app_configs:
        models = apps.get_app_config(app_label).get_models()
        near = suggestion(key, [model._meta.label for model in models])
    else:
        # 'apps.blog' where the app is called otherwise: the last part may be its label.
        last = key.rpartition(".")[2]
        labels = [*apps.app_configs, *(model._meta.label for model in apps.get_models())]
        near = f"Did you mean '{last}'?" if last in apps.app_configs else suggestion(key, labels)
    return near or "A key is an app label, 'app_label.Model' or a glob; is the app in INSTALLED_APPS?"


def _alias_hint(alias: str) -> str:
    return suggestion(alias, settings.DATABASES) or f"DATABASES has {_listed(settings.DATABASES)}."


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
