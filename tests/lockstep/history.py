"""
The nouns of a generated project: apps, the models that live in them, and migrations made of steps.

Migrations are made one after another in one order that is known to work. Dependencies keep whatever order Django's
graph finds from breaking it: a migration depends on the one that last changed a model it uses, and one that changes a
model depends on all that used it.
"""

from collections.abc import Iterable, Sequence
from random import Random

import attrs


@attrs.define(eq=False)
class Model:
    """
    A model that other models may point at.

    Attributes:
        app: Where it was declared.
        name: Its name at this moment.
        touched: The migration that last changed what others see of it.
        users: The migrations that used it since.
        abroad: Whether a key leads here from another database. Django cannot rename the model then: it would remake, on
            SQLite, the table of the key where that table is not.
    """

    app: "App"
    name: str
    touched: "Migration | None" = None
    users: list["Migration"] = attrs.field(factory=list)
    abroad: bool = False

    @property
    def label(self) -> str:
        """``app_label.Name``."""
        return f"{self.app.label}.{self.name}"

    @property
    def table(self) -> str:
        """The table that Django would name."""
        return f"{self.app.label}_{self.name.lower()}"


@attrs.frozen
class Step:
    """
    What a story does in one migration.

    Attributes:
        operations: The text of the operations.
        uses: Models of other stories that they name.
        changes: Models whose name or shape others would notice.
        alone: Stands in a migration of its own: code that writes rows, before PostgreSQL would alter their table.
        atomic: The migration's own attribute.
        swappable: Depends on the user model by its setting.
        reversible: Whether it can be taken back.
    """

    operations: Sequence[str]
    uses: Sequence[Model] = ()
    changes: Sequence[Model] = ()
    alone: bool = False
    atomic: bool = True
    swappable: bool = False
    reversible: bool = True


@attrs.define(eq=False)
class Migration:
    """
    One file.

    Attributes:
        run_before: Migrations of other apps that name this one in no dependency of theirs.
        texts: Dependencies that are no plain pair.
        replaces: What a squash stands for.
        alone: Has a step that is to be alone.
    """

    app: "App"
    number: int
    title: str
    operations: list[str] = attrs.field(factory=list)
    dependencies: "dict[Migration, None]" = attrs.field(factory=dict)
    run_before: list["Migration"] = attrs.field(factory=list)
    texts: list[str] = attrs.field(factory=list)
    replaces: list["Migration"] = attrs.field(factory=list)
    atomic: bool = True
    alone: bool = False
    reversible: bool = True

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return f"{self.number:04}_{self.title}"

    @property
    def key(self) -> tuple[str, str]:
        """As the graph names it."""
        return (self.app.label, self.name)

    def source(self) -> str:
        """Return the file's text."""
        shown = [repr(other.key) for other in self.dependencies if self not in other.run_before]
        lines = [
            "from django.conf import settings",
            "from django.db import migrations, models",
            "from django.utils import timezone",
            "",
            "from support import code, fields, operations",
            "from support import models as bases",
            "",
            "",
            "class Migration(migrations.Migration):",
        ]
        if not self.dependencies:
            lines.append("    initial = True")
        if not self.atomic:
            lines.append("    atomic = False")
        if self.replaces:
            lines.append(f"    replaces = {[other.key for other in self.replaces]!r}")
        if self.run_before:
            lines.append(f"    run_before = {[other.key for other in self.run_before]!r}")
        lines += ["    dependencies = [", *(f"        {text}," for text in [*self.texts, *shown]), "    ]"]
        lines += ["    operations = [", *(f"        {text}," for text in self.operations), "    ]", ""]
        return "\n".join(lines)

    def needs(self, other: "Migration") -> bool:
        """Say whether this migration can only run after the other one."""
        seen: set[Migration] = set()
        left = [self]
        while left:
            for dependency in left.pop().dependencies:
                if dependency is other:
                    return True
                if dependency not in seen:
                    seen.add(dependency)
                    left.append(dependency)
        return False


@attrs.define(eq=False)
class App:
    """
    One app.

    Attributes:
        home: The alias that its rule names.
        published: Models that others may point at.
        parents: Models that others may derive theirs from; these keep their names.
        squash: What stands for a few of the migrations, if there is one.
    """

    label: str
    home: str
    migrations: list[Migration] = attrs.field(factory=list)
    published: list[Model] = attrs.field(factory=list)
    parents: list[Model] = attrs.field(factory=list)
    squash: Migration | None = None

    @property
    def leaf(self) -> Migration:
        """The last migration so far."""
        return self.migrations[-1]


@attrs.define
class World:
    """
    What a story may ask for while it goes on.

    Attributes:
        vendor: ``sqlite``, ``postgresql`` or ``mysql``.
        random: The seed's.
        apps: All apps so far, in the order in which their stories are told.
        user: The swapped user model.
        killable: No step may do what a rerun after a kill would do a second time.
    """

    vendor: str
    random: Random
    apps: list[App] = attrs.field(factory=list)
    user: Model | None = None
    killable: bool = False
    _names: int = 0

    def name(self, word: str) -> str:
        """Return a model name that nobody has."""
        self._names += 1
        return f"{word}{self._names}"

    def partner(self, app: App, *, same_home: bool = True) -> Model | None:
        """Return a published model to point at; one whose table is in the same database, or whichever."""
        return self._choose(
            model for other in self.apps for model in other.published if other.home == app.home or not same_home
        )

    def parent(self, app: App) -> Model | None:
        """Return a model to derive one from."""
        return self._choose(model for other in self.apps for model in other.parents if other.home == app.home)

    def _choose(self, models: Iterable[Model]) -> Model | None:
        found = list(models)
        return self.random.choice(found) if found else None


ID = '("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))'
SMALL_ID = '("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))'


def create(name: str, *fields: str, key: str = ID, **extra: str) -> str:
    """Return the text of a CreateModel; ``extra`` are its other arguments."""
    arguments = "".join(f", {argument}={text}" for argument, text in extra.items())
    columns = ", ".join(text for text in (key, *fields) if text)
    return f"migrations.CreateModel({name!r}, fields=[{columns}]{arguments})"


def run(forwards: str, backwards: str = "migrations.RunPython.noop", **extra: str) -> str:
    """Return the text of a RunPython."""
    arguments = "".join(f", {argument}={text}" for argument, text in extra.items())
    return f"migrations.RunPython({forwards}, {backwards}{arguments})"


def fill(model_label: str, count: int = 2, **extra: object) -> Step:
    """Return a step that makes rows, in a migration of its own; taken back, it takes the rows away."""
    arguments = "".join(f", {argument}={value!r}" for argument, value in extra.items())
    return Step([run(f"code.fill({model_label!r}, {count}{arguments})", f"code.empty({model_label!r})")], alone=True)
