"""
Writes a Django project from a seed: apps over six databases, migrations with every operation, and where to start.

The same seed and sizes give the same files.
"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random

import attrs

from tests.projects import MYSQL_DRIVER, Project, project

from .history import App, Migration, Model, Step, World, create
from .stories import STORIES, Story
from .stories.code import pinned

ALIASES = ("default", "north", "south", "west", "tenant", "pinned_db")
HOMES = {"c": "default", "n": "north", "s": "south", "w_": "west"}

SETTINGS = """
import dbroute.django  # noqa: F401

from support import probe

probe.install()
"""

ACCOUNT = """
from django.contrib.auth.models import AbstractBaseUser
from django.db import models


class Account(AbstractBaseUser):
    email = models.CharField(max_length=60, unique=True)
    USERNAME_FIELD = "email"
"""

PLAIN = """
from django.db import models


class Unmigrated(models.Model):
    name = models.CharField(max_length=20)
    other = models.ForeignKey("self", models.CASCADE, null=True)
"""

ACCOUNT_FIELDS = (
    '("password", models.CharField(max_length=128))',
    '("last_login", models.DateTimeField(blank=True, null=True))',
    '("email", models.CharField(max_length=60, unique=True))',
)


@attrs.frozen
class Size:
    """
    How much is generated.

    Attributes:
        apps: Apps with migrations.
        length: Migrations of each, squashes aside.
        steps: Steps of stories in a migration, at most.
        killable: Leave out what no rerun can take up after a kill: migrations without a transaction, and writes into
            another database than the one that is migrated.
    """

    apps: int = 40
    length: int = 12
    steps: int = 3
    killable: bool = False


@attrs.frozen
class Generated:
    """
    What came of a seed.

    Attributes:
        early: Files by path, as they were when the databases were migrated so far.
        late: Files that are written then: squashes of what some databases have in part.
        start: Alias to the migrations that it has reached; none where it is empty.
        zero: An app that can be migrated back to zero, with all that depends on it.
        middle: A migration of an app to which the app can be taken back.
    """

    seed: int
    vendor: str
    early: Mapping[str, str]
    late: Mapping[str, str]
    start: Mapping[str, tuple[tuple[str, str], ...]]
    zero: str
    middle: tuple[str, str]
    apps: tuple[App, ...]

    @property
    def migrations(self) -> int:
        """How many migrations there are, squashes aside."""
        return sum(len(app.migrations) for app in self.apps)

    def lives_on(self, label: str) -> list[str]:
        """Return the databases that have tables of an app."""
        (app,) = (app for app in self.apps if app.label == label)
        more = ["tenant"] if app.home == "north" else ["pinned_db"] if app is self.apps[1] else []
        return [app.home, *more]

    def write(self, folder: Path, urls: Mapping[str, str], *, late: bool = True) -> Project:
        """Write the project into a folder, for these databases."""
        files = {**self.early, **(self.late if late else {}), "config.yaml": _config(self.apps, urls)}
        made = project(folder, settings=f"{MYSQL_DRIVER}\n{_settings(self.apps)}", files=files)
        shutil.copytree(Path(__file__).parent / "support", folder / "support", dirs_exist_ok=True)
        return made


def _settings(apps: tuple[App, ...]) -> str:
    contrib = ("admin", "auth", "contenttypes", "messages", "sessions")
    names = [f"django.contrib.{name}" for name in contrib] + [app.label for app in apps] + ["plain"]
    modules = {apps[-1].label: f"elsewhere.{apps[-1].label}"}
    return (f"INSTALLED_APPS = {names!r}\nAUTH_USER_MODEL = '{apps[0].label}.Account'\n"
            f"MIGRATION_MODULES = {modules!r}\nSILENCED_SYSTEM_CHECKS = ['admin.E403', 'admin.E408', 'admin.E409', "
            f"'admin.E410', 'dbroute.W002']\n{SETTINGS}")  # fmt: skip


def _config(apps: tuple[App, ...], urls: Mapping[str, str]) -> str:
    lines = ["databases:"]
    for alias in ALIASES:
        lines += [f"  {alias}:", f"    url: '{urls[alias]}'"]
        if alias in ("north", "south"):
            lines.append(f"    apps: {[app.label for app in apps if app.home == alias]!r}")
        if alias == "tenant":
            lines.append("    migrates_like: north")
    lines += ["routing:", '  "w_*": west', f"  {apps[1].label}.Pinned: pinned_db", "  plain: south", ""]
    return "\n".join(lines)


def generate(seed: int, vendor: str, size: Size = Size()) -> Generated:
    """
    Return the project of a seed.

    Args:
        seed: Any number.
        vendor: ``sqlite``, ``postgresql`` or ``mysql``: what is in the migrations differs a little.
        size: How much of it.
    """
    world = World(vendor, Random(f"{seed} {vendor} {size}"), killable=size.killable)
    tellers = _tellers(world, size)
    for number in range(size.length):
        # The first app goes through all of its life before the others begin: its end can be depended on.
        order = tellers[1:]
        world.random.shuffle(order)
        if number == 0:
            for _ in range(size.length):
                tellers[0].go_on()
        for teller in order:
            teller.go_on()
    apps = tuple(world.apps)
    for app in apps[1::3]:
        app.squash = _squash(world, app)
    files = dict(_files(apps))
    late = {_path(apps, app.squash): app.squash.source() for app in apps if app.squash}
    candidates = [app for app in apps[1:] if _is_reversible(apps, app)]
    middle = world.random.choice(candidates or apps[1:])
    return Generated(
        seed,
        vendor,
        files,
        late,
        _start(world),
        world.random.choice(candidates).label if candidates else "",
        middle.migrations[len(middle.migrations) // 2].key,
        apps,
    )


@attrs.define
class _Teller:
    """Makes the migrations of one app out of the stories that it lives through."""

    world: World
    app: App
    size: Size
    stories: list[Story]
    live: list[Iterator[Step]] = attrs.field(factory=list)
    waiting: list[Step] = attrs.field(factory=list)
    begun: int = 0

    def go_on(self) -> None:
        """Make the next migration."""
        number = len(self.app.migrations) + 1
        migration = Migration(self.app, number, "initial" if number == 1 else f"step_{number}")
        if number == 1:
            self._begin(migration)
        else:
            migration.dependencies[self.app.leaf] = None
        self.app.migrations.append(migration)
        if number > 1:
            self._tell(migration)
            self._special_dependencies(migration)
        for other in list(migration.dependencies):
            # The same edge, said by the other end.
            if other.app is not self.app and self.world.random.random() < 0.2:
                other.run_before.append(migration)

    def _begin(self, migration: Migration) -> None:
        migration.operations.append(create("Note", '("text", models.TextField())'))
        if self.world.user is not None and self.world.user.app is self.app:
            migration.operations.append(create("Account", *ACCOUNT_FIELDS))
            self.world.user.touched = migration
        elif self.world.random.random() < 0.3:
            migration.texts.append(f'("{self.world.apps[0].label}", "__first__")')

    def _special_dependencies(self, migration: Migration) -> None:
        first = self.world.apps[0]
        if self.app is not first and self.world.random.random() < 0.05:
            migration.texts.append(f'("{first.label}", "__latest__")')

    def _tell(self, migration: Migration) -> None:
        wanted = self.world.random.randint(1, self.size.steps)
        while wanted:
            step = self._next()
            mixed = migration.operations and (
                not step.atomic or (step.alone and self.world.vendor == "postgresql") or not migration.atomic
            )
            if mixed:
                self.waiting.append(step)
                return
            self._take(migration, step)
            wanted -= 1
            if not step.atomic or (step.alone and self.world.vendor == "postgresql"):
                return

    def _next(self) -> Step:
        if self.waiting:
            return self.waiting.pop()
        while True:
            while len(self.live) < 3:
                self.live.append(self.stories[self.begun % len(self.stories)](self.world, self.app))
                self.begun += 1
            story = self.world.random.choice(self.live)
            step = next(story, None)
            if step is None:
                self.live.remove(story)
            elif step.operations:
                return step

    def _take(self, migration: Migration, step: Step) -> None:
        migration.operations += step.operations
        migration.atomic = migration.atomic and step.atomic
        migration.reversible = migration.reversible and step.reversible
        migration.alone = migration.alone or step.alone
        for model in step.uses:
            if model.touched is not migration:
                migration.dependencies[model.touched] = None
            model.users.append(migration)
        for model in step.changes:
            for other in [*model.users, model.touched]:
                if other is not None and other is not migration:
                    migration.dependencies[other] = None
            model.touched, model.users = migration, []
        if step.swappable and self.app is not self.world.apps[0]:
            migration.texts.append("migrations.swappable_dependency(settings.AUTH_USER_MODEL)")


def _tellers(world: World, size: Size) -> list[_Teller]:
    tellers = []
    for number in range(size.apps):
        prefix = list(HOMES)[(number - 1) % len(HOMES)] if number else "c"
        app = App(f"{prefix}{number:02}", HOMES[prefix])
        world.apps.append(app)
        stories = list(STORIES)
        world.random.shuffle(stories)
        if number == 0:
            world.user = Model(app, "Account")
            stories = [STORIES[0], *stories]
        if number == 1:
            stories = [pinned, *stories]
        # Each app begins with other ones, so that a small project has them all as well.
        shift = number * 3 % len(STORIES)
        stories[2:] = [STORIES[shift], *stories[2:]] if number > 1 else stories[2:]
        tellers.append(_Teller(world, app, size, stories))
    return tellers


def _squash(world: World, app: App) -> Migration | None:
    """Return a squash of a few migrations of an app between which no other app's migration stands."""
    everything = [migration for other in world.apps for migration in other.migrations]
    ranges = [
        app.migrations[begin : begin + length]
        for length in (4, 3, 2)
        for begin in range(len(app.migrations) - length + 1)
    ]
    world.random.shuffle(ranges)
    for found in ranges:
        # In one transaction PostgreSQL would alter a table whose rows were just written.
        mixable = world.vendor != "postgresql" or not any(migration.alone for migration in found)
        if mixable and all(migration.atomic for migration in found) and not _is_interrupted(found, everything):
            return _squashed(app, found)
    return None


