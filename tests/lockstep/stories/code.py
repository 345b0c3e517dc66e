"""Stories of migrations that run code, SQL, or operations that are not Django's."""

from collections.abc import Iterator

from ..history import App, Model, Step, World, create, fill, run


def data(world: World, app: App) -> Iterator[Step]:
    """Tell of data migrations: what they see of the state, the database named or not, hints, no transaction."""
    label = app.label
    yield Step([run(f"code.say({label!r}, 'one')"), run(f"code.say({label!r}, 'two', using={world.killable})")])
    yield Step([run(f"code.see({label!r})", elidable="True")])
    yield Step([run(f"code.say({label!r}, 'hinted')", hints=f"{{'target_db': {app.home!r}}}")])
    yield Step([f"operations.RunQuietly(code.say({label!r}, 'quietly'))"])
    if not world.killable:
        yield Step([run(f"code.say({label!r}, 'outside')", atomic="False")], alone=True, atomic=False)
    yield Step([run(f"code.see({label!r})", f"code.say({label!r}, 'taken back')")])
    default = next((other for other in world.apps if other.home == "default"), None)
    if default is not None and not world.killable and app.home != "default":
        # Into a table that its first migration made and no other one changes.
        yield Step([run(f"code.write_elsewhere({label!r}, {default.label!r}, 'default', {app.leaf.name!r})")],
                   uses=[Model(default, "Note", default.migrations[0])])  # fmt: skip


def raw_sql(world: World, app: App) -> Iterator[Step]:
    """Tell of SQL: a text, a list, parameters, state operations, and tables that Django does not know."""
    name = world.name("Raw")
    lower, table = name.lower(), f"{app.label}_{name.lower()}"
    own, quoted = f"{table}_own", "`" if world.vendor == "mysql" else '"'
    yield Step([create(name, '("word", models.CharField(max_length=20))')])
    yield Step([
        f"migrations.RunSQL([('INSERT INTO {table} (word) VALUES (%s)', ['a%b']), "
        f"\"INSERT INTO {table} (word) VALUES ('two')\"], migrations.RunSQL.noop)",
    ], alone=True)  # fmt: skip
    yield Step([
        f"migrations.RunSQL('CREATE TABLE {own} (id integer); INSERT INTO {own} VALUES (1)', 'DROP TABLE {own}')",
    ])  # fmt: skip
    column = f"ALTER TABLE {quoted}{table}{quoted} ADD COLUMN extra integer NULL"
    yield Step([
        f"migrations.RunSQL({column!r}, {f'ALTER TABLE {table} DROP COLUMN extra'!r}, state_operations=["
        f'migrations.AddField("{lower}", "extra", models.IntegerField(null=True))])',
    ])  # fmt: skip
    yield fill(f"{app.label}.{name}", 1)
    yield Step([f'migrations.RenameField("{lower}", "extra", "more")', "migrations.RunSQL('SELECT 1', elidable=True, "
                f"reverse_sql=migrations.RunSQL.noop, hints={{'target_db': {app.home!r}}})"])  # fmt: skip
    yield Step([f"migrations.RunSQL('DROP TABLE {own}', 'CREATE TABLE {own} (id integer)')"])


def separate(world: World, app: App) -> Iterator[Step]:
    """Tell of states and databases that go different ways."""
    name = world.name("Split")
    lower, table = name.lower(), f"{app.label}_{name.lower()}"
    yield Step([create(name, '("a", models.IntegerField(default=1))')])
    yield fill(f"{app.label}.{name}", 2)
    yield Step([
        "migrations.SeparateDatabaseAndState("
        f'database_operations=[migrations.AddField("{lower}", "b", models.IntegerField(null=True))], '
        f'state_operations=[migrations.AddField("{lower}", "b", models.IntegerField(null=True))])',
    ])  # fmt: skip
    yield Step([
        # First in the database by several steps that build upon one another, then in the state.
        "migrations.SeparateDatabaseAndState(database_operations=["
        f'migrations.RenameField("{lower}", "b", "c"), '
        f'migrations.AlterField("{lower}", "c", models.BigIntegerField(null=True)), '
        + run(f"code.say({app.label!r}, 'inside')")
        + f'], state_operations=[migrations.RemoveField("{lower}", "b"), '
        f'migrations.AddField("{lower}", "c", models.BigIntegerField(null=True))])',
        f'operations.Watch({app.label!r}, "{name}")',
    ])  # fmt: skip
    yield Step([
        "migrations.SeparateDatabaseAndState(state_operations=["
        f'migrations.AlterModelOptions("{lower}", {{"verbose_name": "split"}})])',
        f"migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL("
        f"'CREATE INDEX ix_{table} ON {table} (c)', "
        f"'DROP INDEX ix_{table}{f' ON {table}' if world.vendor == 'mysql' else ''}')])",
    ])  # fmt: skip
    yield Step([run(f"code.see({app.label!r}, {app.label + '.' + name!r})")])


