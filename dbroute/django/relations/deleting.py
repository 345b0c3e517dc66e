"""
Deleting that follows relations into other databases.

Django's collector walks the relations as ever; here it asks each model where that one lives. Where several databases
take part, what was collected is deleted in one transaction on each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import partial, reduce, wraps
from operator import attrgetter, or_
from typing import Any

from django.apps import apps
from django.db import connections, router
from django.db.models import Model, QuerySet
from django.db.models.deletion import Collector, get_candidate_relations_to_delete
from django.db.models.query_utils import Q
from django.db.models.signals import post_delete, pre_delete
from django.db.models.sql import DeleteQuery, UpdateQuery

from ...exceptions import CrossDatabaseDeletionError
from ..routes import project_table
from .spanning import is_open, transactions

Call = Callable[..., Any]

_ROOT = "_dbroute_root"


def alias_of(collector: Collector, model: type[Model]) -> str:
    """
    Return the database on which a collector deletes rows of a model.

    Models that live where the root lives follow it to where ``using()`` took it; the others are at home.
    """
    table = project_table()
    home, root = table.home(model), getattr(collector, _ROOT, model)
    return collector.using if table.home(root) == home else home


# The replacements. Each takes Django's own, and is Django's own where a single database takes part.


def collect(original: Call) -> Call:
    """Remember whose home the collector's database is, and null keys where the far database cannot wait for it."""

    @wraps(original)
    def collect(self: Collector, objs: Any, *args: Any, **kwargs: Any) -> Any:
        if _ROOT not in vars(self) and (model := _model_of(objs)) is not None:
            setattr(self, _ROOT, model)
        result = original(self, objs, *args, **kwargs)
        if kwargs.get("nullable") and kwargs.get("source_attr"):
            _null_first(self, objs, kwargs["source_attr"])
        return result

    return collect


def related_objects(original: Call) -> Call:
    """Look for the rows that refer where they are."""

    @wraps(original)
    def related_objects(self: Collector, related_model: type[Model], related_fields: Any, objs: Any) -> Any:
        with _on(self, related_model):
            return original(self, related_model, related_fields, objs)

    return related_objects


def get_del_batches(original: Call) -> Call:
    """Make batches of the size that the database takes on which they are looked for."""

    @wraps(original)
    def get_del_batches(self: Collector, objs: Any, fields: Any) -> Any:
        with _on(self, fields[0].model):
            return original(self, objs, fields)

    return get_del_batches


def delete(original: Call) -> Call:
    """Delete on all databases that take part, or leave it to Django where that is one."""

    @wraps(original)
    def delete(self: Collector) -> tuple[int, dict[str, int]]:
        aliases = {alias_of(self, model) for model in _models(self)}
        return _delete(self, aliases) if len(aliases) > 1 else original(self)

    return delete


def bulk_related_objects(original: Call) -> Call:
    """Look for what refers by a content type where it is, by the content type that its home has."""

    @wraps(original)
    def bulk_related_objects(self: Any, objs: Any, using: str = "default") -> Any:
        if not objs:
            return original(self, objs, using)
        content_type: Any = apps.get_model("contenttypes", "ContentType")
        related, types = (_beside(objs[0], model, using) for model in (self.related_model, content_type))
        if related == types:
            return original(self, objs, related)
        manager = content_type._default_manager.db_manager(types)
        key = manager.get_for_model(self.model, for_concrete_model=self.for_concrete_model).pk
        pointing = Q(
            (f"{self.content_type_field_name}__pk", key),
            (f"{self.object_id_field_name}__in", [one.pk for one in objs]),
        )
        return self.related_model._base_manager.db_manager(related).filter(pointing)

    return bulk_related_objects


