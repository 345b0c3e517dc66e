"""
What the project was asked for, call by call: both styles, the four configurations, the commands and the shell session.

Every test runs a project in fresh processes, with the names that the request uses.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.examples import succeed
from tests.projects import Project, project
from tests.servers import Databases, name_of

pytestmark = pytest.mark.process

# The application: a post in blog_db whose author is a user in default.

MODELS = """
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models

User = get_user_model()


class Post(models.Model):
    title = models.CharField(max_length=200)
    content = models.TextField(default="")
    author = models.ForeignKey(User, on_delete=models.CASCADE, related_name="blog_posts", db_constraint=False)

    class Meta:
        db_table = "blog_post"

    def clean(self):
        if not User.objects.filter(id=self.author_id).exists():
            raise ValidationError("Author does not exist")
"""

MIGRATION = """
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="Post",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("content", models.TextField(default="")),
                (
                    "author",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="blog_posts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "blog_post"},
        ),
    ]
"""

BLOG = {"apps/blog/models.py": MODELS}
BLOG_WITH_MIGRATION = {**BLOG, "apps/blog/migrations/0001_initial.py": MIGRATION}
INSTALLED = 'INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "apps.blog"]\n'

# Its configuration as a class.

CLASS = """
from dbroute import DjangoConfig
from dbroute.models import DatabaseConfig


class MyConfig(DjangoConfig):
"""

SIMPLE = """
    databases = {
        "default": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="main_db",
            user="postgres",
            password="${DB_PASSWORD}",
            host="localhost",
        ),
        "blog_db": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="blog_db",
            user="postgres",
            password="${DB_PASSWORD}",
            host="localhost",
        ),
    }
    database_routers = ["dbroute.routing.routers.AppDatabaseRouter"]
    database_routing_rules = {
        "blog": "blog_db",
    }
"""

ADVANCED = """
    databases = {
        "default": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="main",
            user="${DB_USER}",
            password="${DB_PASSWORD}",
            host="${DB_HOST}",
            conn_max_age=600,
        ),
        "blog_db": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="blog",
            user="${DB_USER}",
            password="${DB_PASSWORD}",
            host="${DB_BLOG_HOST}",
            conn_max_age=600,
        ),
        "shop_db": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="shop",
            user="${DB_USER}",
            password="${DB_PASSWORD}",
            host="${DB_SHOP_HOST}",
            conn_max_age=600,
        ),
        "analytics": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="analytics",
            user="${DB_READONLY_USER}",
            password="${DB_READONLY_PASSWORD}",
            host="${DB_ANALYTICS_HOST}",
            options={"connect_timeout": 10, "options": "-c default_transaction_read_only=on"},
        ),
    }
    database_routers = ["dbroute.routing.routers.AppDatabaseRouter"]
    database_routing_rules = {
        "blog": "blog_db",
        "shop": "shop_db",
        "analytics": "analytics",
    }
"""

MICROSERVICES = """
    databases = {
        "default": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="auth_service",
            user="${DB_USER}",
            password="${DB_PASSWORD}",
            host="${DB_AUTH_HOST}",
        ),
        "blog_service": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="blog_service",
            user="${DB_USER}",
            password="${DB_PASSWORD}",
            host="${DB_BLOG_HOST}",
        ),
        "shop_service": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="shop_service",
            user="${DB_USER}",
            password="${DB_PASSWORD}",
            host="${DB_SHOP_HOST}",
        ),
        "payment_service": DatabaseConfig(
            engine="django.db.backends.postgresql",
            name="payment_service",
            user="${DB_USER}",
            password="${DB_PASSWORD}",
            host="${DB_PAYMENT_HOST}",
        ),
    }
    database_routers = ["dbroute.routing.routers.AppDatabaseRouter"]
    database_routing_rules = {
        "blog": "blog_service",
        "shop": "shop_service",
        "payments": "payment_service",
    }
