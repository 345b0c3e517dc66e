"""Bases and managers that generated models use."""

from django.db import models


class Stamped(models.Model):
    """An abstract base; a historical model has the class itself among its bases, but the fields of its own."""

    class Meta:
        abstract = True

    def label(self):
        return f"{self._meta.model_name} {self.pk}"


class Greeting:
    """A mixin that is no model."""

    def greet(self):
        return f"hello from {self._meta.label}"


class Loud:
    """Another one."""

    def shout(self):
        return self._meta.label.upper()


class ShortQuerySet(models.QuerySet):
    def short(self):
        return self.order_by("pk")[:2]


class OddManager(models.Manager):
    """A manager with arguments that goes into migrations."""

    use_in_migrations = True

    def __init__(self, modulus=2):
        super().__init__()
        self.modulus = modulus

    def get_queryset(self):
        return super().get_queryset().annotate(odd=models.F("pk") % self.modulus)


class ShortManager(models.Manager.from_queryset(ShortQuerySet)):
    use_in_migrations = True
