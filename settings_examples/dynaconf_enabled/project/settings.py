"""Settings of the project: Dynaconf first, then dbroute."""

SECRET_KEY = "for-this-example-only"
DEBUG = True
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "apps.blog",
]

# Reads settings.toml and the variables DJANGO_*.
import dynaconf  # noqa: E402  # isort: skip

settings = dynaconf.DjangoDynaconf(__name__)

# Writes DATABASES, DATABASE_ROUTERS and DATABASE_ROUTING_RULES from config.yaml and adds dbroute.django to the apps.
import dbroute.django  # noqa: E402, F401  # isort: skip
