"""Where Django is changed: all of it at once or nothing, only where it is needed, and back again."""

import attrs
import django
import pytest
from django.contrib.auth.models import User
from django.core.checks import Error
from django.db import connections
from django.db.models.deletion import Collector

from dbroute import CrossDatabaseJoinError
from dbroute.django.relations import patches
from dbroute.django.relations.checks import check_patches
from tests.integration.apps.blog.models import Post
from tests.projects import project


@pytest.fixture
def unpatched():
    """Take the patches away, and put them back afterwards."""
    patches.uninstall()
    yield
    patches.uninstall()
    patches.install()


def targets():
    return {patch.target: getattr(patch.owner(), patch.attribute) for patch in patches._wanted()}


def test_everything_is_replaced_and_put_back(unpatched):
    before = targets()

    patches.install()
    between = targets()
    patches.install()
    again = targets()
    patches.uninstall()

    assert [name for name in before if before[name] is between[name]] == []
    assert again == between
    assert targets() == before


def test_a_target_that_is_not_known_lets_nothing_be_followed_and_joins_be_refused(unpatched, monkeypatch):
    *others, last = patches.PATCHES
    before = targets()

    with monkeypatch.context() as patch:
        patch.setattr(patches, "PATCHES", (*others, attrs.evolve(last, signatures=("(self, newer)",))))
        patches.install()
        found = check_patches()
    after = targets()

    assert [patch.target for patch in patches._wanted() if before[patch.target] != after[patch.target]] == [
        patch.target for patch in patches._wanted() if patch.refusal is not None
    ]
    with pytest.raises(CrossDatabaseJoinError):
        str(Post.objects.filter(author__username="ada").query)
    assert found == [
        Error(
            f"django.contrib.admin.options.ModelAdmin.changeform_view of Django {django.get_version()} takes "
            "(self, request, object_id=None, form_url='', extra_context=None), which this dbroute does not know: no "
            "relation is followed into another database.",
            hint="Install Django 5.2, 6.0 or 6.1, or a later release of dbroute.",
            id="dbroute.E019",
        )
    ]


def test_what_is_installed_is_known():
    assert (patches.unverified(), check_patches()) == ([], [])


@pytest.mark.process
@pytest.mark.parametrize(
    ("rules", "installed"), [("{}", False), ("{'shop': 'other'}", False), ("{'blog': 'other'}", True)]
)
def test_django_is_changed_only_where_a_relation_crosses(tmp_path, rules, installed):
    made = project(
        tmp_path,
        settings=f"""
        DATABASES = {{
            alias: {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}} for alias in ("default", "other")
        }}
        INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "dbroute.django", "blog", "shop"]
        DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
        DATABASE_ROUTING_RULES = {rules}
        """,
        files={
            "shop/models.py": "from django.db import models\n\nclass Order(models.Model):\n    pass\n",
            "blog/models.py": "from django.db import models\n\nclass Post(models.Model):\n"
            "    author = models.ForeignKey('auth.User', models.CASCADE, db_constraint=False)\n",
        },
    )

    result = made.python(
        "from django.db.models.deletion import Collector; print(hasattr(Collector.delete, '__wrapped__'))"
    )

    assert (result.stdout, result.stderr) == (f"{installed}\n", "")


def test_batches_have_the_size_of_the_database_that_is_asked(monkeypatch):
    monkeypatch.setattr(connections["default"].ops, "bulk_batch_size", lambda fields, objs: 4)
    monkeypatch.setattr(connections["blog_db"].ops, "bulk_batch_size", lambda fields, objs: 2)
    collector, users = Collector(using="default"), [User(pk=pk) for pk in range(5)]
    collector.collect([User(pk=1)], collect_related=False)

    near = collector.get_del_batches(
        users, [User._meta.get_field("groups").remote_field.through._meta.get_field("user")]
    )
    far = collector.get_del_batches(users, [Post._meta.get_field("author")])

    assert [len(batch) for batch in near] == [4, 1]
    assert [len(batch) for batch in far] == [2, 2, 1]
    assert collector.using == "default"
