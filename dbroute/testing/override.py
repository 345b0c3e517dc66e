"""``override_config``: another configuration inside of a test."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar

import attrs

from ..config import Config
from ..exceptions import ConfigError, Problem
from .connections import connected, refuse_in_coroutines, refuse_inside_transactions
from .databases import Databases, Entry
from .project import Project, Reading, Words
from .settings import changed

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@attrs.frozen
class _Level:
    """
    One override at work.

    Attributes:
        words: What it says.
        reading: The configuration with it on top.
        opened: New aliases that tests may use, each to the alias whose database it has.
        exit: Undoes it.
    """

    words: Words
    reading: Reading
    opened: Mapping[str, str]
    exit: ExitStack


@attrs.define
class _Run:
    """
    The overrides at work, the outermost first.

    Attributes:
        project: What they lie upon.
        base: The configuration without any of them.
        running: DATABASES without any of them.
    """

    project: Project
    base: Reading
    running: Mapping[str, Entry]
    levels: list[_Level] = attrs.field(factory=list)


_run: list[_Run] = []  # one at the most

_DECORATIONS = "_dbroute_overrides"  # of a test class, in its own dictionary


class override_config:  # noqa: N801 - a word for `with` and `@`, like Django's override_settings
    """
    Let the project have another configuration for a while: in a ``with`` block, a function, a method or a test class.

    Inside, Django's settings, the routes and the connections of this thread follow the changed configuration. Outside,
    everything is as before; connections whose database does not change are not touched, nor are their transactions.

    In a test run no override leads to a database that is not the run's own: what the files of another environment say
    about the place of a database is left out, and saying another place is refused.

    Args:
        env: Read the files of this environment instead.
        environ: Variables on top of those of the process; ``None`` unsets one. ``os.environ`` itself stays.
        changes: Sections of the configuration as a file would have them: ``databases``, ``database``, ``routing``,
            ``django``, and those that a DjangoConfig subclass declares. They lie above every other layer.

    Raises:
        dbroute.exceptions.ConfigError: On entering: a change is not valid, or not safe in a test run. Nothing has
            changed then.
    """

    def __init__(
        self, *, env: str | None = None, environ: Mapping[str, str | None] | None = None, **changes: Any
    ) -> None:
        self._words = Words(env, dict(environ or {}), changes)

    def __enter__(self) -> Config:
        """Change the configuration; return it."""
        return _enter(self._words)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put everything back."""
        _leave()

    async def __aenter__(self) -> Config:
        """Do the same from a coroutine, in the thread in which Django's ORM works for it."""
        from asgiref.sync import sync_to_async

        return await sync_to_async(_enter)(self._words)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put everything back."""
        from asgiref.sync import sync_to_async

        await sync_to_async(_leave)()

    def __call__(self, decorated: Decorated) -> Decorated:
        """
        Return a function that runs inside; or the test class, all of whose tests do.

        Raises:
            TypeError: It is something else: a generator, or a class that is no ``unittest.TestCase``.
        """
        function: Any = decorated
        if isinstance(decorated, type):
            self._decorate_class(decorated)
            return decorated
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"override_config cannot decorate a generator; write `with` inside {function.__name__}")
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def asynchronous(*args: Any, **kwargs: Any) -> Any:
                async with self:
                    return await function(*args, **kwargs)

            return asynchronous  # type: ignore[return-value]

        @wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return inner  # type: ignore[return-value]

    def _decorate_class(self, cls: Any) -> None:
        """Enter before the class is set up, or before each test where Django has no part in the class."""
        from unittest import TestCase

        from django.test import SimpleTestCase

        if not issubclass(cls, TestCase):
            raise TypeError(
                f"override_config cannot decorate {cls.__name__}, which is no unittest.TestCase; use a fixture"
            )
        others = cls.__dict__.get(_DECORATIONS, ())
        setattr(cls, _DECORATIONS, (self, *others))
        if others:
            return
        if issubclass(cls, SimpleTestCase):
            set_up_class = cls.setUpClass.__func__

            def setUpClass(inner: Any) -> None:
                # Before Django opens transactions and guards what is not among the class's `databases`.
                opened: dict[str, str] = {}
                for decoration in _decorations(inner, cls):
                    inner.enterClassContext(decoration)
                    opened |= _run[0].levels[-1].opened
                if opened and inner.databases and inner.databases != "__all__":
                    # Written into the class, Django's runner would look for the new aliases before they exist.
                    inner.addClassCleanup(setattr, inner, "databases", inner.databases)
                    inner.databases = {*inner.databases} | {
                        alias for alias, own in opened.items() if own == alias or own in inner.databases
                    }
                set_up_class(inner)

            cls.setUpClass = classmethod(setUpClass)
        else:
            set_up = cls.setUp

            def setUp(inner: Any) -> None:
                for decoration in _decorations(type(inner), cls):
                    inner.enterContext(decoration)
                set_up(inner)

            cls.setUp = setUp


def _decorations(cls: type, caller: type) -> list[override_config]:
    """
    Return what a class and its parents are decorated with, in the order of entering: a subclass lies above its parents.

    All of it is for the first decorated class that is set up, and nothing for the others, which it calls.
    """
    decorated = [parent for parent in cls.__mro__ if _DECORATIONS in parent.__dict__]
    if decorated[0] is not caller:
        return []
    return [one for parent in reversed(decorated) for one in parent.__dict__[_DECORATIONS]]


def _enter(words: Words) -> Config:
    run = _run[0] if _run else _started(words)
    try:
        level = _applied(run, words)
    except BaseException:
        if not run.levels:
            _run.clear()
        raise
    run.levels.append(level)
    return level.reading.config


def _leave() -> None:
    run = _run[0]
    level = run.levels.pop()
    if not run.levels:
        _run.clear()
    level.exit.close()


def _started(words: Words) -> _Run:
    """Return what the outermost override lies upon."""
    project = Project.running(words)
    from django.db import connections

    run = _Run(project, project.read([]), connections.settings)
    _run.append(run)
    return run


def _applied(run: _Run, words: Words) -> _Level:
    """
    Let one more override take effect.

    Raises:
        ConfigError: It is not valid, or not safe; nothing has changed then.
    """
    from django.conf import settings
    from django.db import connections
    from django.test.utils import override_settings

    from dbroute.django.routes import has_router, under_test

    before = run.levels[-1].reading if run.levels else run.base
    after = run.project.read([*(level.words for level in run.levels), words])
    if words.changes.get("routing") and not has_router():
        hint = "add 'dbroute.routing.DatabaseRouter' to DATABASE_ROUTERS"
        raise ConfigError([Problem("routing", "no router of dbroute reads rules here", "override_config", hint)])
    test_run = under_test()
    databases = Databases(run.running, run.base, after, test_run)
    entries = _completed(databases.entries(), run.running)
    values, gone = changed(run.project, before, after, settings, under_test=test_run)
    follow = list(entries.items()) != list(connections.settings.items())
    new = {alias: own for alias, own in databases.opened.items() if alias not in connections.settings}
    if entries != connections.settings:
        refuse_in_coroutines()
    if follow:
        refuse_inside_transactions(entries, after.config.source)
        values["DATABASES"] = entries
    with ExitStack() as stack:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Overriding setting DATABASES")  # the connections follow here
            stack.enter_context(override_settings(**dict.fromkeys(gone), **values))
        for name in gone:
            delattr(settings, name)
        if follow:
            stack.enter_context(connected(entries, new))
        return _Level(words, after, new, stack.pop_all())


def _completed(entries: Mapping[str, Entry], running: Mapping[str, Entry]) -> dict[str, Any]:
    """
    Return the entries with what Django adds to each.

    Those that equal a present one are that very object: connections hold it, and test runners write into it.
    """
    from django.db import connections

    own = {alias: {**entry, "TEST": dict(entry.get("TEST") or {})} for alias, entry in entries.items()}
    completed: dict[str, Any] = connections.configure_settings(own)
    for alias, entry in completed.items():
        for there in (connections.settings, running):
            if there.get(alias) == entry:
                completed[alias] = there[alias]
                break
    return completed
