"""
SQLite's tables remade without renaming.

SQLite changes a column by making a new table, copying the rows and renaming it to the old name. For the renaming it
reads the whole schema again, which takes longer than everything else together. Where no row was copied, making the
table once more under its own name leaves the same behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# What Django puts before the name of a table that will take another one's place.
NEW = "new__"
CREATE = f'CREATE TABLE "{NEW}'
COPY = f'INSERT INTO "{NEW}'
# SQLite looks at all views and triggers when it renames; those that name the table are left to it.
NEEDS_RENAMING = """
SELECT EXISTS(SELECT 1 FROM {new})
OR EXISTS(SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view') AND instr(lower(sql), lower(%s)))
"""


@attrs.frozen
class Remake:
    """
    The four statements by which Django remakes a table.

    Attributes:
        table: The table's name.
        create: Makes the new one.
        copy: Copies the rows.
    """

    table: str
    create: str
    copy: str

    @classmethod
    def first_in(cls, statements: Sequence[str]) -> Remake | None:
        """Return the remake that a sequence of statements begins with."""
        table = new_table(statements[0])
        found = cls(table, statements[0], statements[1]) if table and len(statements) > 1 else None
        return found if found and found.statements == tuple(statements[:4]) and copied_table(found.copy) else None

    @property
    def statements(self) -> tuple[str, ...]:
        """As Django executes them."""
        return self.create, self.copy, f'DROP TABLE "{self.table}"', rename(self.table)

    @property
    def of_empty(self) -> tuple[str, ...]:
        """What does the same to a table without rows that no trigger and no view names."""
        made = f'DROP TABLE "{self.table}"', under_its_name(self.create, self.table)
        if "AUTOINCREMENT" not in self.create:
            return made
        counted = f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{self.table}', 0)"  # noqa: S608  a name of Django's
        return (*made, counted)


def new_table(sql: str) -> str:
    """Return the table whose place the one will take that a statement makes; empty for any other statement."""
    return sql[len(CREATE) :].partition('"')[0] if sql.startswith(CREATE) else ""


def copied_table(sql: str) -> str:
    """Return the table that a statement copies into the one that will take its place; empty for any other."""
    return sql[len(COPY) :].partition('"')[0] if sql.startswith(COPY) else ""


def rename(table: str) -> str:
    """Return the statement by which a new table takes the place of the old one."""
    return f'ALTER TABLE "{NEW}{table}" RENAME TO "{table}"'


def under_its_name(create: str, table: str) -> str:
    """Return a statement that makes a table under the name that it will have in the end."""
    return create.replace(f'"{NEW}{table}"', f'"{table}"')


@contextmanager
def without_renaming(editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
    """Let a schema editor of an SQLite database remake empty tables without renaming them."""
    execute: Any = editor.execute
    created: dict[str, tuple[str, str, Any]] = {}

    def quick(sql: Any, params: Any = ()) -> Any:
        if isinstance(sql, str):
            if table := new_table(sql):
                created[rename(table)] = table, sql, params
            elif sql in created:
                table, create, given = created.pop(sql)
                if not _needs_renaming(editor, table):
                    _make_again(table, create, given)
                    return None
        return execute(sql, params)

    def _make_again(table: str, create: str, params: Any) -> None:
        if "AUTOINCREMENT" in create:
            execute("UPDATE sqlite_sequence SET name = %s WHERE name = %s", (table, NEW + table))
        execute(f'DROP TABLE "{NEW}{table}"', None)
        execute(under_its_name(create, table), params)

    editor.execute = quick  # type: ignore[method-assign]
    try:
        yield
    finally:
        del editor.execute


def _needs_renaming(editor: BaseDatabaseSchemaEditor, table: str) -> bool:
    with editor.connection.cursor() as cursor:
        cursor.execute(NEEDS_RENAMING.format(new=f'"{NEW}{table}"'), (table,))
        return bool(cursor.fetchone()[0])
