"""Stories of what surrounds columns: inheritance, proxies, managers, options, indexes, constraints."""

from collections.abc import Iterator

from ..history import App, Model, Step, World, create, fill, run
from .relations import CASCADE, pointer


def inheritance(world: World, app: App) -> Iterator[Step]:
    """Tell of a parent with children: mixed in, abstract, by a table of their own, by proxy."""
    parent, child, proxy = (Model(app, world.name(word)) for word in ("Animal", "Dog", "Pet"))
    link = (f'("{parent.name.lower()}_ptr", models.OneToOneField(auto_created=True, on_delete={CASCADE}, '
            f'parent_link=True, primary_key=True, serialize=False, to="{parent.label}"))')  # fmt: skip
    yield Step([create(parent.name, '("legs", models.IntegerField(default=4))', bases="(bases.Greeting, bases.Stamped)",
                       managers="[('odd', bases.OddManager(3))]")])  # fmt: skip
    yield Step([
        create(child.name, '("breed", models.CharField(max_length=20))', key=link, bases=f"('{parent.label}',)"),
        create(proxy.name, key="", bases=f"(bases.Loud, '{parent.label}')",
               options="{'proxy': True, 'indexes': [], 'constraints': []}",
               managers="[('short', bases.ShortManager())]"),
    ])  # fmt: skip
    yield fill(child.label, 2)
    yield Step([
        f'migrations.AddField("{parent.name}", "name", models.CharField(max_length=20, default="?"))',
        f'migrations.AlterModelManagers("{proxy.name}", [("odd", bases.OddManager(5)), ("all", models.Manager())])',
        f'migrations.AlterModelOptions("{proxy.name}", {{"verbose_name": "darling", "ordering": ["pk"]}})',
    ])  # fmt: skip
    yield Step([run(f"code.see({app.label!r}, {parent.label!r}, {child.label!r}, {proxy.label!r})"),
                run(f"code.read({app.label!r}, {child.label!r})")])  # fmt: skip
    target, user = Model(app, child.name), Model(app, world.name("Leash"))
    yield Step([create(user.name, f'("dog", {pointer(app, target)})', f'("pet", {pointer(app, proxy)})')])
    # The parent keeps its name: Django does not repoint the bases of children.
    yield Step([f'migrations.RenameField("{parent.name}", "legs", "paws")'])
    yield Step([run(f"code.see({app.label!r}, {parent.label!r}, {child.label!r}, {proxy.label!r}, {user.label!r})")])
    old, child.name = child.name, world.name("Hound")
    yield Step([
        f'migrations.RenameModel("{old}", "{child.name}")',
        f'migrations.DeleteModel("{user.name}")',
        f'migrations.AlterModelManagers("{parent.name}", [])',
    ])  # fmt: skip
    yield Step([f'migrations.DeleteModel("{proxy.name}")', f'migrations.DeleteModel("{child.name}")'])


def parent_of_others(world: World, app: App) -> Iterator[Step]:
    """Tell of a model that other apps derive theirs from while it changes."""
    model = Model(app, world.name("Base"))
    yield Step([create(model.name, '("name", models.CharField(max_length=30))', bases="(bases.Stamped,)",
                       managers="[('odd', bases.OddManager(2))]")], changes=[model])  # fmt: skip
    app.parents.append(model)
    app.published.append(model)
    yield Step([f'migrations.AddField("{model.name}", "size", models.IntegerField(default=3))'], changes=[model])
    yield Step([
        f'migrations.RenameField("{model.name}", "name", "title")',
        f'migrations.AlterField("{model.name}", "title", models.TextField())',
        f'migrations.AlterModelOptions("{model.name}", {{"ordering": ["title"]}})',
    ], changes=[model])  # fmt: skip
    yield Step([
        f'migrations.AlterModelTable("{model.name}", "{app.label}_bases_{model.name.lower()}")',
        f'migrations.AlterModelManagers("{model.name}", [("short", bases.ShortManager())])',
    ], changes=[model])  # fmt: skip
    yield Step([run(f"code.see({app.label!r}, {model.label!r})")], uses=[model])
    yield Step([f'migrations.RemoveField("{model.name}", "size")'], changes=[model])