"""

VARIABLES = {
    "DB_USER": "app",
    "DB_PASSWORD": "p@ss/w:rd",
    "DB_READONLY_USER": "reader",
    "DB_READONLY_PASSWORD": "123456",
    **{
        f"DB_{label}HOST": f"{label.lower()}host" for label in ("", "AUTH_", "BLOG_", "SHOP_", "PAYMENT_", "ANALYTICS_")
    },
}

# Its configuration as YAML, with the settings.py that asks load_config().

SQLITE_YAML = """
database:
  url: "sqlite:///db/default.sqlite3"
  url_blog: "sqlite:///db/blog.sqlite3"
"""

PRODUCTION_YAML = """
database:
  # Main database
  url: "postgresql://user:${DB_PASSWORD}@db-main.example.com:5432/main?sslmode=require&connect_timeout=10"
  # Domain databases
  url_blog: "postgresql://user:${DB_PASSWORD}@db-blog.example.com:5432/blog?sslmode=require"
  url_shop: "postgresql://user:${DB_PASSWORD}@db-shop.example.com:5432/shop?sslmode=require"
  # Analytics - read-only
  url_analytics: "postgresql://readonly:${DB_READONLY_PASSWORD}@warehouse.example.com:5432/analytics?sslmode=require"
"""

PRODUCTION_SETTINGS = """
import dj_database_url
from dbroute import load_config

config = load_config()

DATABASES = {
    'default': dj_database_url.parse(config.database.url),
    'blog_db': dj_database_url.parse(config.database.url_blog),
    'shop_db': dj_database_url.parse(config.database.url_shop),
    'analytics': dj_database_url.parse(config.database.url_analytics),
}

DATABASE_ROUTERS = ['dbroute.routing.DatabaseRouter']
DATABASE_ROUTING_RULES = {
    'blog': 'blog_db',
    'shop': 'shop_db',
    'analytics': 'analytics',
}
"""

TWO_DATABASES_SETTINGS = """
import dj_database_url
from dbroute import load_config

config = load_config()

DATABASES = {
    'default': dj_database_url.parse(config.database.url),
    'blog_db': dj_database_url.parse(config.database.url_blog),
}
DATABASE_ROUTERS = ['dbroute.routing.DatabaseRouter']
DATABASE_ROUTING_RULES = {'blog': 'blog_db'}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "apps.blog", "dbroute.django"]
"""

CLASS_ON_SQLITE = (
    CLASS
    + """
    databases = {
        "default": DatabaseConfig(engine="django.db.backends.sqlite3", name="db/default.sqlite3"),
        "blog_db": DatabaseConfig(engine="django.db.backends.sqlite3", name="db/blog.sqlite3"),
    }
    database_routers = ["dbroute.routing.routers.AppDatabaseRouter"]
    database_routing_rules = {"blog": "blog_db"}
"""
)

CONFIGURED = f"import dbroute\nfrom config import MyConfig\n{INSTALLED}dbroute.configure(__name__, MyConfig())\n"
BY_HAND = (
    f"from config import MyConfig\n{INSTALLED}INSTALLED_APPS += ['dbroute.django']\n"
    "globals().update(MyConfig().get_all_settings())\n"
)
PATCHED = f"{INSTALLED}import dbroute.django\n"

# The session of the request's last section, in two halves: the second one fetches afresh in a new process.

WRITE = """
from apps.blog.models import Post
from django.contrib.auth import get_user_model

User = get_user_model()
user = User.objects.create_user(username='john', email='john@example.com')
post = Post.objects.create(title='Hello World', content='Multi-database setup works!', author=user)
print(post.author.username)
print(user.blog_posts.all())
"""

READ = """
from apps.blog.models import Post
from django.contrib.auth import get_user_model

