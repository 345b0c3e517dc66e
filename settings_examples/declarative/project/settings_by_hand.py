"""The same settings, filled by hand: what MyConfig has to say is a dict."""

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
    "dbroute.django",  # migrate_all, migrator, the checks
]

globals().update(MyConfig().get_all_settings())
