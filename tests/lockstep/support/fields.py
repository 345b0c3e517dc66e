"""Field classes of a project: one with a column type of its own, and relations that Django does not know."""

import uuid

from django.db import models


class MoneyField(models.Field):
    """Amounts with a currency, kept as text."""

    empty_strings_allowed = False

    def __init__(self, *args, digits=12, currency="EUR", **kwargs):
        self.digits = digits
        self.currency = currency
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs["digits"] = self.digits
        if self.currency != "EUR":
            kwargs["currency"] = self.currency
        return name, path, args, kwargs

    def db_type(self, connection):
        return f"varchar({self.digits + 4})"

    def from_db_value(self, value, expression, connection):
        return None if value is None else int(value.split()[0])

    def get_prep_value(self, value):
        return None if value is None else f"{value} {self.currency}"


class ShoutingField(models.CharField):
    """A CharField that changes what it is given, to see whether data goes through the field."""

    def pre_save(self, instance, add):
        value = getattr(instance, self.attname)
        return value.upper() if value else value


class LooseForeignKey(models.ForeignKey):
    """A foreign key without a constraint that does not say so in its arguments."""

    def __init__(self, *args, **kwargs):
        kwargs["db_constraint"] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self):
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("db_constraint", None)
        return name, path, args, kwargs


def answer():
    """Return a default that is a callable."""
    return 42


def identity():
    """Return a default that differs with every call."""
    return uuid.uuid4()
