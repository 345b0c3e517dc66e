"""System checks: what is declared on a relation and cannot hold, because its ends are in two databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
from django import get_version
from django.apps import apps
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, ForeignKey, Model, Q, deletion
from django.db.models.constants import LOOKUP_SEP

from ..routes import follows_rules, mark, project_table
from . import patches

Found = list[checks.CheckMessage]
Path = tuple[str, ...]

# Database-level on_delete is new in Django 6.1.
_DATABASE_ON_DELETE: Any = getattr(deletion, "DatabaseOnDelete", ())


@attrs.frozen
class Crossing:
    """
    A foreign key whose ends are in two databases.

    Attributes:
        model: The model that has it.
        field: The foreign key; a column of a many-to-many table too.
        near: Where the model lives.
        far: Where the model lives that it points at.
    """

    model: type[Model]
    field: Any
    near: str
    far: str

    @property
    def declared(self) -> Any:
        """The field that somebody wrote: of a many-to-many table that Django made, the many-to-many field."""
        owner: Any = self.model._meta.auto_created
        if not owner:
            return self.field
        return next(one for one in owner._meta.local_many_to_many if one.remote_field.through is self.model)

    @property
    def label(self) -> str:
        """``app.Model.field`` of the field that somebody wrote."""
        return f"{self.declared.model._meta.label}.{self.declared.name}"

    def __str__(self) -> str:
        return f"{self.label} crosses from '{self.near}' to '{self.far}'"


def crossings() -> Iterator[Crossing]:
    """Yield every foreign key that crosses; none where a home does not exist, which another check says."""
    for model in _models():
        for field in model._meta.local_fields:
            if isinstance(field, ForeignKey) and (ends := _ends(model, field.remote_field.model)):
                yield Crossing(model, field, *ends)


def is_anything_crossing() -> bool:
    """Say whether a relation of the project has its ends in two databases."""
    generic = (
        _ends(model, field.related_model)
        for model in _models()
        for field in model._meta.private_fields
        if hasattr(field, "bulk_related_objects") and field.related_model is not None
    )
    return any(crossings()) or any(generic)


def check_constraints(**kwargs: Any) -> Found:
    """Find foreign keys that a migration would give a constraint to a table in another database."""
    required = _chosen("cross_database_constraints", "skip") == "require"
    found: Found = []
    for crossing in crossings():
        meta, field = crossing.model._meta, crossing.field
        if field.remote_field.parent_link or not field.db_constraint or not meta.managed:
            continue
        owned = _is_ours(crossing.declared.model)
        if not owned and not required:
            continue  # nothing to do about it: the constraint is left out
        if owned:
            label = crossing.declared.model._meta.app_label
            hint = f"Write db_constraint=False on it and run `manage.py makemigrations {label}`."
        else:
            hint = "It is not yours to edit: set routing.cross_database_constraints to 'skip', and none is made."
        kind, number = (checks.Error, "dbroute.E010") if required else (checks.Warning, "dbroute.W010")
        found.append(kind(f"{crossing} without db_constraint=False.", hint=hint, obj=crossing.declared, id=number))
    return found


def check_inheritance(**kwargs: Any) -> Found:
    """Find models whose parent's table is in another database: each row of theirs would be in two."""
    return [
        checks.Error(
            f"{one.model._meta.label} lives on '{one.near}', and the model that it extends, "
            f"{one.field.remote_field.model._meta.label}, on '{one.far}'.",
            hint=f"Let both live on one database: write the rule '{one.model._meta.label}': '{one.far}'.",
            obj=one.model,
            id="dbroute.E011",
        )
        for one in crossings()
        if one.field.remote_field.parent_link
    ]


def check_on_delete(**kwargs: Any) -> Found:
    """Find relations that leave deleting to a database that has only one end of them."""
    return [
        checks.Error(
            f"{one} with on_delete={on_delete}, which only a constraint within one database can do.",
            hint=f"Write on_delete={str(on_delete).removeprefix('DB_')}, which dbroute follows into other databases.",
            obj=one.field,
            id="dbroute.E012",
        )
        for one in crossings()
        if isinstance(on_delete := one.field.remote_field.on_delete, _DATABASE_ON_DELETE)
    ]


