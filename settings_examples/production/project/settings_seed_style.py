"""The same project with every setting written out: the configuration is asked, nothing is patched."""

import os

import dj_database_url
from dbroute import load_config

config = load_config()

SECRET_KEY = os.environ.get("SECRET_KEY", "for-this-example-only")
DEBUG = config.environment == "dev"
ALLOWED_HOSTS = config.django.get("ALLOWED_HOSTS", [])
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "apps.blog",
    "apps.shop",
    "apps.analytics",
    "dbroute.django",  # migrate_all, migrator, the checks
]

DATABASES = {
    "default": dj_database_url.parse(config.database.url),
    "blog_db": dj_database_url.parse(config.database.url_blog),
    "shop_db": dj_database_url.parse(config.database.url_shop),
    "analytics": dj_database_url.parse(config.database.url_analytics),
}
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {
    "blog": "blog_db",
    "shop": "shop_db",
    "analytics": "analytics",
}
