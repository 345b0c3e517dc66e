"""What may stand where: the sections, their types, and the way down from one key to the next."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import attrs

from ..models import DatabaseConfig, Text
from .annotations import annotation_like, attrs_class, below, element, folded_fields

OWNED = {
    "DATABASES": ("use 'databases:'", "use DBROUTE_DATABASES__…"),
    "DATABASE_ROUTERS": ("list further routers in settings.py", "list further routers in settings.py"),
    "DATABASE_ROUTING_RULES": ("use 'routing:'", "use DBROUTE_ROUTING__…"),
}
"""Django settings that dbroute writes itself, and what to do instead: in a file, and with a variable."""

IN_SECONDS = frozenset(
    {
        "CACHE_MIDDLEWARE_SECONDS",
        "CSRF_COOKIE_AGE",
        "EMAIL_TIMEOUT",
        "LANGUAGE_COOKIE_AGE",
        "PASSWORD_RESET_TIMEOUT",
        "SECURE_HSTS_SECONDS",
        "SESSION_COOKIE_AGE",
    }
)
"""Django settings that are numbers of seconds; durations such as ``10m`` stand for them."""

_ALSO = {
    **dict.fromkeys(IN_SECONDS, int | None),
    "EMAIL_TIMEOUT": int | float | None,
    "SESSION_COOKIE_SAMESITE": bool | Text | None,
    "CSRF_COOKIE_SAMESITE": bool | Text | None,
    "SECURE_REFERRER_POLICY": Text | Sequence[str] | None,
}
"""Settings that Django accepts in a type other than its default's."""


_SECTIONS = {
    "database": Mapping[str, Text],
    "databases": Mapping[str, DatabaseConfig | str],
    "routing": Mapping[str, str],
    "django": Mapping[str, Any],
}


@attrs.frozen(eq=False, repr=False)
class Schema:
    """
    The shape of the configuration.

    Attributes:
        own: Name to annotation of the sections that a DjangoConfig subclass declares.
        known: Name to value of the Django settings that are known, by Django and by settings.py; ``None`` where
            Django is not at hand: any name in capitals is then accepted, with any value.
    """

    own: Mapping[str, Any] = attrs.field(factory=dict)
    known: Mapping[str, Any] | None = None
    _annotations: dict[tuple[Hashable, ...], Any] = attrs.field(init=False, factory=dict)

    @property
    def sections(self) -> dict[str, Any]:
        """Name to annotation of every section."""
        return {**_SECTIONS, **self.own}

    def annotation(self, path: Sequence[Hashable]) -> Any:
        """Return what stands at a path; ``None`` where nothing may."""
        path = tuple(path)
        if path not in self._annotations:
            self._annotations[path] = self._annotation(path)
        return self._annotations[path]

    def _annotation(self, path: tuple[Hashable, ...]) -> Any:
        if len(path) < 2:
            return self.sections.get(str(path[0])) if path else None
        return self.below(path[:-1], self.annotation(path[:-1]), path[-1])

    def below(self, path: tuple[Hashable, ...], annotation: Any, part: Hashable) -> Any:
        """Return what stands below a path whose annotation is known; ``None`` where nothing may."""
        return self.setting(str(part)) if path == ("django",) else below(annotation, part)

    def setting(self, name: str) -> Any:
        """Return the annotation of a Django setting."""
        return _ALSO.get(name) or annotation_like((self.known or {}).get(name))

    def unit(self, name: str) -> str:
        """Return the unit of a Django setting; empty where it has none."""
        return "seconds" if name in IN_SECONDS else ""

    def keys(self, path: Sequence[Hashable]) -> tuple[Mapping[str, set[Hashable]], bool]:
        """Return the keys that are known below a path by their lower-case form, and whether others are welcome too."""
        if not path:
            return {name.lower(): {name} for name in self.sections}, False
        if tuple(path) == ("django",):
            return {name.lower(): {name} for name in self.known or ()}, False
        annotation = self.annotation(path)
        cls = attrs_class(annotation)
        if cls is not None:
            return folded_fields(cls), False
        return {}, annotation is Any or element(annotation, Mapping) is not None
