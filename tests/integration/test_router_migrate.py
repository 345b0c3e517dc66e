"""Which tables Django's own ``migrate`` makes where, in production and under a test runner."""

import sqlite3

import pytest
from django.conf import settings
from django.db import connections

from tests.integration.apps.blog.models import Tag
from tests.integration.apps.shop.models import Product
from tests.projects import REPOSITORY, project

ON_DEFAULT = [
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "auth_user",
    "auth_user_groups",
    "auth_user_user_permissions",
    "django_admin_log",
    "django_content_type",
    "django_session",
    "shop_product",
]
ON_BLOG = ["blog_blogpostcomment", "blog_post", "blog_post_tags", "blog_tag"]
PRIMARIES = [alias for alias in settings.DATABASES if alias != "blog_db_replica_1"]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """The folder of a project in which ``migrate`` was run for every database, and what each run said."""
    folder = tmp_path_factory.mktemp("databases")
    made = project(tmp_path_factory.mktemp("project"))
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.integration.settings",
        "DBROUTE_TEST_FOLDER": str(folder),
        "PYTHONPATH": str(REPOSITORY),
    }
    results = {
        alias: made.run("migrate", "-v0", "--skip-checks", "--database", alias, env=env)
        for alias in ("default", "blog_db", "shop_db", "archive", "tenant", "analytics")
    }
    return folder, results


def rows(folder, alias, sql):
    connection = sqlite3.connect(folder / f"{alias}.sqlite3")
    try:
        return [row[0] for row in connection.execute(sql)]
    finally:
        connection.close()


@pytest.mark.process
@pytest.mark.parametrize(
    ("alias", "tables"),
    [
        ("default", ON_DEFAULT),
        ("blog_db", ON_BLOG),
        ("shop_db", ["shop_order"]),
        ("archive", []),
        ("tenant", ON_DEFAULT),
    ],
)
def test_each_database_gets_the_tables_of_its_models_only(migrated, alias, tables):
    folder, results = migrated

    assert results[alias].stderr == ""
    assert rows(
        folder,
        alias,
        "SELECT name FROM sqlite_master WHERE type = 'table' "
        "AND name NOT IN ('django_migrations', 'sqlite_sequence') ORDER BY name",
    ) == list(tables)


@pytest.mark.process
def test_data_migration_runs_on_the_home_of_its_app_and_on_the_database_that_its_hint_names(migrated):
    folder, _ = migrated

    tags = rows(folder, "blog_db", "SELECT name FROM blog_tag")
    products = rows(folder, "default", "SELECT name FROM shop_product")

    assert tags == ["first"]
    # Once by default and once by the tenant, which is migrated like it: the migration does not say using().
    assert set(products) == {"made by blog"}


@pytest.mark.process
def test_read_only_database_is_not_even_given_a_migration_table(migrated):
    folder, results = migrated

    assert results["analytics"].returncode == 1
    assert results["analytics"].stderr.splitlines()[-1] == (
        "dbroute.exceptions.ReadOnlyDatabaseError: django_migrations cannot be written: database 'analytics' is "
        "read-only (config.yaml:9:3); write to another database, or set databases.analytics.readonly to false"
    )
    assert rows(folder, "analytics", "SELECT name FROM sqlite_master") == []


@pytest.mark.django_db(databases=PRIMARIES)
@pytest.mark.parametrize(
    ("alias", "tables"),
    [("analytics", ["analytics_visit", "analytics_visit_seen"]), ("archive", ["legacy_x_document"])],
)
def test_test_runner_makes_the_tables_of_databases_that_are_not_ours(alias, tables):
    with connections[alias].cursor() as cursor:
        names = connections[alias].introspection.table_names(cursor)

    assert names == sorted([*tables, "django_migrations"])


@pytest.mark.django_db(databases=PRIMARIES)
def test_historical_models_of_a_data_migration_write_to_their_home():
    assert list(Tag.objects.values_list("name", flat=True)) == ["first"]
    assert Product.objects.filter(name="made by blog").exists()
