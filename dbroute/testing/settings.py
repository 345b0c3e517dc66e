"""Which Django settings an override changes, and to what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .project import Project, Reading

# What Django's test environment has put there stays: its mailbox, and the test client's host.
_MAIL = frozenset({"EMAIL_BACKEND", "MAILERS"})
_TEST_CLIENT = "testserver"


def carry(current: Any, before: Any, after: Any) -> Any:
    """
    Return ``current`` with the step from ``before`` to ``after`` made in it; the same object where there is no step.

    What others changed meanwhile stays: the names of test databases, another override, a line after the patch.
    """
    if before == after:
        return current
    if not all(isinstance(value, Mapping) for value in (current, before, after)):
        return after
    made: dict[Any, Any] = {}
    for key, value in after.items():
        if key not in before or key not in current:
            if key not in before or before[key] != value:
                made[key] = value
        else:
            made[key] = carry(current[key], before[key], value)
    return made | {key: value for key, value in current.items() if key not in after and key not in before}


def changed(
    project: Project, before: Reading, after: Reading, current: Any, *, under_test: bool
) -> tuple[dict[str, Any], set[str]]:
    """
    Return the settings that differ, DATABASES aside, and the names of those that are not set any more.

    Args:
        project: Knows what a setting is without the configuration.
        before: The configuration that ``current`` was made of.
        after: The configuration that is wanted.
        current: Django's settings.
        under_test: A test environment is set up; what it replaced stays replaced.
    """
    values: dict[str, Any] = {}
    gone: set[str] = set()
    for name in {**before.settings, **after.settings}:
        said = after.says("django", name)
        if name == "DATABASES" or (under_test and name in _MAIL and not said):
            continue
        now = getattr(current, name, None)
        old = before.settings.get(name, now)
        if name in after.settings:
            new = after.settings[name]
        else:
            try:
                new = project.without(name)
            except LookupError:
                gone.add(name)
                continue
        value = carry(now, old, new)
        if under_test and name == "ALLOWED_HOSTS" and _TEST_CLIENT in (now or ()) and _TEST_CLIENT not in value:
            value = [*value, _TEST_CLIENT]
        if value is not now:
            values[name] = value
    return values, gone
