"""``manage.py dbroute init``: from hand-written settings to a config.yaml that means the same."""

import json
from pathlib import Path
from textwrap import dedent

import pytest
from jsonschema import Draft202012Validator

from dbroute.config.nodes import plain
from dbroute.config.problems import Problems
from dbroute.config.yaml import read_yaml
from tests.projects import BASICS, Project, project

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
    made.write({"settings.py": f"{BASICS}\n{settings}\nimport dbroute.django  # noqa: E402, F401\n"})


def test_a_project_with_routers_means_the_same_afterwards(tmp_path: Path) -> None:
    made = project(tmp_path, settings=SETTINGS, files=FILES)
    before = means(made)

    init(made)
    switch(made)

    assert means(made) == before


def test_the_file_is_written_for_people(tmp_path: Path) -> None:
    made = project(tmp_path, settings=SETTINGS, files=FILES)

    said = init(made)

    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == (
        """\
# yaml-language-server: $schema=config.schema.json
# ${...} comes from the environment, or from a file .env beside this one.
databases:
  default:
    engine: django.db.backends.sqlite3
    name: db/default.sqlite3
  blog_db:
    engine: django.db.backends.sqlite3
    name: blog.sqlite3
    atomic_requests: true
    options:
      timeout: 20
    test:
      name: test_blog.sqlite3
  'on':
    engine: django.db.backends.sqlite3
    name: '/tmp/outside # of: it $${HOME}.sqlite3'
    time_zone: Europe/Berlin
  '123':
    engine: django.db.backends.sqlite3
    name: ':memory:'
  foreign:
    engine: django.db.backends.sqlite3
    name: foreign.sqlite3
    migrate: false

routing:
  blog: blog_db
  shop.Order: 'on'
  shop.Invoice: '123'
  legacy: foreign
"""
    )
    assert said == (
        f"""\
Wrote {tmp_path}/config.yaml
Wrote {tmp_path}/config.schema.json

1. Remove DATABASES from the settings.
2. Remove from DATABASE_ROUTERS what the rules replace:
   routers.BlogRouter
   routers.LegacyRouter
3. Put this line at the end of the settings:
   import dbroute.django  # noqa: E402, F401  # isort: skip
4. Compare:
   python manage.py dbroute route
"""
    )


# A project whose settings hold everything that is hard to say.
SERVERS = f"""
{APPS}
from django.db.backends.sqlite3.base import Database

class Converter:
    def __repr__(self):
        return "<Converter>"

DATABASES = {{
    "default": {{
        "ENGINE": "django.db.backends.postgresql", "NAME": "main", "USER": "app",
        "PASSWORD": r'''p@ss'w"ord \\ #1 ${{X}}''', "HOST": "db.example.com", "PORT": "5432",
        "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True, "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {{"sslmode": "verify-full", "sslkey": "/etc/keys/hunter2.pem", "connect_timeout": 10,
                     "options": "-c search_path=app,public", "application_name": "null"}},
        "TEST": {{"NAME": "test: main", "TEMPLATE": "template0", "DEPENDENCIES": []}},
    }},
    "replica": {{
        "ENGINE": "django.db.backends.postgresql", "NAME": "main", "PASSWORD": "swordfish", "HOST": "10.0.0.2",
        "TEST": {{"MIRROR": "default"}},
    }},
    "null": {{
        "ENGINE": "django.db.backends.mysql", "NAME": "shop", "USER": "0123",
        "PASSWORD": "hunter2", "HOST": "/run/my.sock",
        "CONN_MAX_AGE": 600, "AUTOCOMMIT": False,
        "OPTIONS": {{"charset": "utf8mb4", "init_command": "SET sql_mode='STRICT_TRANS_TABLES', time_zone='+00:00'",
                     "ssl": {{"ca": "/etc/ca.pem", "key": "/etc/key.pem", "check_hostname": True}}, "yes": "no",
                     "12:30": ["0x1f", 1.5, None, {{"a": "1e5"}}], "local_infile": 0}},
        "TEST": {{"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_bin", "MIGRATE": False}},
    }},
    "a: b # c": {{
        "ENGINE": "django.db.backends.postgresql", "NAME": "pooled", "USER": "app",
        "OPTIONS": {{"pool": {{"min_size": 2, "max_size": 8, "timeout": 10}}}},
    }},
    "odd": {{
        "ENGINE": "example.backend", "NAME": "odd", "SCHEMA": "x", "PORT": 1521,
        "OPTIONS": {{"converter": Converter(), "sizes": (1, 2), "plain": "x", "more": {{"a": 1, "b": Converter()}}}},
        "TEST": {{"TBLSPACE": "t", "NAME": "test_odd"}},
    }},
}}
DATABASE_ROUTERS = ["routers.BlogRouter"]
"""