def check_many_to_many(**kwargs: Any) -> Found:
    """Find many-to-many relations over which a filter is refused."""
    if _chosen("cross_database_lookups", "refuse") == "split":
        return []
    return [
        checks.Warning(
            f"{model._meta.label}.{field.name} crosses from '{ends[0]}' to '{ends[1]}': a filter over it needs a JOIN "
            "and is refused.",
            hint="Set routing.cross_database_lookups to 'split', which answers filters in two steps.",
            obj=field,
            id="dbroute.W011",
        )
        for model in _models()
        for field in model._meta.local_many_to_many
        if (ends := _ends(model, field.remote_field.model))
    ]


def check_expressions(**kwargs: Any) -> Found:
    """Find constraints, indexes and orderings that read columns of another database."""
    found: Found = []
    for model in _models():
        if model._meta.label == "auth.Permission":
            continue  # ordered by its content types, of which another check says that they have to live with it
        for kind, name, paths in _declared_paths(model):
            for path in paths:
                reached = _reached(model, path, orders=kind == "ordering")
                if reached is None:
                    continue
                words, (target, near, far) = LOOKUP_SEP.join(path), reached
                what = "The ordering" if kind == "ordering" else f"The {kind} '{name}'"
                hint = (
                    f"Take '{words}' out of it: a database reads its own tables only."
                    if _is_ours(model)
                    else f"It is not yours to edit: write the rule '{target._meta.label}': '{near}'."
                )
                found.append(
                    checks.Error(
                        f"{what} of {model._meta.label} reads '{words}', which is on '{far}' and not on '{near}'.",
                        hint=hint,
                        obj=model,
                        id="dbroute.E014" if kind == "ordering" else "dbroute.E013",
                    )
                )
    return found


def check_generic(**kwargs: Any) -> Found:
    """Find generic relations that meet a read-only database."""
    if not follows_rules() or not apps.is_installed("django.contrib.contenttypes"):
        return []
    table, found = project_table(), Found()
    types = table.home(apps.get_model("contenttypes", "ContentType"))
    for model in _models():
        for field in model._meta.private_fields:
            if hasattr(field, "ct_field") and _is_read_only(types):
                found.append(_without_content_types(model, field, types))
            elif hasattr(field, "bulk_related_objects") and _is_read_only(table.home(model)):
                pointing: Any = field.related_model
                if not _is_read_only(table.home(pointing)):
                    found.append(_left_behind(model, pointing))
    return found


def _without_content_types(model: type[Model], field: Any, alias: str) -> checks.CheckMessage:
    return checks.Error(
        f"{model._meta.label}.{field.name} needs content types, which are on '{alias}': that is read-only, and Django "
        "writes one for every model.",
        hint=f"Let them live where they can be written: write the rule 'contenttypes': '{_writable()}'.",
        obj=model,
        id="dbroute.E015",
    )


def _left_behind(model: type[Model], pointing: type[Model]) -> checks.CheckMessage:
    alias, label = project_table().home(model), pointing._meta.label
    return checks.Warning(
        f"Rows of {model._meta.label} are deleted by somebody else, on the read-only '{alias}': what {label} has about "
        "them stays.",
        hint=f"Run `manage.py dbroute orphans {label}` from time to time, and add 'dbroute.W012' to "
        "SILENCED_SYSTEM_CHECKS.",
        obj=model,
        id="dbroute.W012",
    )


def check_patches(**kwargs: Any) -> Found:
    """Find out whether this Django is one that dbroute can follow relations in."""
    if not is_anything_crossing():
        return []
    return [
        checks.Error(
            f"{patch.target} of Django {get_version()} takes {patches.signature(patch)}, which this dbroute does "
            "not know: no relation is followed into another database.",
            hint="Install Django 5.2, 6.0 or 6.1, or a later release of dbroute.",
            id="dbroute.E019",
        )
        for patch in patches.unverified()
    ]


