"""The oracle: what ``migrate_all`` leaves behind is what ``migrate --database X`` for each X leaves behind."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import attrs
import pytest

from tests.servers import Databases

from .appsets import CONTRIB_SET, EXAMPLES, TENANTS_SET, AppSet
from .dumps import recorded_in
from .generate import Generated, Size, generate
from .sites import Files, MariaDB, Mixed, Postgres, Site
from .trial import Side, Trial, differences, from_seed

pytestmark = pytest.mark.process

SMALL, TINY = Size(6, 5, 4), Size(5, 3, 3)
# Each kind of server gets its share of the five seeds.
SEEDS = [("files", 1), ("files", 2), ("files", 3), ("on_postgres", 4), ("on_mariadb", 5)]


@pytest.mark.parametrize(("kind", "seed"), SEEDS)
def test_a_generated_project_there_and_back_and_there_again(
    kind: str, seed: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    site: Site = request.getfixturevalue(kind)
    generated = generate(seed, site.vendor, SMALL)
    trial = from_seed(generated, site, tmp_path)

    there = trial.both()
    back = trial.both(generated.zero, "zero", aliases=generated.lives_on(generated.zero))
    again = trial.both()

    assert (there, back, again) == ("", "", "")
    done = recorded_in(site, trial.ours.urls["west"])
    assert {app.label: done[app.label][-1] for app in generated.apps if not app.squash} == {
        app.label: app.leaf.name for app in generated.apps if not app.squash
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example(example: AppSet, files: Site, tmp_path: Path) -> None:
    found = example.trial(files, tmp_path).both()

    assert found == ""


def test_apps_of_django_with_constance_and_taggit(site: Site, tmp_path: Path) -> None:
    trial = CONTRIB_SET.trial(site, tmp_path)

    found = trial.both()

    assert found == ""
    assert recorded_in(site, trial.ours.urls["tenant"])["constance"]


def test_databases_of_every_kind_in_one_run(postgres: Databases, mariadb: Databases, tmp_path: Path) -> None:
    site = Mixed({"sqlite": Files(), "postgresql": Postgres(postgres), "mysql": MariaDB(mariadb)})
    trial = TENANTS_SET.trial(site, tmp_path)

    found = trial.both()

    assert found == ""
    done = [recorded_in(site.of(url), url) for alias, url in trial.ours.urls.items() if alias != "taggit_db"]
    assert all(records == done[0] for records in done)
    assert done[0]["taggit"]


# Options, on SQLite: each from the same start on both sides.


@attrs.frozen
class Scene:
    """
    What happens to both sides before a command is compared.

    Attributes:
        arguments: Of the command.
        all: Whether all databases take part, and not only those that the app lives on.
        before: Prepares a side.
    """

    arguments: Callable[[Generated], tuple[str, ...]]
    all: bool = False
    before: Callable[[Generated, Side], None] = lambda generated, side: None


def forwards(generated: Generated, side: Side) -> None:
    """Migrate everything."""
    side.stock()


def forget_initial(generated: Generated, side: Side) -> None:
    """Migrate one app to its first migration, which no squash replaces and whose record gets lost."""
    label = whole_app(generated)
    aliases = generated.lives_on(label)
    side.stock(label, "0001_initial", aliases=aliases)
    for alias in aliases:
        execute(side, alias, f"DELETE FROM django_migrations WHERE app = '{label}'")


def whole_app(generated: Generated) -> str:
    """Return an app without squashes."""
    return next(app.label for app in generated.apps[2:] if app.squash is None)


def add_strangers(generated: Generated, side: Side) -> None:
    """Migrate everything, and record a migration that nobody has."""
    side.stock()
    for alias in generated.lives_on(generated.zero):
        execute(side, alias, "INSERT INTO django_migrations (app, name, applied) VALUES "
                             f"('{generated.zero}', '0099_gone', '2026-01-01')")  # fmt: skip


def execute(side: Side, alias: str, sql: str) -> None:
    """Run one statement in a side's database."""
    with closing(side.site.connect(side.urls[alias])) as connection, closing(connection.cursor()) as cursor:
        cursor.execute(sql)


SCENES = {
    "one app": Scene(lambda generated: (generated.zero,)),
    "up to a migration": Scene(lambda generated: generated.middle),
    "back to a migration": Scene(lambda generated: generated.middle, before=forwards),
    "back to zero": Scene(lambda generated: (generated.zero, "zero"), before=forwards),
    "--fake": Scene(lambda generated: (generated.zero, "--fake")),
    "--fake back to zero": Scene(lambda generated: (generated.zero, "zero", "--fake"), before=forwards),
    "--fake-initial": Scene(lambda generated: (whole_app(generated), "--fake-initial"), before=forget_initial),
    "--prune": Scene(lambda generated: (generated.zero, "--prune"), before=add_strangers),
    "--run-syncdb": Scene(lambda generated: ("--run-syncdb",), all=True),
}


@pytest.mark.parametrize("name", SCENES)
def test_an_option_does_to_each_database_what_it_does_to_one(name: str, files: Site, tmp_path: Path) -> None:
    scene, generated = SCENES[name], generate(6, files.vendor, TINY)
    trial = from_seed(generated, files, tmp_path)
    for side in (trial.theirs, trial.ours):
        scene.before(generated, side)
    before = trial.ours.dump()
    arguments = scene.arguments(generated)

    found = trial.both(*arguments, aliases=() if scene.all else generated.lives_on(arguments[0]))

    assert found == ""
    assert trial.ours.dump() != before


# The oracle itself


def test_a_row_too_many_is_a_difference(files: Site, tmp_path: Path) -> None:
    trial = EXAMPLES[0].trial(files, tmp_path)
    trial.both()
    execute(trial.ours, "blog_db", "CREATE TABLE stranger (id integer)")
    execute(trial.ours, "blog_db", "INSERT INTO stranger VALUES (1)")

    found = differences(trial.theirs.dump(), trial.ours.dump())

    assert found.splitlines()[0] == "--- blog_db: stock"
    assert "+table stranger on stranger: CREATE TABLE stranger (id integer)" in found.splitlines()
    assert found.splitlines()[-1] == "+row stranger id=1"


def test_a_missing_record_is_a_difference(files: Site, tmp_path: Path) -> None:
    trial: Trial = EXAMPLES[0].trial(files, tmp_path)
    trial.both()
    execute(trial.ours, "default", "DELETE FROM django_migrations WHERE name = '0002_alter_permission_name_max_length'")

    found = differences(trial.theirs.dump(), trial.ours.dump())

    assert found.splitlines()[-1] == "-recorded auth: 0002_alter_permission_name_max_length"
