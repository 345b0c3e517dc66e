"""What handlers of pre_migrate make of the plan that they are handed."""

from collections.abc import Iterator

import pytest
from django.db import migrations, models
from django.db.migrations import Migration
from django.db.models.signals import pre_migrate

from dbroute.django.migrating.handed import OddPlanError, hand_out, insertions_in, with_own_operations


class First(Migration):
    operations = (
        migrations.CreateModel("Box", [("id", models.AutoField(primary_key=True))], options={"ordering": ["id"]}),
        migrations.RunSQL("SELECT 1"),
    )


@pytest.fixture
def _heard() -> Iterator[None]:
    def hear(**kwargs: object) -> None: ...

    pre_migrate.connect(hear)
    yield
    pre_migrate.disconnect(hear)


@pytest.fixture
def migration() -> Migration:
    made = First("0001_first", "shop")
    made.operations = list(First.operations)
    return made


def test_operations_are_copied_only_for_handlers_that_nobody_knows(migration):
    plan = hand_out([migration])

    assert with_own_operations(plan) == {}
    assert plan[0][0].operations == migration.operations
    assert plan[0][0].operations is not migration.operations


@pytest.mark.usefixtures("_heard")
def test_reading_changes_nothing(migration):
    plan = hand_out([migration])
    copies = with_own_operations(plan)
    create = plan[0][0].operations[0]
    assert create.name_lower == "box"
    assert [create.references_model(name, "shop") for name in ("box", "crate")] == [True, False]

    assert insertions_in(plan, [migration], copies) == {}
    assert all(one is other for one, other in zip(plan[0][0].operations, migration.operations, strict=True))


@pytest.mark.usefixtures("_heard")
def test_code_that_is_put_in_is_found_at_its_place(migration):
    plan = hand_out([migration])
    copies = with_own_operations(plan)
    code = migrations.RunPython(migrations.RunPython.noop)
    plan[0][0].operations.insert(1, code)

    assert insertions_in(plan, [migration], copies) == {("shop", "0001_first"): [(1, code)]}


@pytest.mark.usefixtures("_heard")
@pytest.mark.parametrize(
    "change",
    [
        lambda own: own.operations[0].options.update(db_table="box"),
        lambda own: setattr(own.operations[1], "sql", "SELECT 2"),
        lambda own: setattr(own, "atomic", False),
        lambda own: own.operations.pop(),
        lambda own: own.operations.append(migrations.DeleteModel("Box")),
    ],
    ids=["an option", "an SQL", "the transaction", "one less", "one more"],
)
def test_anything_else_is_odd_and_harms_nobody_else(change, migration):
    plan = hand_out([migration])
    copies = with_own_operations(plan)
    change(plan[0][0])

    with pytest.raises(OddPlanError):
        insertions_in(plan, [migration], copies)
    assert migration.operations[0].options == {"ordering": ["id"]}
    assert (migration.operations[1].sql, migration.atomic) == ("SELECT 1", True)
