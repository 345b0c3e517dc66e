"""Walking the migrations once, with all databases that need them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress

import attrs
from django.db import connections
from django.db.migrations import Migration
from django.utils import translation

from .history import key_of
from .member import Member
from .states import Key, LeanState
from .steps import Work, compute, for_many, is_schema_only
from .tape import Tape

# Migrations after which the rendered models that nobody needs any more are collected; the collector rests otherwise.
COLLECT = 120
# Databases at a time where nobody said otherwise. Where schema statements do not roll back it is one: a process that is
# killed leaves half a migration in each database that it was working on.
JOBS = 8
# Seconds that the others wait for the statements of the first one. What takes longer is the server's work, not ours.
PATIENCE = 0.5


@attrs.define(eq=False)
class Walk:
    """
    Databases that stand at the same point, and the state that they share.

    Attributes:
        state: What the migrations applied so far lead to.
        order: All migrations in order.
        applied: Those that are applied on these databases.
        members: The databases.
    """

    state: LeanState
    order: list[Migration]
    applied: set[Key]
    members: list[Member]

    @classmethod
    def all_of(cls, members: Sequence[Member]) -> list[Walk]:
        """Return the walks of databases that have just been opened."""
        walks: list[Walk] = []
        for member in members:
            applied = member.history.applied
            for walk in walks:
                if walk.applied == applied and walk.order is member.history.order:
                    walk.members.append(member)
                    break
            else:
                walks.append(cls(member.history.state(), member.history.order, applied, [member]))
        return walks

    def step(self, migration: Migration, jobs: int | None, stopped: Callable[[], bool]) -> None:
        """Run a migration on the databases of the walk that need it and may begin, and take the state past it."""
        working = [member for member in self.members if not member.error]
        wanted = [member for member in working if not member.only_records(migration)]
        label = migration.app_label
        try:
            work = compute(
                migration,
                self.state,
                lambda operation: any(member.needs(operation, label) for member in wanted),
                {place for member in wanted for place in member.insertions(migration)},
            )
        except Exception as error:  # noqa: BLE001  whatever an operation raises
            for member in working:
                member.stop_at(migration, error)  # nobody gets past it: the state beyond is not known
            return
        self.applied.add(key_of(migration))
        for member in working:
            if member not in wanted or member.is_idle(work):
                member.record(migration)
        wanted = [member for member in wanted if not member.is_idle(work)]
        if is_schema_only(migration):
            _run_schema(work, wanted, jobs, stopped)
        else:
            _run_in_turn(work, wanted, stopped)


def walk_all(walks: list[Walk], *, jobs: int | None, stopped: Callable[[], bool]) -> list[Walk]:
    """
    Take all walks to the end of their plans.

    Walks that reach the same point become one.

    Args:
        walks: Of :meth:`Walk.all_of`.
        jobs: Databases at a time where a migration allows it; ``None`` for what suits each engine.
        stopped: Asked before each migration; ends the walks early.

    Returns:
        What is left of the walks: each database is in one of them.
    """
    finished: list[Walk] = []
    members = [member for walk in walks for member in walk.members]
    orders = {id(walk.order): walk.order for walk in walks}
    for order in orders.values():
        going = [walk for walk in walks if walk.order is order]
        for number, migration in enumerate(order, 1):
            if stopped():
                break
            if number % COLLECT == 0:
                gc.collect()
            stepping = [walk for walk in going if any(member.is_next(migration) for member in walk.members)]
            if stepping:
                codes = not is_schema_only(migration) or any(member.insertions(migration) for member in members)
                _wait(members, codes)
            for walk in stepping:
                walk.step(migration, jobs, stopped)
            going = _merged(going)
        finished += going
    _wait(members, True)
    return finished


def _wait(members: Sequence[Member], wanted: bool) -> None:
    """Say whether commits wait for the disk; of all databases, since code may write to any of them."""
    for member in members:
        member.wait(wanted)


def _merged(walks: list[Walk]) -> list[Walk]:
    merged: list[Walk] = []
    for walk in walks:
        same = next((other for other in merged if other.applied == walk.applied), None)
        if same is None:
            merged.append(walk)
        else:
            same.members += walk.members
    return merged


def _run_schema(work: Work, members: Sequence[Member], jobs: int | None, stopped: Callable[[], bool]) -> None:
    """Run a migration that consists of schema operations: on several databases at once, where that is safe."""
    together = [member for member in members if member.connection.vendor != "sqlite"]
    # SQLite's statements are too short for threads to gain anything, and its editor changes what it is given.
    _run_in_turn(work, [member for member in members if member not in together], stopped)
    with for_many(work) as lent:
        rolling = [member for member in together if member.connection.features.can_rollback_ddl]
        others = [member for member in together if member not in rolling]
        _run_together(lent, rolling, JOBS if jobs is None else jobs, stopped)
        _run_together(lent, others, 1 if jobs is None else jobs, stopped)


def _run_in_turn(work: Work, members: Sequence[Member], stopped: Callable[[], bool]) -> None:
    """Run a migration on one database after the other; those of one kind follow the first one of them."""
    tapes: dict[str, Tape | None] = {}
    for member in members:
        if stopped():
            break
        kind = member.connection.vendor
        tapes[kind] = _run(member, work, tapes.get(kind), record=member is not members[-1])


def _run(member: Member, work: Work, tape: Tape | None = None, *, record: bool = False) -> Tape | None:
    """Run a migration on a database, by a tape if it has one and can; return the tape for the next one."""
    if tape:
        member.follow(work, tape)
    if member.is_next(work.migration):
        tape = member.run(work, record=record and not tape) or tape
    return tape


def _run_together(work: Work, members: Sequence[Member], jobs: int, stopped: Callable[[], bool]) -> None:
    """Run a migration on several databases at once, each in a thread that uses its connection."""
    if len(members) < 2 or jobs < 2:
        _run_in_turn(work, members, stopped)
        return
    language = translation.get_language()

    def run(member: Member, tape: Tape | None = None, *, record: bool = False) -> Tape | None:
        if stopped():
            return None
        with _lent(member), translation.override(language):
            return _run(member, work, tape, record=record)

    with ThreadPoolExecutor(min(jobs, len(members))) as pool, ExitStack() as sharing:
        for member in members:
            member.connection.inc_thread_sharing()
            sharing.callback(member.connection.dec_thread_sharing)
        first = pool.submit(run, members[0], record=True)
        try:
            wait([first], timeout=PATIENCE)
            tape = first.result() if first.done() else None
            for running in [first, *(pool.submit(run, member, tape) for member in members[1:])]:
                running.result()
        except KeyboardInterrupt:
            for member in members:
                _cancel(member)
            raise


def _cancel(member: Member) -> None:
    """Have the server give up what a thread is waiting for, if its driver can say so from another thread."""
    cancel = getattr(member.connection.connection, "cancel", None)
    if cancel is not None and member.running:
        with suppress(Exception):
            cancel()


@contextmanager
def _lent(member: Member) -> Iterator[None]:
    """Let this thread use the connection of a member under its alias."""
    connections[member.alias] = member.connection
    try:
        yield
    finally:
        del connections[member.alias]
