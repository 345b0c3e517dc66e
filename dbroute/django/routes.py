"""The project's route table, compiled from Django's settings."""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import router

from dbroute.routing.routers import DatabaseRouter, forget_project
from dbroute.routing.table import RouteTable

_READ_HERE = frozenset({"DATABASES", "DATABASE_ROUTERS", "DATABASE_ROUTING_RULES", "DBROUTE"})


@cache
def project_table() -> RouteTable:
    """
    Return the table that the settings describe; compiled once, and again after ``override_settings``.

    Raises:
        ImproperlyConfigured: DATABASE_ROUTING_RULES is not a dict of texts.
    """
    rules = getattr(settings, "DATABASE_ROUTING_RULES", {})
    if not isinstance(rules, Mapping) or not all(isinstance(text, str) for rule in rules.items() for text in rule):
        raise ImproperlyConfigured(
            "DATABASE_ROUTING_RULES has to be a dict from app label, 'app_label.Model' or glob to the alias of a "
            "database, each of them a string."
        )
    return RouteTable.from_settings(
        settings.DATABASES,
        rules,
        sources=mark().get("rules"),
        registry=apps,
        under_test=under_test,
    )


def mark() -> Mapping[str, Any]:
    """Return what the patch left in the settings to say that it was there; empty where it never was."""
    found: Mapping[str, Any] | None = getattr(settings, "DBROUTE", None)
    return found or {}


def has_router() -> bool:
    """Say whether Django asks our router, or one that was made from it."""
    return any(isinstance(one, DatabaseRouter) for one in router.routers)


def follows_rules() -> bool:
    """Say whether anything is routed by dbroute at all."""
    return has_router() and project_table().has_opinion


def under_test() -> bool:
    """Say whether a test environment is set up; in production this never imports Django's test tools."""
    tools = sys.modules.get("django.test.utils")
    return tools is not None and hasattr(tools._TestState, "saved_data")


def forget(*, setting: str, **kwargs: Any) -> None:
    """Compile the table anew after a setting that it is made of was changed."""
    if setting in _READ_HERE:
        project_table.cache_clear()
        forget_project()


setting_changed.connect(forget, dispatch_uid="dbroute.routes")
