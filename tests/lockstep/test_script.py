"""Which migrations of an SQLite file are told to others as one script."""

import pytest

from dbroute.django.migrating.remake import Remake
from dbroute.django.migrating.script import Script

REMAKE = (
    'CREATE TABLE "new__a" ("id" integer PRIMARY KEY AUTOINCREMENT)',
    'INSERT INTO "new__a" ("id") SELECT "id" FROM "a"',
    'DROP TABLE "a"',
    'ALTER TABLE "new__a" RENAME TO "a"',
)
THERE = [("table", "a", "a", 'CREATE TABLE "a" ("id" integer)')]


def test_a_remake_of_an_empty_table_makes_it_under_its_own_name() -> None:
    script = Script.of([*REMAKE, 'CREATE INDEX "i" ON "a" ("id")'], THERE, ())

    assert script is not None
    remake, index = script.pieces
    assert isinstance(remake, Remake)
    assert remake.statements == REMAKE
    assert remake.of_empty == (
        'DROP TABLE "a"',
        'CREATE TABLE "a" ("id" integer PRIMARY KEY AUTOINCREMENT)',
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('a', 0)",
    )
    assert index == 'CREATE INDEX "i" ON "a" ("id")'
    assert script.remade == {"a"}


def test_a_table_that_was_made_before_it_is_remade_is_empty_everywhere() -> None:
    script = Script.of(['CREATE TABLE "a" ("id" integer)', *REMAKE], [], ())

    assert script is not None
    assert not script.remade


@pytest.mark.parametrize(
    ("statements", "schema"),
    [
        (REMAKE, []),
        (['ALTER TABLE "a" RENAME TO "b"', 'ALTER TABLE "c" RENAME TO "a"', *REMAKE], THERE),
        (['CREATE TABLE "b" ("id" integer)', 'INSERT INTO "b" (id) SELECT id FROM "a"'], THERE),
        (["UPDATE a SET id = 2"], THERE),
        (REMAKE[:3], THERE),
        (REMAKE, [*THERE, ("trigger", "t", "b", "CREATE TRIGGER t AFTER INSERT ON b BEGIN DELETE FROM A; END")]),
        (REMAKE, [*THERE, ("view", "v", "v", 'CREATE VIEW v AS SELECT id FROM "a"')]),
    ],
    ids=["unknown table", "another table's name", "rows copied", "rows changed", "no remake", "trigger", "view"],
)
def test_where_it_is_not_known_which_tables_have_rows_there_is_none(
    statements: list[str], schema: list[tuple[str, str, str, str]]
) -> None:
    assert Script.of(statements, schema, ()) is None
