"""
The shape of the configuration as JSON Schema, for editors.

It is made of the same classes and annotations that the conversion reads, so that the two cannot drift apart. It accepts
everything that the loader accepts in one file; what only shows between files, or in a value's meaning, is the loader's.
"""

from __future__ import annotations

import datetime
import enum
import inspect
import json
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ..models import (
    ConnectionConfig,
    DatabaseConfig,
    DatabaseTestConfig,
    ReplicaConfig,
    Secret,
    Size,
    Url,
)
from .annotations import LISTS, attrs_class, element, fields_of, list_kind, members
from .declared import declared_config, own_sections
from .nodes import names_secret
from .rules import RELATIONS
from .schema import OWNED, Schema

FILE = "config.schema.json"
"""Name of the file beside ``config.yaml`` that editors read."""

MODELINE = f"# yaml-language-server: $schema={FILE}"
"""The first line of a ``config.yaml``, by which editors find the schema."""

Json = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = r"^\s*(\d{1,12}|(\d{1,9}[smhdw])+)\s*$"
_WHOLE: Json = {"type": "integer", "minimum": 0}
_SETTING = "^[^a-z]*[A-Z][^a-z]*$"

_SCALARS: dict[Any, tuple[str, ...]] = {
    bool: ("boolean",),
    int: ("integer",),
    float: ("number",),
    str: ("string", "integer"),  # a password 123456 is a text
    Secret: ("string", "integer"),
    Path: ("string",),
    type(None): ("null",),
}

_SHARED: dict[str, Json] = {
    "reference": {
        "description": "A text with ${VAR} or ${VAR:-default} in it; what it becomes is read as this place wants it.",
        "type": "string",
        "pattern": r"(^|[^$])\$\{",
    },
    "duration": {"description": "Whole seconds, or 30s, 10m, 1h30m, 2d, 1w.", "type": "string", "pattern": _DURATION},
    "size": {
        "description": "Bytes: digits, 10MB, 512KiB.",
        "type": "string",
        "pattern": r"^[0-9]{1,18} ?(B|[kKMGT]i?B)?$",
    },
    "url": {
        "description": "engine://user:password@host:port/name; ${VAR} may stand for any part but the engine.",
        "type": "string",
        "pattern": r"^([A-Za-z][A-Za-z0-9+._-]*://|\s*\$\{)",
    },
    "key": {"not": {"pattern": "^[Dd][Yy][Nn][Aa][Cc][Oo][Nn][Ff]_"}},
    "any": {"propertyNames": {"$ref": "#/$defs/key"}, "additionalProperties": {"$ref": "#/$defs/any"}},
}

_SECTIONS = {
    "database": "The short form: the URL of the default database, and url_<name> for each further one.",
    "databases": "The databases by alias, each a URL or a mapping.",
    "routing": "App label, app_label.Model or glob to the alias of a database.",
    "django": "Any other Django setting.",
}


def json_schema(schema: Schema) -> Json:
    """
    Return the JSON Schema (2020-12) of one configuration file.

    Args:
        schema: What may stand where.
    """
    return _Writer(schema).whole()


def schema_text(schema: Schema) -> str:
    """Return the JSON Schema as the text of a file."""
    return json.dumps(json_schema(schema), indent=2, ensure_ascii=False) + "\n"


def declared_schema(name: str | None = None) -> Schema:
    """
    Return the shape of the configuration, with the sections of its own that a class declares.

    Args:
        name: ``module:Class``, a subclass of DjangoConfig; importable from the working directory.

    Raises:
        ConfigError: There is no such class.
    """
    return Schema() if name is None else Schema(own_sections(declared_config(name)))


