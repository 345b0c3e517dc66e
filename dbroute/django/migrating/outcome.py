"""What became of one database."""

from __future__ import annotations

from typing import Literal

import attrs

State = Literal["migrated", "up to date", "failed", "stopped", "skipped"]


@attrs.frozen
class Outcome:
    """
    What became of one database.

    Attributes:
        alias: The database.
        engine: Short name of its engine.
        state: In one word or two.
        applied: Labels (``app.name``) of the migrations that changed the database, in order.
        recorded: Labels of those that were only recorded, because their tables live elsewhere.
        seconds: How long it took; of work that several databases share, nothing is counted.
        error: What went wrong, beginning with the migration that failed if it was one; may have several lines.
        advice: What has to be done by hand before the next run.
        reason: Why it was skipped or stopped, or how far the app of a migration that failed is.
        left: Number of migrations that still have to run; ``None`` where nobody knows.
        trace: The traceback of the error.
    """

    alias: str
    engine: str
    state: State
    applied: tuple[str, ...] = ()
    recorded: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""
    advice: str = ""
    reason: str = ""
    left: int | None = 0
    trace: str = ""
