"""What will be migrated, in which order, and why the rest will not: decided without Django."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

import attrs

from ...exceptions import DbrouteError

if TYPE_CHECKING:
    from ...routing.databases import Database
    from ...routing.table import RouteTable

DEFAULT = "default"
DUMMY = "django.db.backends.dummy"


class PlanError(DbrouteError):
    """A database or an app was named that cannot be migrated; the text says why and what to name instead."""


@attrs.frozen
class Target:
    """
    One database, and what the plan does with it.

    Attributes:
        alias: The database.
        skipped: Why it is left alone; empty where it is migrated.
    """

    alias: str
    skipped: str = ""

    @property
    def action(self) -> Literal["migrate", "skip"]:
        """Return what happens to the database."""
        return "skip" if self.skipped else "migrate"


def plan_targets(table: RouteTable, databases: Mapping[str, Mapping[str, Any]]) -> tuple[Target, ...]:
    """
    Return a target for each database: ``default`` first, then the others in the order of the configuration.

    Args:
        table: The compiled rules.
        databases: Django's DATABASES.
    """
    order = sorted(databases, key=lambda alias: alias != DEFAULT)
    homes = frozenset(table.homes_in_rules())
    return tuple(Target(alias, _reason_to_skip(table, homes, alias, databases[alias])) for alias in order)


def _reason_to_skip(table: RouteTable, homes: Collection[str], alias: str, settings: Mapping[str, Any]) -> str:
    if settings.get("ENGINE", DUMMY) == DUMMY:
        return "no engine is set"
    if not table.takes_migrations(alias):
        return _reason_to_refuse(table.databases[alias])
    if table.has_opinion and alias != DEFAULT and alias not in homes and table.modelled_on(alias) == alias:
        return "no rule leads here"
    return ""


def _reason_to_refuse(database: Database) -> str:
    if database.replica_of:
        return f"replica of {database.replica_of}"
    return f"{'readonly' if database.readonly else 'migrate: false'} ({database.source})"


def choose(targets: Sequence[Target], aliases: Iterable[str]) -> tuple[Target, ...]:
    """
    Return the targets with these aliases, in the order of the plan.

    Raises:
        PlanError: An alias is unknown, or is one that the plan skips.
    """
    wanted = _known(targets, aliases)
    for target in sorted((target for target in targets if target.alias in wanted), key=lambda target: target.alias):
        if target.skipped:
            raise PlanError(f"Database '{target.alias}' cannot be migrated: {target.skipped}.")
    return tuple(target for target in targets if target.alias in wanted)


def leave_out(targets: Sequence[Target], aliases: Iterable[str]) -> tuple[Target, ...]:
    """
    Return the targets without these aliases, in the order of the plan.

    Raises:
        PlanError: An alias is unknown.
    """
    unwanted = _known(targets, aliases)
    return tuple(target for target in targets if target.alias not in unwanted)


def _known(targets: Sequence[Target], aliases: Iterable[str]) -> set[str]:
    known = [target.alias for target in targets]
    named = set(aliases)
    for alias in sorted(named):
        if alias not in known:
            raise PlanError(
                f"There is no database '{alias}'{_instead(alias, known)}The databases are: {', '.join(known)}."
            )
    return named


def choose_app(targets: Sequence[Target], table: RouteTable, label: str, models: Iterable[Any]) -> tuple[Target, ...]:
    """
    Return the targets on which an app has tables, in the order of the plan.

    Args:
        targets: The plan.
        table: The compiled rules.
        label: The app's label.
        models: The app's model classes.

    Raises:
        PlanError: All databases of the app are skipped, or none of them is among the targets.
    """
    if not table.has_opinion:
        return tuple(targets)
    homes = {*table.homes_of_app(label), *(table.home(model) for model in models)}
    chosen = tuple(target for target in targets if table.modelled_on(target.alias) in homes)
    if not chosen:
        raise PlanError(f"App '{label}' does not live there; it lives on {', '.join(sorted(homes))}.")
    if all(target.skipped for target in chosen):
        reasons = "; ".join(f"'{target.alias}' is skipped: {target.skipped}" for target in chosen)
        raise PlanError(f"App '{label}' cannot be migrated: {reasons}.")
    return chosen


def unknown_app(label: str, labels: Iterable[str]) -> PlanError:
    """Return the error for an app label that no installed app has."""
    known = sorted(labels)
    # `apps.blog` is a frequent slip: the path of the package where its label is meant.
    return PlanError(
        f"There is no app '{label}'{_instead(label.rpartition('.')[2], known)}The apps are: {', '.join(known)}."
    )


def _instead(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean '{close[0]}'? " if close else ". "