class _Writer:
    """Writes the schema; collects the definitions of attrs classes on the way."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.definitions: dict[str, Json] = {}
        self.names: dict[type, str] = {}

    def whole(self) -> Json:
        written = {
            "database": self.short_form(),
            "databases": _mapping(_any_of(_shared("url"), self.instance(DatabaseConfig))),
            "routing": self.routing(),
            "django": self.django(),
        }
        sections = {
            name: {"description": _SECTIONS[name], **written[name]} if name in written else self.value(annotation)
            for name, annotation in self.schema.sections.items()
        }
        return {
            "$schema": _DIALECT,
            "$id": "urn:dbroute:config",
            "title": "dbroute configuration",
            "type": "object",
            "properties": sections,
            "additionalProperties": False,
            "$defs": {**_SHARED, **self.definitions},
        }

    def short_form(self) -> Json:
        url = _shared("url")
        return {
            "type": "object",
            "properties": {"url": url},
            "patternProperties": {"^url_.": url},
            "additionalProperties": False,
        }

    def routing(self) -> Json:
        alias = self.value(element(self.schema.sections["routing"], Mapping))
        chosen = {key: self.value(choice) for key, choice in RELATIONS.items()}
        return {**_mapping(alias), "properties": chosen, "propertyNames": {"minLength": 1, **_shared("key")}}

    def django(self) -> Json:
        known = (name for name in self.schema.known or () if name.isupper() and name not in OWNED)
        refused = {name: {"not": {}, "description": f"dbroute writes it; {hint}."} for name, (hint, _) in OWNED.items()}
        return {
            "type": "object",
            "properties": {**{name: self.setting(name) for name in sorted(known)}, **refused},
            "patternProperties": {_SETTING: _shared("any")},
            "propertyNames": _shared("key"),
            "additionalProperties": False,
        }

    def setting(self, name: str) -> Json:
        """Return what a Django setting may be."""
        return self.value(self.schema.setting(name), self.schema.unit(name))

    def value(self, annotation: Any, unit: str = "") -> Json:
        """Return what may stand where an annotation wants something."""
        if annotation is Any:
            return _shared("any")
        allowed = members(annotation)
        if unit:
            null = [{"type": "null"}] if type(None) in allowed else []
            number = {**_WHOLE, "type": "number"} if float in allowed else _WHOLE
            return _any_of(number, _shared("duration"), *null, _shared("reference"))
        types: dict[str, None] = {}
        choices: list[Json] = []
        for member in allowed:
            kind = typing.get_origin(member) or member
            if kind in _SCALARS:
                types.update(dict.fromkeys(_SCALARS[kind]))
            elif (known := _single(member, kind)) is not None:
                choices += known
            elif not (isinstance(kind, type) and (attrs.has(kind) or issubclass(kind, (Mapping, *LISTS)))):
                return _shared("any")  # a type that this module does not know; the loader knows better
        choices += self.containers(annotation)
        if "string" not in types:
            choices.append(_shared("reference"))
        if types:
            choices.insert(0, {"type": list(types) if len(types) > 1 else next(iter(types))})
        return _any_of(*choices)

    def containers(self, annotation: Any) -> list[Json]:
        """Return the mapping and the list that an annotation allows."""
        found: list[Json] = []
        if (cls := attrs_class(annotation)) is not None:
            found.append(self.instance(cls))
        elif (inner := element(annotation, Mapping)) is not None:
            found.append(_mapping(self.value(inner)))
        if list_kind(annotation):
            found.append({"type": "array", "items": self.value(element(annotation, LISTS))})
        return found

    def instance(self, cls: type) -> Json:
        """Return the reference to the definition of an attrs class, which is made on the way."""
        if cls not in self.names:
            taken = {*self.names.values(), *_SHARED}
            name = cls.__name__ if cls.__name__ not in taken else f"{cls.__module__}.{cls.__qualname__}"
            self.names[cls] = name
            self.definitions[name] = {}  # keeps its place above the classes that it holds
            self.definitions[name] = self.definition(cls, name)
        return {"$ref": f"#/$defs/{self.names[cls]}"}

    def definition(self, cls: type, name: str) -> Json:
        notes = _notes(cls)
        properties = {
            field: {**({"description": notes[field]} if field in notes else {}), **self.field(cls, field)}
            for field in fields_of(cls)
        }
        found: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        if summary := _summary(cls):
            found = {"description": summary, **found}
        if issubclass(cls, ConnectionConfig | DatabaseTestConfig):
            # Django's own spelling. Beside the properties, so that editors offer each field once.
            found["patternProperties"] = {
                f"^{field.upper()}$": {"$ref": f"#/$defs/{name}/properties/{field}"} for field in properties
            }
        return found

    def field(self, cls: type, name: str) -> Json:
        """Return what one field of an attrs class may be."""
        field, annotation = fields_of(cls)[name]
        if issubclass(cls, ConnectionConfig) and name in {"url", "migrate_url"}:
            return _any_of(_shared("url"), {"type": "null"})
        if issubclass(cls, DatabaseConfig) and name == "replicas":
            return {"type": "array", "items": _any_of(_shared("url"), self.instance(ReplicaConfig))}
        found = self.value(annotation, field.metadata.get("unit", ""))
        if "least" in field.metadata:
            found["minimum"] = field.metadata["least"]
        plain = isinstance(field.default, bool | int | float | str) and not isinstance(field.default, enum.Enum)
        return {**found, "default": field.default} if plain and not names_secret(name) else found


def _single(member: Any, kind: Any) -> list[Json] | None:
    """Return what a single value of a listed or measured type may be; ``None`` for other types."""
    if kind is typing.Literal:
        return [{"enum": list(typing.get_args(member))}]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return [{"enum": [item.value for item in kind]}]
    if kind is Size:
        return [_WHOLE, _shared("size")]
    if kind is Url:
        return [{"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#]"}]
    return [_WHOLE, _shared("duration")] if kind is datetime.timedelta else None


def _shared(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _mapping(inner: Json) -> Json:
    return {"type": "object", "propertyNames": _shared("key"), "additionalProperties": inner}


def _any_of(*choices: Json) -> Json:
    return {"anyOf": list(choices)} if len(choices) > 1 else dict(choices[0])


def _summary(cls: type) -> str:
    """Return the first paragraph of a class's docstring."""
    return _markdown(inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0])


def _notes(cls: type) -> dict[str, str]:
    """Return field to text of the ``Attributes:`` of a class's docstring, and of those of its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        _, _, listed = inspect.cleandoc(base.__doc__ or "").partition("\nAttributes:\n")
        block = re.split(r"\n(?=\S)", listed, maxsplit=1)[0]
        for entry in re.split(r"\n(?= {4}\S)", f"\n{block}"):
            name, colon, text = entry.strip().partition(":")
            if colon and name.isidentifier():
                found[name] = _markdown(text)
    return found


def _markdown(text: str) -> str:
    """Return a docstring's words as editors show them."""
    return " ".join(re.sub(r":\w+:`~?([^`]*)`", r"`\1`", text.replace("``", "`")).split())
