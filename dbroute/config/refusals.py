"""Asks the converters and validators of an attrs class one by one, so that none of them hides what the next refuses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from .annotations import default_of


def refusals(cls: Any, values: Mapping[str, Any], unknown: Collection[str]) -> Iterator[tuple[str, Exception]]:
    """
    Yield each field that its own converter or validator refuses, and why.

    One that looks at another field has nothing to say where that field is wrong itself.

    Args:
        cls: The attrs class.
        values: Name to value of the fields that are set; others have their default.
        unknown: Fields whose value could not be had.
    """
    bare: Any = cls.__new__(cls)
    fields = [field for field in attrs.fields(cls) if field.name not in unknown]
    for field in fields:
        try:
            value = values[field.name] if field.name in values else default_of(field)
            if value is not attrs.NOTHING:
                object.__setattr__(bare, field.name, _converted(field, value, bare))
        except AttributeError:
            continue
        except Exception as error:  # noqa: BLE001 - anything may be raised
            yield field.name, error
    for field in fields:
        if field.validator is None or not hasattr(bare, field.name):
            continue
        try:
            field.validator(bare, field, getattr(bare, field.name))
        except AttributeError:
            continue
        except Exception as error:  # noqa: BLE001 - anything may be raised
            object.__delattr__(bare, field.name)
            yield field.name, error


def _converted(field: attrs.Attribute[Any], value: Any, bare: Any) -> Any:
    convert: Any = field.converter
    if convert is None:
        return value
    takes_more = isinstance(convert, attrs.Converter)
    return convert(value, bare, field) if takes_more else convert(value)
