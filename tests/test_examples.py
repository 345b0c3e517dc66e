"""Every project in settings_examples starts, migrates and answers, in fresh processes."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from tests.examples import EXAMPLES, READ, WRITE, commands, copy_of, shell, succeed
from tests.projects import Project, clean_environment

pytestmark = [pytest.mark.process, pytest.mark.every_django]

# Each settings module that runs on SQLite without a variable being set, and where its tables go.
BLOG = {"auth_user": "default", "blog_post": "blog"}
SHOP = {**BLOG, "shop_order": "shop"}
ON_SQLITE = [
    pytest.param(("simple", "project.settings", BLOG), id="simple"),
    pytest.param(("production", "project.settings", {**SHOP, "analytics_pageview": "analytics"}), id="production"),
    pytest.param(
        ("production", "project.settings_seed_style", {**SHOP, "analytics_pageview": "analytics"}),
        id="production-seed_style",
    ),
    pytest.param(
        (
            "microservices",
            "project.settings",
            {"auth_user": "auth", "blog_post": "blog", "shop_order": "shop", "payments_payment": "payments"},
        ),
        id="microservices",
    ),
    pytest.param(("declarative", "project.settings", BLOG), id="declarative"),
    pytest.param(("declarative", "project.settings_by_hand", BLOG), id="declarative-by_hand"),
    pytest.param(("dynaconf_enabled", "project.settings", BLOG), id="dynaconf_enabled"),
    pytest.param(("dynaconf_enabled", "project.settings_dynaconf_last", BLOG), id="dynaconf_enabled-dynaconf_last"),
]


def tables(file: Path) -> dict[str, int]:
    """Return the number of rows of each table in a SQLite file."""
    with closing(sqlite3.connect(file)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}


@attrs.frozen
class Example:
    """
    A copy of an example that has been migrated and holds a user and a post.

    Attributes:
        settings: The settings module in use.
        homes: Table to the name of the file that has to hold it.
    """

    project: Project
    settings: str
    homes: dict[str, str]

    def manage(self, *args: str) -> str:
        """Run manage.py and return what it printed."""
        return succeed(self.project, *args, env={"DJANGO_SETTINGS_MODULE": self.settings})

    def shell(self, code: str) -> str:
        """Run code in the project's shell and return what it printed."""
        return shell(self.project, code, {"DJANGO_SETTINGS_MODULE": self.settings})


@pytest.fixture(scope="module", params=ON_SQLITE)
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Example:
    """Each settings module of the examples, after ``migrate_all`` and a first process that wrote."""
    name, settings, homes = request.param
    made = Example(copy_of(name, tmp_path_factory.mktemp("example")), settings, homes)
    made.manage("migrate_all")
    made.shell(WRITE)
    return made


def test_example_starts_without_a_warning(example: Example) -> None:
    printed = example.manage("check")

    assert printed == "System check identified no issues (0 silenced).\n"


def test_committed_migrations_of_the_example_are_complete(example: Example) -> None:
    printed = example.manage("makemigrations", "--check", "--dry-run")

    assert printed == "No changes detected\n"


def test_example_has_every_table_in_one_file(example: Example) -> None:
    files = {file.stem: tables(file) for file in (example.project.root / "db").glob("*.sqlite3")}

    found = {table: [stem for stem, there in files.items() if table in there] for table in example.homes}
    assert found == {table: [stem] for table, stem in example.homes.items()}


def test_example_has_its_rows_where_its_tables_are(example: Example) -> None:
    files = {table: example.project.root / "db" / f"{stem}.sqlite3" for table, stem in example.homes.items()}

    rows = {table: tables(file)[table] for table, file in files.items()}

    assert rows == {table: int(table in ("auth_user", "blog_post")) for table in example.homes}


def test_example_reads_across_databases_in_a_second_process(example: Example) -> None:
    printed = example.shell(READ)

    blog = "blog_service" if example.project.root.name == "microservices" else "blog_db"
    assert printed == f"john {blog} default\n<QuerySet [<Post: Hello World>]>\n"


