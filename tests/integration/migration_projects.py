"""The projects that the tests of ``migrate_all`` and ``migrator`` migrate, and what is read from their databases."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.projects import MYSQL_DRIVER, Project, project
from tests.servers import Databases

SETTINGS = """
INSTALLED_APPS = ["dbroute.django", "blog", "shop"]
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3"}
    for alias in ["default", "shop_db", "blog_db"]
}
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {"blog": "blog_db", "shop": "shop_db"}
"""

MODELS = """
from django.db import models


class {model}(models.Model):
    name = models.CharField(max_length=20)
"""

INITIAL = """
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="{model}",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=20)),
            ],
        ),
    ]
"""

APPS = {
    "blog/models.py": MODELS.format(model="Post"),
    "blog/migrations/0001_initial.py": INITIAL.format(model="Post"),
    "shop/models.py": MODELS.format(model="Order"),
    "shop/migrations/0001_initial.py": INITIAL.format(model="Order"),
}

# A migration that fills the table where it runs, or fails there.
FILL = """
from django.db import migrations


def fill(apps, schema_editor):
    {body}


class Migration(migrations.Migration):
    dependencies = [("{label}", "0001_initial")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
"""

# One of everything that differs from database to database: contrib apps, relations, indexes, data, raw SQL.
RICH_MODELS = """
from django.db import models


class Tag(models.Model):
    word = models.CharField(max_length=20, unique=True)


class Post(models.Model):
    author = models.ForeignKey("auth.User", models.CASCADE, db_constraint=False)
    parent = models.ForeignKey("self", models.SET_NULL, null=True)
    tags = models.ManyToManyField(Tag)
    title = models.CharField(max_length=40, db_index=True)
    score = models.IntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["score", "title"], name="blog_score")]
        constraints = [models.CheckConstraint(condition=models.Q(score__gte=0), name="blog_score_positive")]
"""

RICH_SETTINGS = """
INSTALLED_APPS = [
    "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "dbroute.django", "blog", "shop",
]
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {"blog": "blog_db", "shop": "shop_db"}
"""


def plain_project(folder: Path, settings: str = "", files: dict[str, str] | None = None) -> Project:
    """Write a project with the apps blog (on blog_db) and shop (on shop_db), its migrations made."""
    return project(folder, settings=f"{SETTINGS}\n{settings}", files={**APPS, **(files or {})})


def rich_project(folder: Path, databases: str) -> Project:
    """Write a project whose migrations use what Django has; ``databases`` is the Python text that sets DATABASES."""
    made = project(
        folder,
        settings=f"{MYSQL_DRIVER}\n{RICH_SETTINGS}\n{databases}",
        files={
            **APPS,
            "blog/models.py": RICH_MODELS,
            "blog/migrations/0001_initial.py": "",
            "shop/migrations/0002_fill.py": FILL.format(
                label="shop",
                body='apps.get_model("shop", "Order").objects.using(schema_editor.connection.alias).create(name="1")',
            ),
        },
    )
    (folder / "blog/migrations/0001_initial.py").unlink()
    result = made.run("makemigrations", "blog", "-v0")
    assert result.returncode == 0, result.stderr
    return made


def url_databases(urls: dict[str, str]) -> str:
    """Return the text of a settings module that sets DATABASES from URLs."""
    entries = "\n".join(f"    {alias!r}: dj_database_url.parse({url!r})," for alias, url in urls.items())
    return f"import dj_database_url\n\nDATABASES = {{\n{entries}\n}}"


def sqlite_dump(file: Path) -> dict[str, list]:
    """Return the schema of an SQLite file, and its rows but for timestamps."""
    with closing(sqlite3.connect(file)) as connection:
        schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
        tables = [name for kind, name, *_ in schema if kind == "table" and name != "django_migrations"]
        rows = {name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for name in tables}
    return {"schema": schema, "applied": applied(file), **rows}


def applied(file: Path) -> list[tuple[str, str]]:
    """Return the migrations that an SQLite file has recorded, in order."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT app, name FROM django_migrations ORDER BY id").fetchall()


def tables(file: Path) -> set[str]:
    """Return the names of an SQLite file's own tables."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name for (name,) in found} - {"sqlite_sequence", "django_migrations"}


POSTGRES_SCHEMA = [
    "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, is_identity,"
    " character_maximum_length FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 3",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
    "SELECT app, name FROM django_migrations ORDER BY id",
]


def postgres_dump(server: Databases, url: str) -> list:
    """Return the schema of a PostgreSQL database and what it has recorded."""
    return [server.execute(sql, url) for sql in POSTGRES_SCHEMA]


def mariadb_dump(server: Databases, url: str) -> list:
    """Return the schema of a MariaDB database and what it has recorded."""
    names = sorted(name for (name,) in server.execute("SHOW TABLES", url))
    statements = [server.execute(f"SHOW CREATE TABLE `{name}`", url)[0][1] for name in names]
    recorded = server.execute("SELECT app, name FROM django_migrations ORDER BY id", url)
    return [[re.sub(r" AUTO_INCREMENT=\d+", "", statement) for statement in statements], recorded]


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def without_seconds(text: str) -> str:
    """Return a command's output with the figures of the seconds column replaced by ``#``."""
    return re.sub(r" +\d+\.\d\d$", " #", text, flags=re.MULTILINE)
