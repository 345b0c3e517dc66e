"""The code that RunPython runs: each factory returns a function of ``apps`` and ``schema_editor``."""

import datetime
import decimal

from django.db import models, router


def note_of(app_label):
    """Return the name of the model in which an app's data migrations write down what they saw."""
    return f"{app_label}.Note"


def write_note(apps, alias, app_label, text, using=True):
    """Write a text into an app's notes, if they are on the database where the code runs."""
    model = apps.get_model(app_label, "Note")
    if not router.allow_migrate_model(alias, model):
        return
    (model.objects.using(alias) if using else model.objects).create(text=text)


def describe_model(model):
    """Return what a state knows about a model: its table, fields, relations in both directions, bases and managers."""
    parts = []
    for field in sorted(model._meta.get_fields(include_hidden=True), key=lambda field: field.name):
        text = f"{field.name}:{type(field).__name__}"
        if field.is_relation and field.related_model is not None:
            text += f">{field.related_model._meta.label}"
        if getattr(field, "column", None):
            text += f"@{field.column}"
        parts.append(text)
    bases = [base.__name__ for base in model.__mro__[1:] if base.__name__ not in ("object", "AltersData")]
    managers = [f"{manager.name}={type(manager).__name__}" for manager in model._meta.managers]
    return f"{model._meta.label} {model._meta.db_table} [{' '.join(parts)}] {bases} {managers}"


def see(app_label, *labels, using=True):
    """Return code that notes what the state shows of an app's models, or of some models."""

    def code(apps, schema_editor):
        alias = schema_editor.connection.alias
        found = [apps.get_model(label) for label in labels] or [
            model for model in apps.get_models(include_auto_created=True) if model._meta.app_label == app_label
        ]
        for model in sorted(found, key=lambda model: model._meta.label):
            write_note(apps, alias, app_label, describe_model(model), using)

    return code


def say(app_label, text, using=True):
    """Return code that notes a text and the state of the connection it runs on."""

    def code(apps, schema_editor):
        connection = schema_editor.connection
        write_note(
            apps,
            connection.alias,
            app_label,
            f"{text} atomic={connection.in_atomic_block} tables={len(list(apps.get_models()))}",
            using,
        )

    return code


def forget(app_label):
    """Return code that takes an app's notes away."""

    def code(apps, schema_editor):
        alias = schema_editor.connection.alias
        model = apps.get_model(app_label, "Note")
        if router.allow_migrate_model(alias, model):
            model.objects.using(alias).all().delete()

    return code


def fill(label, count=2, using=True, raw=False):
    """Return code that makes rows with a value in every column, related rows included."""

    def code(apps, schema_editor):
        alias = schema_editor.connection.alias
        model = apps.get_model(label)
        if not router.allow_migrate_model(alias, model):
            return
        start = model._base_manager.using(alias).count()
        for number in range(start, start + count):
            make_row(model, alias, number, using, raw)

    return code


def empty(label):
    """Return code that takes all rows of a model away; a row that others point at is theirs to take first."""

    def code(apps, schema_editor):
        alias = schema_editor.connection.alias
        model = apps.get_model(label)
        if router.allow_migrate_model(alias, model):
            model._base_manager.using(alias).all().delete()

    return code


def make_row(model, alias, number, using=True, raw=False, depth=0):
    """Make one row of a historical model, and rows of what it must point at."""
    values = {}
    for field in model._meta.concrete_fields:
        if field.primary_key and (isinstance(field, models.AutoField) or getattr(field, "auto_created", False)):
            continue
        if getattr(field, "generated", False) or field.name == "_order":
            continue
        if field.is_relation:
            if getattr(field.remote_field, "parent_link", False):
                continue
            values.update(related_value(field, alias, number, depth))
        elif not field.has_default() and not field.has_db_default():
            values[field.attname] = value_of(field, number)
    if raw:
        model._base_manager.using(alias).bulk_create([model(**values)])
        return None
    instance = model(**values)
    if using:
        instance.save(using=alias)
    else:
        instance.save()
    return instance


