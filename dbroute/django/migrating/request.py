"""What a migrating command was asked to do, beside which databases."""

from __future__ import annotations

import attrs

from .history import Goal


@attrs.frozen
class Request:
    """
    What to do on each database.

    Attributes:
        goal: How far to migrate.
        verbosity: Django's.
        interactive: Whether handlers of signals may ask questions.
        jobs: Databases at a time where a migration allows it; 1 means one after the other, ``None`` what suits each
            engine.
        fail_fast: Whether the first failure ends the run.
        lock_timeout: Seconds to wait for another run on the same databases; ``None`` waits as long as it takes.
        run_syncdb: Whether apps without migrations get their tables.
        fake: Record migrations without running them.
        fake_initial: Record first migrations without running them where their tables exist.
        prune: Delete rows of ``django_migrations`` whose migrations are gone.
        stock: Migrate with Django's own executor, one database after the other.
    """

    goal: Goal = attrs.field(factory=Goal)
    verbosity: int = 1
    interactive: bool = False
    jobs: int | None = None
    fail_fast: bool = False
    lock_timeout: float | None = None
    run_syncdb: bool = False
    fake: bool = False
    fake_initial: bool = False
    prune: bool = False
    stock: bool = False

    @property
    def wants_stock(self) -> bool:
        """Return whether only Django's own command does what is asked."""
        return self.stock or self.fake or self.fake_initial or self.prune