CHECKS: tuple[Callable[..., Found], ...] = (
    check_constraints,
    check_inheritance,
    check_on_delete,
    check_many_to_many,
    check_expressions,
    check_generic,
    check_patches,
)


def _chosen(key: str, default: str) -> str:
    return str(mark().get(key, default))


def _models() -> Iterator[type[Model]]:
    if follows_rules():
        yield from (model for model in apps.get_models(include_auto_created=True) if not model._meta.proxy)


def _ends(near: type[Model], far: type[Model]) -> tuple[str, str] | None:
    """Return both homes where they differ and exist."""
    table = project_table()
    ends = table.home(near), table.home(far)
    return ends if ends[0] != ends[1] and all(alias in table.databases for alias in ends) else None


def _is_ours(model: type[Model]) -> bool:
    """Tell whether somebody who reads the check may edit the model."""
    path = apps.get_app_config(model._meta.app_label).path
    return {"site-packages", "dist-packages"}.isdisjoint(path.replace("\\", "/").split("/"))


def _is_read_only(alias: str) -> bool:
    database = project_table().databases.get(alias)
    return database is not None and database.refuses_writes


def _writable() -> str:
    return next((alias for alias, one in project_table().databases.items() if not one.refuses_writes), "default")


def _declared_paths(model: type[Model]) -> Iterator[tuple[str, str, list[Path]]]:
    """Yield what of a model is made of expressions: its kind, its name and the columns that it reads."""
    for constraint in model._meta.constraints:
        parts = [getattr(constraint, "condition", None), *getattr(constraint, "expressions", ())]
        yield "constraint", constraint.name, [path for part in parts for path in _paths(part)]
    for index in model._meta.indexes:
        yield "index", index.name, [path for part in (index.condition, *index.expressions) for path in _paths(part)]
    if model._meta.ordering:
        yield "ordering", "", [path for part in model._meta.ordering for path in _paths(part)]


def _paths(expression: Any) -> Iterator[Path]:
    """Yield the look-up paths in an expression, or in a name as Meta.ordering has them."""
    if isinstance(expression, str):
        yield tuple(expression.lstrip("-+").split(LOOKUP_SEP))
    elif isinstance(expression, F):
        name: str = expression.name  # type: ignore[attr-defined]
        yield tuple(name.split(LOOKUP_SEP))
    elif isinstance(expression, Q):
        for child in expression.children:
            if isinstance(child, tuple):
                yield tuple(child[0].split(LOOKUP_SEP))
                yield from () if isinstance(child[1], str) else _paths(child[1])
            else:
                yield from _paths(child)
    elif hasattr(expression, "get_source_expressions"):
        for part in expression.get_source_expressions():
            yield from _paths(part)


def _reached(model: type[Model], path: Path, *, orders: bool) -> tuple[type[Model], str, str] | None:
    """
    Return the model at which a path crosses and both homes, if it reads more than the key that is on this side.

    Args:
        model: Where the path begins.
        path: Names of relations, then of a column, then perhaps of look-ups.
        orders: Whether a relation at the end stands for the ordering of its target.
    """
    for at, name in enumerate(path):
        try:
            field: Any = model._meta.get_field(name)
        except FieldDoesNotExist:
            return None
        target = field.related_model if field.is_relation else None
        if target is None:
            return None
        if ends := _ends(model, target):
            rest = path[at + 1 :]
            if not rest:
                by_name = name != getattr(field, "attname", None)
                return (target, *ends) if orders and by_name and target._meta.ordering else None
            keys = {
                "pk",
                *(key for one in getattr(field, "foreign_related_fields", ()) for key in (one.name, one.attname)),
            }
            is_column = any(rest[0] in (one.name, getattr(one, "attname", "")) for one in target._meta.get_fields())
            return (target, *ends) if is_column and (rest[0] not in keys or not field.concrete) else None
        model = target
    return None
