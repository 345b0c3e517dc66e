"""
A whole migration of an SQLite file as one script.

What one file was told is known, statement by statement. Another file with the same schema is told all of it at once,
and tables that are empty there are remade without a copy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import attrs

from .remake import Remake

# Rows of sqlite_master: type, name, table, statement.
Rows = Sequence[tuple[str, str, str, str | None]]


@attrs.frozen
class Script:
    """
    What files are told in a migration.

    Attributes:
        pieces: Statements, and remakes, which depend on whether a table has rows.
        remade: The tables that are there before the migration and are remade in it.
        anew: Those of them whose rows would get what has to be made anew in each database.
    """

    pieces: Sequence[str | Remake]
    remade: Collection[str]
    anew: Collection[str]

    @classmethod
    def of(cls, statements: Sequence[str], schema: Rows, anew: Collection[str]) -> Script | None:
        """
        Return the script of what a file was told; ``None`` if it cannot be known beforehand which tables have rows.

        Args:
            statements: In their order.
            schema: Before the migration.
            anew: Tables whose rows would get what has to be made anew in each database.
        """
        there = {name for kind, name, _, _ in schema if kind == "table"}
        watching = " ".join(sql or "" for kind, _, _, sql in schema if kind in {"trigger", "view"}).lower()
        pieces: list[str | Remake] = []
        empty: set[str] = set()
        left = list(statements)
        while left:
            remake = Remake.first_in(left)
            if remake:
                if remake.table not in there | empty or remake.table.lower() in watching:
                    return None
                pieces.append(remake)
                del left[: len(remake.statements)]
                continue
            sql = left.pop(0)
            if sql.startswith('CREATE TABLE "'):
                empty.add(sql.split('"')[1])
            elif not sql.startswith(STRUCTURE) or " RENAME TO " in sql:
                return None
            pieces.append(sql)
        remade = {piece.table for piece in pieces if isinstance(piece, Remake)}
        return cls(pieces, remade & there, anew)

    def run(self, connection: Any) -> bool:
        """
        Tell a file all of it, in the transaction that has just begun.

        Returns:
            Whether its rows allow that; if not, nothing was done.
        """
        with connection.cursor() as cursor:
            filled = {table for table in self.remade if _has_rows(cursor, table)}
            if not filled.isdisjoint(self.anew):
                return False
            # The driver would end the transaction before a script by itself.
            cursor.execute("COMMIT")
            mode = getattr(connection, "transaction_mode", None)
            cursor.executescript(";\n".join([f"BEGIN {mode or ''}", *self._told(filled)]))
        return True

    def _told(self, filled: Collection[str]) -> Iterator[str]:
        for piece in self.pieces:
            if isinstance(piece, str):
                yield piece
            else:
                yield from piece.statements if piece.table in filled else piece.of_empty


# How statements begin that write no rows.
STRUCTURE = ("ALTER TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ", "DROP INDEX ", "DROP TABLE ")


def _has_rows(cursor: Any, table: str) -> bool:
    cursor.execute(f'SELECT EXISTS(SELECT 1 FROM "{table}")')  # noqa: S608  a name of Django's own
    return bool(cursor.fetchone()[0])
