"""
The places where Django's code is changed while it runs, all of them; JOINs are refused by the relations themselves.

Each entry says what is replaced, by what, why, and which signature the replacement was written for. Where a target has
another one, nothing is replaced, and a check names it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import attrs

from ..routes import mark
from . import constraints, contenttypes, deleting, joins, many_to_many, selecting, splitting

Replace = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Takes what was there, and returns what stands there instead."""


@attrs.frozen
class Patch:
    """
    One attribute of a class or a module of Django that is replaced.

    Attributes:
        module: Where the class is, or the function.
        name: ``Class.method``, or the name of a function.
        replace: Makes the replacement.
        why: What Django does not do.
        signatures: Those that the replacement was written for, on Django 5.2, 6.0 and 6.1.
        refusal: Makes what stands there where relations are not followed, and refuses what would end in the server's
            "no such table"; without it Django's own stays.
        applies: Says whether this project asks for it.
    """

    module: str
    name: str
    replace: Replace
    why: str
    signatures: tuple[str, ...]
    refusal: Replace | None = None
    applies: Callable[[], bool] = lambda: True

    @property
    def target(self) -> str:
        """The dotted name of what is replaced."""
        return f"{self.module}.{self.name}"

    def owner(self) -> Any:
        """Return the class or the module that has the attribute."""
        found: Any = import_module(self.module)
        for part in self.name.split(".")[:-1]:
            found = getattr(found, part)
        return found

    @property
    def attribute(self) -> str:
        """The name of the attribute."""
        return self.name.rpartition(".")[2]


_DELETION = "django.db.models.deletion"

PATCHES = (
    Patch(
        _DELETION,
        "Collector.collect",
        deleting.collect,
        "A collector knows one database; this one remembers whose home that is.",
        (
            "(self, objs, source=None, nullable=False, collect_related=True, source_attr=None, "
            "reverse_dependency=False, keep_parents=False, fail_on_restricted=True)",
        ),
    ),
    Patch(
        _DELETION,
        "Collector.related_objects",
        deleting.related_objects,
        "Rows that refer are looked for where the root is, not where they are.",
        ("(self, related_model, related_fields, objs)",),
        refusal=deleting.refuse_related_objects,
    ),
    Patch(
        _DELETION,
        "Collector.get_del_batches",
        deleting.get_del_batches,
        "How many keys a query may have is asked of the root's database.",
        ("(self, objs, fields)",),
    ),
    Patch(
        _DELETION,
        "Collector.delete",
        deleting.delete,
        "Everything is deleted on the root's database, in one transaction there.",
        ("(self)",),
    ),
    Patch(
        "django.contrib.contenttypes.fields",
        "GenericRelation.bulk_related_objects",
        deleting.bulk_related_objects,
        "What refers by a content type is looked for where the root is, and so is the content type.",
        ("(self, objs, using='default')",),
        refusal=deleting.refuse_bulk_related_objects,
    ),
    Patch(
        "django.contrib.admin.utils",
        "NestedObjects.related_objects",
        deleting.nested_related_objects,
        "What a deletion would take along is read with a JOIN to what it refers to.",
        ("(self, related_model, related_fields, objs)",),
    ),
    Patch(
        "django.contrib.admin.options",
        "ModelAdmin.delete_view",
        deleting.delete_view,
        "The view opens a transaction on the root's database only, in which a deletion that goes further is refused.",
        ("(self, request, object_id, extra_context=None)",),
    ),
    Patch(
        "django.contrib.admin.options",
        "ModelAdmin.changeform_view",
        deleting.changeform_view,
        "A form whose inlines are elsewhere is saved in a transaction on its own database only.",
        ("(self, request, object_id=None, form_url='', extra_context=None)",),
    ),
)

_CONTENT_TYPES = "django.contrib.contenttypes.models"

