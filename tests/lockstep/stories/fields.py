"""Stories of columns: added, altered, renamed, moved to another type, with defaults that last and that do not."""

from collections.abc import Iterator
from random import Random

import attrs

from ..history import App, Model, Step, World, create, fill, run


def plain_life(world: World, app: App) -> Iterator[Step]:
    """Tell of a table from its first column to its end, with rows in it."""
    name = world.name("Book")
    lower = name.lower()
    yield Step([create(name, '("title", models.CharField(max_length=40))', '("pages", models.IntegerField())',
                       options="{'ordering': ['title'], 'verbose_name': 'tome'}")])  # fmt: skip
    yield fill(f"{app.label}.{name}", 3)
    yield Step([
        f'migrations.AddField("{lower}", "code", models.CharField(max_length=9, default="x"), preserve_default=False)',
        f'migrations.AddField("{lower}", "seen", models.DateTimeField(default=timezone.now), preserve_default=False)',
        f'migrations.AddField("{lower}", "answer", models.IntegerField(default=fields.answer))',
        f'migrations.AddField("{lower}", "token", models.UUIDField(default=fields.identity, null=True))',
        f'migrations.AddField("{lower}", "summary", models.TextField(null=True))',
    ])  # fmt: skip
    yield Step([
        f'migrations.AlterField("{lower}", "title", models.TextField(verbose_name="the title"))',
        f'migrations.AlterField("{lower}", "pages", models.BigIntegerField())',
        f'migrations.AlterField("{lower}", "summary", models.TextField(default="none"), preserve_default=False)',
    ])  # fmt: skip
    yield fill(f"{app.label}.{name}", 1)
    yield Step([
        f'migrations.RenameField("{lower}", "pages", "leaves")',
        f'migrations.AlterField("{lower}", "leaves", models.DecimalField(max_digits=14, decimal_places=2))',
        # Only what Python sees changes.
        f'migrations.AlterField("{lower}", "code", models.CharField(max_length=9, help_text="short", blank=True))',
    ])  # fmt: skip
    yield Step([
        f'migrations.AlterModelTable("{lower}", "{app.label}_tomes_{lower}")',
        f'migrations.AlterModelTableComment("{lower}", "books and tomes")',
        f'migrations.AlterField("{lower}", "leaves", models.IntegerField(null=True, db_column="sheets"))',
    ])  # fmt: skip
    new = world.name("Tome")
    yield Step([f'migrations.RenameModel("{name}", "{new}")', f'migrations.RemoveField("{new.lower()}", "answer")'])
    yield Step([f'migrations.AlterModelTable("{new.lower()}", None)', f'migrations.RemoveField("{new}", "token")'])
    yield Step([f'migrations.DeleteModel("{new}")'])


KINDS = {
    "CharField": (["max_length=20", "max_length=50", "max_length=20, blank=True, help_text='h'"], "'c'"),
    "TextField": (["", "blank=True"], "'t'"),
    "IntegerField": (["", "verbose_name='number'"], "7"),
    "BigIntegerField": ([""], "8"),
    "PositiveSmallIntegerField": ([""], "9"),
    "BooleanField": ([""], "True"),
    "DateField": ([""], "'2026-01-02'"),
    "DateTimeField": (["auto_now=True", "auto_now_add=True"], "timezone.now"),
    "DecimalField": (["max_digits=9, decimal_places=2"], "3"),
    "FloatField": ([""], "1.5"),
    "JSONField": ([""], "dict"),
    "DurationField": ([""], "timezone.timedelta(seconds=5)"),
    "GenericIPAddressField": ([""], "'10.0.0.1'"),
    "BinaryField": ([""], "b'b'"),
    "SlugField": (["max_length=30"], "'s'"),
    "EmailField": (["max_length=80"], "'e@example.com'"),
    "fields.ShoutingField": (["max_length=33"], "'loud'"),
    "fields.MoneyField": (["digits=8", "digits=12, currency='CHF'"], "5"),
}
# Moves that keep what is in the column, there and back, on every server.
MOVES = {
    "CharField": ["TextField", "fields.ShoutingField"],
    "TextField": ["CharField"],
    "fields.ShoutingField": ["CharField"],
    "IntegerField": ["BigIntegerField", "DecimalField", "CharField"],
    "BigIntegerField": ["IntegerField"],
    "PositiveSmallIntegerField": ["IntegerField"],
    "SlugField": ["TextField", "CharField"],
    "EmailField": ["TextField"],
}
INDEXABLE = {"CharField", "IntegerField", "BigIntegerField", "DateField", "SlugField", "BooleanField"}


