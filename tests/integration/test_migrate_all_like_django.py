"""The oracle: what ``migrate_all`` leaves behind is what ``migrate --database X`` for each X leaves behind."""

import pytest

from tests.integration.migration_projects import (
    mariadb_dump,
    postgres_dump,
    rich_project,
    sqlite_dump,
    url_databases,
)
from tests.servers import name_of

pytestmark = [pytest.mark.process, pytest.mark.every_django]

ALIASES = ["default", "shop_db", "blog_db"]


def migrate_one_by_one(project):
    for alias in ALIASES:
        result = project.run("migrate", "--database", alias, "-v0")
        assert result.returncode == 0, result.stderr


def migrate_at_once(project):
    result = project.run("migrate_all", "--skip-makemigrations", "-v0")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_sqlite(tmp_path):
    urls = {alias: f"sqlite:///{alias}.sqlite3" for alias in ALIASES}
    theirs = rich_project(tmp_path / "theirs", url_databases(urls))
    ours = rich_project(tmp_path / "ours", url_databases(urls))

    migrate_one_by_one(theirs)
    migrate_at_once(ours)

    expected = {alias: sqlite_dump(theirs.root / f"{alias}.sqlite3") for alias in ALIASES}
    assert {alias: sqlite_dump(ours.root / f"{alias}.sqlite3") for alias in ALIASES} == expected
    assert expected["shop_db"]["shop_order"] == [(1, "1")]


def test_postgres(tmp_path, postgres):
    theirs = {alias: postgres.create(alias) for alias in ALIASES}
    ours = {alias: postgres.create(alias) for alias in ALIASES}

    migrate_one_by_one(rich_project(tmp_path / "theirs", url_databases(theirs)))
    migrate_at_once(rich_project(tmp_path / "ours", url_databases(ours)))

    expected = {alias: postgres_dump(postgres, theirs[alias]) for alias in ALIASES}
    assert {alias: postgres_dump(postgres, ours[alias]) for alias in ALIASES} == expected
    assert all(dump[0] for dump in expected.values())


def test_mariadb(tmp_path, mariadb):
    theirs = {alias: mariadb.create(alias) for alias in ALIASES}
    ours = {alias: mariadb.create(alias) for alias in ALIASES}

    migrate_one_by_one(rich_project(tmp_path / "theirs", url_databases(theirs)))
    migrate_at_once(rich_project(tmp_path / "ours", url_databases(ours)))

    expected = {alias: mariadb_dump(mariadb, theirs[alias]) for alias in ALIASES}
    assert {alias: mariadb_dump(mariadb, ours[alias]) for alias in ALIASES} == expected
    assert all(dump[0] for dump in expected.values())


def test_postgres_that_does_not_exist_fails_alone_and_its_password_is_not_shown(tmp_path, postgres):
    urls = {alias: postgres.create(alias) for alias in ALIASES}
    postgres.drop(urls["shop_db"])
    settings = url_databases(urls) + '\nDATABASES["shop_db"]["PASSWORD"] = "hunter2"'
    project = rich_project(tmp_path, settings)

    result = project.run("migrate_all", "--skip-makemigrations", "-v0")

    assert result.returncode == 1
    assert f'database "{name_of(urls["shop_db"])}" does not exist' in result.stderr
    assert "CommandError: 1 of 3 databases failed: shop_db; run again to continue.\n" in result.stderr
    assert "hunter2" not in result.stderr
    assert postgres.execute("SELECT count(*) FROM blog_post", urls["blog_db"]) == [(0,)]


def test_migrate_url_is_used_for_the_schema_and_only_for_it(tmp_path, postgres):
    url = postgres.create("blog")
    owner, app = postgres.role("owner", "own-secret"), postgres.role("app", "app-secret")
    postgres.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC", url)
    postgres.execute(f'GRANT ALL ON SCHEMA public TO "{owner}"', url)
    postgres.execute(f'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" GRANT SELECT, INSERT ON TABLES TO "{app}"', url)
    urls = {"default": "sqlite:///d.sqlite3", "shop_db": "sqlite:///s.sqlite3",
            "blog_db": postgres.url_as(url, app, "app-secret")}  # fmt: skip
    owned = postgres.url_as(url, owner, "own-secret")
    without = rich_project(tmp_path / "without", url_databases(urls))
    with_url = rich_project(
        tmp_path / "with",
        url_databases(urls)
        + f'\nDATABASES["blog_db"]["DBROUTE"] = {{"migrate_url": dj_database_url.parse({owned!r})}}',
    )
    program = """
        from django.core.management import call_command
        from django.db import connections
        call_command("migrate_all", verbosity=0, skip_makemigrations=True)
        call_command("migrate_all", verbosity=0, check=True)
        print(connections["blog_db"].settings_dict["USER"])
        from blog.models import Tag
        print(Tag.objects.create(word="x").pk)
    """

    # What the application's role may not even read does not keep migrations from being made.
    hide = f'REVOKE SELECT ON django_migrations FROM "{app}"'

    refused = without.run("migrate_all", "--skip-makemigrations", "--database", "blog_db", "-v0")
    result = with_url.python(program)
    postgres.execute(hide, url)
    again = with_url.run("migrate_all", "-v0")

    assert (refused.returncode, "permission denied for schema public" in refused.stderr) == (1, True)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{app}\n1\n", "")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert postgres.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", url) == [(owner,)]