READING = (
    Patch(
        "django.core.management.commands.migrate",
        "Command.sync_apps",
        constraints.sync_apps,
        "Tables that are made without migrations get a constraint on tables of another database.",
        ("(self, connection, app_labels)",),
    ),
    Patch(
        "django.db.models.sql.query",
        "Query.as_sql",
        splitting.as_sql,
        "A subquery is sent to the database of the query around it.",
        ("(self, compiler, connection)",),
        refusal=splitting.as_sql,
    ),
    Patch(
        "django.db.models.sql.compiler",
        "SQLCompiler.get_combinator_sql",
        joins.get_combinator_sql,
        "All parts of a union are sent to the database of the first.",
        ("(self, combinator, all)",),
        refusal=joins.get_combinator_sql,
    ),
    Patch(
        "django.db.models.query",
        "QuerySet.resolve_expression",
        splitting.resolve_expression,
        "An inner query is refused that was sent by using() to where it would go anyway.",
        ("(self, *args, **kwargs)",),
    ),
    Patch(
        "django.db.models.query",
        "QuerySet.select_related",
        selecting.select_related,
        "Rows of other databases have to be fetched as the rows arrive that point at them.",
        ("(self, *fields)",),
    ),
    Patch(
        "django.db.models.sql.query",
        "Query.explain",
        selecting.as_sent,
        "A query is explained with the JOINs that are not sent.",
        ("(self, using, format=None, **options)",),
    ),
    Patch(
        "django.db.models.sql.query",
        "Query.sql_with_params",
        selecting.as_sent,
        "The text of a query has the JOINs that are not sent.",
        ("(self)",),
    ),
    Patch(
        "django.db.models.sql.query",
        "Query.add_q",
        splitting.add_q,
        "A lookup over a relation becomes a JOIN, where the project wants two steps.",
        ("(self, q_object, reuse_all=False)",),
        applies=splitting.is_for_all,
    ),
    Patch(
        "django.db.models.fields.related_descriptors",
        "create_forward_many_to_many_manager",
        many_to_many.create_forward_many_to_many_manager,
        "The rows at the other end are found with a JOIN, and written where the object is.",
        ("(superclass, rel, reverse)",),
    ),
    Patch(
        _CONTENT_TYPES,
        "ContentTypeManager.db_manager",
        contenttypes.db_manager,
        "The content type of an object is looked for where the object is.",
        ("(self, using=None, hints=None)",),
    ),
    Patch(
        _CONTENT_TYPES,
        "ContentType.get_object_for_this_type",
        contenttypes.get_object_for_this_type,
        "What a generic foreign key points at is looked for where that key is.",
        ("(self, using=None, **kwargs)",),
    ),
)

_INHERITED = object()

_originals: dict[Patch, Any] = {}


def unverified() -> list[Patch]:
    """Return the patches whose target has a signature that they were not written for."""
    return [patch for patch in _wanted() if patch not in _originals and signature(patch) not in patch.signatures]


def install() -> None:
    """
    Replace every target; doing it again changes nothing.

    Where one of them is not the verified one, or the project wants it so, nothing is followed, and what would end in
    "no such table" is refused. Half of them would be worse than none: rows would be looked for on one database and
    deleted on another.
    """
    chosen = str(mark().get("cross_database_relations", "follow"))
    if chosen == "off":
        return
    joins.install()
    unknown = unverified()
    for patch in _wanted():
        replace = patch.refusal if unknown or chosen == "refuse" else patch.replace
        if replace is None or patch in unknown or patch in _originals:
            continue
        owner = patch.owner()
        _originals[patch] = vars(owner).get(patch.attribute, _INHERITED)
        setattr(owner, patch.attribute, replace(getattr(owner, patch.attribute)))


def uninstall() -> None:
    """Put everything back."""
    joins.uninstall()
    while _originals:
        patch, original = _originals.popitem()
        if original is _INHERITED:
            delattr(patch.owner(), patch.attribute)
        else:
            setattr(patch.owner(), patch.attribute, original)


def _wanted() -> list[Patch]:
    """Leave out what belongs to an app that is not installed: importing its models would fail."""
    from django.apps import apps

    return [
        patch
        for patch in (*PATCHES, *READING)
        if patch.applies()
        and (not patch.module.startswith("django.contrib.") or apps.is_installed(".".join(patch.module.split(".")[:3])))
    ]


def signature(patch: Patch) -> str:
    """Return the signature that a target has in the Django that is installed."""
    return str(inspect.signature(getattr(patch.owner(), patch.attribute)))