def foreign_child(world: World, app: App) -> Iterator[Step]:
    """Tell of a child and a proxy of a model of another app, which goes on changing."""
    parent = world.parent(app)
    if parent is None:
        return
    child, proxy = Model(app, world.name("Branch")), Model(app, world.name("View"))
    link = (f'("up", models.OneToOneField(auto_created=True, on_delete={CASCADE}, parent_link=True, primary_key=True, '
            f'serialize=False, to="{parent.label}"))')  # fmt: skip
    yield Step([
        create(child.name, '("staff", models.IntegerField(default=1))', key=link, bases=f"('{parent.label}',)"),
    ], uses=[parent])  # fmt: skip
    if parent.app is app:
        yield Step([create(proxy.name, key="", bases=f"('{parent.label}',)", options="{'proxy': True}")], uses=[parent])
        yield Step([f'migrations.AlterModelOptions("{proxy.name}", {{"ordering": ["-pk"]}})'])
    yield Step([f'migrations.AddField("{child.name}", "open", models.BooleanField(default=False))'])
    yield Step([run(f"code.see({app.label!r}, {child.label!r})")], uses=[parent])
    yield Step([f'migrations.DeleteModel("{child.name}")'])


def options(world: World, app: App) -> Iterator[Step]:
    """Tell of options that change tables, of those that change permissions, and of an order with respect to others."""
    group, member = Model(app, world.name("Album")), Model(app, world.name("Song"))
    lower = member.name.lower()
    yield Step([
        create(group.name, '("name", models.CharField(max_length=20))'),
        create(member.name, f'("album", {pointer(app, group)})', '("track", models.IntegerField())',
               '("side", models.IntegerField(default=1))',
               options="{'unique_together': {('album', 'track')}, 'permissions': [('hear', 'Can hear')]}"),
    ])  # fmt: skip
    yield fill(member.label, 3)
    yield Step([
        f'migrations.AlterOrderWithRespectTo("{lower}", "album")',
        f'migrations.AlterUniqueTogether("{lower}", {{("album", "track", "side")}})',
    ])  # fmt: skip
    yield Step([
        f'migrations.AlterIndexTogether("{lower}", {{("track", "side")}})',
        f'migrations.AlterModelOptions("{lower}", {{"permissions": [("sing", "Can sing")], '
        '"default_permissions": ("add", "view")})',
    ])  # fmt: skip
    yield Step([
        f'migrations.RenameIndex("{lower}", new_name="named_{app.label}_{lower}"[:30], old_fields=("track", "side"))',
        run(f"code.see({app.label!r}, {member.label!r})"),
    ])  # fmt: skip
    yield Step([
        f'migrations.AlterOrderWithRespectTo("{lower}", None)',
        f'migrations.AlterModelOptions("{lower}", {{"ordering": ["track"], "get_latest_by": "track"}})',
        f'migrations.AlterUniqueTogether("{lower}", set())',
    ])  # fmt: skip
    yield fill(member.label, 1)
    yield Step([f'migrations.DeleteModel("{member.name}")', f'migrations.DeleteModel("{group.name}")'])


def unmanaged(world: World, app: App) -> Iterator[Step]:
    """Tell of a table that somebody else made, and that Django takes over."""
    name = world.name("Legacy")
    lower, table = name.lower(), f"{app.label}_old_{name.lower()}"
    key = {"sqlite": "integer PRIMARY KEY AUTOINCREMENT", "postgresql": "serial PRIMARY KEY",
           "mysql": "integer AUTO_INCREMENT PRIMARY KEY"}[world.vendor]  # fmt: skip
    yield Step([
        create(name, '("name", models.CharField(max_length=20))',
               options=f"{{'managed': False, 'db_table': '{table}'}}"),
        f'migrations.RunSQL("CREATE TABLE {table} (id {key}, name varchar(20) NOT NULL)", "DROP TABLE {table}")',
    ])  # fmt: skip
    yield Step([
        # Without effect as long as the model is not managed.
        f'migrations.AddField("{lower}", "ghost", models.IntegerField(null=True))',
        f'migrations.RemoveField("{lower}", "ghost")',
    ])  # fmt: skip
    yield Step([f'migrations.AlterModelOptions("{lower}", {{"managed": True}})'])
    yield Step([f'migrations.AddField("{lower}", "taken", models.IntegerField(default=0))'])
    yield Step([f'migrations.RenameField("{lower}", "name", "label")'])


