"""Print the home of models, and the rule that decided it."""

from collections.abc import Iterator
from io import StringIO
from shutil import get_terminal_size
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError, CommandParser
from django.db.models import Model
from rich.console import Console
from rich.table import Table

from dbroute.django.checks import suggestion
from dbroute.django.routes import project_table


def add_arguments(parser: CommandParser) -> None:
    """Take any number of labels."""
    parser.add_argument(
        "labels",
        nargs="*",
        metavar="app_label[.Model]",
        help="A model, or an app for all models of it. Without any: every model of the project.",
    )


def run(*, labels: list[str], wide: bool, **options: Any) -> str:
    """
    Return a table of models, homes, rules and their sources.

    Args:
        labels: What to show; everything where empty.
        wide: Never break a line, because a program reads it.

    Raises:
        CommandError: A label names no model or app.
    """
    table = project_table()
    shown = Table("model", "home", "rule", "source", box=None, pad_edge=False, header_style="bold")
    for model in dict.fromkeys(model for label in labels or apps.app_configs for model in _models(label)):
        rule = table.rule_for(model)
        if rule is not None:
            shown.add_row(model._meta.label, rule.alias, rule.key, rule.source)
        else:
            shown.add_row(model._meta.label, table.home(model), "-", "no rule" if table.has_opinion else "not routed")
    out = StringIO()
    width = 1000 if wide else get_terminal_size().columns
    console = Console(file=out, width=width, force_terminal=not wide, markup=False, highlight=False)
    console.print(shown)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _models(label: str) -> Iterator[type[Model]]:
    app_label, _, name = label.partition(".")
    if app_label not in apps.app_configs:
        raise CommandError(f"No installed app has the label '{app_label}'. {_near(label)}".rstrip())
    config = apps.get_app_config(app_label)
    if not name:
        yield from config.get_models()
        return
    try:
        yield apps.get_registered_model(app_label, name)
    except LookupError:
        raise CommandError(f"App '{app_label}' has no model '{name}'. {_near(label)}".rstrip()) from None


def _near(label: str) -> str:
    models = [model._meta.label for model in apps.get_models(include_auto_created=True)]
    return suggestion(label, models if "." in label else apps.app_configs)