@attrs.define
class Column:
    """A column of a walk."""

    kind: str
    arguments: str
    null: bool = False
    default: bool = False
    indexed: bool = False
    bound: int = 0
    born_null: bool = True

    @property
    def is_automatic(self) -> bool:
        return self.arguments.startswith("auto_now")

    def text(self, default: str = "") -> str:
        parts = [self.arguments] if self.arguments else []
        if self.null:
            parts.append("null=True")
        if default or self.default:
            parts.append(f"default={default or KINDS[self.kind][1]}")
        if self.indexed:
            parts.append("db_index=True")
        kind = self.kind if "." in self.kind else f"models.{self.kind}"
        return f"{kind}({', '.join(parts)})"


def _column(random: Random) -> Column:
    kind = random.choice(list(KINDS))
    column = Column(kind, random.choice(KINDS[kind][0]), null=random.random() < 0.3, default=random.random() < 0.4)
    if column.is_automatic:
        # Django takes no default beside auto_now, and cannot fill an old row without one.
        column.null, column.default = True, False
    return column


def walk(world: World, app: App) -> Iterator[Step]:
    """Tell of a table whose columns, indexes and constraints change at random, as long as there are migrations."""
    random, walker = world.random, _Walker(world, app)
    yield Step(walker.begin())
    yield fill(walker.model.label, 2)
    while True:
        yield Step([operation for _ in range(random.randint(1, 3)) for operation in walker.move()])
        if random.random() < 0.25:
            yield fill(walker.model.label, 1)


