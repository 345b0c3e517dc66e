"""Stories of relations: made, moved, renamed at either end, inside of an app, across apps and across databases."""

from collections.abc import Iterator

from ..history import SMALL_ID, App, Model, Step, World, create, fill, run

CASCADE = "models.deletion.CASCADE"


def pointer(app: App, model: Model, extra: str = "", kind: str = "ForeignKey", to: str = "") -> str:
    """Return the text of a relation to a model: without a constraint if its table is in another database."""
    constraint = "" if model.app.home == app.home else ", db_constraint=False"
    model.abroad = model.abroad or bool(constraint)
    on_delete = "" if kind == "ManyToManyField" else f", on_delete={CASCADE}"
    return f"models.{kind}(to={to or repr(model.label)}{on_delete}{constraint}{extra})"


def family(world: World, app: App) -> Iterator[Step]:
    """Tell of two tables of one app: keys between them, many-to-many relations, and new names at either end."""
    old_name, name, lower = world.name("Author"), world.name("Text"), ""
    author, text = Model(app, old_name), Model(app, name)
    lower = name.lower()
    yield Step([
        create(author.name, '("slug", models.CharField(max_length=30, unique=True))',
               f'("friend", models.ForeignKey("self", {CASCADE}, null=True, related_name="+"))', key=SMALL_ID),
        create(name, f'("author", {pointer(app, author)})', f'("tagged", models.ManyToManyField("{author.label}", '
               f'related_name="tagged_{lower}"))'),
    ])  # fmt: skip
    yield fill(text.label, 1)
    yield Step([run(f"code.link({text.label!r}, 'tagged')"), run(f"code.read({app.label!r}, {author.label!r})")],
               alone=True)  # fmt: skip
    author.name = world.name("Writer")
    yield Step([f'migrations.RenameModel("{old_name}", "{author.name}")'])
    # The key of a table that others point at, and then at which column they point.
    yield Step([f'migrations.AlterField("{author.name}", "id", models.BigAutoField(primary_key=True))'])
    yield Step([
        f'migrations.AddField("{lower}", "editor", '
        f'models.ForeignKey("{author.label}", {CASCADE}, null=True, to_field="slug", related_name="+"))',
        f'migrations.AlterField("{lower}", "author", {pointer(app, author, ", null=True, related_name=" + repr("x"))})',
    ])  # fmt: skip
    yield Step([
        f'migrations.RenameField("{author.name}", "slug", "handle")',
        f'migrations.AlterField("{author.name}", "handle", models.CharField(max_length=60, unique=True))',
    ])  # fmt: skip
    yield Step([run(f"code.see({app.label!r}, {author.label!r}, {text.label!r})"),
                run(f"code.read({app.label!r}, {text.label!r})")])  # fmt: skip
    yield Step([
        f'migrations.AlterField("{lower}", "tagged", models.ManyToManyField("{author.label}", related_name="+", '
        f'db_table="{app.label}_tags_{lower}"))',
        f'migrations.AlterField("{lower}", "author", '
        f'models.OneToOneField("{author.label}", {CASCADE}, null=True, related_name="only"))',
    ])  # fmt: skip
    new = world.name("Essay")
    yield Step([f'migrations.RenameModel("{name}", "{new}")', f'migrations.RemoveField("{new.lower()}", "editor")'])
    yield Step([
        f'migrations.RemoveField("{new.lower()}", "tagged")',
        f'migrations.RemoveField("{author.name.lower()}", "friend")',
    ])  # fmt: skip
    yield Step([f'migrations.DeleteModel("{new}")', f'migrations.DeleteModel("{author.name}")'])


def explicit_through(world: World, app: App) -> Iterator[Step]:
    """Tell of a many-to-many relation with a table of its own, and of one that gets it later."""
    left, right, between = (Model(app, world.name(word)) for word in ("Team", "Player", "Contract"))
    yield Step([
        create(left.name, '("name", models.CharField(max_length=20))'),
        create(right.name, '("name", models.CharField(max_length=20))'),
        create(between.name, f'("team", {pointer(app, left)})', f'("player", {pointer(app, right)})',
               '("since", models.DateField())', options="{'unique_together': {('team', 'player')}}"),
        f'migrations.AddField("{left.name}", "players", '
        f'models.ManyToManyField("{right.label}", through="{between.label}"))',
    ])  # fmt: skip
    yield fill(between.label, 1)
    yield Step([f'migrations.AddField("{left.name}", "fans", '
                f'models.ManyToManyField("{right.label}", related_name="fan_of"))'])  # fmt: skip
    yield Step([run(f"code.link({left.label!r}, 'fans')")], alone=True)
    # Django's recipe: the table stays, the state gets a model for it.
    own = Model(app, world.name("Fan"))
    table = f"{left.table}_fans"
    columns = [f'("{model.name.lower()}", {pointer(app, model)})' for model in (left, right)]
    yield Step([
        "migrations.SeparateDatabaseAndState(database_operations=[], state_operations=["
        + create(own.name, *columns, options=f"{{'db_table': '{table}', 'unique_together': {{('{left.name.lower()}', "
                 f"'{right.name.lower()}')}}}}")
        + f', migrations.AlterField("{left.name}", "fans", models.ManyToManyField("{right.label}", '
          f'related_name="fan_of", through="{own.label}"))])',
    ])  # fmt: skip
    yield Step([
        f'migrations.AddField("{own.name}", "loud", models.BooleanField(default=True))',
        f'migrations.AlterModelTable("{own.name}", None)',
    ])  # fmt: skip
    old, right.name = right.name, world.name("Pro")
    yield Step([f'migrations.RenameModel("{old}", "{right.name}")', run(f"code.see({app.label!r}, {left.label!r}, "
                f"{right.label!r}, {own.label!r})")])  # fmt: skip
    yield Step([f'migrations.RemoveField("{left.name}", "players")', f'migrations.DeleteModel("{between.name}")'])