KEPT = f"""
{APPS}
class Converter:
    def __repr__(self):
        return "<Converter>"

DATABASES = {{
    "odd": {{
        "SCHEMA": "x", "TEST": {{"TBLSPACE": "t"}},
        "OPTIONS": {{"converter": Converter(), "sizes": (1, 2), "more": {{"b": Converter()}}}},
    }},
}}
"""

POOLED_BLOG = {
    **FILES,
    "example/backend/base.py": "",
    "routers.py": str(FILES["routers.py"]).replace("blog_db", "a: b # c"),
}


def test_settings_of_servers_mean_the_same_afterwards(tmp_path: Path) -> None:
    made = project(tmp_path, settings=SERVERS, files=POOLED_BLOG)
    before = means(made)

    said = init(made)
    made.write({".env": init(made, "--show-env")})
    switch(made, KEPT)

    after = means(made)
    assert after["databases"] == before["databases"]
    assert after["homes"] == before["homes"]
    assert said.partition("\n\n")[2].startswith(
        """\
1. Set these variables; 'manage.py dbroute init --show-env >> .env' writes them:
   DB_PASSWORD=***
   DB_SSLKEY=***
   REPLICA_PASSWORD=***
   NULL_PASSWORD=***
   NULL_SSL_KEY=***
2. Remove DATABASES from the settings, except:
   DATABASES['odd']['SCHEMA']
   DATABASES['odd']['OPTIONS']['converter']
   DATABASES['odd']['OPTIONS']['sizes']
   DATABASES['odd']['OPTIONS']['more']['b']
   DATABASES['odd']['TEST']['TBLSPACE']
"""
    )
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    assert "# What stays in settings.py: DATABASES['odd']['SCHEMA'], DATABASES['odd']['OPTIONS']['converter']," in text
    assert (
        "  # During tests it is a copy of 'default'.\n"
        "  # If it always is one, a read replica: write it below 'replicas:' of 'default', and remove it here.\n"
        "  replica:\n"
    ) in text


def test_passwords_are_printed_only_on_demand_and_never_written(tmp_path: Path) -> None:
    made = project(tmp_path, settings=SERVERS, files=POOLED_BLOG)
    secrets = ("hunter2", 'w"ord', "swordfish")

    said = [init(made), init(made, "--dry-run"), *(path.read_text() for path in tmp_path.glob("config*"))]
    shown = init(made, "--show-env")

    assert [secret for secret in secrets for text in said if secret in text] == []
    assert shown == (
        """\
DB_PASSWORD='p@ss\\'w"ord \\\\ #1 ${X}'
DB_SSLKEY=/etc/keys/hunter2.pem
REPLICA_PASSWORD=swordfish
NULL_PASSWORD=hunter2
NULL_SSL_KEY=/etc/key.pem
"""
    )


def test_a_name_that_stands_for_something_else_already_is_not_used(tmp_path: Path) -> None:
    made = project(tmp_path, settings=SERVERS, files=POOLED_BLOG)

    done = made.run("dbroute", "init", "--show-env", env={"NULL_PASSWORD": "taken", "REPLICA_PASSWORD": "swordfish"})

    names = [line.partition("=")[0] for line in done.stdout.splitlines()]
    assert names == ["DB_PASSWORD", "DB_SSLKEY", "REPLICA_PASSWORD", "NULL_PASSWORD_2", "NULL_SSL_KEY"]


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    made = project(tmp_path, settings=SETTINGS, files={**FILES, "config.schema.json": "{}"})

    refused = made.run("dbroute", "init")
    left = sorted(path.name for path in tmp_path.glob("config*"))
    init(made, "--force")

    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == ("CommandError: config.schema.json  is there already; add --force to overwrite it\n")
    assert left == ["config.schema.json"]
    assert (tmp_path / "config.schema.json").read_text() != "{}"


def test_dry_run_and_show_env_write_nothing(tmp_path: Path) -> None:
    made = project(tmp_path, settings=SETTINGS, files=FILES)

    said = init(made, "--dry-run")
    shown = init(made, "--show-env")

    assert list(tmp_path.glob("config*")) == []
    assert said.startswith("# yaml-language-server: $schema=config.schema.json\n")
    assert "\nrouting:\n  blog: blog_db\n" in said
    assert said.endswith("4. Compare:\n   python manage.py dbroute route\n")
    assert shown == ""


def test_the_schema_beside_it_accepts_it_and_knows_the_settings(tmp_path: Path) -> None:
    made = project(tmp_path, settings=f"{SERVERS}\nMY_LIMIT = 5\n", files=POOLED_BLOG)

    init(made)

    schema = json.loads((tmp_path / "config.schema.json").read_text(encoding="utf-8"))
    file = read_yaml(tmp_path / "config.yaml", 1, Problems())
    assert file is not None
    Draft202012Validator(schema).validate(plain(file))
    known = schema["properties"]["django"]["properties"]
    assert known["MY_LIMIT"] == {"$ref": "#/$defs/any"}
    assert known["USE_TZ"]["anyOf"][0] == {"type": "boolean"}


