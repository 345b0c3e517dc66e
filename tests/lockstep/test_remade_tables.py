"""SQLite's tables are remade without renaming, and files follow the first one: the end is what Django leaves."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.projects import Project, project

from .appsets import LIKE_FIRST, LIKE_FIRST_CONFIG, PATCH, AppSet
from .sites import Files
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
            ("above", models.ForeignKey("self", models.CASCADE, null=True)),
        ]),
        migrations.CreateModel("Item", [
            ("id", models.BigAutoField(primary_key=True)),
            ("code", models.CharField(max_length=20, null=True)),
            ("shelf", models.ForeignKey("stock.Shelf", models.CASCADE)),
        ]),
        migrations.CreateModel("Empty", [("id", models.BigAutoField(primary_key=True))]),
    ]
"""
# Every way to a remake, with defaults that are the same everywhere and defaults that are made anew.
REMADE = """
import uuid

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stock", "0001_initial")]
    operations = [
        migrations.AddField("Shelf", "width", models.IntegerField(default=7)),
        migrations.AddField("Shelf", "token", models.UUIDField(default=uuid.uuid4)),
        migrations.AlterField("Shelf", "label", models.CharField(max_length=40, unique=True)),
        migrations.AlterField("Item", "code", models.CharField(max_length=20, default="none", db_index=True)),
        migrations.AddField("Item", "tags", models.ManyToManyField("stock.Item")),
        migrations.AddConstraint("Item", models.CheckConstraint(condition=~models.Q(code="new__stock_item"), name="c")),
        migrations.AlterUniqueTogether("Item", {("code", "shelf")}),
        migrations.RemoveField("Shelf", "above"),
        migrations.AddField("Empty", "size", models.IntegerField(default=7)),
    ]
"""
MIXED = """
from django.db import migrations, models


def count(apps, schema_editor):
    Item, Shelf = apps.get_model("stock", "Item"), apps.get_model("stock", "Shelf")
    alias = schema_editor.connection.alias
    number = Shelf.objects.using(alias).count()
    shelf = Shelf.objects.using(alias).create(label=f"{number} in {alias}")
    Item.objects.using(alias).create(code=alias, shelf=shelf)


class Migration(migrations.Migration):
    dependencies = [("stock", "0002_remade")]
    operations = [
        migrations.AlterField("Shelf", "width", models.BigIntegerField(default=7, db_index=True)),
        migrations.RunPython(count),
        migrations.AlterField("Item", "code", models.CharField(max_length=30, db_index=True)),
        migrations.RunSQL("UPDATE stock_item SET code = code || '%'"),
        migrations.AlterModelOptions("Item", {"verbose_name": "thing"}),
    ]
"""
# A table takes the name of an empty one and is remade under it.
SWAPPED = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stock", "0003_mixed")]
    operations = [
        migrations.RenameModel("Empty", "Old"),
        migrations.RenameModel("Shelf", "Empty"),
        migrations.AlterField("Empty", "width", models.IntegerField(default=7)),
    ]
"""
STATE_ONLY = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("stock", "0004_swapped")]
    operations = [migrations.AlterModelOptions("Item", {"verbose_name": "thing"})]
"""
# Code that changes the schema of one file only.
OWN = """
from pathlib import Path

from django.db import migrations, models


def note(schema_editor):
    with Path("calls.txt").open("a") as calls:
        print(schema_editor.connection.alias, file=calls)
    return schema_editor.connection.alias


def make(apps, schema_editor):
    if note(schema_editor) == "second":
        schema_editor.execute("CREATE TABLE by_hand (id integer)")


def look(apps, schema_editor):
    note(schema_editor)


def point(apps, schema_editor):
    if note(schema_editor) == "second":
        schema_editor.execute("CREATE TABLE by_hand (id integer)")
        apps.get_model("stock", "Ref").objects.using("second").create(id=1, shelf_id=77)


def arrive(apps, schema_editor):
    if note(schema_editor) == "second":
        apps.get_model("stock", "Shelf").objects.using("second").create(id=77, label="late")


SIZE = migrations.AddField("Item", "size", models.IntegerField(null=True))
BOX = migrations.CreateModel("Box", [("id", models.AutoField(primary_key=True)), ("slug", models.SlugField())])
SORTED = migrations.CreateModel("Sorted", [("id", models.AutoField(primary_key=True)), ("name", models.TextField())],
    options={"indexes": [models.Index(models.functions.Lower("name"), name="lower_name")]})
REF = migrations.CreateModel("Ref", [
    ("id", models.AutoField(primary_key=True)),
    ("shelf", models.ForeignKey("stock.Shelf", models.CASCADE)),
])
CODE = migrations.AlterField("Item", "code", models.CharField(max_length=30, db_index=True, default="none"))
RENAMED = migrations.RenameField("Box", "slug", "name")
OTHER = migrations.AddField("Item", "other", models.ForeignKey("stock.Shelf", models.CASCADE, null=True))


class Migration(migrations.Migration):
    dependencies = [("stock", "0001_initial")]
    operations = [{operations}]
"""
ROWS = """
INSERT INTO stock_shelf (id, label, above_id) VALUES (3, 'low', NULL), (4, 'high', 3);
INSERT INTO stock_item (id, code, shelf_id) VALUES (9, NULL, 3), (10, 'x', 4);
"""
GONE = f"{ROWS} DELETE FROM stock_item; DELETE FROM stock_shelf;"
# Both name a table that is remade: SQLite refuses to rename it in front of the view, and drops the trigger.
TRIGGER = """
CREATE TABLE audit (line text);
CREATE TRIGGER noted AFTER INSERT ON stock_item BEGIN INSERT INTO audit VALUES ('stock_item'); END;
"""
VIEW = "CREATE VIEW labels AS SELECT label FROM stock_shelf;"