class _Walker:
    """Knows which moves are possible."""

    def __init__(self, world: World, app: App) -> None:
        self.world, self.random = world, world.random
        self.model = Model(app, world.name("Walk"))
        self.columns: dict[str, Column] = {}
        self.parts: dict[str, tuple[str, list[str]]] = {}
        self.together: list[str] = []
        self.number = 0

    def _new_name(self, word: str = "f") -> str:
        self.number += 1
        return f"{word}{self.number}"

    def begin(self) -> list[str]:
        for _ in range(4):
            self.columns[self._new_name()] = _column(self.random)
        return [create(self.model.name, *(f'("{name}", {column.text()})' for name, column in self.columns.items()))]

    def move(self) -> list[str]:
        moves = [
            self.add, self.add, self.alter_null, self.alter_type, self.rename, self.remove, self.python_only,
            self.index, self.toggle_index, self.add_part, self.add_part, self.remove_part, self.unique_together,
            self.rename_model, self.table, self.options, self.default,
        ]  # fmt: skip
        for move in self.random.sample(moves, len(moves)):
            if found := move():
                return found
        return []

    @property
    def _name(self) -> str:
        return self.model.name.lower()

    def _pick(self, *conditions: object) -> str | None:
        found = [name for name, column in self.columns.items() if all(condition(column) for condition in conditions)]
        return self.random.choice(found) if found else None

    def add(self) -> list[str]:
        name, column = self._new_name(), _column(self.random)
        if column.null or column.default:
            one_off, keep = "", True
        else:
            one_off, keep = KINDS[column.kind][1], False
        self.columns[name] = column
        text = column.text(one_off)
        return [f'migrations.AddField("{self._name}", "{name}", {text}{"" if keep else ", preserve_default=False"})']

    def alter_null(self) -> list[str]:
        name = self._pick(lambda column: not column.bound and not column.is_automatic)
        if name is None:
            return []
        column = self.columns[name]
        column.null = not column.null
        column.born_null = False
        if column.null or column.default:
            return [f'migrations.AlterField("{self._name}", "{name}", {column.text()})']
        text = column.text(KINDS[column.kind][1])
        return [f'migrations.AlterField("{self._name}", "{name}", {text}, preserve_default=False)']

    def alter_type(self) -> list[str]:
        name = self._pick(lambda column: column.kind in MOVES and not column.bound and not column.indexed)
        if name is None:
            return []
        column = self.columns[name]
        column.kind = self.random.choice(MOVES[column.kind])
        column.arguments = KINDS[column.kind][0][0]
        if column.kind == "CharField":
            column.arguments = "max_length=90"
        return [f'migrations.AlterField("{self._name}", "{name}", {column.text()})']

    def python_only(self) -> list[str]:
        name = self._pick(lambda column: not column.is_automatic)
        if name is None:
            return []
        column = self.columns[name]
        rest = [part for part in column.arguments.split(", ") if part and not part.startswith(("help", "blank"))]
        column.arguments = ", ".join([*rest, f"help_text='{self._new_name()}'", "blank=True"])
        return [f'migrations.AlterField("{self._name}", "{name}", {column.text()})']

    def default(self) -> list[str]:
        name = self._pick(lambda column: not column.is_automatic)
        if name is None:
            return []
        column = self.columns[name]
        column.default = not column.default
        return [f'migrations.AlterField("{self._name}", "{name}", {column.text()})']

    def rename(self) -> list[str]:
        name = self._pick(lambda column: not column.bound)
        if name is None:
            return []
        new = self._new_name("g")
        self.columns = {new if key == name else key: column for key, column in self.columns.items()}
        return [f'migrations.RenameField("{self._name}", "{name}", "{new}")']

    def remove(self) -> list[str]:
        # Taken back, the column is empty, so it must have allowed that all along.
        name = self._pick(lambda column: not column.bound and column.null and column.born_null)
        if name is None or len(self.columns) < 4:
            return []
        del self.columns[name]
        return [f'migrations.RemoveField("{self._name}", "{name}")']

    def toggle_index(self) -> list[str]:
        name = self._pick(lambda column: column.kind in INDEXABLE)
        if name is None:
            return []
        self.columns[name].indexed = not self.columns[name].indexed
        return [f'migrations.AlterField("{self._name}", "{name}", {self.columns[name].text()})']

    def _some(self) -> list[str]:
        found = [name for name, column in self.columns.items() if column.kind in INDEXABLE]
        return self.random.sample(found, min(len(found), self.random.randint(1, 2)))

    def _bind(self, names: list[str], count: int) -> None:
        for name in names:
            self.columns[name].bound += count

    def index(self) -> list[str]:
        names = self._some()
        if not names:
            return []
        self._bind(names, 1)
        title = f"{self._new_name('ix')}_{self.model.app.label}_{self._name}"[:30]
        self.parts[title] = ("Index", names)
        shown = [self.random.choice(["", "-"]) + name for name in names]
        return [f'migrations.AddIndex("{self._name}", models.Index(fields={shown!r}, name="{title}"))']

    def add_part(self) -> list[str]:
        names = self._some()
        if not names:
            return []
        title = f"{self._new_name('co')}_{self.model.app.label}_{self._name}"[:30]
        if self.random.random() < 0.5:
            # With the key among them any rows are unique.
            text = f'models.UniqueConstraint(fields={["id", *names]!r}, name="{title}")'
        else:
            condition = f"models.Q({names[0]}__isnull=True) | models.Q(id__gte=0)"
            text = f'models.CheckConstraint(condition={condition}, name="{title}")'
            names = names[:1]
        if self.world.vendor == "mysql" and "Check" in text:
            # MariaDB refuses a check over an AUTO_INCREMENT column.
            text = text.replace("models.Q(id__gte=0)", f"models.Q({names[0]}__isnull=False)")
        self._bind(names, 1)
        self.parts[title] = ("Constraint", names)
        return [f'migrations.AddConstraint("{self._name}", {text})']

    def remove_part(self) -> list[str]:
        if not self.parts:
            return []
        title = self.random.choice(list(self.parts))
        kind, names = self.parts[title]
        if kind == "Index" and self.random.random() < 0.5:
            new = f"{self._new_name('rn')}_{self.model.app.label}_{self._name}"[:30]
            self.parts[new] = self.parts.pop(title)
            return [f'migrations.RenameIndex("{self._name}", new_name="{new}", old_name="{title}")']
        del self.parts[title]
        self._bind(names, -1)
        return [f'migrations.Remove{kind}("{self._name}", "{title}")']

    def unique_together(self) -> list[str]:
        if self.together:
            names, self.together = self.together, []
            self._bind(names, -1)
            return [f'migrations.AlterUniqueTogether("{self._name}", set())']
        names = self._some()
        if not names:
            return []
        self.together = names
        self._bind(names, 1)
        return [f'migrations.AlterUniqueTogether("{self._name}", {{{("id", *names)!r}}})']

    def rename_model(self) -> list[str]:
        old, self.model.name = self.model.name, self.world.name("Walk")
        return [f'migrations.RenameModel("{old}", "{self.model.name}")']

    def table(self) -> list[str]:
        table = self.random.choice([None, f"{self.model.app.label}_{self._new_name('t')}_{self._name}"])
        return [f'migrations.AlterModelTable("{self._name}", {table!r})']

    def options(self) -> list[str]:
        return [f'migrations.AlterModelOptions("{self._name}", {{"verbose_name": "{self._new_name()}"}})']


