"""Running the plan: all databases in waves, whatever becomes of some of them."""

from __future__ import annotations

import gc
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
from django.core.checks import Tags
from django.db.backends.base.base import BaseDatabaseWrapper

from ..folders import make_folder
from . import stock
from .author import load_django_command
from .connection import describe, engine_of, masked, schema_connection
from .engine import Engine
from .history import Disk, History
from .journal import StillOpenError, put_right
from .locks import Held, hold, lock_order
from .member import Member
from .outcome import Outcome
from .plan import Target
from .progress import Progress
from .request import Request

# Databases that are open at the same time, each with two connections: one for the lock.
WAVE = 32

Connections = dict[str, BaseDatabaseWrapper]


@attrs.define
class Run:
    """
    One run over all databases.

    Attributes:
        targets: The plan.
        request: What to do on each database.
        progress: Hears of what happens.
        show: Receives what Django's migrate, or handlers of its signals, printed.
    """

    targets: Sequence[Target]
    request: Request
    progress: Progress = attrs.field(factory=Progress)
    show: Callable[[str], None] = lambda text: None
    interrupted: bool = False
    _outcomes: dict[str, Outcome] = attrs.field(factory=dict, init=False)
    _held: dict[str, Held] = attrs.field(factory=dict, init=False)
    _disk: Disk | None = None

    def migrate(self) -> list[Outcome]:
        """Migrate the targets, past those that fail, and return what became of each, in the order of the plan."""
        due = []
        for target in self.targets:
            if target.skipped:
                self._end(Outcome(target.alias, engine_of(target.alias), "skipped", reason=target.skipped))
            else:
                due.append(target.alias)
        with self._finishing_what_runs(), self.progress:
            for start in range(0, len(due), WAVE):
                if start:
                    gc.collect()  # what the last wave rendered; the collector rests while a wave runs
                self._wave(due[start : start + WAVE])
        return [self._outcomes[target.alias] for target in self.targets]

    @property
    def must_stop(self) -> bool:
        """Whether nothing new may begin."""
        failed = self.request.fail_fast and any(outcome.state == "failed" for outcome in self._outcomes.values())
        return self.interrupted or failed

    def _wave(self, aliases: Sequence[str]) -> None:
        with ExitStack() as opened:
            connections = self._checked(self._locked(self._open(aliases, opened), opened))
            if self.request.wants_stock or stock.is_replaced():
                for alias in connections:
                    self._migrate_alone(alias)
            else:
                # A second alias of one database finds what the first one has recorded.
                for turn in _turns(connections, self._held):
                    self._migrate_together(turn)

    def _open(self, aliases: Sequence[str], opened: ExitStack) -> Connections:
        found: Connections = {}
        for alias in aliases:
            if self.must_stop:
                self._stop(alias)
                continue
            self.progress.begin(alias)
            with self._keeping(alias):
                connection = opened.enter_context(schema_connection(alias))
                make_folder(connection.settings_dict)
                connection.ensure_connection()
                connection.prepare_database()
                found[alias] = connection
        return found

    def _locked(self, connections: Connections, opened: ExitStack) -> Connections:
        """Return the databases that nobody else is migrating, waiting for those that somebody is."""
        for group in lock_order(connections.values()):
            aliases = [connection.alias for connection in group]
            if self.must_stop:
                for alias in aliases:
                    self._stop(alias)
                continue
            try:
                held = opened.enter_context(
                    hold(
                        group[0],
                        timeout=self.request.lock_timeout,
                        waiting=self._waiting(group[0].alias),
                        stopped=lambda: self.interrupted,
                    )
                )
                self._held.update(dict.fromkeys(aliases, held))
                put_right(group)
            except KeyboardInterrupt:
                self.interrupted = True
                for alias in aliases:
                    self._stop(alias)
            except StillOpenError as still:
                self.progress.say(f"{group[0].alias}: {still}")
            except Exception as error:  # noqa: BLE001  whatever a driver raises
                for alias in aliases:
                    self._fail(alias, error)
        return {alias: connection for alias, connection in connections.items() if alias not in self._outcomes}

    def _waiting(self, alias: str) -> Callable[[str], None]:
        return lambda holder: self.progress.say(f"{alias}: waiting for {holder}, who is migrating this database")

    def _checked(self, connections: Connections) -> Connections:
        """Return the databases whose checks passed; only the checks of these tags look at a database."""
        try:
            _check(list(connections))
        except Exception:  # noqa: BLE001  asked one by one they say whose it is
            return {alias: one for alias, one in connections.items() if self._passes(alias)}
        return connections

    def _passes(self, alias: str) -> bool:
        with self._keeping(alias):
            _check([alias])
        return alias not in self._outcomes

    def _migrate_together(self, connections: Connections) -> None:
        members, alone = [], []
        for alias, connection in connections.items():
            with self._keeping(alias):
                history = self._history(connection)
                if any(backwards for _, backwards in history.plan(self.request.goal)):
                    alone.append(alias)
                else:
                    members.append(
                        Member(connection, history, self.request.goal, self.progress.hear, self._held[alias].verify)
                    )
        engine = Engine(
            verbosity=self.request.verbosity,
            interactive=self.request.interactive,
            jobs=self.request.jobs,
            run_syncdb=self.request.run_syncdb,
            sync_labels=frozenset({label}) if (label := self.request.goal.app_label) else None,
            stopped=lambda: self.must_stop or (self.request.fail_fast and any(member.error for member in members)),
            show=lambda text: self.show(masked(text)),
        )
        try:
            engine.migrate(members)
        except KeyboardInterrupt:
            self.interrupted = True
        for member in members:
            self._end(_outcome(member))
        for alias in alone:
            self._migrate_alone(alias)

    def _history(self, connection: BaseDatabaseWrapper) -> History:
        if self._disk is None:
            self._disk = Disk()
        return self._disk.history(connection)

    def _migrate_alone(self, alias: str) -> None:
        if self.must_stop:
            self._stop(alias)
        else:
            self._end(stock.migrate(alias, self.request, self.show))

    def _end(self, outcome: Outcome) -> None:
        self._outcomes[outcome.alias] = outcome
        self.progress.end(outcome)

    def _stop(self, alias: str) -> None:
        reason = "interrupted" if self.interrupted else "another database failed"
        self._end(Outcome(alias, engine_of(alias), "stopped", reason=reason, left=None))

    @contextmanager
    def _keeping(self, alias: str) -> Iterator[None]:
        """Keep an error for the report, so that the other databases get their turn."""
        try:
            yield
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a driver raises
            self._fail(alias, error)

    def _fail(self, alias: str, error: BaseException) -> None:
        trace = masked("".join(traceback.format_exception(error)))
        self._end(
            Outcome(
                alias,
                engine_of(alias),
                "failed",
                error=describe(error).removeprefix(f"{alias}: "),
                left=None,
                trace=trace,
            )
        )

    @contextmanager
    def _finishing_what_runs(self) -> Iterator[None]:
        """Let the first Ctrl-C end the run after the migration at work, and the second one at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, frame: Any) -> None:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted = True
            self.progress.say(
                "Interrupted; the migrations at work are finished first. Press Ctrl-C again to stop them."
            )

        before = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def _turns(connections: Connections, held: Mapping[str, Held]) -> Iterator[Connections]:
    """Yield the databases so that no two aliases of one physical database have the same turn."""
    left = dict(connections)
    while left:
        first = {held[alias]: alias for alias in reversed(left)}
        turn = {alias: left.pop(alias) for alias in connections if alias in first.values()}
        yield turn


def _check(aliases: list[str]) -> None:
    command = load_django_command("migrate")
    command.check(tags=[Tags.models, Tags.database], databases=aliases)


def _outcome(member: Member) -> Outcome:
    moved = bool(member.applied or member.recorded)
    unfinished = bool(member.left) and not member.error
    return Outcome(
        member.alias,
        engine_of(member.alias),
        "failed" if member.error else "stopped" if unfinished else "migrated" if moved else "up to date",
        tuple(member.applied),
        tuple(member.recorded),
        member.seconds,
        member.error,
        member.advice,
        "the run ended early" if unfinished else member.standing if member.error else "",
        len(member.left),
        member.trace,
    )
