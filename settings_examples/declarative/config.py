"""The configuration as a class: typed, completed by the editor, and written in one place."""

from dbroute import DatabaseConfig, DjangoConfig


class MyConfig(DjangoConfig):
    """SQLite on a developer's machine; config.prod.yaml lies above this class when DJANGO_ENV=prod."""

    databases = {
        "default": DatabaseConfig(
            engine="django.db.backends.sqlite3",
            name="db/default.sqlite3",
            user="postgres",
            password="${DB_PASSWORD:-}",
        ),
        "blog_db": DatabaseConfig(
            engine="django.db.backends.sqlite3",
            name="db/blog.sqlite3",
            user="postgres",
            password="${DB_PASSWORD:-}",
        ),
    }
    database_routers = ["dbroute.routing.routers.AppDatabaseRouter"]
    database_routing_rules = {
        "blog": "blog_db",
    }
