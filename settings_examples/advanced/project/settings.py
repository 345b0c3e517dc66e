"""Settings of the project; the databases stand in config.yaml."""

SECRET_KEY = "for-this-example-only"
DEBUG = True
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "apps.blog",
    "apps.shop",
    "apps.analytics",
]

# Writes DATABASES, DATABASE_ROUTERS and DATABASE_ROUTING_RULES from config.yaml and adds dbroute.django to the apps.
import dbroute.django  # noqa: E402, F401  # isort: skip
