"""Settings of the project; the databases stand in the class in config.py."""

import dbroute

from config import MyConfig

SECRET_KEY = "for-this-example-only"
DEBUG = True
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "apps.blog",
]

# Writes DATABASES, DATABASE_ROUTERS and DATABASE_ROUTING_RULES, and adds dbroute.django to the apps.
dbroute.configure(__name__, MyConfig())
