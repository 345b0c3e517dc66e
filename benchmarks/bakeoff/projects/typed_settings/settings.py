import os
from pathlib import Path

import attrs
import dj_database_url
import typed_settings as ts

BASE_DIR = Path(__file__).resolve().parent
ENVIRONMENT = os.environ.get("DJANGO_ENV", "dev")


@ts.settings(frozen=True)
class Database:
    url: ts.types.SecretStr = ts.secret()
    conn_max_age: int = ts.option(validator=attrs.validators.ge(0))


@ts.settings(frozen=True)
class DatabaseWithPassword(Database):
    password: ts.types.SecretStr = ts.secret()


@ts.settings(frozen=True)
class Databases:
    default: Database
    blog_db: DatabaseWithPassword
    shop_db: Database


@ts.settings(frozen=True)
class Config:
    databases: Databases


def database(config: Database) -> dict[str, object]:
    parsed = dj_database_url.parse(config.url, conn_max_age=config.conn_max_age)
    if isinstance(config, DatabaseWithPassword):
        parsed["PASSWORD"] = config.password
    return dict(parsed)


# A "!" makes a file mandatory.
files = [f"!{BASE_DIR}/config.toml", f"!{BASE_DIR}/config.{ENVIRONMENT}.toml", f"{BASE_DIR}/config.local.toml"]
config = ts.load_settings(
    Config,
    loaders=[
        ts.FileLoader(formats={"*.toml": ts.TomlFormat("app")}, files=files),
        ts.EnvLoader(prefix="APP_", nested_delimiter="__"),
    ],
)
SECRET_KEY = "bake-off"
INSTALLED_APPS = ["django.contrib.contenttypes"]
DATABASES = {field.name: database(getattr(config.databases, field.name)) for field in attrs.fields(Databases)}
