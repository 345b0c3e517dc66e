"""Operations of a package that is not Django's: subclasses, one with a state change of its own, one that runs SQL."""

from django.db import models
from django.db.migrations import AddField, CreateModel, RunPython
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

from .code import write_note


class AddAuditColumn(Operation):
    """Add a column to a model, in the state and in the database, by its own means."""

    reversible = True

    def __init__(self, model_name, column):
        self.model_name = model_name
        self.column = column

    def deconstruct(self):
        return self.__class__.__name__, [self.model_name, self.column], {}

    def _field(self):
        return models.CharField(max_length=30, default="nobody")

    def state_forwards(self, app_label, state):
        state.add_field(app_label, self.model_name.lower(), self.column, self._field(), preserve_default=True)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.add_field(from_state.apps.get_model(app_label, self.model_name), self._get(model))

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.remove_field(model, self._get(model))

    def _get(self, model):
        return model._meta.get_field(self.column)

    def describe(self):
        return f"Add audit column {self.column} to {self.model_name}"


class Watch(Operation):
    """Write down what both states hold, as packages do that build triggers from the models they find."""

    reversible = True
    reduces_to_sql = True

    def __init__(self, note, model_name):
        self.note = note
        self.model_name = model_name

    def deconstruct(self):
        return self.__class__.__name__, [self.note, self.model_name], {}

    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        self._write("on", app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        self._write("off", app_label, schema_editor, from_state, to_state)

    def _write(self, word, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        old = from_state.apps.get_model(app_label, self.model_name)
        text = f"watch {word} {columns(old)} / {columns(model)}"
        write_note(to_state.apps, schema_editor.connection.alias, self.note, text)

    def describe(self):
        return f"Watch {self.model_name}"


def columns(model):
    """Return a model's table and columns as text."""
    return f"{model._meta.db_table}({', '.join(field.column for field in model._meta.local_concrete_fields)})"


class CreateView(Operation):
    """Make a view over a model's table, with the SQL taken from the state's model."""

    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name, view, field):
        self.model_name = model_name
        self.view = view
        self.field = field

    def deconstruct(self):
        return self.__class__.__name__, [self.model_name, self.view, self.field], {}

    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            quote = schema_editor.quote_name
            column = model._meta.get_field(self.field).column
            schema_editor.execute(
                f"CREATE VIEW {quote(self.view)} AS SELECT {quote(column)} FROM {quote(model._meta.db_table)}"
            )

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        model = from_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute(f"DROP VIEW {schema_editor.quote_name(self.view)}")

    def describe(self):
        return f"Create view {self.view}"


class AddFilledField(AddField):
    """AddField as libraries subclass it: fills the new column from Python where the operation runs."""

    def __init__(self, model_name, name, field, value):
        super().__init__(model_name, name, field)
        self.value = value

    def deconstruct(self):
        return self.__class__.__name__, [self.model_name, self.name, self.field, self.value], {}

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        super().database_forwards(app_label, schema_editor, from_state, to_state)
        alias = schema_editor.connection.alias
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(alias, model):
            model._base_manager.using(alias).update(**{self.name: self.value})


class CreateCountedModel(CreateModel):
    """CreateModel with a column that the project wants in every table."""

    def __init__(self, name, fields, options=None, bases=None, managers=None):
        names = [field_name for field_name, _ in fields]
        counter = [] if "counter" in names else [("counter", models.IntegerField(default=0))]
        super().__init__(name, [*fields, *counter], options, bases, managers)


class RunQuietly(RunPython):
    """RunPython with other defaults."""

    def __init__(self, code):
        super().__init__(code, RunPython.noop, hints={}, elidable=True)

    def deconstruct(self):
        return self.__class__.__name__, [self.code], {}


class DropDefault(Operation):
    """Change a field in the state in place of AlterField, without touching the database."""

    reversible = True

    def __init__(self, model_name, name):
        self.model_name = model_name
        self.name = name

    def deconstruct(self):
        return self.__class__.__name__, [self.model_name, self.name], {}

    def state_forwards(self, app_label, state):
        field = state.models[app_label, self.model_name.lower()].fields[self.name].clone()
        field.default = NOT_PROVIDED
        state.alter_field(app_label, self.model_name.lower(), self.name, field, preserve_default=True)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        pass

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        pass

    def describe(self):
        return f"Drop the default of {self.model_name}.{self.name}"
