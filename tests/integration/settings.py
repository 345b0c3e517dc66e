"""
Plain settings as people write them by hand: no patch, no mark.

Under pytest every database is a test database in memory; fresh processes set DBROUTE_TEST_FOLDER.
"""

import os
import tempfile
from pathlib import Path

FOLDER = Path(os.environ.get("DBROUTE_TEST_FOLDER") or tempfile.gettempdir())


def sqlite(name, **dbroute):
    entry = {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / f"{name}.sqlite3"}
    return {**entry, "DBROUTE": dbroute} if dbroute else entry


SECRET_KEY = "only for tests"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.integration.urls"

INSTALLED_APPS = [
    "dbroute.django",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "tests.integration.apps.blog",
    "tests.integration.apps.shop",
    "tests.integration.apps.analytics",
    "tests.integration.apps.legacy_x",
    "tests.integration.apps.ui",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": sqlite("default"),
    "blog_db": sqlite("blog_db"),
    "blog_db_replica_1": {**sqlite("blog_db", replica_of="blog_db", weight=2), "TEST": {"MIRROR": "blog_db"}},
    "shop_db": sqlite("shop_db"),
    "analytics": sqlite("analytics", readonly=True, source="config.yaml:9:3"),
    "archive": sqlite("archive", migrate=False),
    "tenant": sqlite("tenant", migrates_like="default"),
}
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {
    "blog": "blog_db",
    "shop.Order": "shop_db",
    "analytics": "analytics",
    "legacy_*": "archive",
}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "table": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cached"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
