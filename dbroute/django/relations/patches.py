"""
The places where Django is changed while it runs, all of them, and nothing else that changes it.

Each entry says what is replaced, by what, why, and which signature the replacement was written for. Where a target has
another one, nothing is replaced, and a check names it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

import attrs

from . import deleting

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
    """

    module: str
    name: str
    replace: Replace
    why: str
    signatures: tuple[str, ...]

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
)

_originals: dict[Patch, Any] = {}


def unverified() -> list[Patch]:
    """Return the patches whose target has a signature that they were not written for."""
    return [patch for patch in _wanted() if patch not in _originals and signature(patch) not in patch.signatures]


def install() -> None:
    """
    Replace every target, or none where one of them is not the verified one; doing it again changes nothing.

    Half of them would be worse than none: rows would be looked for on one database and deleted on another.
    """
    if unverified():
        return
    for patch in _wanted():
        if patch not in _originals:
            owner = patch.owner()
            _originals[patch] = vars(owner)[patch.attribute]
            setattr(owner, patch.attribute, patch.replace(getattr(owner, patch.attribute)))


def uninstall() -> None:
    """Put everything back."""
    while _originals:
        patch, original = _originals.popitem()
        setattr(patch.owner(), patch.attribute, original)


def _wanted() -> list[Patch]:
    """Leave out what belongs to an app that is not installed: importing its models would fail."""
    from django.apps import apps

    return [
        patch
        for patch in PATCHES
        if not patch.module.startswith("django.contrib.") or apps.is_installed(".".join(patch.module.split(".")[:3]))
    ]


def signature(patch: Patch) -> str:
    """Return the signature that a target has in the Django that is installed."""
    return str(inspect.signature(getattr(patch.owner(), patch.attribute)))
