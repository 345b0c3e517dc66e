import os
from pathlib import Path
from typing import Literal

import dj_database_url
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

BASE_DIR = Path(__file__).resolve().parent
FILES = [BASE_DIR / f"config{layer}.toml" for layer in ("", f".{os.environ.get('DJANGO_ENV', 'dev')}", ".local")]


class Database(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: PostgresDsn
    conn_max_age: NonNegativeInt = 0


class DatabaseWithPassword(Database):
    password: SecretStr


class Databases(BaseModel):
    model_config = ConfigDict(extra="forbid")

    default: Database
    blog_db: DatabaseWithPassword
    shop_db: Database


class Config(BaseSettings):
    model_config = SettingsConfigDict(
        extra="forbid", env_nested_delimiter="__", toml_file=FILES, hide_input_in_errors=True
    )

    environment: Literal["dev", "test", "stage", "prod"] = Field("dev", validation_alias="DJANGO_ENV")
    databases: Databases

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], **sources: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return sources["env_settings"], TomlConfigSettingsSource(settings_cls, deep_merge=True)


def database(config: Database) -> dict[str, object]:
    parsed = dj_database_url.parse(str(config.url), conn_max_age=config.conn_max_age)
    if isinstance(config, DatabaseWithPassword):
        parsed["PASSWORD"] = config.password.get_secret_value()
    return dict(parsed)


config = Config()
SECRET_KEY = "bake-off"
INSTALLED_APPS = ["django.contrib.contenttypes"]
DATABASES = {alias: database(getattr(config.databases, alias)) for alias in Databases.model_fields}