post = Post.objects.get()
print(post.author.username)
print(get_user_model().objects.get(username='john').blog_posts.all())
"""

SAID = "john\n<QuerySet [<Post: Post object (1)>]>\n"


def seed_project(folder: Path, settings: str, files: dict[str, str]) -> Project:
    """Write the project of a test; databases go to ``db/``."""
    made = project(folder, settings=settings, files={**BLOG_WITH_MIGRATION, **files})
    (folder / "db").mkdir()
    return made


def settings_of(made: Project, *names: str, env: dict[str, str] | None = None) -> list[Any]:
    """Return settings as a process sees them that has loaded the project."""
    code = f"import json; from django.conf import settings as s; print(json.dumps([getattr(s, n) for n in {names!r}]))"
    done = made.python(f"import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n{code}", env=env, setup=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return list(json.loads(done.stdout))


def facts(databases: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Reduce DATABASES to what the class in the request says."""
    keys = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST")
    return {alias: tuple(database[key] for key in keys) for alias, database in databases.items()}


PG = "django.db.backends.postgresql"
ROUTER = ["dbroute.routing.routers.AppDatabaseRouter"]


@pytest.mark.parametrize("settings", [CONFIGURED, BY_HAND], ids=["configure", "by_hand"])
def test_simple_class_becomes_settings(settings: str, tmp_path: Path) -> None:
    made = seed_project(tmp_path, settings, {"config.py": CLASS + SIMPLE})

    databases, routers, rules = settings_of(
        made, "DATABASES", "DATABASE_ROUTERS", "DATABASE_ROUTING_RULES", env=VARIABLES
    )

    assert facts(databases) == {
        "default": (PG, "main_db", "postgres", "p@ss/w:rd", "localhost"),
        "blog_db": (PG, "blog_db", "postgres", "p@ss/w:rd", "localhost"),
    }
    assert (routers, rules) == (ROUTER, {"blog": "blog_db"})


@pytest.mark.parametrize("settings", [CONFIGURED, BY_HAND], ids=["configure", "by_hand"])
def test_advanced_class_becomes_settings(settings: str, tmp_path: Path) -> None:
    made = seed_project(tmp_path, settings, {"config.py": CLASS + ADVANCED})

    databases, routers, rules = settings_of(
        made, "DATABASES", "DATABASE_ROUTERS", "DATABASE_ROUTING_RULES", env=VARIABLES
    )

    assert facts(databases) == {
        "default": (PG, "main", "app", "p@ss/w:rd", "host"),
        "blog_db": (PG, "blog", "app", "p@ss/w:rd", "blog_host"),
        "shop_db": (PG, "shop", "app", "p@ss/w:rd", "shop_host"),
        "analytics": (PG, "analytics", "reader", "123456", "analytics_host"),
    }
    assert [database.get("CONN_MAX_AGE", 0) for database in databases.values()] == [600, 600, 600, 0]
    assert databases["analytics"]["OPTIONS"] == {
        "connect_timeout": 10,
        "options": "-c default_transaction_read_only=on",
    }
    assert (routers, rules) == (ROUTER, {"blog": "blog_db", "shop": "shop_db", "analytics": "analytics"})


@pytest.mark.parametrize("settings", [CONFIGURED, BY_HAND], ids=["configure", "by_hand"])
def test_microservices_class_becomes_settings(settings: str, tmp_path: Path) -> None:
    made = seed_project(tmp_path, settings, {"config.py": CLASS + MICROSERVICES})

    databases, routers, rules = settings_of(
        made, "DATABASES", "DATABASE_ROUTERS", "DATABASE_ROUTING_RULES", env=VARIABLES
    )

    assert facts(databases) == {
        "default": (PG, "auth_service", "app", "p@ss/w:rd", "auth_host"),
        "blog_service": (PG, "blog_service", "app", "p@ss/w:rd", "blog_host"),
        "shop_service": (PG, "shop_service", "app", "p@ss/w:rd", "shop_host"),
        "payment_service": (PG, "payment_service", "app", "p@ss/w:rd", "payment_host"),
    }
    assert (routers, rules) == (
        ROUTER,
        {"blog": "blog_service", "shop": "shop_service", "payments": "payment_service"},
    )


