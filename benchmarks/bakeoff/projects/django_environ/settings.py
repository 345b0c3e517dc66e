from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent

env = environ.Env()
environment = env.str("DJANGO_ENV", default="dev", choices=["dev", "test", "stage", "prod"])
# The first file that sets a variable wins, and the process above all of them.
for name in (".env.local", f".env.{environment}", ".env"):
    env.read_env(BASE_DIR / name)


def database(prefix: str) -> dict[str, object]:
    return {**env.db_url(f"{prefix}DATABASE_URL"), "CONN_MAX_AGE": env.int(f"{prefix}CONN_MAX_AGE", default=0)}


SECRET_KEY = "bake-off"
INSTALLED_APPS = ["django.contrib.contenttypes"]
DATABASES = {
    "default": database(""),
    "blog_db": {**database("BLOG_"), "PASSWORD": env.str("BLOG_PASSWORD")},
    "shop_db": database("SHOP_"),
}
