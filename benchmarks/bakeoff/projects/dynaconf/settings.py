from pathlib import Path

import dj_database_url
from dynaconf import Dynaconf, Validator

BASE_DIR = Path(__file__).resolve().parent
ALIASES = ("default", "blog_db", "shop_db")

config = Dynaconf(
    root_path=BASE_DIR,
    settings_files=["settings.toml"],
    environments=True,
    env_switcher="DJANGO_ENV",
    env="dev",
    envvar_prefix="APP",
    merge_enabled=True,
)
# Registered afterwards and one by one: the first of several that fails would hide the others.
config.validators.register(
    Validator("ENV_FOR_DYNACONF", is_in=["dev", "test", "stage", "prod"]),
    *(Validator(f"databases.{alias}.url", must_exist=True, is_type_of=str) for alias in ALIASES),
    *(Validator(f"databases.{alias}.conn_max_age", must_exist=True, is_type_of=int, gte=0) for alias in ALIASES),
    Validator("databases.blog_db.password", must_exist=True, is_type_of=str),
)
config.validators.validate_all()

SECRET_KEY = "bake-off"
INSTALLED_APPS = ["django.contrib.contenttypes"]
DATABASES = {
    alias: dj_database_url.parse(database.url, conn_max_age=database.conn_max_age)
    for alias, database in config.databases.items()
}
DATABASES["blog_db"]["PASSWORD"] = config.databases.blog_db.password