def indexes(world: World, app: App) -> Iterator[Step]:
    """Tell of indexes: plain, descending, partial, over expressions, renamed, removed."""
    name = world.name("Log")
    lower = name.lower()

    def title(word: str) -> str:
        return f"{word}_{app.label}_{lower}"[:30]

    yield Step([create(name, '("at", models.IntegerField(db_index=True))', '("word", models.CharField(max_length=20))',
                       options=f"{{'indexes': [models.Index(fields=['-at'], name='{title('first')}')]}}")])  # fmt: skip
    yield fill(f"{app.label}.{name}", 2)
    yield Step([
        f'migrations.AddIndex("{lower}", models.Index(fields=["word", "-at"], name="{title("both")}"))',
        f'migrations.AddIndex("{lower}", models.Index(fields=["word"], name="{title("some")}", '
        'condition=models.Q(at__gt=3)))',
    ])  # fmt: skip
    yield Step([
        f'migrations.RenameIndex("{lower}", new_name="{title("new")}", old_name="{title("both")}")',
        *([] if world.vendor == "mysql" else [
            f'migrations.AddIndex("{lower}", models.Index(models.functions.Lower("word"), name="{title("low")}"))',
        ]),
    ])  # fmt: skip
    yield Step([
        f'migrations.RemoveIndex("{lower}", "{title("some")}")',
        f'migrations.RemoveIndex("{lower}", "{title("first")}")',
        f'migrations.AlterField("{lower}", "at", models.IntegerField())',
    ])  # fmt: skip
    new = world.name("Trace")
    yield Step([f'migrations.RenameModel("{name}", "{new}")'])


def constraints(world: World, app: App) -> Iterator[Step]:
    """Tell of constraints: checks, unique ones, partial ones, deferred ones, with and without a change underneath."""
    name = world.name("Slot")
    lower = name.lower()

    def title(word: str) -> str:
        return f"{word}_{app.label}_{lower}"[:30]

    def check(bound: int, extra: str = "") -> str:
        return f'models.CheckConstraint(condition=models.Q(low__gte={bound}), name="{title("low")}"{extra})'

    def unique(word: str, extra: str = "", fields: str = '["low", "high"]') -> str:
        return f'models.UniqueConstraint(fields={fields}, name="{title(word)}"{extra})'

    yield Step([create(name, '("low", models.IntegerField())', '("high", models.IntegerField(unique=True))',
                       options=f"{{'constraints': [{unique('pair')}]}}")])  # fmt: skip
    yield fill(f"{app.label}.{name}", 2)
    yield Step([
        f'migrations.AddConstraint("{lower}", {check(-1)})',
        f'migrations.AddConstraint("{lower}", {unique("part", ", condition=models.Q(low__gt=0)")})',
    ])  # fmt: skip
    yield Step([
        # Only the message changes: nothing for the database.
        f'migrations.AlterConstraint("{lower}", "{title("low")}", '
        f'{check(-1, ", violation_error_message=" + repr("too low"))})',
        f'migrations.AlterField("{lower}", "high", models.BigIntegerField())',
    ])  # fmt: skip
    if world.vendor == "postgresql":
        yield Step([f'migrations.AddConstraint("{lower}", '
                    f'{unique("later", ", deferrable=models.Deferrable.DEFERRED")})'])  # fmt: skip
        yield Step([f'migrations.RemoveConstraint("{lower}", "{title("later")}")'])
    yield Step([
        f'migrations.RemoveConstraint("{lower}", "{title("low")}")',
        f'migrations.AddConstraint("{lower}", {check(-2)})',
        f'migrations.RemoveConstraint("{lower}", "{title("part")}")',
    ])  # fmt: skip
    yield Step([run(f"code.see({app.label!r}, {app.label + '.' + name!r})")])
    yield Step([f'migrations.DeleteModel("{name}")'])
