"""One routing rule: what it matches, and how specific it is."""

from fnmatch import fnmatchcase

import attrs

HAND_WRITTEN = "settings.DATABASE_ROUTING_RULES"

_STAR, _APP_GLOB, _MODEL_GLOB, _APP, _MODEL = range(5)


@attrs.frozen
class Rule:
    """
    Sends what its key names to one database.

    Attributes:
        key: App label, ``app_label.Model`` in any case, or a glob over the one or (with a dot) the other.
        alias: The database.
        source: Where the rule stands.
    """

    key: str
    alias: str
    source: str = HAND_WRITTEN

    @property
    def is_glob(self) -> bool:
        """Whether the key is a pattern, which may match many apps or models."""
        return not set("*?[").isdisjoint(self.key)

    @property
    def specificity(self) -> tuple[int, int]:
        """Rank among the rules that match the same model; the highest decides."""
        if self.key == "*":
            return _STAR, 0
        if self.is_glob:
            return _MODEL_GLOB if "." in self.key else _APP_GLOB, len(self.key)
        return _MODEL if "." in self.key else _APP, 0

    def may_match_of(self, app_label: str) -> bool:
        """Say whether the rule speaks of some model of an app, of one that the code no longer has for instance."""
        label = self.key.partition(".")[0]
        return fnmatchcase(app_label.lower(), label.lower())

    def matches(self, app_label: str, model_name: str = "") -> bool:
        """
        Say whether the rule speaks of this model, or of the whole app where no model is named.

        ``blog.*`` speaks of the whole app ``blog``, ``blog.Post`` does not.
        """
        if "." in self.key:
            label = f"{app_label}.{model_name}".lower()
            return fnmatchcase(label, self.key.lower()) if self.is_glob else label == self.key.lower()
        return fnmatchcase(app_label, self.key) if self.is_glob else app_label == self.key
