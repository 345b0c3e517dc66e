"""Asks the routers of a project where its models live, and puts the answers into rules."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
from django.apps import apps
from django.conf import settings
from django.db import router
from django.db.models import Model

from dbroute.django.routes import has_router
from dbroute.routing.table import DEFAULT, RouteTable, owner_of

Homes = dict[type[Model], str]


@attrs.define
class Answers:
    """
    What the installed routers say, each asked about every installed model, without hints.

    Attributes:
        rules: Rule to alias.
        notes: What rules cannot say, and what people should look at; a sentence each.
        closed: Aliases on which no table may be created.
    """

    rules: dict[str, str] = attrs.field(factory=dict)
    notes: list[str] = attrs.field(factory=list)
    closed: frozenset[str] = frozenset()


def answers() -> Answers:
    """Return the rules by which every installed model lives where the routers send its writes."""
    written: Mapping[str, str] = getattr(settings, "DATABASE_ROUTING_RULES", None) or {}
    found = Answers(dict(written) if has_router() or not router.routers else {})
    if not router.routers:
        return found
    homes = _asked(found.notes)
    for app in apps.get_app_configs():
        mine = {model: homes[model] for model in app.get_models() if model in homes and owner_of(model) is model}
        if _misses(found.rules, mine):
            found.rules |= _rules_of_app(app.label, mine, found.rules)
    for model, home in _misses(found.rules, homes).items():
        if (owner := owner_of(model)) is model:
            found.rules[model._meta.label] = home
        else:
            label = model._meta.label
            found.notes.append(f"{label} was sent to {home!r}; dbroute sends it where {owner._meta.label} goes.")
    if not has_router():
        found.closed = frozenset(alias for alias in settings.DATABASES if alias != DEFAULT and _is_closed(alias))
        found.notes += _notes_on_migrations(found, homes)
    return found


def _asked(notes: list[str]) -> Homes:
    """Return where each model is written."""
    homes: Homes = {}
    reads: dict[tuple[str, str], list[str]] = {}
    for model in apps.get_models(include_auto_created=True):
        label = model._meta.label
        try:
            home, read = router.db_for_write(model), router.db_for_read(model)
        except Exception as error:  # noqa: BLE001 - a router is the project's code, and may raise anything
            notes.append(f"The routers could not be asked about {label}: {type(error).__name__}.")
            continue
        homes[model] = home
        if read != home:
            reads.setdefault((read, home), []).append(label)
    for (read, home), labels in reads.items():
        notes.append(
            f"{_some(labels)}: read from {read!r}, written to {home!r}. If {read!r} is a read replica, write it below "
            f"'replicas:' of {home!r}."
        )
    return homes


def _table(rules: Mapping[str, str]) -> RouteTable:
    return RouteTable.from_settings(settings.DATABASES, rules)


def _misses(rules: Mapping[str, str], homes: Homes) -> Homes:
    """Return the models that the rules send elsewhere, with where they should go."""
    table = _table(rules)
    return {model: home for model, home in homes.items() if table.home(model) != home}


def _rules_of_app(label: str, homes: Homes, rules: Mapping[str, str]) -> dict[str, str]:
    """Return one rule for the app where its models agree, else rules for those of them that the rules miss."""
    if len(set(homes.values())) == 1:
        return {label: next(iter(homes.values()))}
    # Operations without a model run where the app lives, and no model says where that is.
    allowed = [alias for alias in settings.DATABASES if _allows(alias, label)]
    before = _table(rules).home_of_app(label)
    found = {label: allowed[0]} if len(allowed) == 1 and allowed[0] != before else {}
    return found | {model._meta.label: home for model, home in _misses({**rules, **found}, homes).items()}


def _allows(alias: str, label: str, **hints: Any) -> bool:
    try:
        return bool(router.allow_migrate(alias, label, **hints))
    except Exception:  # noqa: BLE001 - as above; what cannot be asked is not refused
        return True


def _allows_model(alias: str, model: type[Model]) -> bool:
    return _allows(alias, model._meta.app_label, model_name=model._meta.model_name, model=model)


def _is_closed(alias: str) -> bool:
    """Tell whether the routers let no table at all be created on a database."""
    managed = [model for model in apps.get_models() if model._meta.managed and not model._meta.proxy]
    return bool(managed) and not any(_allows_model(alias, model) for model in managed)


def _notes_on_migrations(found: Answers, homes: Homes) -> Iterator[str]:
    for alias in sorted({*homes.values()} - found.closed):
        models = [model for model, home in homes.items() if home == alias and model._meta.managed]
        refused = [model._meta.label for model in models if not _allows_model(alias, model)]
        if refused:
            yield f"{_some(refused)}: lives on {alias!r}, where the routers did not let it migrate; dbroute does."
    if not found.rules:
        return
    for alias, entry in settings.DATABASES.items():
        mirror = (entry.get("TEST") or {}).get("MIRROR")
        if alias not in {*homes.values(), *found.closed, DEFAULT} and not mirror:
            yield (
                f"No model lives on {alias!r}, so that nothing is migrated there any more. Where it has the tables of "
                "another database, say so with 'migrates_like:'."
            )


def _some(labels: list[str]) -> str:
    return ", ".join(labels[:3]) + (f" and {len(labels) - 3} more" if len(labels) > 3 else "")
