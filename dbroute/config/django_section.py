"""The ``django:`` section: any other Django setting, checked against what Django and settings.py have there."""

from __future__ import annotations

from typing import Any

from .convert import FAILED, Converter
from .limits import wrong_time_zone
from .nodes import Branch, dotted, key_source
from .problems import did_you_mean, nearly
from .schema import OWNED, Schema


def django_settings(converter: Converter, schema: Schema, root: Branch) -> dict[str, Any]:
    """Return name to value of the settings that the section has."""
    found: dict[str, Any] = {}
    for key, node in root.branch("django").nodes.items():
        name, path = str(key), ("django", key)
        fault = _fault(name, schema)
        if fault is not None:
            converter.problems.add(key_source(node), dotted(path), *fault)
            continue
        value = converter.convert(node, schema.setting(name), path, schema.unit(name))
        if name == "TIME_ZONE" and isinstance(value, str) and (hint := wrong_time_zone(value)) is not None:
            converter.problems.add(node.source, dotted(path), "is no time zone", hint)
        if value is not FAILED:
            found[name] = value
    return found


def _fault(name: str, schema: Schema) -> tuple[str, str] | None:
    """Return what is wrong with a setting's name, and what to do."""
    known = schema.known or {}
    if name in OWNED:
        return "is written by dbroute", OWNED[name][0]
    if not name.isupper():
        return "unknown setting", did_you_mean(name.upper(), known) or "write settings in capitals"
    if schema.known is not None and name not in known:
        # A third-party setting has any name; one that is nearly Django's is a slip.
        near = nearly(name, known)
        return ("unknown setting", f"did you mean '{near}'?") if near else None
    return None