def test_page_of_the_example_shows_author_and_post(example: Example) -> None:
    page = "from django.test import Client; print(Client(headers={'host': 'localhost'}).get('/').json())"

    printed = example.shell(f"import project.wsgi, project.asgi; {page}")

    assert printed == "{'posts': [{'title': 'Hello World', 'author': 'john'}]}\n"


def test_payment_reaches_order_and_customer_through_three_databases(tmp_path: Path) -> None:
    example = copy_of("microservices", tmp_path)
    succeed(example, "migrate_all")
    shell(
        example,
        "order = Order.objects.create(customer=User.objects.create_user('ada'), total=9)\n"
        "Payment.objects.create(order=order, amount=9)",
        {},
    )

    printed = shell(
        example,
        "payment = Payment.objects.get(); order = payment.order; customer = order.customer\n"
        "print(payment._state.db, order._state.db, customer._state.db, customer.username)",
        {},
    )

    assert printed == "payment_service shop_service default ada\n"


@pytest.mark.parametrize("settings", ["project.settings", "project.settings_dynaconf_last"])
def test_dynaconf_keeps_its_file_and_its_variables(settings: str, tmp_path: Path) -> None:
    example, code = (
        copy_of("dynaconf_enabled", tmp_path),
        "from django.conf import settings; print(repr(settings.POSTS_PER_PAGE))",
    )

    from_file = shell(example, code, {"DJANGO_SETTINGS_MODULE": settings})
    from_variable = shell(example, code, {"DJANGO_SETTINGS_MODULE": settings, "DJANGO_POSTS_PER_PAGE": "50"})

    assert (from_file, from_variable) == ("5\n", "50\n")


def test_production_without_its_variables_names_each_with_file_and_line(tmp_path: Path) -> None:
    example = copy_of("production", tmp_path)

    done = example.run("check", env={"DJANGO_ENV": "prod"})

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"config.prod.yaml:{place}: variable {name} is not set; set {name}, or write ${{{name}:-default}}"
        for place, name in (
            ("3:8  database.url", "DB_PASSWORD"),
            ("4:13  database.url_blog", "DB_PASSWORD"),
            ("5:13  database.url_shop", "DB_PASSWORD"),
            ("7:18  database.url_analytics", "DB_READONLY_PASSWORD"),
            ("11:15  django.SECRET_KEY", "SECRET_KEY"),
        )
    ]


# What the READMEs say


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("simple", [0, 0, 0]),
        ("microservices", [0, 0, 0]),
        ("production", [0, 0, 1]),  # the last one shows what happens without passwords
        ("declarative", [0, 0, 0]),
        ("dynaconf_enabled", [0, 0, 0]),
    ],
)
def test_commands_of_the_readme_run(name: str, codes: list[int], tmp_path: Path) -> None:
    example = copy_of(name, tmp_path)
    script = f'python() {{ "{sys.executable}" "$@"; }}\n'

    done = [
        subprocess.run(
            ["sh", "-c", script + command],
            cwd=example.root,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        for command in commands(example.root / "README.md")
    ]

    assert [one.returncode for one in done] == codes, "\n".join(one.stdout + one.stderr for one in done)


def test_demo_shows_the_same_rows_each_time_it_runs(tmp_path: Path) -> None:
    copy_of("simple", tmp_path)
    shutil.copy(EXAMPLES / "demo.py", tmp_path)

    runs = [
        subprocess.run(
            [sys.executable, str(tmp_path / "demo.py")],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        for _ in range(2)
    ]

    assert [(run.returncode, run.stderr) for run in runs] == [(0, ""), (0, "")], runs[0].stdout + runs[0].stderr
    assert [run.stdout.split("==> which row")[1] for run in runs] == [
        " lives in which file, asked with the sqlite3 module\n"
        f"{tmp_path.name}/simple/db/default.sqlite3\n"
        "    auth_user: id=1, username='john'\n"
        "    blog_post: no such table here\n"
        f"{tmp_path.name}/simple/db/blog.sqlite3\n"
        "    auth_user: no such table here\n"
        "    blog_post: id=1, title='Hello World', author_id=1\n"
        "    blog_post: id=2, title='Two databases, no using()', author_id=1\n"
        "\n==> done. Next: cd settings_examples/simple && ../../.venv/bin/python manage.py runserver\n"
    ] * 2
