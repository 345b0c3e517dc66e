"""``manage.py dbroute init``: from hand-written settings to a config.yaml that means the same."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.projects import Project, project

pytestmark = pytest.mark.process

APPS = """
INSTALLED_APPS = [
    "dbroute.django", "django.contrib.auth", "django.contrib.contenttypes", "blog", "shop", "legacy",
]
"""

LITE = "django.db.backends.sqlite3"

SETTINGS = f"""
{APPS}
DATABASES = {{
    "default": {{"ENGINE": "{LITE}", "NAME": BASE_DIR / "db" / "default.sqlite3"}},
    "blog_db": {{"ENGINE": "{LITE}", "NAME": str(BASE_DIR / "blog.sqlite3"), "OPTIONS": {{"timeout": 20}},
                 "ATOMIC_REQUESTS": True, "TEST": {{"NAME": "test_blog.sqlite3"}}}},
    "on": {{"ENGINE": "{LITE}", "NAME": "/tmp/outside # of: it ${{HOME}}.sqlite3", "TIME_ZONE": "Europe/Berlin"}},
    "123": {{"ENGINE": "{LITE}", "NAME": ":memory:"}},
    "foreign": {{"ENGINE": "{LITE}", "NAME": BASE_DIR / "foreign.sqlite3"}},
}}
DATABASE_ROUTERS = ["routers.BlogRouter", "routers.LegacyRouter"]
"""

FILES = {
    "blog/models.py": """
        from django.db import models

        class Tag(models.Model):
            pass

        class Post(models.Model):
            tags = models.ManyToManyField(Tag)

        class Headline(Post):
            class Meta:
                proxy = True
    """,
    "shop/models.py": """
        from django.db import models

        class Product(models.Model):
            pass

        class Order(models.Model):
            pass

        class Invoice(models.Model):
            pass
    """,
    "legacy/models.py": """
        from django.db import models

        class Document(models.Model):
            pass
    """,
    "routers.py": """
        class BlogRouter:
            route_app_labels = {"blog"}

            def db_for_read(self, model, **hints):
                return "blog_db" if model._meta.app_label in self.route_app_labels else None

            db_for_write = db_for_read

            def allow_relation(self, one, two, **hints):
                return True

            def allow_migrate(self, db, app_label, model_name=None, **hints):
                if app_label in self.route_app_labels:
                    return db == "blog_db"
                return False if db == "blog_db" else None

        class LegacyRouter:
            def home(self, model):
                if model._meta.label == "shop.Order":
                    return "on"
                if model._meta.label == "shop.Invoice":
                    return "123"
                return "foreign" if model._meta.app_label == "legacy" else None

            def db_for_read(self, model, **hints):
                return self.home(model)

            def db_for_write(self, model, **hints):
                return self.home(model)

            def allow_migrate(self, db, app_label, model=None, **hints):
                if db == "foreign" or app_label == "legacy":
                    return False
                if model is None:
                    return db == "default"
                return db == (self.home(model) or "default")
    """,
}

# What the settings mean: the databases as Django uses them, and what the routers answer.
ANSWERS = """
import json
from django.apps import apps
from django.db import connections, router

databases = {}
for alias in connections:
    entry = {**connections.settings[alias]}
    entry.pop("DBROUTE", None)
    databases[alias] = {**entry, "NAME": str(entry["NAME"]), "PORT": str(entry["PORT"])}
models = apps.get_models(include_auto_created=True)
homes = {model._meta.label: [router.db_for_read(model), router.db_for_write(model)] for model in models}
migrates = {
    model._meta.label: [alias for alias in connections if router.allow_migrate_model(alias, model)] for model in models
}
print(json.dumps({"databases": databases, "homes": homes, "migrates": migrates}, default=repr))
"""


def means(made: Project, **env: str) -> dict[str, dict[str, object]]:
    done = made.python(ANSWERS, env=env)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


def init(made: Project, *arguments: str) -> str:
    done = made.run("dbroute", "init", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def switch(made: Project, settings: str = APPS) -> None:
    """Do what init tells people to do: cut the databases and routers out, and put the line at the end."""
    made.write({"settings.py": project_settings(made, f"{settings}\nimport dbroute.django  # noqa: E402, F401\n")})


def project_settings(made: Project, text: str) -> str:
    basics = (made.root / "settings.py").read_text(encoding="utf-8").partition("\n\n")[0]
    return f"{basics}\n\n{text}"


def test_a_project_with_routers_means_the_same_afterwards(tmp_path: Path) -> None:
    made = project(tmp_path, settings=SETTINGS, files=FILES)
    before = means(made)

    init(made)
    switch(made)

    assert means(made) == before