def write(folder: Path) -> Project:
    """Write the project."""
    texts = [INITIAL, REMADE, MIXED, SWAPPED, STATE_ONLY]
    names = ["0001_initial", "0002_remade", "0003_mixed", "0004_swapped", "0005_state_only"]
    files = {f"stock/migrations/{name}.py": text for name, text in zip(names, texts, strict=True)}
    settings = f'INSTALLED_APPS = ["stock"]\nDEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"\n{PATCH}'
    return project(folder, settings=settings, files={"config.yaml": LIKE_FIRST_CONFIG, **files})


STOCK = AppSet("remade tables", LIKE_FIRST, write)


def prepare(side: Side, scripts: dict[str, str]) -> None:
    """Migrate everything as far as the first migration, and run a script in each database."""
    side.stock("stock", "0001_initial")
    for alias, script in scripts.items():
        with closing(sqlite3.connect(side.urls[alias].removeprefix("sqlite:///"))) as connection:
            connection.executescript(script)


@pytest.mark.parametrize(
    "scripts",
    [
        {},
        {"first": ROWS},
        {"second": ROWS},
        {"second": GONE, "third": GONE},
        {"first": ROWS, "second": ROWS, "third": ROWS},
        {"first": TRIGGER, "second": TRIGGER},
        {"second": TRIGGER},
    ],
    ids=["empty", "rows in the first", "rows in one", "rows were there", "rows in all", "triggers", "one trigger"],
)
def test_everything_is_as_django_leaves_it(scripts: dict[str, str], files: Files, tmp_path: Path) -> None:
    trial = STOCK.trial(files, tmp_path)
    for side in (trial.theirs, trial.ours):
        prepare(side, scripts)

    found = trial.both()

    assert found == ""


@pytest.mark.parametrize(
    ("operations", "calls"),
    [
        ("SIZE, migrations.RunPython(make), CODE, OTHER", 3),
        ("migrations.RunPython(make), BOX, migrations.RunPython(look), OTHER", 6),
        ("BOX, migrations.RunPython(make), CODE, OTHER", 3),
        ("BOX, migrations.RunPython(make), RENAMED, migrations.RenameModel('Box', 'Crate')", 3),
        ("SORTED, migrations.RunPython(make), migrations.RenameField('Sorted', 'name', 'title')", 3),
        ("REF, migrations.RunPython(point), migrations.RunPython(arrive)", 6),
    ],
    ids=[
        "nothing owing",
        "alone already",
        "an index owing",
        "an index owing of what is renamed",
        "an expression owing",
        "a key that points nowhere for a while",
    ],
)
def test_code_that_changes_one_file_only(operations: str, calls: int, files: Files, tmp_path: Path) -> None:
    def write_own(folder: Path) -> Project:
        texts = {"config.yaml": LIKE_FIRST_CONFIG, "stock/migrations/0001_initial.py": INITIAL}
        own = {"stock/migrations/0002_own.py": OWN.replace("{operations}", operations)}
        return project(folder, settings=f'INSTALLED_APPS = ["stock"]\n{PATCH}', files={**texts, **own})

    trial = AppSet("one file only", LIKE_FIRST, write_own).trial(files, tmp_path)
    for side in (trial.theirs, trial.ours):
        prepare(side, {"third": ROWS})

    assert trial.both() == ""

    called = (trial.ours.project.root / "calls.txt").read_text(encoding="utf-8").split()
    assert (len(called), set(called)) == (calls, set(LIKE_FIRST[1:]))


def test_a_default_that_is_made_anew_is_another_one_in_each_database(files: Files, tmp_path: Path) -> None:
    ours = STOCK.side(files, tmp_path / "ours")
    prepare(ours, dict.fromkeys(LIKE_FIRST[1:], ROWS))

    ours.all_at_once()

    tokens = set()
    for alias in LIKE_FIRST[1:]:
        with closing(files.connect(ours.urls[alias])) as connection:
            tokens |= {token for (token,) in connection.execute("SELECT token FROM stock_empty WHERE label = 'low'")}
    assert len(tokens) == 3


def test_a_view_of_a_table_fails_as_with_django(files: Files, tmp_path: Path) -> None:
    trial = STOCK.trial(files, tmp_path)
    for side in (trial.theirs, trial.ours):
        prepare(side, {"second": VIEW})

    theirs = trial.theirs.attempt("migrate", "--database", "second")
    ours = trial.ours.attempt("migrate_all", "--skip-makemigrations")

    assert theirs.returncode == ours.returncode == 1
    assert "error in view labels" in theirs.stderr
    assert "second: stock.0002_remade: OperationalError: error in view labels" in ours.stderr
    trial.theirs.stock(aliases=[alias for alias in LIKE_FIRST if alias != "second"])
    assert trial.compare(trial.theirs.dump()) == ""
