"""The columns that point at rows of other tables, and where both ends live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

import attrs
from django.apps import apps
from django.db.models import Field, ForeignKey, ManyToManyField, Model

from ..routes import project_table

Key = Any
"""What a reference holds: the value of the field that it points at."""

# Types whose values are equal in Python exactly where a database calls them equal: no collation has a say.
_PLAIN = frozenset(
    f"{size}{kind}"
    for kind in ("AutoField", "IntegerField", "PositiveIntegerField")
    for size in ("", "Big", "Small", "PositiveBig", "PositiveSmall")
)


class UnknownReferenceError(ValueError):
    """No reference goes by that name; says which name may have been meant."""


@attrs.frozen
class Target:
    """
    Where a reference leads.

    Attributes:
        model: The model whose rows are pointed at.
        field: The one of its fields whose values the reference holds.
    """

    model: type[Model]
    field: Field[Any, Any]

    @property
    def alias(self) -> str:
        """The database of the rows."""
        return project_table().home(self.model)

    @property
    def kind(self) -> str:
        """Django's name for the type of the key, whatever keys it is a key of."""
        field: Any = self.field
        while field.remote_field is not None:
            field = field.target_field
        return str(field.get_internal_type())

    @property
    def is_number(self) -> bool:
        """Whether the keys are whole numbers."""
        return self.kind in _PLAIN

    @property
    def is_text(self) -> bool:
        """Whether a collation may have a say in which keys are equal; of unknown types it is assumed."""
        return not self.is_number and self.kind != "UUIDField"


@attrs.frozen
class Reference:
    """
    A foreign key, a one-to-one key, either column of a many-to-many table, or a generic foreign key.

    Attributes:
        model: The model that has it.
        field: The foreign key, or the GenericForeignKey.
    """

    model: type[Model]
    field: Any

    @property
    def label(self) -> str:
        """``app.Model.field``."""
        return f"{self.model._meta.label}.{self.field.name}"

    @property
    def alias(self) -> str:
        """The database of the rows that refer."""
        return project_table().home(self.model)

    @property
    def is_generic(self) -> bool:
        """Whether a content type says which model is pointed at."""
        return not isinstance(self.field, ForeignKey)

    @property
    def columns(self) -> tuple[str, ...]:
        """Attribute of the key; before it that of the content type where there is one."""
        if not self.is_generic:
            return (self.field.attname,)
        meta: Any = self.model._meta
        return tuple(meta.get_field(name).attname for name in (self.field.ct_field, self.field.fk_field))

    @property
    def target(self) -> Target:
        """Where a foreign key leads."""
        return Target(self.field.remote_field.model, self.field.target_field)

    @property
    def crosses(self) -> bool:
        """Whether the rows that are pointed at are in another database; a generic one may lead anywhere."""
        return self.is_generic or self.target.alias != self.alias

    @property
    def is_watched(self) -> bool:
        """Whether the database itself keeps such a key from leading nowhere."""
        return not self.crosses and bool(self.field.db_constraint)

    @property
    def nullable(self) -> bool:
        """Whether the reference can be taken out of a row that stays."""
        return all(self.model._meta.get_field(column).null for column in self.columns)


def references(labels: Iterable[str] = ()) -> list[Reference]:
    """
    Return references in the order of the apps and their models.

    Args:
        labels: ``app.Model.field``, ``app.Model`` or ``app``, for all there are. Without any: those that no database
            watches over, because they cross or because they were declared without a constraint.

    Raises:
        UnknownReferenceError: A label names none.
    """
    known = list(_all())
    if not labels:
        return [reference for reference in known if not reference.is_watched]
    return list(dict.fromkeys(reference for label in labels for reference in _named(label, known)))


def _all() -> Iterator[Reference]:
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy:
            continue
        for field in model._meta.local_fields:
            if isinstance(field, ForeignKey) and not field.remote_field.parent_link:
                yield Reference(model, field)
        for private in model._meta.private_fields:
            if hasattr(private, "ct_field") and hasattr(private, "fk_field") and private.model is model:
                yield Reference(model, private)


def _named(label: str, known: list[Reference]) -> list[Reference]:
    wanted = label.lower()
    names = {reference.label: [reference] for reference in known}
    for reference in known:
        names.setdefault(reference.model._meta.label, []).append(reference)
        names.setdefault(reference.model._meta.app_label, []).append(reference)
    for model in apps.get_models():
        for field in model._meta.local_many_to_many:
            if isinstance(field, ManyToManyField) and not model._meta.proxy:
                through = field.remote_field.through
                names[f"{model._meta.label}.{field.name}"] = [one for one in known if one.model is through]
    found = next((names[name] for name in names if name.lower() == wanted), None)
    if found is not None:
        return found
    near = get_close_matches(label, names, n=1)
    raise UnknownReferenceError(
        f"No reference goes by the name '{label}'. "
        + (f"Did you mean '{near[0]}'?" if near else "Write app.Model.field, app.Model or app.")
    )
