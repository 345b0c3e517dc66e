"""Makes the folders that SQLite files will stand in: SQLite makes files, not folders."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

from .routes import mark


def make() -> None:
    """Make the folders of all SQLite files that the configuration has."""
    for alias in mark().get("databases", ()):
        make_folder(settings.DATABASES.get(alias, {}))


def make_folder(entry: Mapping[str, Any]) -> None:
    """
    Make the folder of one SQLite file, if it belongs below the project's folder.

    Only there: a path that leads elsewhere may be a slip, and folders made from a slip would hide it.

    Args:
        entry: The database's entry of DATABASES.
    """
    file = sqlite_file(entry)
    if file is None or not file.absolute().is_relative_to(Path(mark().get("folder") or Path.cwd())):
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        pass  # a read-only image, say: the connection will tell


def sqlite_file(entry: Mapping[str, Any]) -> Path | None:
    """Return the file of an entry of DATABASES; ``None`` for another engine, and for a database in memory."""
    name = str(entry.get("NAME") or "")
    if not str(entry.get("ENGINE")).endswith(("sqlite3", "spatialite")) or not name:
        return None
    if ":memory:" in name or "mode=memory" in name:
        return None
    return Path(unquote(urlsplit(name).path)) if name.startswith("file:") else Path(name)