def related_value(field, alias, number, depth):
    """Return what goes into a foreign key: the first row of the other table, if it is here and the column needs one."""
    related = field.related_model
    if not router.allow_migrate_model(alias, related) or related._meta.swapped:
        return {field.attname: None if field.null else 1}
    found = related._base_manager.using(alias).order_by("pk")
    if field.unique:
        found = found.exclude(pk__in=[])
        taken = field.model._base_manager.using(alias).values_list(field.attname, flat=True)
        target = field.target_field.name
        found = found.exclude(**{f"{target}__in": list(taken)})
    row = found.first()
    if row is None and (field.null or depth > 3):
        return {field.attname: None}
    if row is None:
        row = make_row(related, alias, number + 100 * (depth + 1), depth=depth + 1)
    return {field.name: row}


PLAIN_VALUES = {
    "EmailField": lambda number: f"{number}@example.com",
    "BooleanField": lambda number: bool(number % 2),
    "DateTimeField": lambda number: datetime.datetime(2026, 1, 1, 12, number % 60, tzinfo=datetime.UTC),
    "DateField": lambda number: datetime.date(2026, 1, 1 + number % 28),
    "DurationField": lambda number: datetime.timedelta(seconds=number),
    "DecimalField": decimal.Decimal,
    "JSONField": lambda number: {"number": number},
    "BinaryField": lambda number: bytes([number % 256]),
    "GenericIPAddressField": lambda number: f"10.0.0.{number % 250}",
    "UUIDField": lambda number: f"00000000-0000-0000-0000-{number:012}",
}


def value_of(field, number):
    """Return a value for a plain column that is the same on every run and unique by number."""
    kind = field.get_internal_type()
    if kind in ("CharField", "TextField", "SlugField"):
        return f"{field.name[:4]}-{number}"
    return PLAIN_VALUES.get(kind, int)(number)


def read(app_label, label):
    """Return code that follows every relation of a model's rows, in both directions, and notes what is there."""

    def code(apps, schema_editor):
        alias = schema_editor.connection.alias
        model = apps.get_model(label)
        if not router.allow_migrate_model(alias, model):
            return
        lines = []
        for row in model._base_manager.using(alias).order_by("pk"):
            for field in sorted(model._meta.get_fields(), key=lambda field: field.name):
                if not field.is_relation or field.related_model is None:
                    continue
                if not router.allow_migrate_model(alias, field.related_model) or field.related_model._meta.swapped:
                    continue
                lines.append(f"{row.pk}.{field.name}={follow(row, field)}")
        write_note(apps, alias, app_label, f"{label}: {' '.join(lines)}")

    return code


def follow(row, field):
    """Return how many rows, or which, a relation leads to."""
    forwards = not field.auto_created or field.concrete
    if forwards and not field.many_to_many:
        related = getattr(row, field.name)
        return None if related is None else related.pk
    name = field.name if forwards else field.get_accessor_name()
    if field.one_to_one:
        related = getattr(row, name, None)
        return None if related is None else related.pk
    return getattr(row, name).count()


def link(label, field_name):
    """Return code that puts every row of a model into a many-to-many relation with the first two of the other."""

    def code(apps, schema_editor):
        alias = schema_editor.connection.alias
        model = apps.get_model(label)
        field = model._meta.get_field(field_name)
        related = field.related_model
        if not router.allow_migrate_model(alias, model) or not router.allow_migrate_model(alias, related):
            return
        others = list(related._base_manager.using(alias).order_by("pk")[:2])
        for row in model._base_manager.using(alias).order_by("pk"):
            getattr(row, field_name).add(*others)

    return code


def write_elsewhere(app_label, other, alias, text):
    """Return code that writes into another database of the run, once for each database that the operation runs on."""

    def code(apps, schema_editor):
        here = schema_editor.connection.alias
        if not router.allow_migrate_model(here, apps.get_model(app_label, "Note")):
            return
        apps.get_model(other, "Note").objects.using(alias).create(text=f"elsewhere: {text} from {here}")

    return code


def refuse(message):
    """Return code that fails."""

    def code(apps, schema_editor):
        raise ValueError(message)

    return code


def sql(statement):
    """Return code that runs one statement through the schema editor; ``{q}`` quotes nothing, names are plain."""

    def code(apps, schema_editor):
        schema_editor.execute(statement)

    return code