def delete_view(original: Call) -> Call:
    """Open the transactions that a deletion from the admin needs around the one that the admin opens."""

    @wraps(original)
    def delete_view(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        with _around_view(self, request, _reached(self.model), "deleted"):
            return original(self, request, *args, **kwargs)

    return delete_view


def changeform_view(original: Call) -> Call:
    """Open the transactions that a form of the admin needs whose inlines are in other databases."""

    @wraps(original)
    def changeform_view(self: Any, request: Any, object_id: Any = None, *args: Any, **kwargs: Any) -> Any:
        if request.method != "POST":
            return original(self, request, object_id, *args, **kwargs)
        reached = [model for inline in self.get_inlines(request, None) for model in _reached(inline.model)]
        aliases = {project_table().home(model) for model in (self.model, *reached)}
        # Inside somebody else's transaction a form is saved as Django does; a deletion that goes too far says so.
        around = (
            nullcontext()
            if any(map(is_open, aliases))
            else _around_view(self, request, [self.model, *reached], "saved")
        )
        with around:
            return original(self, request, object_id, *args, **kwargs)

    return changeform_view


@contextmanager
def _around_view(admin: Any, request: Any, models: Iterable[type[Model]], done: str) -> Iterator[None]:
    """Open a transaction on the home of each model, unless the one that the admin opens is enough."""
    root = router.db_for_write(admin.model)
    homes = {model: project_table().home(model) for model in models}
    aliases = {*homes.values()}
    if request.method != "POST" or len(aliases) < 2 or homes[admin.model] != root:
        yield
        return
    label = admin.model._meta.label
    with transactions(f"{label} cannot be {done}", aliases, root, partial(_pointing_at, homes)):
        yield


def nested_related_objects(original: Call) -> Call:
    """List rows that refer from another database together with what they refer to, by a query there and not a JOIN."""

    @wraps(original)
    def related_objects(self: Collector, related_model: type[Model], related_fields: Any, objs: Any) -> Any:
        rows = original(self, related_model, related_fields, objs)
        if alias_of(self, related_model) == alias_of(self, related_fields[0].remote_field.model):
            return rows
        # Without any depth nothing is joined; but as something is asked for, the collector fetches whole rows.
        rows.query.select_related, rows.query.max_depth = True, 0
        return rows.prefetch_related(*(field.name for field in related_fields))

    return related_objects


# What stands there instead where the project does not follow relations.


def refuse_related_objects(original: Call) -> Call:
    """Refuse a deletion if rows of another database refer to what would go."""

    @wraps(original)
    def related_objects(self: Collector, related_model: type[Model], related_fields: Any, objs: Any) -> Any:
        rows = original(self, related_model, related_fields, objs)
        return _none_elsewhere(rows, related_fields[0].remote_field.model, self.using)

    return related_objects


def refuse_bulk_related_objects(original: Call) -> Call:
    """Refuse a deletion if rows of another database refer to it by a content type, which has to be beside them."""

    followed = bulk_related_objects(original)

    @wraps(original)
    def refused(self: Any, objs: Any, using: str = "default") -> Any:
        return (
            _none_elsewhere(followed(self, objs, using), type(objs[0]), using) if objs else followed(self, objs, using)
        )

    return refused


def _none_elsewhere(rows: QuerySet[Any], model: type[Model], using: str) -> QuerySet[Any]:
    """
    Return rows that refer to those of a model, which has to be empty if they are elsewhere.

    Raises:
        CrossDatabaseDeletionError: They are elsewhere, and there are some.
    """
    table = project_table()
    home = table.home(rows.model)
    if home in (table.home(model), using):
        return rows
    if rows.using(home).exists():
        raise CrossDatabaseDeletionError(model._meta.label, rows.model._meta.label, home)
    return rows.none()


# The deletion itself.


def _delete(self: Collector, aliases: set[str]) -> tuple[int, dict[str, int]]:
    """Do what the original does, on the database of each model."""
    data: Any = self.data
    for model, instances in data.items():
        data[model] = sorted(instances, key=attrgetter("pk"))
    self.sort()
    counted: Counter[str] = Counter()

    homes = {model: alias_of(self, model) for model in _models(self)}
    label = getattr(self, _ROOT)._meta.label
    with transactions(f"{label} cannot be deleted", aliases, self.using, partial(_pointing_at, homes)):
        for model, instances in self.data.items():
            _send(self, pre_delete, model, instances)
        for rows in self.fast_deletes:
            _count(counted, rows.model, rows._raw_delete(using=alias_of(self, rows.model)))
        for (field, value), collected in self.field_updates.items():
            _update(self, field, value, collected)
        for model, instances in self.data.items():
            last_first = instances[::-1]  # type: ignore[index]
            keys = [one.pk for one in last_first]
            _count(counted, model, DeleteQuery(model).delete_batch(keys, alias_of(self, model)))
            _send(self, post_delete, model, last_first)
    for model, instances in self.data.items():
        for one in instances:
            setattr(one, model._meta.pk.attname, None)
    return counted.total(), dict(counted)


def _count(counted: Counter[str], model: type[Model], number: int) -> None:
    if number:
        counted[model._meta.label] += number


def _send(self: Collector, signal: Any, model: type[Model], instances: Iterable[Model]) -> None:
    if model._meta.auto_created:
        return
    for one in instances:
        signal.send(sender=model, instance=one, using=alias_of(self, model), origin=self.origin)


def _update(self: Collector, field: Any, value: Any, collected: Iterable[Any]) -> None:
    """Set a field of rows that stay: in one statement for all that were not fetched, by key for the others."""
    lazy, keys, model = [], set(), None
    for rows in collected:
        if isinstance(rows, QuerySet) and rows._result_cache is None:
            lazy.append(rows)
            continue
        for one in rows:
            model = model or type(one)
            keys.add(one.pk)
    if lazy:
        reduce(or_, lazy).update(**{field.name: value})
    if model is not None:
        UpdateQuery(model).update_batch(list(keys), {field.name: value}, alias_of(self, model))


def _models(self: Collector) -> Iterator[type[Model]]:
    """Yield the models of which something was collected, and those of which something may be found later."""
    yield from (model for model, instances in self.data.items() if instances)
    yield from (rows.model for rows in self.fast_deletes)
    for (field, _), collected in self.field_updates.items():
        if any(isinstance(rows, QuerySet) or rows for rows in collected):
            yield field.model


def _pointing_at(homes: Mapping[type[Model], str], alias: str) -> list[str]:
    """Return the tables of a database with constraints that the deletion of rows there may break."""
    table, found = project_table(), set()
    for model in (model for model, home in homes.items() if home == alias):
        related: Any
        for related in get_candidate_relations_to_delete(model._meta):
            near = table.home(related.related_model) == table.home(model)
            if near and getattr(related.field, "db_constraint", False):
                found.add(related.related_model._meta.db_table)
    return sorted(found)


def _model_of(objs: Any) -> type[Model] | None:
    if isinstance(objs, QuerySet):
        return objs.model
    return type(objs[0]) if objs else None


def _null_first(self: Collector, objs: Any, name: str) -> None:
    """
    Have a key set to NULL before its rows are deleted, as Django does where constraints cannot wait for the commit.

    Django asks the root's database alone whether they can.
    """
    model = _model_of(objs)
    alias = alias_of(self, model) if model is not None else self.using
    if model is None or alias == self.using:
        return
    if connections[self.using].features.can_defer_constraint_checks and not (
        connections[alias].features.can_defer_constraint_checks
    ):
        field: Any = model._meta.get_field(name)
        self.add_field_update(field, None, objs)


def _reached(model: type[Model]) -> list[type[Model]]:
    """Return the models of which deleting a row of one may delete or change rows, the one itself among them."""
    found = [model]
    for one in found:
        related: list[Any] = [relation.related_model for relation in get_candidate_relations_to_delete(one._meta)]
        related += [field.related_model for field in one._meta.private_fields if hasattr(field, "bulk_related_objects")]
        found += [other for other in dict.fromkeys([*related, *one._meta.get_parent_list()]) if other not in found]
    return found


@contextmanager
def _on(self: Collector, model: type[Model]) -> Iterator[None]:
    """Let a collector stand on the database of a model for as long as it looks for its rows."""
    using = self.using
    self.using = alias_of(self, model)
    try:
        yield
    finally:
        self.using = using


def _beside(one: Model, model: type[Model], using: str) -> str:
    """
    Return the database of a model's rows that belong to an object: where the object is, if both live together.

    Args:
        one: The object.
        model: The other model.
        using: Where the deletion began.
    """
    table = project_table()
    began = table.modelled_on(table.primary(using) or using)
    here, there = table.home(type(one)), table.home(model)
    if there == began:
        return using
    return table.primary(one._state.db) or there if there == here else there
