"""Projects of apps that other people wrote: Django's own, with constance and taggit; Wagtail; and the examples."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from tests.examples import copy_of
from tests.projects import MYSQL_DRIVER, REPOSITORY, Project, project

from .sites import Site
from .trial import Side, Trial


@attrs.frozen
class AppSet:
    """
    A project that can be written for any databases.

    Attributes:
        aliases: Those that migrations run on.
        write: Writes it into a folder.
        settings: The settings module.
        env: Variables that it needs besides the URLs of its databases.
    """

    name: str
    aliases: tuple[str, ...]
    write: Callable[[Path], Project]
    settings: str = "settings"
    env: Mapping[str, str] = attrs.field(factory=dict)

    def side(self, site: Site, folder: Path, *, several: bool = True) -> Side:
        """Write the project for new, empty databases."""
        made = self.write(folder)
        urls = site.create(self.aliases, folder.resolve() / "databases")
        # Django's backend takes PyMySQL for its driver where nothing in the settings says so.
        start_up = folder.resolve() / "start_up"
        start_up.mkdir()
        (start_up / "sitecustomize.py").write_text(MYSQL_DRIVER, encoding="utf-8")
        env = {
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(start_up)]),
            "DJANGO_SETTINGS_MODULE": self.settings,
            **self.env,
            **{f"DBROUTE_DATABASES__{alias.upper()}__URL": url for alias, url in urls.items()},
        }
        return Side(made, site, urls, env, several)

    def trial(self, site: Site, folder: Path, *, several: bool = True) -> Trial:
        """Write both sides."""
        sides = [self.side(site, folder / name, several=several) for name in ("theirs", "ours")]
        return Trial(*sides)


def _example(name: str, *aliases: str, settings: str = "project.settings", env: str = "dev", **more: str) -> AppSet:
    def write(folder: Path) -> Project:
        folder.mkdir(parents=True)
        return copy_of(name, folder)

    return AppSet(f"example {name}", aliases, write, settings, {"DJANGO_ENV": env, **more})


PATCH = "\nimport dbroute.django  # noqa: F401\n"

CONTRIB = """
INSTALLED_APPS = [
    *(f"django.contrib.{name}" for name in (
        "admin", "auth", "contenttypes", "sessions", "messages", "sites", "flatpages", "redirects", "staticfiles",
    )),
    "constance",
    "taggit",
]
SITE_ID = 1
STATIC_URL = "/static/"
CONSTANCE_BACKEND = "constance.backends.database.DatabaseBackend"
CONSTANCE_CONFIG = {"ANSWER": (42, "the answer")}
SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]
"""

CONTRIB_CONFIG = """
databases:
  default: sqlite:///default.sqlite3
  sessions_db: sqlite:///sessions.sqlite3
  sites_db: {url: "sqlite:///sites.sqlite3", apps: [sites, flatpages, redirects]}
  constance_db: {url: "sqlite:///constance.sqlite3", apps: [constance]}
  tenant: {url: "sqlite:///tenant.sqlite3", migrates_like: default}
routing:
  sess*: sessions_db
"""

# One app on three databases, in the way of tenants.
LIKE_FIRST = ("default", "first", "second", "third")
LIKE_FIRST_CONFIG = """
databases:
  default: "sqlite:///default.sqlite3"
  first: {url: "sqlite:///here.sqlite3", apps: [stock]}
  second: {url: "sqlite:///here.sqlite3", migrates_like: first}
  third: {url: "sqlite:///here.sqlite3", migrates_like: first}
"""

# Tenants of every kind, and an app that is away from the content types that it points at.
TENANTS = (
    "default", "postgres_1", "mariadb_1", "file_1", "postgres_2", "mariadb_2", "file_2", "postgres_3", "mariadb_3",
    "taggit_db",
)  # fmt: skip
TENANTS_CONFIG = "\n".join(
    (
        "databases:",
        "  default: 'sqlite:///default.sqlite3'",
        *(f"  {alias}: {{url: 'sqlite:///{alias}.sqlite3', migrates_like: default}}" for alias in TENANTS[1:-1]),
        "  taggit_db: {url: 'sqlite:///taggit.sqlite3', apps: [taggit]}",
    )
)

WAGTAIL = """
INSTALLED_APPS = [
    "away",
    "wagtail.contrib.forms", "wagtail.contrib.redirects", "wagtail.contrib.settings",
    "wagtail.contrib.search_promotions", "wagtail.embeds", "wagtail.sites", "wagtail.users", "wagtail.snippets",
    "wagtail.documents", "wagtail.images", "wagtail.search", "wagtail.admin", "wagtail",
    "modelcluster", "taggit",
    *(f"django.contrib.{name}" for name in (
        "admin", "auth", "contenttypes", "postgres", "sessions", "messages", "staticfiles",
    )),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
ROOT_URLCONF = "urls"
STATIC_URL = "/static/"
WAGTAIL_SITE_NAME = "proof"
WAGTAILADMIN_BASE_URL = "http://example.com"
SILENCED_SYSTEM_CHECKS = ["wagtailadmin.W001", "wagtailsearch.W001"]
"""

WAGTAIL_CONFIG = """
databases:
  default: sqlite:///default.sqlite3
  away_db: {url: "sqlite:///away.sqlite3", apps: [away]}
  other_db: {url: "sqlite:///other.sqlite3", migrates_like: away_db}
"""

AWAY = {
    "urls.py": "urlpatterns = []\n",
    "away/models.py": """
from django.db import models


class Away(models.Model):
    name = models.CharField(max_length=20)
    size = models.IntegerField(default=0)
""",
    "away/migrations/0001_initial.py": """
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Away", [
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=20)),
        ]),
    ]
""",
    "away/migrations/0002_size.py": """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("away", "0001_initial")]
    operations = [migrations.AddField("away", "size", models.IntegerField(default=0))]
""",
}


def _contrib(folder: Path) -> Project:
    return project(folder, settings=CONTRIB + PATCH, files={"config.yaml": CONTRIB_CONFIG})


def _tenants(folder: Path) -> Project:
    return project(folder, settings=CONTRIB + PATCH, files={"config.yaml": TENANTS_CONFIG})


def _wagtail(folder: Path) -> Project:
    return project(folder, settings=WAGTAIL + PATCH, files={"config.yaml": WAGTAIL_CONFIG, **AWAY})


# What the warehouse of the example asks for; it is read-only, and no migration runs on it.
ADVANCED = ("DB_READONLY_USER", "DB_READONLY_PASSWORD", "DB_ANALYTICS_HOST")
EXAMPLES = (
    _example("simple", "default", "blog_db"),
    _example("production", "default", "blog_db", "shop_db", "analytics"),
    _example("advanced", "default", "blog_db", "shop_db", **dict.fromkeys(ADVANCED, "localhost")),
    _example("microservices", "default", "blog_service", "shop_service", "payment_service"),
    _example("declarative", "default", "blog_db"),
    _example("dynaconf_enabled", "default", "blog_db"),
)
CONTRIB_SET = AppSet(
    "contrib, constance, taggit", ("default", "sessions_db", "sites_db", "constance_db", "tenant"), _contrib
)
TENANTS_SET = AppSet("contrib with tenants, taggit away", TENANTS, _tenants)
WAGTAIL_SET = AppSet("Wagtail", ("default", "away_db", "other_db"), _wagtail)
