"""
Reads a database whole, as lines that can be compared: its schema, what it has recorded, its rows.

Left out is only what no two runs share: moments, random identifiers, and the order in which two databases of a run
write into a third one.
"""

import re
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import closing
from functools import cache
from typing import Any

from .sites import Site

# Columns of these types hold moments or random identifiers.
UNSTABLE = re.compile(r"^(datetime|timestamp|char\(32\)$|uuid)", re.IGNORECASE)
RECORDED = "django_migrations"
ELSEWHERE = "elsewhere: "


def dump(site: Site, url: str, *, numbers: bool = True) -> list[str]:
    """
    Return everything that is in a database.

    Args:
        site: Where it is.
        url: Which it is.
        numbers: Keys and sequences too. A server does not give back the numbers of rows that were rolled back.
    """
    with closing(site.connect(url)) as connection, closing(connection.cursor()) as cursor:
        reader = {"sqlite": _sqlite, "postgresql": _postgres, "mysql": _mariadb}[site.vendor]
        schema, columns = reader(cursor, url)
        names = [name for name in columns if name != RECORDED]
        recorded = _recorded(cursor) if RECORDED in columns else {}
        rows = [line for name in names for line in _rows(cursor, site.vendor, name, columns[name], numbers)]
    if not numbers:
        schema = [line for line in schema if not line.startswith("sequence ")]
    return [*schema, *(f"recorded {app}: {name}" for app in sorted(recorded) for name in recorded[app]), *rows]


def schema_of(lines: Iterable[str]) -> list[str]:
    """Return the part of a dump that is neither rows nor records, nor how a file reaches the disk."""
    return [line for line in lines if not line.startswith(("row ", "recorded ", "sequence ", "file "))]


def recorded_in(site: Site, url: str) -> dict[str, list[str]]:
    """Return the migrations that a database has recorded, by app and in their order."""
    with closing(site.connect(url)) as connection, closing(connection.cursor()) as cursor:
        reader = {"sqlite": _sqlite_tables, "postgresql": _postgres_tables, "mysql": _mariadb_tables}[site.vendor]
        return _recorded(cursor) if RECORDED in reader(cursor) else {}


def _recorded(cursor: Any) -> dict[str, list[str]]:
    cursor.execute(f"SELECT app, name FROM {RECORDED} ORDER BY id")
    found: dict[str, list[str]] = {}
    for app, name in cursor.fetchall():
        found.setdefault(app, []).append(name)
    return found


def _rows(cursor: Any, vendor: str, table: str, columns: list[tuple[str, str]], numbers: bool) -> list[str]:
    kept = [name for name, kind in columns if not UNSTABLE.match(kind)]
    if not numbers:
        kept = [name for name in kept if name != "id" and not name.endswith(("_id", "_ptr"))]
    mark = "`" if vendor == "mysql" else '"'
    if table.endswith("_note"):
        # Local ones in their order; those from other databases come in whichever order these are migrated.
        cursor.execute(f"SELECT text FROM {mark}{table}{mark} ORDER BY id")
        texts = [text for (text,) in cursor.fetchall()]
        own = [text for text in texts if not text.startswith(ELSEWHERE)]
        return [f"row {table} {text}" for text in [*own, *sorted(set(texts) - set(own))]]
    if not kept:
        return []
    cursor.execute(f"SELECT {', '.join(f'{mark}{name}{mark}' for name in kept)} FROM {mark}{table}{mark}")
    shown = [", ".join(f"{name}={_plain(value)!r}" for name, value in zip(kept, row, strict=True))
             for row in cursor.fetchall()]  # fmt: skip
    return [f"row {table} {text}" for text in sorted(shown)]


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _all(cursor: Any, sql: str) -> list[tuple[Any, ...]]:
    cursor.execute(sql)
    return list(cursor.fetchall())


def _sqlite_tables(cursor: Any) -> list[str]:
    found = _all(cursor, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    return [name for (name,) in found]


def _sqlite(cursor: Any, url: str) -> tuple[list[str], dict[str, list[tuple[str, str]]]]:
    found = _all(cursor, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
    columns = {
        name: [(row[1], row[2]) for row in _all(cursor, f'PRAGMA table_xinfo("{name}")')]
        for name in _sqlite_tables(cursor)
    }
    # Rows that two databases write into a third one are numbered by whoever comes first; their number is the same.
    header = [f"file {name}: {_all(cursor, f'PRAGMA {name}')[0][0]}" for name in ("journal_mode", "user_version")]
    return [*header, *(f"{kind} {name} on {table}: {sql}" for kind, name, table, sql in found)], columns


def _postgres_tables(cursor: Any) -> list[str]:
    found = _all(cursor, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [name for (name,) in found]


CATALOG = (
    "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, is_identity,"
    " character_maximum_length, numeric_precision, numeric_scale, generation_expression, collation_name"
    " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 3",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2",
    "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public' ORDER BY 1",
    "SELECT extname FROM pg_extension ORDER BY 1",
    "SELECT objoid::regclass::text, objsubid, description FROM pg_description"
    " WHERE classoid = 'pg_class'::regclass AND objoid::regclass::text NOT LIKE 'pg\\_%' ORDER BY 1, 2",
)


def _postgres(cursor: Any, url: str) -> tuple[list[str], dict[str, list[tuple[str, str]]]]:
    version = _all(cursor, "SHOW server_version_num")[0][0]
    text = _pg_dump(url) if _pg_dump_major() >= int(version) // 10000 else None
    if text is None:
        schema = [repr(row) for sql in CATALOG for row in _all(cursor, sql)]
    else:
        # Every dump has a key of its own against injected commands.
        schema = [line for line in text.splitlines() if line and not line.startswith(("--", "\\"))]
    columns = {}
    for name in _postgres_tables(cursor):
        sql = (f"SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
               f" AND table_name = '{name}' ORDER BY ordinal_position")  # fmt: skip
        columns[name] = [(column, kind) for column, kind in _all(cursor, sql)]
    sequences = _all(cursor, "SELECT sequencename, last_value FROM pg_sequences WHERE sequencename NOT LIKE"
                             f" '{RECORDED}%' ORDER BY 1")  # fmt: skip
    return [*schema, *(f"sequence {name} at {value}" for name, value in sequences)], columns


@cache
def _pg_dump_major() -> int:
    """Return the version of pg_dump on this machine, 0 where there is none; it reads servers up to its own."""
    if shutil.which("pg_dump") is None:
        return 0
    shown = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.findall(r"\d+", shown)[0])


def _pg_dump(url: str) -> str:
    command = ["pg_dump", "--schema-only", "--no-owner", "--no-privileges", "--dbname", url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _mariadb_tables(cursor: Any) -> list[str]:
    return sorted(name for name, kind in _all(cursor, "SHOW FULL TABLES") if kind == "BASE TABLE")


def _mariadb(cursor: Any, url: str) -> tuple[list[str], dict[str, list[tuple[str, str]]]]:
    ((own,),) = _all(cursor, "SELECT DATABASE()")
    names = sorted(name for name, _ in _all(cursor, "SHOW FULL TABLES"))
    schema = [_all(cursor, f"SHOW CREATE TABLE `{name}`")[0][1] for name in names]
    plain = [re.sub(r" AUTO_INCREMENT=\d+", "", statement).replace(f"`{own}`.", "") for statement in schema]
    columns = {
        name: [(row[0], row[1]) for row in _all(cursor, f"SHOW COLUMNS FROM `{name}`")]
        for name in _mariadb_tables(cursor)
    }
    return [line for statement in plain for line in statement.splitlines()], columns
