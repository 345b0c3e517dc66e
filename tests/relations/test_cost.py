"""What relations that cross cost a query that has nothing to do with them: calls of Python functions are counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.projects import Project, project
from tests.relations.graphs import run

pytestmark = pytest.mark.process

# The first app stays on one database; the second has a foreign key into it, and is the one that may be elsewhere.
NEAR = """
from django.db import models


class Org(models.Model):
    name = models.CharField(max_length=20)


class Member(models.Model):
    org = models.ForeignKey(Org, models.CASCADE)
    name = models.CharField(max_length=20)
"""

FAR = """
from django.db import models


class Visit(models.Model):
    member = models.ForeignKey("near.Member", models.CASCADE, db_constraint=False)
"""

SETTINGS = """
DATABASES = {{
    alias: {{"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{{alias}}.sqlite3"}}
    for alias in ("default", "far_db")
}}
INSTALLED_APPS = {apps}
DATABASE_ROUTERS = {routers}
DATABASE_ROUTING_RULES = {rules}
"""

COUNT = """
import gc, json, sys
from django.core.management import call_command
from django.db import connection
from near.models import Member, Org

call_command("migrate", run_syncdb=True, verbosity=0)
Org.objects.bulk_create([Org(name=str(at)) for at in range(10)])
orgs = list(Org.objects.all())
Member.objects.bulk_create([Member(org=orgs[at % 10], name=str(at)) for at in range(1000)])

gc.disable()  # it would call finalizers when it likes
ASKED = {
    "get": lambda: Member.objects.get(pk=1),
    "filter": lambda: list(Member.objects.filter(name="7", org_id=8)),
    "fetch of 10": lambda: list(Member.objects.all()[:10]),
    "fetch of 1,000": lambda: list(Member.objects.all()),
    "join": lambda: list(Member.objects.filter(org__name="7").order_by("org__name")),
    "values": lambda: list(Member.objects.values("org__name")),
    "count": lambda: Member.objects.count(),
    "subquery": lambda: list(Member.objects.filter(org__in=Org.objects.filter(name="1"))),
    "in": lambda: list(Member.objects.filter(pk__in=[1, 2, 3])),
    "select_related of 10": lambda: list(Member.objects.select_related("org")[:10]),
    "select_related of 1,000": lambda: list(Member.objects.select_related("org")),
    "prefetch_related": lambda: list(Org.objects.prefetch_related("member_set")),
    "save": lambda: orgs[0].save(),
    "update": lambda: Member.objects.filter(pk=1).update(name="1"),
}
found = {}
for name, ask in ASKED.items():
    ask(), ask()  # what is computed once is computed before
    calls, statements = 0, 0

    def profile(frame, event, arg):
        global calls
        calls += event == "call"

    def count(execute, *args):
        global statements
        statements += 1
        return execute(*args)

    with connection.execute_wrapper(count):
        ask()
    sys.setprofile(profile)
    ask()
    sys.setprofile(None)
    found[name] = [calls, statements]
print(json.dumps(found))
"""

Counts = dict[str, list[int]]


def counted(folder: Path, *, rules: dict[str, str] | None) -> Counts:
    """Return calls of Python functions and statements, for each thing that is asked; without rules Django's own."""
    made: Project = project(
        folder,
        settings=SETTINGS.format(
            apps=["near", "far", *(["dbroute.django"] if rules else [])],
            routers=["dbroute.routing.DatabaseRouter"] if rules else [],
            rules=rules or {},
        ),
        files={"near/models.py": NEAR, "far/models.py": FAR},
    )
    result: Counts = json.loads(run(made, COUNT))
    return result


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Counts:
    """Django alone."""
    return counted(tmp_path_factory.mktemp("plain"), rules=None)


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Counts:
    """Django with the router, and no relation that crosses."""
    return counted(tmp_path_factory.mktemp("routed"), rules={"far": "default"})


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Counts:
    """The same, and somewhere a relation that crosses."""
    return counted(tmp_path_factory.mktemp("crossing"), rules={"far": "far_db"})


def extra(found: Counts, expected: Counts) -> dict[str, Any]:
    return {name: calls - expected[name][0] for name, (calls, _) in found.items() if calls != expected[name][0]}


def test_no_query_is_added(plain: Counts, routed: Counts, crossing: Counts) -> None:
    statements = {name: number for name, (_, number) in plain.items()}

    assert {name: number for name, (_, number) in routed.items()} == statements
    assert {name: number for name, (_, number) in crossing.items()} == statements


def test_a_relation_that_crosses_elsewhere_costs_a_call_where_it_has_to_be_looked_for(
    routed: Counts, crossing: Counts
) -> None:
    found = extra(crossing, routed)

    assert found == {
        "select_related of 10": 1,
        "select_related of 1,000": 1,
        # Where a query stands in another one, it is asked of both where they are.
        "subquery": 2,
    }


def test_a_query_costs_one_call_of_the_router_and_a_row_none(plain: Counts, routed: Counts) -> None:
    found = extra(routed, plain)

    # update() asks for itself and for the transaction; Django's prefetch asks for every object that it is for.
    assert found == dict.fromkeys(plain, 1) | {"update": 2, "prefetch_related": 12}


WARNED = """
import json, warnings
from near.models import Member

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    Member.objects.select_related()
print(json.dumps([[one.filename, one.lineno, str(one.message)] for one in caught]))
"""


def test_django_warns_the_code_that_it_would_have_warned(tmp_path: Path) -> None:
    alone = project(
        tmp_path / "alone",
        settings=SETTINGS.format(apps=["near"], routers=[], rules={}),
        files={"near/models.py": NEAR},
    )
    crossing = project(
        tmp_path / "crossing",
        settings=SETTINGS.format(
            apps=["near", "far", "dbroute.django"],
            routers=["dbroute.routing.DatabaseRouter"],
            rules={"far": "far_db"},
        ),
        files={"near/models.py": NEAR, "far/models.py": FAR},
    )

    assert run(crossing, WARNED) == run(alone, WARNED)
