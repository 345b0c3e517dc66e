"""Print the JSON Schema of the configuration, with the settings of this project."""

from pathlib import Path
from typing import Any

from django.conf import global_settings, settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser

from dbroute.config.annotations import annotation_like
from dbroute.config.json_schema import declared_schema, schema_text
from dbroute.config.schema import Schema
from dbroute.exceptions import ConfigError

NEEDS_ROUTING = False


def add_arguments(parser: CommandParser) -> None:
    """Take a file to write to, and a class with sections of its own."""
    parser.add_argument("--output", type=Path, metavar="FILE", help="Write it to this file.")
    parser.add_argument(
        "--config", metavar="module:Class", help="Subclass of DjangoConfig whose own sections belong to it."
    )


def run(*, output: Path | None, config: str | None, **options: Any) -> str:
    """
    Return the schema, or write it to a file and say so.

    Raises:
        CommandError: There is no such class, or the file cannot be written.
    """
    try:
        text = schema_text(project_schema(config))
    except ConfigError as error:
        raise CommandError(str(error)) from None
    if output is None:
        return text.rstrip("\n")
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}") from None
    return f"Wrote {output}"


def project_schema(config: str | None = None) -> Schema:
    """
    Return the shape of this project's configuration.

    Args:
        config: ``module:Class`` of a DjangoConfig with sections of its own.
    """
    defaults = {name: value for name, value in vars(global_settings).items() if name.isupper()}
    names = {name for name in dir(settings) if name.isupper()} - {"DBROUTE"}
    known = {name: _type_of(name, defaults) for name in sorted({*defaults, *names})}
    return Schema(declared_schema(config).own, known)


def _type_of(name: str, defaults: dict[str, Any]) -> Any:
    """Return a value that has the type of the setting; ``None`` where Django's default and the project's differ."""
    default = defaults.get(name)
    try:
        value = getattr(settings, name, None)
    except ImproperlyConfigured:  # an empty SECRET_KEY
        value = default
    return default if annotation_like(value) == annotation_like(default) else None
