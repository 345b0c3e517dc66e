"""PostgreSQL databases are told what the first one was told, and differ where Django's own run would differ."""

from pathlib import Path

import pytest

from tests.projects import Project, project
from tests.servers import Databases

from .appsets import LIKE_FIRST, LIKE_FIRST_CONFIG, PATCH, AppSet
from .sites import MariaDB, Postgres
from .trial import Side

pytestmark = pytest.mark.process

INITIAL = """
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Shelf", [
            ("id", models.BigAutoField(primary_key=True)),
            ("label", models.CharField(max_length=20, db_index=True)),
            ("room", models.IntegerField(default=1)),
        ], options={"unique_together": {("label", "room")}}),
        migrations.CreateModel("Item", [
            ("id", models.BigAutoField(primary_key=True)),
            ("code", models.CharField(max_length=20, null=True)),
            ("shelf", models.ForeignKey("stock.Shelf", models.CASCADE)),
        ]),
    ]
"""
# Statements that depend on what the catalogue says: names of constraints are asked for before they are dropped.
ASKING = """
from pathlib import Path

from django.db import migrations, models


def note(apps, schema_editor):
    alias = schema_editor.connection.alias
    found = apps.get_model("stock", "Shelf").objects.using(alias).values_list("note", flat=True)
    with Path("calls.txt").open("a") as calls:
        print(alias, *found, file=calls)


class Migration(migrations.Migration):
    dependencies = [("stock", "0001_initial")]
    operations = [
        migrations.AlterUniqueTogether("Shelf", set()),
        migrations.AddField("Shelf", "note", models.CharField(max_length=20, default="100% 'it''s' %s")),
        migrations.AlterField("Item", "shelf", models.OneToOneField("stock.Shelf", models.CASCADE)),
        migrations.RenameField("Item", "code", "name"),
        migrations.RunPython(note),
        migrations.AlterField("Shelf", "label", models.CharField(max_length=40, unique=True)),
        migrations.AlterField("Item", "id", models.IntegerField(primary_key=True)),
        migrations.CreateModel("Box", [("id", models.AutoField(primary_key=True)), ("slug", models.SlugField())]),
    ]
"""
# Schema operations only: these run in threads, and are told in one go from the second database on.
PLAIN = ASKING.replace("        migrations.RunPython(note),\n", "")
ANEW = """
import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stock", "0001_initial")]
    operations = [
        migrations.AddField("Shelf", "width", models.IntegerField(default=7, db_index=True)),
        migrations.AddField("Shelf", "token", models.UUIDField(default=uuid.uuid4{more})),
        migrations.AddField("Shelf", "depth", models.IntegerField(default=8, unique=True, null=True)),
    ]
"""
# Code that uses the schema editor itself: it keeps something until the end.
CODE = """
from pathlib import Path

from django.db import migrations, models


def add(apps, schema_editor):
    with Path("calls.txt").open("a") as calls:
        print(schema_editor.connection.alias, file=calls)
    Shelf = apps.get_model("stock", "Shelf")
    field = models.IntegerField(null=True, db_index=True)
    field.set_attributes_from_name("above")
    field.model = Shelf
    schema_editor.add_field(Shelf, field)


class Migration(migrations.Migration):
    dependencies = [("stock", "0001_initial")]
    operations = [
        migrations.AddField("Item", "size", models.IntegerField(default=7, db_index=True)),
        migrations.RunPython(add),
        migrations.AddField("Item", "weight", models.IntegerField(default=7, db_index=True)),
    ]
"""
MORE = "CREATE INDEX by_hand ON stock_shelf (label)"
ODD = """
from django.db import migrations, models


class Odd(models.IntegerField):
    def db_type(self, connection):
        return "bigint" if connection.alias == "second" else "integer"


class Migration(migrations.Migration):
    dependencies = [("stock", "0001_initial")]
    operations = [
        migrations.CreateModel("Code", [("id", Odd(primary_key=True))]),
        migrations.AddField("Item", "number", Odd(default=1)),
        migrations.AddField("Item", "of", models.ForeignKey("stock.Code", models.CASCADE, null=True)),
    ]
"""
RENAMED = """
DO $$ BEGIN EXECUTE (
    SELECT format('ALTER TABLE stock_shelf RENAME CONSTRAINT %I TO by_hand', conname)
    FROM pg_constraint WHERE conrelid = 'stock_shelf'::regclass AND contype = 'u'
); END $$
"""


