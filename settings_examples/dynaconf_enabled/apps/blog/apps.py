from django.apps import AppConfig


class BlogConfig(AppConfig):
    name = "apps.blog"
    # Django 5.2 does not see DEFAULT_AUTO_FIELD through Dynaconf's settings, and would warn (models.W042).
    default_auto_field = "django.db.models.BigAutoField"
