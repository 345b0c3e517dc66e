"""Foreign keys into another database get no constraint there, whoever makes the table; makemigrations sees nothing."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.migration_projects import url_databases
from tests.projects import MYSQL_DRIVER, Project, project
from tests.servers import Server, databases, name_of

pytestmark = pytest.mark.process

SETTINGS = """
INSTALLED_APPS = [
    "dbroute.django", "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.admin",
    "django.contrib.sessions", "django.contrib.messages", "people", "blog",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"context_processors": [
    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]}}]
AUTH_USER_MODEL = "people.User"
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
# The admin's log is a third-party app whose foreign keys lead home, from another database.
DATABASE_ROUTING_RULES = {"blog": "blog_db", "admin": "blog_db"}
"""

USER = """
from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    pass
"""

HEAD = """
from django.conf import settings
from django.db import models


class Tag(models.Model):
    pass


"""

FIRST = (
    HEAD
    + """
class Post(models.Model):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    tag = models.ForeignKey(Tag, models.CASCADE)
    readers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    tags = models.ManyToManyField(Tag, related_name="+")
"""
)

# A key that is added, one that is altered, and two that change which database they lead to.
SECOND = (
    HEAD
    + """
class Post(models.Model):
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="written")
    editor = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, null=True)
    tag = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    other = models.ForeignKey(Tag, models.CASCADE, null=True)
    readers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    viewers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="+")
    tags = models.ManyToManyField(Tag, related_name="+")
"""
)

CONSTRAINTS = (
    "SELECT c.conrelid::regclass::text || '.' || a.attname FROM pg_constraint c JOIN pg_attribute a "
    "ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] WHERE c.contype = 'f' ORDER BY 1"
)


@pytest.fixture
def made(tmp_path: Path, postgres_server: Server) -> Iterator[tuple[Project, dict[str, str], Server]]:
    """A project over two PostgreSQL databases."""
    with databases(postgres_server) as lent:
        urls = {alias: lent.create(alias) for alias in ("default", "blog_db")}
        files = {"people/models.py": USER, "blog/models.py": FIRST, "urls.py": "urlpatterns = []"}
        text = f'{MYSQL_DRIVER}\n{SETTINGS}\nROOT_URLCONF = "urls"\n{url_databases(urls)}'
        yield project(tmp_path, settings=text, files=files), urls, postgres_server


def manage(made: Project, *args: str) -> str:
    result = made.run(*args)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def constraints(server: Server, url: str) -> list[str]:
    return [row[0] for row in server.execute(CONSTRAINTS, name_of(url))]


@pytest.mark.parametrize("command", ["migrate", "migrate_all"])
def test_no_constraint_crosses_whatever_a_migration_does(
    made: tuple[Project, dict[str, str], Server], command: str
) -> None:
    blog, urls, server = made
    migrate = (
        [["migrate_all", "--skip-makemigrations"]]
        if command == "migrate_all"
        else [["migrate", f"--database={alias}"] for alias in urls]
    )

    manage(blog, "makemigrations", "people", "blog")
    for args in migrate:
        manage(blog, *args)
    first = constraints(server, urls["blog_db"])
    at_home = constraints(server, urls["default"])
    manage(blog, "makemigrations", "--check", "--dry-run")
    blog.write({"blog/models.py": SECOND})
    manage(blog, "makemigrations", "blog")
    for args in migrate:
        manage(blog, *args)
    second = constraints(server, urls["blog_db"])
    manage(blog, "makemigrations", "--check", "--dry-run")

    near = ["blog_post_tags.post_id", "blog_post_tags.tag_id"]
    assert first == ["blog_post.tag_id", "blog_post_readers.post_id", *near]
    assert second == ["blog_post.other_id", "blog_post_readers.post_id", *near, "blog_post_viewers.post_id"]
    assert {"people_user_groups.group_id", "people_user_groups.user_id"} <= set(at_home)
    assert "db_constraint" not in "".join(
        path.read_text(encoding="utf-8") for path in (blog.root / "blog/migrations").glob("*.py")
    )


def test_no_constraint_crosses_where_tables_are_made_without_migrations(
    made: tuple[Project, dict[str, str], Server],
) -> None:
    blog, urls, server = made
    (settings := blog.root / "settings.py").write_text(
        settings.read_text(encoding="utf-8")
        + '\nMIGRATION_MODULES = dict.fromkeys(["admin", "auth", "contenttypes"])\n',
        encoding="utf-8",
    )

    for alias in ("blog_db", "default"):
        manage(blog, "migrate", "--run-syncdb", f"--database={alias}")

    found = constraints(server, urls["blog_db"])
    assert found == [
        "blog_post.tag_id", "blog_post_readers.post_id", "blog_post_tags.post_id", "blog_post_tags.tag_id",
    ]  # fmt: skip
    assert "people_user_groups.user_id" in constraints(server, urls["default"])


def test_a_project_that_requires_the_word_gets_what_it_wrote(made: tuple[Project, dict[str, str], Server]) -> None:
    blog, _, _ = made
    (settings := blog.root / "settings.py").write_text(
        settings.read_text(encoding="utf-8") + '\nDBROUTE = {"cross_database_constraints": "require"}\n',
        encoding="utf-8",
    )
    manage(blog, "makemigrations", "people", "blog", "--skip-checks")

    result = blog.run("migrate", "blog", "--database=blog_db", "--skip-checks")

    assert result.returncode == 1
    assert 'relation "people_user" does not exist' in result.stderr


def test_a_rebuilt_table_keeps_its_constraints(tmp_path: Path) -> None:
    """SQLite rebuilds a table to alter it, through a model of another name that no rule is for."""
    models = """
    from django.db import models


    class Customer(models.Model):
        pass


    class Order(models.Model):
        customer = models.ForeignKey(Customer, models.CASCADE)
        far = models.ForeignKey("Far", models.CASCADE)
        note = models.CharField(max_length={length})


    class Far(models.Model):
        pass
    """
    made = project(
        tmp_path,
        settings="""
        INSTALLED_APPS = ["dbroute.django", "shop"]
        DATABASES = {
            alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3"}
            for alias in ("default", "shop_db")
        }
        DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
        DATABASE_ROUTING_RULES = {"shop.Order": "shop_db", "shop.Customer": "shop_db"}
        """,
        files={"shop/models.py": models.replace("{length}", "10")},
    )
    manage(made, "makemigrations", "shop")
    manage(made, "migrate", "--database=shop_db")
    made.write({"shop/models.py": models.replace("{length}", "20")})
    manage(made, "makemigrations", "shop")

    manage(made, "migrate", "--database=shop_db")

    found = made.python("""
    import json
    from django.db import connections
    with connections["shop_db"].cursor() as cursor:
        print(json.dumps([row[2:4] for row in cursor.execute("PRAGMA foreign_key_list('shop_order')")]))
    """)
    assert json.loads(found.stdout) == [["shop_customer", "customer_id"]]