def app_set(second: str) -> AppSet:
    """Return the app with its first migration, and a second one."""

    def write(folder: Path) -> Project:
        files = {
            "config.yaml": LIKE_FIRST_CONFIG,
            "stock/migrations/0001_initial.py": INITIAL,
            "stock/migrations/0002_second.py": second,
        }
        return project(folder, settings=f'INSTALLED_APPS = ["stock"]\n{PATCH}', files=files)

    return AppSet("told in one go", LIKE_FIRST, write)


def begin(side: Side, server: Databases) -> None:
    """Migrate every database as far as the first migration, and put a row into each."""
    side.stock("stock", "0001_initial")
    for alias in LIKE_FIRST[1:]:
        server.execute("INSERT INTO stock_shelf (label, room) VALUES ('a', 1)", side.urls[alias])


@pytest.fixture
def begun(request: pytest.FixtureRequest, postgres: Databases, tmp_path: Path) -> Side:
    """A project that has the first migration; the second one is the test's parameter, or nothing but schema."""
    side = app_set(getattr(request, "param", PLAIN)).side(Postgres(postgres), tmp_path / "ours")
    begin(side, postgres)
    return side


def test_statements_are_sent_together(begun: Side) -> None:
    result = begun.project.python(
        """
        from collections import Counter
        from django.conf import settings
        from django.core.management import call_command
        from psycopg import Cursor

        sent, execute = Counter(), Cursor.execute

        def counted(self, query, *args, **kwargs):
            sent[self.connection.info.dbname] += "stock_" in str(query)
            return execute(self, query, *args, **kwargs)

        Cursor.execute = counted
        settings.DEBUG = True
        call_command("migrate_all", skip_makemigrations=True, verbosity=0)
        print(*sorted(number for number in sent.values() if number))
    """,
        env=begun.env,
    )

    others, first = result.stdout.split()[:2], int(result.stdout.split()[-1])
    assert others == ["1", "1"]
    assert first > 10


@pytest.mark.parametrize("change", [RENAMED, MORE], ids=["another name", "an index more"])
@pytest.mark.parametrize("second", [PLAIN, ASKING], ids=["schema alone", "with code"])
def test_a_database_whose_catalogue_is_another_one(
    second: str, change: str, postgres: Databases, tmp_path: Path
) -> None:
    trial = app_set(second).trial(Postgres(postgres), tmp_path)
    for side in (trial.ours, trial.theirs):
        begin(side, postgres)
        postgres.execute(change, side.urls["second"])

    assert trial.both() == ""

    if second is ASKING:
        calls = (trial.ours.project.root / "calls.txt").read_text(encoding="utf-8").splitlines()
        assert sorted(calls) == [f"{alias} 100% 'it''s' %s" for alias in LIKE_FIRST[1:]]
    sql = "SELECT count(*) FROM pg_class WHERE relname = 'by_hand'"
    assert postgres.execute(sql, trial.ours.urls["second"]) == [(0,)]
    note = postgres.execute("SELECT DISTINCT note FROM stock_shelf", trial.ours.urls["third"])
    assert note == [("100% 'it''s' %s",)]


@pytest.mark.parametrize(
    "begun",
    [ANEW.replace("{more}", ""), ANEW.replace("{more}", ", db_index=True")],
    ids=["plain", "with an index kept until the end"],
    indirect=True,
)
def test_a_default_that_is_made_anew_is_another_one_in_each_database(begun: Side, postgres: Databases) -> None:
    begun.all_at_once()

    urls = begun.urls
    tokens = {postgres.execute("SELECT token FROM stock_shelf", urls[alias])[0] for alias in LIKE_FIRST[1:]}
    assert len(tokens) == 3
    sql = "SELECT indexdef FROM pg_indexes WHERE tablename = 'stock_shelf' ORDER BY 1"
    first, *others = (postgres.execute(sql, urls[alias]) for alias in LIKE_FIRST[1:])
    assert others == [first, first]
    assert any("width" in index for (index,) in first)