def test_missing_password_of_the_class_is_named(tmp_path: Path) -> None:
    made = seed_project(tmp_path, CONFIGURED, {"config.py": CLASS + SIMPLE})

    done = made.run("check")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"config.MyConfig  databases.{alias}.password: variable DB_PASSWORD is not set; "
        "set DB_PASSWORD, or write ${DB_PASSWORD:-default}"
        for alias in ("blog_db", "default")
    ]


def test_databases_in_yaml_are_urls_with_the_password_in_its_place(tmp_path: Path) -> None:
    made = seed_project(
        tmp_path,
        "",
        {
            "config.yaml": """
            database:
              url: "postgresql://user:${DB_PASSWORD}@localhost:5432/main_db"
              url_blog: "postgresql://user:${DB_PASSWORD}@localhost:5432/blog_db"
              url_shop: "postgresql://user:${DB_PASSWORD}@localhost:5432/shop_db"
            """
        },
    )

    done = made.python(
        """
        import dj_database_url
        from dbroute import load_config

        config = load_config()
        for url in (config.database.url, config.database.url_blog, config.database.url_shop):
            parsed = dj_database_url.parse(url)
            print(*(parsed[key] for key in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")))
        """,
        env=VARIABLES,
        setup=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{PG} main_db user p@ss/w:rd localhost 5432",
        f"{PG} blog_db user p@ss/w:rd localhost 5432",
        f"{PG} shop_db user p@ss/w:rd localhost 5432",
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///db/default.sqlite3", ["django.db.backends.sqlite3", "{folder}/db/default.sqlite3", "", "", None]),
        ("postgresql://user:pass@db.example.com:5432/main", [PG, "main", "db.example.com", 5432, None]),
        (
            "postgresql://user:pass@localhost/main?sslmode=require",
            [PG, "main", "localhost", "", {"sslmode": "require"}],
        ),
    ],
    ids=["sqlite", "postgresql", "ssl"],
)
def test_url_formats(url: str, expected: list[Any], tmp_path: Path) -> None:
    made = seed_project(tmp_path, "", {"config.yaml": f'database:\n  url: "{url}"\n'})

    done = made.python(
        """
        import json
        import dj_database_url
        from dbroute import load_config

        parsed = dj_database_url.parse(load_config().database.url)
        print(json.dumps([parsed.get(key) for key in ("ENGINE", "NAME", "HOST", "PORT", "OPTIONS")]))
        """,
        setup=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [
        part.format(folder=tmp_path) if isinstance(part, str) else part for part in expected
    ]


def test_complete_production_example_becomes_settings(tmp_path: Path) -> None:
    made = seed_project(tmp_path, PRODUCTION_SETTINGS, {"config.prod.yaml": PRODUCTION_YAML})

    (databases,) = settings_of(made, "DATABASES", env={**VARIABLES, "DJANGO_ENV": "prod"})

    assert facts(databases) == {
        "default": (PG, "main", "user", "p@ss/w:rd", "db-main.example.com"),
        "blog_db": (PG, "blog", "user", "p@ss/w:rd", "db-blog.example.com"),
        "shop_db": (PG, "shop", "user", "p@ss/w:rd", "db-shop.example.com"),
        "analytics": (PG, "analytics", "readonly", "123456", "warehouse.example.com"),
    }
    assert [database["OPTIONS"] for database in databases.values()] == [
        {"sslmode": "require", "connect_timeout": 10},
        {"sslmode": "require"},
        {"sslmode": "require"},
        {"sslmode": "require"},
    ]


STYLES = [
    pytest.param(TWO_DATABASES_SETTINGS, {"config.yaml": SQLITE_YAML}, id="load_config"),
    pytest.param(CONFIGURED, {"config.py": CLASS_ON_SQLITE}, id="configure"),
    pytest.param(BY_HAND, {"config.py": CLASS_ON_SQLITE}, id="by_hand"),
    pytest.param(PATCHED, {"config.yaml": SQLITE_YAML + "routing:\n  blog: blog_db\n"}, id="patch"),
]


@pytest.mark.parametrize(("settings", "files"), STYLES)
def test_shell_session_and_a_fresh_fetch_in_a_new_process(settings: str, files: dict[str, str], tmp_path: Path) -> None:
    made = seed_project(tmp_path, settings, files)
    succeed(made, "migrate_all")

    first = succeed(made, "shell", "-v0", "-c", WRITE)
    second = succeed(made, "shell", "-v0", "-c", READ)

    assert (first, second) == (SAID, SAID)


@pytest.mark.parametrize(("settings", "files"), STYLES)
def test_steps_of_the_request_lead_to_a_session(settings: str, files: dict[str, str], tmp_path: Path) -> None:
    made = project(tmp_path, settings=settings, files={**BLOG, "apps/blog/migrations/__init__.py": "", **files})
    (tmp_path / "db").mkdir()

    succeed(made, "makemigrations")
    succeed(made, "migrate_all")
    succeed(made, "migrator", "--auto")

    assert succeed(made, "shell", "-v0", "-c", WRITE) == SAID


def test_shell_session_on_postgresql(postgres: Databases, tmp_path: Path) -> None:
    main, blog = postgres.create("main"), postgres.create("blog")
    yaml = f'database:\n  url: "{main}?connect_timeout=10&sslmode=prefer"\n  url_blog: "{blog}?sslmode=prefer"\n'
    made = seed_project(tmp_path, TWO_DATABASES_SETTINGS, {"config.yaml": yaml})
    succeed(made, "migrate_all")

    first = succeed(made, "shell", "-v0", "-c", WRITE)
    second = succeed(made, "shell", "-v0", "-c", READ)

    assert (first, second) == (SAID, SAID)
    assert postgres.execute("SELECT title FROM blog_post", blog) == [("Hello World",)]
    assert name_of(main) != name_of(blog)


@pytest.mark.parametrize(
    "command",
    [
        ["migrate_all"],
        ["migrate_all", "--skip-makemigrations"],
        ["migrator", "--auto"],
        ["migrator", "--database", "blog_db"],
        ["migrator", "--app", "blog"],
    ],
    ids=" ".join,
)
def test_migration_commands_make_the_table_of_the_blog(command: list[str], tmp_path: Path) -> None:
    made = seed_project(tmp_path, TWO_DATABASES_SETTINGS, {"config.yaml": SQLITE_YAML})

    succeed(made, *command)

    assert succeed(made, "shell", "-v0", "-c", "print(Post.objects.count())") == "0\n"


def test_migrator_without_a_choice_says_what_to_pass(tmp_path: Path) -> None:
    made = seed_project(tmp_path, TWO_DATABASES_SETTINGS, {"config.yaml": SQLITE_YAML})

    done = made.run("migrator")

    assert done.returncode == 2
    assert "--auto" in done.stdout + done.stderr


def test_validation_of_the_request_finds_a_missing_author(tmp_path: Path) -> None:
    made = seed_project(tmp_path, TWO_DATABASES_SETTINGS, {"config.yaml": SQLITE_YAML})
    succeed(made, "migrate_all")

    printed = succeed(
        made,
        "shell",
        "-v0",
        "-c",
        "from django.core.exceptions import ValidationError\n"
        "for post in (Post(title='x', author_id=99), Post(title='x', author=User.objects.create_user('ada'))):\n"
        "    try:\n"
        "        print(post.clean())\n"
        "    except ValidationError as error:\n"
        "        print(error.messages)\n",
    )

    assert printed == "['Author does not exist']\nNone\n"