def strangers(world: World, app: App) -> Iterator[Step]:
    """Tell of operations from other packages."""
    name = world.name("Odd")
    lower, label = name.lower(), f"{app.label}.{name}"
    yield Step([f"operations.CreateCountedModel({name!r}, fields=[('id', models.BigAutoField(primary_key=True)), "
                "('word', models.CharField(max_length=20))])"])  # fmt: skip
    yield fill(label, 2)
    yield Step([
        f'operations.AddAuditColumn("{name}", "made_by")',
        f"operations.Watch({app.label!r}, {name!r})",
        f'migrations.RenameField("{lower}", "made_by", "by")',
    ])  # fmt: skip
    yield Step([
        f'operations.AddFilledField("{lower}", "filled", models.IntegerField(default=0), 5)',
        f"operations.Watch({app.label!r}, {name!r})",
        f'operations.DropDefault("{name}", "filled")',
    ])  # fmt: skip
    yield Step([f'operations.CreateView("{name}", "{app.label}_view_{lower}", "word")'])
    yield fill(label, 1)
    if not world.killable:
        yield Step([f'migrations.AddField("{lower}", "late", models.IntegerField(null=True))',
                    run(f"code.say({app.label!r}, 'not atomic')")], atomic=False)  # fmt: skip
    yield Step([run(f"code.see({app.label!r}, {label!r})"), f"operations.Watch({app.label!r}, {name!r})"])


def of_postgres(world: World, app: App) -> Iterator[Step]:
    """Tell of the operations of django.contrib.postgres."""
    if world.vendor != "postgresql":
        return
    name = world.name("Pg")
    lower, package = name.lower(), "__import__('django.contrib.postgres.operations', fromlist=['x'])"
    yield Step([create(name, '("a", models.IntegerField(default=1))', '("word", models.CharField(max_length=9))')])
    yield fill(f"{app.label}.{name}", 2)
    check = f'models.CheckConstraint(condition=models.Q(a__gte=0), name="pg_{lower}")'
    yield Step([f'{package}.AddConstraintNotValid("{lower}", {check})'])
    yield Step([f'{package}.ValidateConstraint("{lower}", "pg_{lower}")'])
    yield Step([f"{package}.HStoreExtension()", f"{package}.BtreeGinExtension()"])
    if not world.killable:
        index = f'models.Index(fields=["word"], name="ix_{lower}")'
        yield Step([f'{package}.AddIndexConcurrently("{lower}", {index})'], alone=True, atomic=False)
        yield Step([f'{package}.RemoveIndexConcurrently("{lower}", "ix_{lower}")'], alone=True, atomic=False)


def pinned(world: World, app: App) -> Iterator[Step]:
    """Tell of a model that a rule of its own puts into another database than its app's."""
    note = Model(app, "Note")
    label = f"{app.label}.Pinned"
    there = "{'target_db': 'pinned_db'}"
    yield Step([create("Pinned", '("word", models.CharField(max_length=20, db_index=True))',
                       f'("note", models.ForeignKey("{note.label}", models.deletion.CASCADE, null=True, '
                       'db_constraint=False, related_name="pins"))')])  # fmt: skip
    yield Step([run(f"code.fill({label!r}, 2)", hints=there)], alone=True)
    yield Step([
        'migrations.AddField("pinned", "size", models.IntegerField(default=2), preserve_default=False)',
        'migrations.AlterField("pinned", "word", models.TextField())',
    ])  # fmt: skip
    yield Step([
        'migrations.AddField("pinned", "others", models.ManyToManyField("self"))',
        'migrations.AddIndex("pinned", models.Index(fields=["size"], name="ix_pinned"))',
    ])  # fmt: skip
    yield Step([run(f"code.fill({label!r}, 1)", hints=there), run(f"code.see({app.label!r}, {label!r})")], alone=True)
    yield Step(['migrations.RenameField("pinned", "size", "width")'])
