"""
SQLite's tables remade without renaming.

SQLite changes a column by making a new table, copying the rows and renaming it to the old name. For the renaming it
reads the whole schema again, which takes longer than everything else together. Where no row was copied, making the
table once more under its own name leaves the same behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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


def copied_table(sql: str) -> str:
    """Return the table that a statement copies into the one that will take its place; empty for any other."""
    return sql[len(COPY) :].partition('"')[0] if sql.startswith(COPY) else ""


@contextmanager
def without_renaming(editor: BaseDatabaseSchemaEditor) -> Iterator[None]:
    """Let a schema editor of an SQLite database remake empty tables without renaming them."""
    execute: Any = editor.execute
    quote = editor.quote_name
    created: dict[str, tuple[str, str, Any]] = {}

    def quick(sql: Any, params: Any = ()) -> Any:
        if isinstance(sql, str):
            if sql.startswith(CREATE):
                name = sql[len(CREATE) :].partition('"')[0]
                created[f"ALTER TABLE {quote(NEW + name)} RENAME TO {quote(name)}"] = name, sql, params
            elif sql in created:
                name, create, given = created.pop(sql)
                if not _needs_renaming(editor, name):
                    _make_again(name, create, given)
                    return None
        return execute(sql, params)

    def _make_again(name: str, create: str, params: Any) -> None:
        if "AUTOINCREMENT" in create:
            execute("UPDATE sqlite_sequence SET name = %s WHERE name = %s", (name, NEW + name))
        execute(f"DROP TABLE {quote(NEW + name)}", None)
        execute(create.replace(quote(NEW + name), quote(name)), params)

    editor.execute = quick  # type: ignore[method-assign]
    try:
        yield
    finally:
        del editor.execute


def _needs_renaming(editor: BaseDatabaseSchemaEditor, name: str) -> bool:
    with editor.connection.cursor() as cursor:
        cursor.execute(NEEDS_RENAMING.format(new=editor.quote_name(NEW + name)), (name,))
        return bool(cursor.fetchone()[0])
