"""The running project's configuration, read again with what a test says on top."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import attrs

from ..config import Config, SettingsView, load
from ..config.declared import CHANGES
from ..config.locate import Place
from ..exceptions import ConfigError, ConfigWarning, Problem
from ..models import DjangoConfig


@attrs.frozen
class Words:
    """
    What one override says.

    Attributes:
        env: Another environment; ``None`` leaves it.
        environ: Variables on top of the process's; ``None`` unsets one.
        changes: Sections of the configuration.
    """

    env: str | None
    environ: Mapping[str, str | None]
    changes: Mapping[str, Any]


@attrs.frozen
class Reading:
    """
    The configuration with some overrides on top.

    Attributes:
        config: The tree.
        settings: The Django settings that it means.
        said: What the overrides' own values have as their source.
    """

    config: Config
    settings: Mapping[str, Any]
    said: frozenset[str]

    def says(self, *path: str) -> bool:
        """Tell whether an override itself has the value at a path."""
        return self.config.source(*path).partition(" ")[0] in self.said


@attrs.frozen
class Project:
    """
    What the settings of this process were made of.

    Attributes:
        view: The settings module before dbroute filled it; one that was written by hand as it is.
        declared: The class that was given to ``dbroute.configure``.
        path: Where the files are; a place without files where the settings were written by hand.
    """

    view: SettingsView
    declared: DjangoConfig | None
    path: Path | Place

    @classmethod
    def running(cls, words: Words) -> Self:
        """Return the project whose settings Django has; the first override may look at settings by their names."""
        from django.conf import settings

        mark = getattr(settings, "DBROUTE", None)  # before dbroute.django is imported: its line has to come first
        from dbroute.django.settings import defaults, origin

        if not mark:
            return cls(_by_hand(settings, words, defaults()), None, Place(Path.cwd(), "config", "", (), {}))
        found = origin(mark)
        if found is None:
            message = "these settings were filled by another process, or copied; what they were made of is not known"
            raise _refused(message, "fill them with `import dbroute.django` or `dbroute.configure`")
        files = found.config.files
        whole = files and not files[0].startswith("config.")
        return cls(found.view, found.declared, found.config.folder / files[0] if whole else found.config.folder)

    def read(self, overrides: Sequence[Words]) -> Reading:
        """
        Read all layers with those of the overrides on top, the last one highest.

        Raises:
            ConfigError: Something in them is wrong.
        """
        from dbroute.django.settings import written

        env = next((words.env for words in reversed(overrides) if words.env), None)
        given = {name: text for words in overrides for name, text in words.environ.items()}
        if isinstance(self.path, Place) and (env or given):
            message = "these settings are written by hand, and no file or variable reaches them: no env, no environ"
            raise _refused(message, "say databases, routing or django")
        environ = {name: text for name, text in {**os.environ, **given}.items() if text is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConfigWarning)  # said when the settings were filled
            config = load(
                None if "DBROUTE_CONFIG" in given else self.path,
                env=env,
                environ=environ,
                declared=self.declared,
                settings=self.view,
                changes=[words.changes for words in overrides],
            )
        settings = written(config, self.view.values)
        if isinstance(self.path, Place):
            del settings["DBROUTE"]
        return Reading(config, settings, frozenset({CHANGES, *given}))

    def without(self, name: str) -> Any:
        """
        Return what a setting is where the configuration says nothing about it.

        Raises:
            LookupError: It is not set at all.
        """
        return self.view.values[name] if name in self.view.values else self.view.defaults[name]


def _by_hand(settings: Any, words: Words, defaults: Mapping[str, Any]) -> SettingsView:
    """Return hand-written settings as the one layer below the overrides."""
    section = words.changes.get("django")
    names = {"DATABASES", "DATABASE_ROUTERS", "DATABASE_ROUTING_RULES", *(section or {})}
    values = {str(name): getattr(settings, str(name)) for name in names if hasattr(settings, str(name))}
    return SettingsView(settings.SETTINGS_MODULE or "settings", values, defaults)


def _refused(message: str, hint: str) -> ConfigError:
    return ConfigError([Problem("", message, CHANGES, hint)])
