"""Where the databases of an override are; in a test run never one that is not the run's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from ..config.declared import CHANGES
from ..exceptions import ConfigError, Problem
from .project import Reading
from .settings import carry

Entry = Mapping[str, Any]
"""One value of DATABASES."""

PLACE = ("ENGINE", "NAME", "HOST", "PORT")
CONNECTION = (*PLACE, "USER", "PASSWORD", "OPTIONS", "AUTOCOMMIT")
"""What a connection is made from; everything else of an entry is looked up while it is open."""

_REMEDY = (
    "name a database that tests may use with test: {name: …}, or an alias whose test database serves with "
    "test: {mirror: …}"
)

# Options of the drivers that say where the database is.
_LEADING = frozenset({"database", "db", "dbname", "dsn", "host", "hostaddr", "passfile", "port", "service"}) | {
    *("read_default_file", "read_default_group", "servicefile", "unix_socket"),
}


def differs(one: Entry, other: Entry, keys: tuple[str, ...] = CONNECTION) -> bool:
    """Tell whether two entries make different connections."""
    return any((one.get(key) or "") != (other.get(key) or "") for key in keys)


@attrs.define
class Databases:
    """
    Works out DATABASES.

    Attributes:
        running: DATABASES without any override: in a test run, with the names of the test databases.
        before: The configuration without any override.
        after: The configuration that is wanted.
        test_run: Whether only the test run's own databases may be led to.
        opened: New aliases that tests may use, each to the alias whose database it has: itself, or one it mirrors.
    """

    running: Mapping[str, Entry]
    before: Reading
    after: Reading
    test_run: bool
    opened: dict[str, str] = attrs.field(factory=dict)
    _problems: list[Problem] = attrs.field(factory=list)

    def entries(self) -> dict[str, Entry]:
        """
        Return DATABASES; an entry that the override does not touch is the very object that it was.

        Raises:
            ConfigError: An alias would lead to a database that is not the test run's.
        """
        before, after = self.before.settings["DATABASES"], self.after.settings["DATABASES"]
        found: dict[str, Entry] = {}
        for alias, entry in after.items():
            now, old = self.running.get(alias), before.get(alias, {})
            if now is None:
                found[alias] = self.added(alias, entry) if self.test_run else entry
            elif old == entry:
                found[alias] = now
            else:
                made = carry(now, old, entry)
                found[alias] = {**made, **self.connection(alias, now, old, entry)} if self.test_run else made
        by_hand = {alias: now for alias, now in self.running.items() if alias not in before and alias not in found}
        found |= by_hand
        if self.test_run:
            found |= self.mirrors(found)
        if self._problems:
            raise ConfigError(self._problems)
        return found

    def added(self, alias: str, entry: Entry) -> Entry:
        """Return the entry of an alias that the test run has no database for; SQLite needs nobody to make one."""
        test = {"NAME": None, **entry.get("TEST", {})}
        if test.get("MIRROR"):
            return entry
        name = _sqlite_test_name(alias, {**entry, "TEST": test})
        if "database" in entry["OPTIONS"]:
            name = None  # it would go over the name
        elif name is None and test["NAME"] and self.after.says("databases", alias, "test", "name"):
            name = test["NAME"]
        if name is None:
            self.refuse(alias, "this test run has no database for it")
            return entry
        self.opened[alias] = alias
        return {**entry, "NAME": name}

    def connection(self, alias: str, now: Entry, old: Entry, new: Entry) -> dict[str, Any]:
        """
        Return what the connection of an alias of this test run is made from.

        What the files of another environment say of it is left out: there, too, tests would have a database of their
        own. What the override itself says is followed, unless it leads elsewhere.
        """
        if _mirror(new):
            return {key: now[key] for key in CONNECTION}
        made = {key: new[key] if self.said(alias, key, old, new) else now[key] for key in CONNECTION if key in new}
        made["OPTIONS"] = self.options(alias, now, old, new)
        name = new.get("TEST", {}).get("NAME")
        if name and self.after.says("databases", alias, "test", "name"):
            return {**made, "NAME": name}
        leading = [key.lower() for key in PLACE if self.said(alias, key, old, new)]
        options = (made["OPTIONS"], now["OPTIONS"])
        leading += [f"options.{key}" for key in sorted(_LEADING) if options[0].get(key) != options[1].get(key)]
        if leading:
            self.refuse(alias, f"would lead out of the test run's databases ({', '.join(leading)})", leading[0])
        return made

    def said(self, alias: str, key: str, old: Entry, new: Entry) -> bool:
        """Tell whether the override's own words change one part of a connection."""
        return old.get(key) != new.get(key) and self.ours("databases", alias, key.lower())

    def ours(self, *path: str) -> bool:
        """Tell whether what differs at a path is the override's word, not that of another environment's file."""
        return self.before.config.environment == self.after.config.environment or self.after.says(*path)

    def options(self, alias: str, now: Entry, old: Entry, new: Entry) -> dict[str, Any]:
        """Return the options of a connection: the running ones, with what the override itself says."""
        made = dict(now["OPTIONS"])
        before, after = (entry.get("OPTIONS", {}) for entry in (old, new))
        for key in {**before, **after}:
            path = ("pool",) if key == "pool" else ("options", key)
            if before.get(key) != after.get(key) and self.ours("databases", alias, *path):
                made[key] = after.get(key)
                if key not in after:
                    del made[key]
        return made

    def mirrors(self, found: Mapping[str, Entry]) -> dict[str, Entry]:
        """Return the entries of the aliases that are others' mirrors, as Django's test runner would set them up."""
        made: dict[str, Entry] = {}
        for alias in self.after.settings["DATABASES"]:
            mirrored = _mirrored(found, alias)
            if mirrored == alias or (alias in self.running and not self.follows(found, alias, mirrored)):
                continue
            made[alias] = {
                **found[alias],
                **{key: found[mirrored][key] for key in CONNECTION if key in found[mirrored]},
            }
            if alias not in self.running:
                self.opened[alias] = mirrored
        return made

    def follows(self, found: Mapping[str, Entry], alias: str, mirrored: str) -> bool:
        """Tell whether an alias of this test run is to leave its place for that of the alias that it mirrors."""
        if _mirrored(self.running, alias) == mirrored:
            return differs(found[mirrored], self.running[mirrored])
        if not self.after.says("databases", alias, "test", "mirror"):
            return False  # another environment's word
        if mirrored in self.running and not self.is_ready(mirrored):
            self.refuse(alias, f"mirrors '{mirrored}', which this test run has no database for", "test.mirror")
        return True

    def is_ready(self, alias: str) -> bool:
        """Tell whether the test runner has led an alias to a test database; it does so where tests name the alias."""
        name, test_name = str(self.running[alias]["NAME"]), self.running[alias]["TEST"].get("NAME")
        configured = self.before.settings["DATABASES"].get(alias, {}).get("NAME", name)
        expected = str(Path(test_name).with_suffix("")) if test_name else "test_"
        return name != str(configured) or "mode=memory" in name or name.startswith(expected)

    def refuse(self, alias: str, message: str, field: str = "") -> None:
        """Note what cannot be done safely."""
        path = ("databases", alias, *(field.split(".") if field else ()))
        source = self.after.config.source(*path) or self.after.config.source("databases", alias) or CHANGES
        self._problems.append(Problem(f"databases.{alias}", message, source, _REMEDY))


def _mirror(entry: Entry) -> str:
    return str(entry.get("TEST", {}).get("MIRROR") or "")


def _mirrored(entries: Mapping[str, Entry], alias: str) -> str:
    """Return the alias whose database another one has in tests: itself, or the end of what it mirrors."""
    seen = set()
    while alias not in seen and (mirrored := _mirror(entries[alias])) in entries:
        seen.add(alias)
        alias = mirrored
    return alias


def _sqlite_test_name(alias: str, entry: Entry) -> str | None:
    """Return the name that Django's test runner gives an SQLite database; ``None`` where it is none."""
    from django.db.utils import load_backend

    wrapper = load_backend(entry["ENGINE"]).DatabaseWrapper(dict(entry), alias)
    return str(wrapper.creation._get_test_db_name()) if wrapper.vendor == "sqlite" else None
