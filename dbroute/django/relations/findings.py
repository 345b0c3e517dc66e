"""Walks references for a person who waits: counts what leads nowhere, mends it if told to, and can go on later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import attrs
from django.db import Error
from django.db.models import ProtectedError, RestrictedError

from ..migrating.connection import describe
from ..routes import project_table
from . import orphans
from .references import Reference

Kind = Literal["null", "delete"]
EXAMPLES = 5


@attrs.define
class Finding:
    """
    What was found out about one reference.

    Attributes:
        looked_at: Keys that were looked at.
        rows: Rows whose reference leads nowhere.
        examples: The first of the keys that nothing has.
        cleared: References that were set to NULL.
        deleted: Rows that were deleted, by model.
        upto: Where the walk stands, as a text; empty before the first step.
        error: What ended it early; empty where nothing did.
        ended: Whether the walk is over.
    """

    reference: Reference
    looked_at: int = 0
    rows: int = 0
    examples: list[str] = attrs.field(factory=list)
    cleared: int = 0
    deleted: Counter[str] = attrs.field(factory=Counter)
    upto: str = ""
    error: str = ""
    ended: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the finding for a program."""
        reference = self.reference
        return {
            "reference": reference.label,
            "from": reference.alias,
            "to": None if reference.is_generic else reference.target.alias,
            "looked_at": self.looked_at,
            "orphans": self.rows,
            "examples": self.examples,
            "set_to_null": self.cleared,
            "deleted": dict(self.deleted),
            "error": self.error or None,
        }


Each = Callable[[Finding, orphans.Batch], None]
"""Told of each step, after it was counted."""


def survey(found: Sequence[Finding], each: Iterable[Each] = (), after: Any = None) -> None:
    """
    Walk the references one after the other, and count into their findings.

    A database error ends the walk of that reference only; it is kept in its finding.

    Args:
        found: A fresh finding for each reference; filled.
        each: What is called with each step.
        after: Where the first reference is gone on from.
    """
    for finding in found:
        try:
            for batch in orphans.scan(finding.reference, after, orphans.SIZE):
                finding.looked_at += batch.looked_at
                finding.rows += sum(rows.count() for rows in batch.rows)
                room = EXAMPLES - len(finding.examples)
                finding.examples += [key for key in batch.missing if key not in finding.examples][:room]
                for tell in each:
                    tell(finding, batch)
                finding.upto = orphans.place(batch.upto)
        except (ProtectedError, RestrictedError) as error:
            finding.error = str(error.args[0])  # the second one is the rows themselves
        except Error as error:
            finding.error = describe(error)
        finding.ended = True
        after = None


def mending(kind: Kind) -> Each:
    """Return what mends each step of a survey, and counts that."""

    def mend(finding: Finding, batch: orphans.Batch) -> None:
        for rows in batch.rows:
            if kind == "null":
                finding.cleared += orphans.set_null(rows, finding.reference)
            else:
                finding.deleted += orphans.delete(rows)

    return mend


def unmendable(kind: Kind, found: Iterable[Finding]) -> list[str]:
    """Return why some of the references cannot be mended that way, a sentence each."""
    return [sentence for finding in found if (sentence := _obstacle(kind, finding.reference))]


def _obstacle(kind: Kind, reference: Reference) -> str:
    if project_table().refuses_writes(reference.alias):
        return f"{reference.label} is in '{reference.alias}', which is read-only."
    if kind == "null" and not reference.nullable:
        return f"{reference.label} may not be NULL."
    return ""