def published(world: World, app: App) -> Iterator[Step]:
    """Tell of a model that other apps point at while it changes its name, its table and its columns."""
    model = Model(app, world.name("Place"))
    yield Step([create(model.name, '("name", models.CharField(max_length=30))',
                       '("code", models.CharField(max_length=30, unique=True))')], changes=[model])  # fmt: skip
    app.published.append(model)
    yield Step([run(f"code.fill({model.label!r}, 2)")], uses=[model], alone=True)
    yield Step([f'migrations.AddField("{model.name}", "size", models.IntegerField(default=3))'], changes=[model])
    if not model.abroad:
        old, model.name = model.name, world.name("Site")
        yield Step([f'migrations.RenameModel("{old}", "{model.name}")'], changes=[model])
    yield Step([
        f'migrations.AlterField("{model.name}", "name", models.TextField())',
        f'migrations.AlterModelTable("{model.name}", "{app.label}_sites_{model.name.lower()}")',
    ], changes=[model])  # fmt: skip
    yield Step([run(f"code.see({app.label!r}, {model.label!r})")], uses=[model])
    rename = []
    if not model.abroad:
        old, model.name = model.name, world.name("Spot")
        rename = [f'migrations.RenameModel("{old}", "{model.name}")']
    yield Step([
        *rename,
        f'migrations.RenameField("{model.name}", "name", "title")',
        f'migrations.RemoveField("{model.name}", "size")',
    ], changes=[model])  # fmt: skip
    yield Step([run(f"code.see({app.label!r}, {model.label!r})")], uses=[model])


def across_apps(world: World, app: App) -> Iterator[Step]:
    """Tell of a model whose keys lead to other apps: in the same database, and in others."""
    name = world.name("Visit")
    lower, label = name.lower(), f"{app.label}.{name}"
    near, far = world.partner(app), world.partner(app, same_home=False)
    if near is None or far is None:
        return
    unnamed, named = ', null=True, related_name="+"', f', null=True, related_name="moved_{lower}"'
    far_key = pointer(app, far, f', null=True, related_name="far_{lower}"')
    yield Step([create(name, f'("near", {pointer(app, near)})', f'("far", {far_key})')], uses=[near, far])
    yield Step([run(f"code.fill({label!r}, 2)")], uses=[near], alone=True)
    many = pointer(app, near, f', related_name="all_{lower}"', "ManyToManyField")
    yield Step([f'migrations.AddField("{lower}", "all", {many})'], uses=[near])
    # The key moves to another model; nothing is in it, as what was there may lead nowhere.
    yield Step([f'migrations.AddField("{lower}", "moved", {pointer(app, near, unnamed)})'], uses=[near])
    other = world.partner(app) or near
    yield Step([f'migrations.AlterField("{lower}", "moved", {pointer(app, other, named)})'], uses=[other])
    yield Step([run(f"code.see({app.label!r}, {other.label!r})"), run(f"code.read({app.label!r}, {label!r})")],
               uses=[other, near])  # fmt: skip
    yield Step([f'migrations.RemoveField("{lower}", "far")'], uses=[far])
    new = world.name("Trip")
    yield Step([f'migrations.RenameModel("{name}", "{new}")'])
    yield Step([f'migrations.DeleteModel("{new}")'])


def loose(world: World, app: App) -> Iterator[Step]:
    """Tell of a relation by a field class of the project's own."""
    target = world.partner(app, same_home=False)
    if target is None:
        return
    name = world.name("Loose")
    target.abroad = target.abroad or target.app.home != app.home
    yield Step([create(name, f'("to", fields.LooseForeignKey("{target.label}", {CASCADE}, null=True))')],
               uses=[target])  # fmt: skip
    yield Step([f'migrations.AlterField("{name}", "to", fields.LooseForeignKey("{target.label}", {CASCADE}, null=True, '
                f'db_index=False, related_name="loose_{name.lower()}"))'], uses=[target])  # fmt: skip
    yield Step([run(f"code.see({app.label!r}, {app.label + '.' + name!r})")], uses=[target])


def people(world: World, app: App) -> Iterator[Step]:
    """Tell of keys to the swapped user model, named by its setting."""
    user = world.user
    if user is None:
        return
    name = world.name("Profile")
    target = "settings.AUTH_USER_MODEL"
    yield Step([create(name, f'("user", {pointer(app, user, kind="OneToOneField", to=target)})')], swappable=True)
    boss = pointer(app, user, ", null=True, related_name='+'", to=target)
    yield Step([f'migrations.AddField("{name}", "boss", {boss})'], swappable=True)
    if user.app.home == app.home:
        yield Step([f'migrations.AddField("{name}", "team", '
                    f'{pointer(app, user, ", related_name=" + repr("t_" + name.lower()), "ManyToManyField", target)})',
                    ], swappable=True)  # fmt: skip
    yield Step([f'migrations.AlterField("{name}", "user", {pointer(app, user, to=target)})'], swappable=True)
    yield Step([run(f"code.see({app.label!r}, {app.label + '.' + name!r})")])