def test_another_folder_can_be_named(tmp_path: Path) -> None:
    made = project(tmp_path / "made", settings=SETTINGS, files=FILES)
    (tmp_path / "etc").mkdir()

    init(made, "../etc")

    assert sorted(path.name for path in (tmp_path / "etc").iterdir()) == ["config.schema.json", "config.yaml"]
    assert f"name: {made.root}/db/default.sqlite3\n" in (tmp_path / "etc" / "config.yaml").read_text()


def test_a_project_that_follows_rules_already_keeps_them_as_they_are(tmp_path: Path) -> None:
    settings = APPS + dedent(f"""
    def lite(name, **own):
        return {{"ENGINE": "{LITE}", "NAME": BASE_DIR / name, "DBROUTE": own}}

    DATABASES = {{
        "default": lite("a.sqlite3"),
        "blog_db": lite("b.sqlite3", migrate_url={{"ENGINE": "{LITE}", "NAME": "/tmp/ddl.sqlite3"}}),
        "blog_db_replica_1": {{**lite("b.sqlite3", replica_of="blog_db", weight=2), "TIME_ZONE": "UTC",
                               "TEST": {{"MIRROR": "blog_db"}}}},
        "archive": lite("c.sqlite3", migrate=False),
        "tenant": lite("d.sqlite3", migrates_like="default"),
        "warehouse": lite("e.sqlite3", readonly=True),
    }}
    DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
    DATABASE_ROUTING_RULES = {{"b*": "blog_db", "shop.Order": "archive"}}
    """)
    made = project(tmp_path, settings=settings, files=FILES)
    before = means(made)

    said = init(made)
    shown = init(made, "--show-env")
    made.write({".env": shown})
    switch(made)

    assert means(made) == before
    assert "DATABASE_ROUTERS" not in said
    assert shown == "BLOG_DB_MIGRATE_URL=sqlite:////tmp/ddl.sqlite3\n"
    assert (
        (tmp_path / "config.yaml")
        .read_text(encoding="utf-8")
        .endswith(
            """\
  blog_db:
    engine: django.db.backends.sqlite3
    name: b.sqlite3
    migrate_url: ${BLOG_DB_MIGRATE_URL}
    replicas:
      - time_zone: UTC
        weight: 2
  archive:
    engine: django.db.backends.sqlite3
    name: c.sqlite3
    migrate: false
  tenant:
    engine: django.db.backends.sqlite3
    name: d.sqlite3
    migrates_like: default
  warehouse:
    engine: django.db.backends.sqlite3
    name: e.sqlite3
    readonly: true

routing:
  'b*': blog_db
  shop.Order: archive
"""
        )
    )


def test_an_empty_default_database_is_told(tmp_path: Path) -> None:
    settings = f"""
{APPS}
DATABASES = {{"default": {{}}, "users": {{"ENGINE": "{LITE}", "NAME": BASE_DIR / "users.sqlite3"}}}}
"""
    made = project(tmp_path, settings=settings, files=FILES)

    said = init(made)

    assert said.partition("\n\n")[2].splitlines()[:3] == [
        "1. Put right what dbroute refuses:",
        "   config.yaml:5:3  databases.default: has neither url nor engine; "
        "write url: engine://user:password@host:port/name, or engine and name",
        "2. Remove DATABASES from the settings.",
    ]
    assert ("  # It is empty in the settings; dbroute needs to know a database by this name.\n  default: {}\n") in (
        tmp_path / "config.yaml"
    ).read_text()


def test_schema_command_prints_or_writes_the_schema(tmp_path: Path) -> None:
    config = """
        import attrs
        from dbroute import DjangoConfig

        @attrs.frozen
        class Shop:
            name: str = ""

        class MyConfig(DjangoConfig):
            shop: Shop
    """
    made = project(tmp_path, settings=SETTINGS, files={**FILES, "config.py": config})

    printed = made.run("dbroute", "schema")
    written = made.run("dbroute", "schema", "--output", "s.json", "--config", "config:MyConfig")
    refused = made.run("dbroute", "schema", "--config", "config:Shop")

    assert list(json.loads(printed.stdout)["properties"]) == ["database", "databases", "routing", "django"]
    assert (written.stdout, written.stderr) == ("Wrote s.json\n", "")
    assert "only for tests" not in printed.stdout
    assert list(json.loads((tmp_path / "s.json").read_text())["properties"])[-1] == "shop"
    assert (refused.returncode, refused.stderr) == (
        1,
        "CommandError: --config  'config:Shop' is no subclass of DjangoConfig; name the class itself\n",
    )
