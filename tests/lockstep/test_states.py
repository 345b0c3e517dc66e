"""Complete registries of models: what is rendered again leaves the same behind as rendering everything."""

from pathlib import Path

import pytest

from .appsets import CONTRIB_SET, AppSet
from .generate import Size, generate
from .sites import Site
from .trial import Side, from_seed

pytestmark = [pytest.mark.process, pytest.mark.every_django]

# Walks all migrations and compares after each operation. A class of another registry among the relatives of one shows
# as a "stranger": it would be half of an older state.
COMPARE = """
import django

django.setup()
from django.apps import apps as installed
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import StateApps

from dbroute.django.migrating.operations import changes_anything
from dbroute.django.migrating.states import LeanState


def named(model, apps):
    if isinstance(model, str):
        return model
    meta = model._meta
    found = apps.all_models[meta.app_label].get(meta.model_name)
    return meta.label if found is model else f"{meta.label} (stranger)"


def field_of(field, apps):
    remote = getattr(field, "remote_field", None)
    through = getattr(remote, "through", None)
    return (
        field.name, type(field).__name__, field.column, getattr(field, "auto_created", False),
        named(remote.model, apps) if remote else "", named(through, apps) if through else "",
        named(field.model, apps),
    )


def described(apps):
    return {
        model._meta.label: (
            [field_of(field, apps) for field in model._meta.get_fields(include_hidden=True) if not field.is_relation
             or not field.auto_created],
            sorted((named(rel.related_model, apps), rel.name, type(rel).__name__)
                   for rel in model._meta.get_fields(include_hidden=True) if rel.auto_created and rel.is_relation
                   and not rel.concrete),
            [named(base, apps) for base in model.__bases__ if hasattr(base, "_meta") and not base._meta.abstract],
            sorted(name for name in vars(model) if not name.startswith("_")),
        )
        for model in apps.get_models(include_auto_created=True, include_swapped=True)
    }


loader = MigrationLoader(None)
state = LeanState(real_apps=loader.unmigrated_apps)
graph = loader.graph
order = dict.fromkeys(node for leaf in graph.leaf_nodes() for node in graph.forwards_plan(leaf))
rendered, compared, renewed = state.complete(), 0, 0
before = described(rendered)
for key in order:
    for operation in graph.nodes[key].operations:
        state.advance(operation, key[0], everything=changes_anything(operation))
        assert described(rendered) == before, (key, operation, "the state before changed")
        rendered = state.complete()
        whole = described(StateApps(state.real_apps, dict(state.models)))
        before = described(rendered)
        for label in whole.keys() | before.keys():
            assert before.get(label) == whole.get(label), (key, operation, label, before.get(label), whole.get(label))
        compared += 1
        renewed += state._renewed > 0
in_order = [model._meta.label for model in state.complete(in_order=True).get_models()]
assert in_order == [model._meta.label for model in StateApps(state.real_apps, dict(state.models)).get_models()]
print(compared, renewed)
"""


def compare(side: Side) -> tuple[int, int]:
    """Return how many registries were compared, and how many of them had been rendered in part only."""
    result = side.project.python(COMPARE, env={"DJANGO_SETTINGS_MODULE": "settings", **side.env}, setup=False)
    assert result.returncode == 0, result.stderr
    compared, renewed = map(int, result.stdout.split())
    return compared, renewed


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_generated_project_operation_by_operation(seed: int, files: Site, tmp_path: Path) -> None:
    trial = from_seed(generate(seed, files.vendor, Size(8, 5, 4)), files, tmp_path)

    compared, renewed = compare(trial.ours)

    assert compared > 50
    assert renewed > compared / 2


@pytest.mark.parametrize("app_set", [CONTRIB_SET], ids=lambda app_set: app_set.name)
def test_real_apps_operation_by_operation(app_set: AppSet, files: Site, tmp_path: Path) -> None:
    side: Side = app_set.side(files, tmp_path)

    compared, renewed = compare(side)

    assert compared > 30
    assert renewed