def values_of_the_database(world: World, app: App) -> Iterator[Step]:
    """Tell of columns that the database fills: defaults of its own, generated ones, comments, collations."""
    name = world.name("Item")
    lower, label = name.lower(), f"{app.label}.{name}"
    collation = {"sqlite": "nocase", "postgresql": "C", "mysql": "utf8mb4_bin"}[world.vendor]
    total = "models.GeneratedField(expression=models.F('price') * models.F('amount'), "
    yield Step([create(
        name,
        '("price", models.IntegerField(db_comment="in cents"))',
        '("amount", models.IntegerField(db_default=1))',
        f'("total", {total}output_field=models.IntegerField(), db_persist=True))',
        options="{'db_table_comment': 'what is sold'}",
    )])  # fmt: skip
    yield fill(label, 2)
    yield Step([
        f'migrations.AddField("{lower}", "state", models.CharField(max_length=9, db_default=models.Value("new")))',
        f'migrations.AddField("{lower}", "word", models.CharField(max_length=9, default="", '
        f'db_comment="a word", db_collation="{collation}"))',
        f'migrations.AlterField("{lower}", "amount", models.IntegerField(db_default=2))',
    ])  # fmt: skip
    yield Step([
        f'migrations.AddField("{lower}", "double", models.GeneratedField(expression=models.F("price") + '
        'models.F("price"), output_field=models.BigIntegerField(), db_persist=True))',
        f'migrations.AlterModelTableComment("{lower}", None)',
        f'migrations.AlterField("{lower}", "word", models.CharField(max_length=19, default=""))',
    ])  # fmt: skip
    yield fill(label, 1)
    yield Step([
        f'migrations.RemoveField("{lower}", "total")',
        f'migrations.AlterField("{lower}", "state", models.CharField(max_length=9, default="old"))',
        f'migrations.AlterField("{lower}", "price", models.IntegerField(null=True))',
    ])  # fmt: skip


def own_types(world: World, app: App) -> Iterator[Step]:
    """Tell of columns with a type of the project's own."""
    name = world.name("Bill")
    lower, label = name.lower(), f"{app.label}.{name}"
    yield Step([create(name, '("due", fields.MoneyField(digits=8))', '("loud", fields.ShoutingField(max_length=9))')])
    yield fill(label, 2)
    yield Step([
        f'migrations.AlterField("{lower}", "due", fields.MoneyField(digits=14))',
        f'migrations.AddField("{lower}", "paid", fields.MoneyField(default=3, currency="CHF"), preserve_default=False)',
    ])  # fmt: skip
    yield Step([
        f'migrations.AlterField("{lower}", "paid", fields.MoneyField(digits=13, currency="USD"))',
        f'migrations.AlterField("{lower}", "loud", models.CharField(max_length=9))',
        run(f"code.say({app.label!r}, 'own types')"),
    ])  # fmt: skip
    yield Step([f'migrations.RenameField("{lower}", "due", "owed")', f'migrations.RemoveField("{lower}", "paid")'])