def test_code_that_uses_the_schema_editor(postgres: Databases, tmp_path: Path) -> None:
    trial = app_set(CODE).trial(Postgres(postgres), tmp_path)

    assert trial.both() == ""

    calls = (trial.ours.project.root / "calls.txt").read_text(encoding="utf-8").split()
    assert sorted(calls) == [*LIKE_FIRST[1:]]
    sql = "SELECT count(*) FROM pg_indexes WHERE tablename IN ('stock_item', 'stock_shelf')"
    assert postgres.execute(sql, trial.ours.urls["third"]) == postgres.execute(sql, trial.theirs.urls["third"])


def test_a_field_that_is_another_one_for_each_database(postgres: Databases, tmp_path: Path) -> None:
    trial = app_set(ODD).trial(Postgres(postgres), tmp_path)

    assert trial.both() == ""

    sql = "SELECT DISTINCT data_type FROM information_schema.columns WHERE column_name IN ('number', 'of_id')"
    found = [postgres.execute(sql, trial.ours.urls[alias]) for alias in LIKE_FIRST[1:]]
    assert found == [[("integer",)], [("bigint",)], [("integer",)]]


def test_who_reads_the_log_of_statements_reads_each_of_them(begun: Side) -> None:
    result = begun.project.python(
        """
        import logging
        from collections import Counter
        from django.core.management import call_command

        class Counting(logging.Handler):
            def emit(self, record):
                said.update([record.sql.startswith("CREATE TABLE")])

        said = Counter()
        logger = logging.getLogger("django.db.backends.schema")
        logger.addHandler(Counting())
        logger.setLevel(logging.DEBUG)
        call_command("migrate_all", skip_makemigrations=True, verbosity=0)
        print(said[True])
    """,
        env=begun.env,
    )

    assert result.stdout == "3\n"


def test_without_the_driver_of_postgresql(mariadb: Databases, tmp_path: Path) -> None:
    side = app_set(ASKING).side(MariaDB(mariadb), tmp_path / "ours")

    result = side.project.python(
        """
        import sys
        sys.modules["psycopg"] = sys.modules["psycopg2"] = None
        import django
        django.setup()
        from django.core.management import call_command
        call_command("migrate_all", skip_makemigrations=True, verbosity=0)
    """,
        env={"DJANGO_SETTINGS_MODULE": "settings", **side.env},
        setup=False,
    )

    assert (result.returncode, result.stderr) == (0, "")
    sql = "SELECT count(*) FROM django_migrations WHERE app = 'stock'"
    assert [mariadb.execute(sql, side.urls[alias]) for alias in LIKE_FIRST[1:]] == [[(2,)]] * 3


def test_a_database_that_refuses_fails_alone_and_names_its_statement(begun: Side, postgres: Databases) -> None:
    postgres.execute("CREATE TABLE stock_box (id integer)", begun.urls["second"])

    result = begun.attempt("migrate_all", "--skip-makemigrations")

    assert 'second: stock.0002_second: ProgrammingError: relation "stock_box" already exists' in result.stderr
    assert "(SQLSTATE 42P07)" in result.stderr
    assert "1 of 4 databases failed: second" in result.stderr
    sql = "SELECT count(*) FROM django_migrations WHERE app = 'stock'"
    assert [postgres.execute(sql, begun.urls[alias]) for alias in LIKE_FIRST[1:]] == [[(2,)], [(1,)], [(2,)]]
    postgres.execute("DROP TABLE stock_box", begun.urls["second"])
    begun.all_at_once()
    assert postgres.execute(sql, begun.urls["second"]) == [(2,)]


def test_who_listens_to_statements_hears_each_of_them(begun: Side) -> None:
    result = begun.project.python(
        """
        from collections import Counter
        from django.core.management import call_command
        from django.db import connections

        heard = Counter()

        def listen(execute, sql, params, many, context):
            heard[context["connection"].alias] += str(sql).startswith("ALTER TABLE")
            return execute(sql, params, many, context)

        for alias in ("first", "second", "third"):
            connections[alias].execute_wrappers.append(listen)
        call_command("migrate_all", skip_makemigrations=True, verbosity=0)
        print(heard["first"] > 3, heard["first"] == heard["second"] == heard["third"])
    """,
        env=begun.env,
    )

    assert result.stdout == "True True\n"