def _is_interrupted(found: list[Migration], everything: list[Migration]) -> bool:
    return any(
        other not in found and other.needs(found[0]) and any(migration.needs(other) for migration in found)
        for other in everything
    )


def _squashed(app: App, found: list[Migration]) -> Migration:
    squash = Migration(app, found[0].number, f"squashed_{found[-1].name}", replaces=found)
    for migration in found:
        squash.operations += migration.operations
        squash.texts += [text for text in migration.texts if text not in squash.texts]
        squash.run_before += [other for other in migration.run_before if other not in squash.run_before]
        squash.dependencies.update(
            {
                other: None
                for other in migration.dependencies
                if other not in found and migration not in other.run_before
            }
        )
    return squash


def _files(apps: tuple[App, ...]) -> Iterator[tuple[str, str]]:
    for app in apps:
        yield f"{app.label}/models.py", ACCOUNT if app is apps[0] else ""
        for migration in app.migrations:
            yield _path(apps, migration), migration.source()
    yield "plain/models.py", PLAIN


def _path(apps: tuple[App, ...], migration: Migration) -> str:
    label = migration.app.label
    folder = f"elsewhere/{label}" if label == apps[-1].label else f"{label}/migrations"
    return f"{folder}/{migration.name}.py"


def _is_reversible(apps: tuple[App, ...], app: App) -> bool:
    return all(
        migration.reversible
        for other in apps
        for migration in other.migrations
        if migration in app.migrations or migration.needs(app.migrations[0])
    )


def _start(world: World) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return where each database stands: nowhere, somewhere, or in the middle of squashes."""
    random = world.random
    start: dict[str, tuple[tuple[str, str], ...]] = {}
    halves = [squash.replaces[len(squash.replaces) // 2 - 1].key for app in world.apps if (squash := app.squash)]
    wholes = [squash.replaces[-1].key for app in world.apps if (squash := app.squash)]
    kinds = ["empty", "behind", "behind", "half", "whole"]
    random.shuffle(kinds)
    others = [alias for alias in ALIASES if alias not in ("tenant",)]
    for alias, kind in zip(others, kinds, strict=True):
        start[alias] = {"empty": (), "behind": _behind(world), "half": (*halves,), "whole": (*wholes,)}[kind]
    # What runs on the tenant may write into its model's database, which has to be as far at least.
    start["tenant"] = random.choice([(), start["north"], start["north"][:2]])
    return start


def _behind(world: World) -> tuple[tuple[str, str], ...]:
    return tuple(world.random.choice(app.migrations).key for app in world.apps if world.random.random() < 0.5)
