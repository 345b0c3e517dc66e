"""Where databases have drifted from the rules: what does not belong there, and what is missing; changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

import attrs
from django.apps import apps
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from ...routing.table import owner_of
from ..folders import sqlite_file
from ..routes import project_table
from .connection import describe, schema_connection
from .locks import physical_identity
from .plan import DUMMY, Target

Kind = Literal["misplaced", "missing", "unknown"]
Key = tuple[str, str]


@attrs.frozen
class Finding:
    """
    One thing in a database that the rules and the code do not account for.

    Attributes:
        kind: ``misplaced``, a table that belongs elsewhere; ``missing``, a table whose migration is recorded;
            ``unknown``, a recorded migration that the code does not have.
        name: The table, or the migration as ``app.name``.
        problem: What is wrong with it.
        remedy: What to do.
    """

    kind: Kind
    name: str
    problem: str
    remedy: str


@attrs.frozen
class Drift:
    """
    What was found on one database.

    Attributes:
        alias: The database.
        findings: Misplaced tables, missing ones, then unknown migrations.
        skipped: Why it was not compared; empty where it was.
        error: Why it could not be asked; empty where it could.
    """

    alias: str
    findings: tuple[Finding, ...] = ()
    skipped: str = ""
    error: str = ""


@attrs.frozen
class History:
    """
    The models that a set of recorded migrations makes.

    Attributes:
        loader: Knows the migrations of the code.
        models: Model classes as they were then, many-to-many tables included.
        origins: Migration in which each model arose, by app label and lower-case name.
    """

    loader: Any
    models: tuple[Any, ...]
    origins: Mapping[Key, str]


@attrs.frozen
class Facts:
    """
    What one database has.

    Attributes:
        alias: The database.
        identity: The same for every alias of one physical database.
        misplaced: Tables that the rules do not put here, and whether they hold rows.
        missing: Models that have no table here, although the migration that makes it is recorded.
        recorded: Rows of ``django_migrations``.
        history: What the recorded migrations amount to.
    """

    alias: str
    identity: tuple[str, ...]
    misplaced: Mapping[str, bool]
    missing: tuple[Any, ...]
    recorded: frozenset[Key]
    history: History


def find_drift(targets: Iterable[Target]) -> list[Drift]:
    """
    Compare databases with the rules, past those that cannot be asked.

    Args:
        targets: The databases. Those that are not ours to migrate are skipped with the plan's reason; one that no rule
            leads to is compared all the same, since nothing of ours belongs there.
    """
    histories: dict[frozenset[Key], History] = {}
    found: dict[str, Drift | Facts] = {}
    for target in targets:
        if target.skipped and not _is_ours(target):
            found[target.alias] = Drift(target.alias, skipped=target.skipped)
            continue
        try:
            found[target.alias] = _look(target.alias, histories)
        except Exception as error:  # noqa: BLE001  whatever a driver raises belongs to this database
            found[target.alias] = Drift(target.alias, error=describe(error))
    facts = [one for one in found.values() if isinstance(one, Facts)]
    return [_judge(one, facts) if isinstance(one, Facts) else one for one in found.values()]


def _is_ours(target: Target) -> bool:
    table = project_table()
    has_engine = connections.settings[target.alias].get("ENGINE", DUMMY) != DUMMY
    return has_engine and table.takes_migrations(target.alias)


# What a database has


def _look(alias: str, histories: dict[frozenset[Key], History]) -> Facts:
    with schema_connection(alias) as connection:
        file = sqlite_file(connection.settings_dict)
        if file is not None and not file.exists():  # connecting would make it
            return Facts(alias, physical_identity(connection), {}, (), frozenset(), _history(connection, frozenset()))
        recorded = frozenset(MigrationRecorder(connection).applied_migrations())
        if recorded not in histories:
            histories[recorded] = _history(connection, recorded)
        history = histories[recorded]
        with connection.cursor() as cursor:
            relations = {one.name: one.type for one in connection.introspection.get_table_list(cursor)}
        spelled = _spelling(connection)
        existing = {spelled(name) for name in relations}
        tables = {spelled(name): name for name, kind in relations.items() if kind != "v"}
        return Facts(
            alias,
            physical_identity(connection),
            {tables[name]: _has_rows(connection, tables[name]) for name in _strangers(alias, tables, history, spelled)},
            tuple(
                model
                for model in history.models
                if _has_table(model) and _is_allowed(alias, model) and spelled(model._meta.db_table) not in existing
            ),
            recorded,
            history,
        )


def _history(connection: BaseDatabaseWrapper, recorded: frozenset[Key]) -> History:
    executor: Any = MigrationExecutor(connection if recorded else None)
    loader = executor.loader
    if recorded:
        loader.check_consistent_history(connection)
    state = ProjectState(real_apps=loader.unmigrated_apps)
    origins: dict[Key, str] = {}
    for migration, _ in executor.migration_plan(loader.graph.leaf_nodes(), clean_start=True):
        if (migration.app_label, migration.name) not in loader.applied_migrations:
            continue
        state = migration.mutate_state(state, preserve=False)
        for key in state.models:
            origins.setdefault(key, migration.name)
    models = state.apps.get_models(include_auto_created=True) if recorded else []
    return History(loader, tuple(one for one in models if one._meta.app_label in loader.migrated_apps), origins)


def _spelling(connection: BaseDatabaseWrapper) -> Callable[[str], str]:
    """Return what makes two names of one table equal on this engine."""
    limit, folds = connection.ops.max_name_length(), connection.features.ignores_table_name_case

    def spelled(name: str) -> str:
        name = connection.introspection.identifier_converter(name)[:limit]
        return name.lower() if folds else name

    return spelled


def _strangers(alias: str, tables: Collection[str], history: History, spelled: Callable[[str], str]) -> Iterator[str]:
    """Yield the tables that models of the project claim, if none of these models may be here."""
    claims: dict[str, list[Any]] = {}
    for model in (*apps.get_models(include_auto_created=True, include_swapped=True), *history.models):
        if not model._meta.proxy:
            claims.setdefault(spelled(model._meta.db_table), []).append(model)
    for name in sorted(claims.keys() & set(tables)):
        # Somebody else makes the table of an unmanaged model; and that of a swapped one is of no use anywhere.
        if all(_has_table(model) and not _is_allowed(alias, model) for model in claims[name]):
            yield name


def _has_table(model: Any) -> bool:
    """Return whether migrations make a table for a model, under a name that introspection tells."""
    meta = model._meta
    plain = '"' not in meta.db_table and "." not in meta.db_table
    return bool(plain and meta.managed and not meta.proxy and not meta.swapped)


def _is_allowed(alias: str, model: Any) -> bool:
    # A many-to-many table is made together with the model that declares it, without a question.
    return bool(router.allow_migrate_model(alias, owner_of(model)))


def _has_rows(connection: BaseDatabaseWrapper, table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})")  # noqa: S608  quoted
        return bool(cursor.fetchone()[0])


# What that means


def _judge(facts: Facts, everywhere: Iterable[Facts]) -> Drift:
    """Return what is wrong with a database; other aliases of the same one may own what this one does not."""
    twins = [one for one in everywhere if one.identity == facts.identity and one is not facts]
    misplaced = [name for name in facts.misplaced if all(name in twin.misplaced for twin in twins)]
    findings = (
        *(_misplaced(facts, name) for name in misplaced),
        *(_missing(facts, model) for model in sorted(facts.missing, key=lambda model: str(model._meta.db_table))),
        *(_unknown(facts, key) for key in sorted(facts.recorded - _known(facts.history.loader))),
    )
    return Drift(facts.alias, findings)


def _misplaced(facts: Facts, table: str) -> Finding:
    models = [*apps.get_models(include_auto_created=True), *facts.history.models]
    model = next(one for one in models if one._meta.db_table.lower() == table.lower())
    home = project_table().home(model)
    if not facts.misplaced[table]:
        return Finding("misplaced", table, f"belongs on '{home}'; it is empty", "drop it")
    # Not dumpdata: by the rules it finds nothing here.
    copy = (
        f"`from django.apps import apps; rows = apps.get_model('{model._meta.label}')._base_manager; "
        f"rows.using('{home}').bulk_create(rows.using('{facts.alias}'))`"
    )
    remedy = f"copy them, with the tools of the database or in `manage.py shell` with {copy}; then drop it"
    return Finding("misplaced", table, f"belongs on '{home}', and holds rows", remedy)


def _missing(facts: Facts, model: Any) -> Finding:
    owner = owner_of(model)
    label, alias = owner._meta.app_label, facts.alias
    origin = facts.history.origins[label, owner._meta.model_name]
    problem = f"is missing, although {label}.{origin} is recorded"
    if _can_start_over(facts, label):
        remedy = (
            f"`manage.py migrate {label} zero --fake --database {alias}`, then "
            f"`manage.py migrate {label} --database {alias}`"
        )
    else:
        remedy = f"restore it, or make it with the SQL of `manage.py sqlmigrate {label} {origin} --database {alias}`"
    return Finding("missing", model._meta.db_table, problem, remedy)


def _can_start_over(facts: Facts, label: str) -> bool:
    """Return whether an app has no table here, and nobody who depends on it has one: nothing would be made twice."""
    graph = facts.history.loader.graph
    roots = [key for key in graph.nodes if key[0] == label]
    dependent = {key[0] for root in roots for key in graph.backwards_plan(root)}
    here = [
        model
        for model in facts.history.models
        if model._meta.app_label in dependent and _has_table(model) and _is_allowed(facts.alias, model)
    ]
    return set(here) <= set(facts.missing)


def _unknown(facts: Facts, key: Key) -> Finding:
    label, name = key
    loader = facts.history.loader
    if label in loader.migrated_apps:
        remedy = f"restore its file, or `manage.py migrate {label} --prune --database {facts.alias}`"
    elif label in apps.app_configs:
        remedy = f"restore the migrations of '{label}', or delete the row"
    else:
        remedy = f"install the app '{label}' again; or drop its tables and delete the row"
    return Finding("unknown", f"{label}.{name}", "is recorded, and the code does not have it", remedy)


def _known(loader: MigrationLoader) -> set[Key]:
    """Return the migrations on disk, and those that squashed ones replace."""
    on_disk: Mapping[Key, Any] = loader.disk_migrations
    return {*on_disk, *((label, name) for one in on_disk.values() for label, name in one.replaces)}
