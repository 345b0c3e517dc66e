"""``loaddata``, ``dumpdata``, ``flush``, ``createsuperuser`` and ``changepassword``."""

import json
from io import StringIO

import pytest
from django.conf import settings
from django.contrib.auth.management.commands import changepassword as django_changepassword
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command, get_commands, load_command_class
from django.core.management.commands import dumpdata as django_dumpdata
from django.core.management.commands import loaddata as django_loaddata
from django.db import IntegrityError, connections
from django.test import override_settings

from tests.integration.apps.analytics.models import Visit
from tests.integration.apps.blog.models import BlogPostComment, Post, Tag
from tests.integration.apps.legacy_x.models import Document
from tests.integration.apps.shop.models import Order, Product
from tests.projects import project

PRIMARIES = [alias for alias in settings.DATABASES if alias != "blog_db_replica_1"]
pytestmark = pytest.mark.django_db(databases=PRIMARIES)
OURS = ("changepassword", "createsuperuser", "dumpdata", "flush", "loaddata")


@pytest.fixture
def rows():
    """One row or more on every home."""
    Tag.objects.all().delete()
    Product.objects.all().delete()
    user = User.objects.create(username="john", date_joined="2026-01-01T00:00:00Z")
    tag = Tag.objects.create(pk=1, name="child", parent=Tag.objects.create(pk=2, name="parent"))
    Post.objects.create(title="Hello", author=user).tags.add(tag)
    Order.objects.create(number=7)
    Visit.objects.create(page="home")
    Document.objects.create(name="old")


def run(command, *args, **options):
    out, err = StringIO(), StringIO()
    call_command(command, *args, stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def clear():
    # Without collecting: a delete that crosses databases is not what is tested here.
    for model in (Post.tags.through, BlogPostComment, Post, Tag, Order, Visit, Document, Product, User):
        model.objects.all()._raw_delete(model.objects.db)


def test_commands_are_ours():
    assert {get_commands()[name] for name in OURS} == {"dbroute.django"}


def test_dump_holds_every_home_in_djangos_order(rows):
    printed, _ = run("dumpdata", "blog", "shop", "analytics", "legacy_x", "auth.User")

    assert [entry["model"] for entry in json.loads(printed)] == [
        "blog.tag",
        "blog.tag",
        "blog.post",
        "shop.order",
        "analytics.visit",
        "legacy_x.document",
        "auth.user",
    ]


def test_dump_with_natural_keys_is_sorted_by_dependencies_across_homes(rows):
    printed, _ = run("dumpdata", "blog", "auth.User", use_natural_foreign_keys=True, use_natural_primary_keys=True)

    entries = json.loads(printed)
    assert [entry["model"] for entry in entries] == ["blog.tag", "blog.tag", "auth.user", "blog.post"]
    assert entries[-1]["fields"] == {"title": "Hello", "author": ["john"], "tags": [["child"]]}


def test_dump_of_single_keys_reads_the_home(rows):
    printed, _ = run("dumpdata", "blog.Tag", primary_keys="2", format="xml")

    assert '<object model="blog.tag" pk="2">' in printed
    assert "child" not in printed


@pytest.mark.parametrize("options", [{}, {"use_natural_foreign_keys": True, "use_natural_primary_keys": True}])
@pytest.mark.parametrize("kind", ["json", "jsonl", "xml"])
def test_what_was_dumped_can_be_loaded(rows, tmp_path, options, kind):
    fixture = tmp_path / f"all.{kind}"
    labels = ["blog", "shop", "analytics", "legacy_x", "auth.User"]
    run("dumpdata", *labels, output=str(fixture), format=kind, **options)
    clear()

    printed, complaint = run("loaddata", str(fixture))

    assert (printed, complaint) == ("Installed 7 object(s) from 1 fixture(s)\n", "")
    post = Post.objects.get()
    assert (post._state.db, post.author.username) == ("blog_db", "john")
    assert [tag.parent.name for tag in post.tags.all()] == ["parent"]
    assert [Order.objects.get().number, Visit.objects.get().page, Document.objects.get().name] == [7, "home", "old"]
    assert User.objects.using("tenant").count() == 0


def test_natural_keys_that_point_forward_are_resolved_on_the_home(tmp_path):
    fixture = tmp_path / "forward.json"
    fixture.write_text(
        json.dumps(
            [
                {"model": "blog.post", "pk": 1, "fields": {"title": "x", "author": ["ann"], "tags": [["a"], ["b"]]}},
                {"model": "blog.tag", "fields": {"name": "a", "parent": ["b"]}},
                {"model": "blog.tag", "fields": {"name": "b", "parent": None}},
                {"model": "auth.user", "fields": {"username": "ann", "password": ""}},
            ]
        )
    )

    printed, _ = run("loaddata", str(fixture))

    assert printed == "Installed 4 object(s) from 1 fixture(s)\n"
    post = Post.objects.get()
    assert post.author == User.objects.get(username="ann")
    assert sorted((tag.name, tag.parent and tag.parent.name) for tag in post.tags.all()) == [("a", "b"), ("b", None)]


def test_objects_of_a_read_only_home_are_left_out_and_named(tmp_path, outside_tests):
    fixture = tmp_path / "visits.json"
    fixture.write_text(
        json.dumps(
            [
                {"model": "analytics.visit", "pk": 1, "fields": {"page": "a"}},
                {"model": "analytics.visit", "pk": 2, "fields": {"page": "b"}},
                {"model": "legacy_x.document", "pk": 1, "fields": {"name": "kept"}},
            ]
        )
    )

    printed, complaint = run("loaddata", str(fixture))

    assert printed == "Installed 1 object(s) (of 3) from 1 fixture(s)\n"
    assert complaint == "Left out 2 object(s) of analytics.Visit: its database 'analytics' is read-only.\n"
    assert Document.objects.get().name == "kept"


def test_excluded_models_are_left_out_without_a_word(rows, tmp_path):
    fixture = tmp_path / "all.json"
    run("dumpdata", "blog", "shop", output=str(fixture))
    clear()

    printed, complaint = run("loaddata", str(fixture), exclude=["blog.Post"])

    assert (printed, complaint) == ("Installed 3 object(s) (of 4) from 1 fixture(s)\n", "")
    assert not Post.objects.exists()


@pytest.mark.django_db(databases=PRIMARIES, transaction=True)
def test_fixture_with_a_broken_reference_changes_no_database(tmp_path):
    fixture = tmp_path / "broken.json"
    fixture.write_text(
        json.dumps(
            [
                {"model": "shop.order", "pk": 5, "fields": {"number": 1}},
                {"model": "shop.product", "pk": 5, "fields": {"name": "x"}},
                {"model": "blog.blogpostcomment", "pk": 5, "fields": {"post": 99, "text": "x"}},
            ]
        )
    )

    with pytest.raises(IntegrityError, match=r"^Problem installing fixtures: "):
        run("loaddata", str(fixture))

    assert not any(model.objects.filter(pk=5).exists() for model in (Order, Product, BlogPostComment))


def test_with_database_both_are_djangos(rows, tmp_path):
    ours, _ = run("dumpdata", "auth.User", "blog", database="default")
    stock, _ = run(django_dumpdata.Command(), "auth.User", "blog", database="default")
    fixture = tmp_path / "all.json"
    run("dumpdata", "blog", "auth.User", output=str(fixture))

    printed = [run(command, str(fixture), database="default") for command in ("loaddata", django_loaddata.Command())]

    assert ours == stock
    assert [entry["model"] for entry in json.loads(ours)] == ["auth.user"]
    assert printed == [("Installed 1 object(s) (of 4) from 1 fixture(s)\n", "")] * 2


@override_settings(DATABASE_ROUTERS=[])
def test_without_our_router_both_work_on_default(rows, tmp_path):
    fixture = tmp_path / "all.json"

    ours, _ = run("dumpdata", "shop.Product", "auth.User")
    stock, _ = run(django_dumpdata.Command(), "shop.Product", "auth.User")
    fixture.write_text(ours)

    assert ours == stock
    assert run("loaddata", str(fixture)) == run(django_loaddata.Command(), str(fixture))


@pytest.mark.django_db(databases=PRIMARIES, transaction=True)
def test_flush_empties_every_database_and_asks_once(rows, monkeypatch):
    questions = []
    monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or "yes")

    run("flush")

    assert not any(model.objects.exists() for model in (Post, Tag, Order, Visit, Document, User))
    names = "\n".join(f"    {alias} ({connections[alias].settings_dict['NAME']})" for alias in PRIMARIES)
    assert questions == [
        f"You have requested a flush of these databases:\n\n{names}\n\n"
        "This will IRREVERSIBLY DESTROY all data currently in them,\n"
        "and return each table to an empty state.\n"
        "Are you sure you want to do this?\n\n"
        "    Type 'yes' to continue, or 'no' to cancel: "
    ]


def test_flush_that_is_not_confirmed_changes_nothing(rows, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda question: "no")

    printed, _ = run("flush")

    assert printed == "Flush cancelled.\n"
    assert Post.objects.exists()


@pytest.mark.django_db(databases=PRIMARIES, transaction=True)
def test_flush_leaves_databases_of_others_alone(rows, outside_tests):
    run("flush", interactive=False)

    assert [model.objects.exists() for model in (Post, Order, User)] == [False, False, False]
    assert [model.objects.exists() for model in (Visit, Document)] == [True, True]


@pytest.mark.django_db(databases=PRIMARIES, transaction=True)
def test_flush_of_one_database_is_djangos(rows):
    run("flush", database="shop_db", interactive=False)

    assert [model.objects.exists() for model in (Order, Post)] == [False, True]


USERS_ELSEWHERE = """
    DATABASES = {
        alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3"}
        for alias in ("default", "users_db")
    }
    DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
    DATABASE_ROUTING_RULES = {"auth": "users_db", "contenttypes": "users_db"}
    INSTALLED_APPS = ["dbroute.django", "django.contrib.auth", "django.contrib.contenttypes"]
"""


@pytest.mark.process
def test_superuser_is_created_on_the_home_of_users(tmp_path):
    made = project(tmp_path, settings=USERS_ELSEWHERE)
    for alias in ("default", "users_db"):
        made.run("migrate", "-v0", "--database", alias)

    result = made.run("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.com")

    assert (result.stdout, result.returncode) == ("Superuser created successfully.\n", 0), result.stderr
    shown = made.python("from django.contrib.auth.models import User; print(User.objects.get()._state.db)")
    assert (shown.stdout, shown.stderr) == ("users_db\n", "")


SERVERS = """
    import os
    import dj_database_url
    DATABASES = {alias: dj_database_url.parse(os.environ[alias]) for alias in ("default", "users_db")}
    DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
    DATABASE_ROUTING_RULES = {"auth": "users_db", "contenttypes": "users_db"}
    INSTALLED_APPS = [
        "dbroute.django", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sites"
    ]
"""


@pytest.mark.process
def test_sequences_are_reset_on_every_database_that_was_loaded(tmp_path, postgres):
    made = project(tmp_path, settings=SERVERS)
    env = {alias: postgres.create(alias) for alias in ("default", "users_db")}
    for alias in env:
        made.run("migrate", "-v0", "--database", alias, env=env)
    group = {"model": "auth.group", "pk": 1, "fields": {"name": "a", "permissions": []}}
    site = {"model": "sites.site", "pk": 2, "fields": {"name": "b", "domain": "b"}}
    made.write({"both.json": json.dumps([group, site])})

    loaded = made.run("loaddata", "both.json", env=env)

    assert (loaded.stdout, loaded.stderr) == ("Installed 2 object(s) from 1 fixture(s)\n", "")
    result = made.python(
        """
        from django.contrib.auth.models import Group
        from django.contrib.sites.models import Site
        for made in Group.objects.create(name="new"), Site.objects.create(domain="new"):
            print(made._state.db, made.pk)
        """,
        env=env,
    )
    assert result.stdout.splitlines() == ["users_db 2", "default 3"]


@pytest.mark.process
def test_user_commands_without_auth_say_what_they_need(tmp_path):
    made = project(
        tmp_path,
        settings="""
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
        INSTALLED_APPS = ["dbroute.django"]
        """,
    )

    results = [made.run(name) for name in ("createsuperuser", "changepassword")]

    message = "CommandError: This command needs 'django.contrib.auth' in INSTALLED_APPS.\n"
    assert [(result.stderr, result.returncode) for result in results] == [(message, 1)] * 2


@override_settings(DATABASE_ROUTING_RULES={"auth": "tenant", "contenttypes": "tenant"})
def test_password_is_changed_on_the_home_of_users(monkeypatch):
    User.objects.using("tenant").create(username="ann")
    monkeypatch.setattr(django_changepassword.getpass, "getpass", lambda prompt: "long and unguessable")

    run("changepassword", "ann")

    assert User.objects.using("tenant").get().check_password("long and unguessable")


def test_password_of_a_user_elsewhere_needs_database(monkeypatch):
    User.objects.using("tenant").create(username="ann")
    monkeypatch.setattr(django_changepassword.getpass, "getpass", lambda prompt: "long and unguessable")

    with pytest.raises(CommandError, match=r"^user 'ann' does not exist$"):
        run("changepassword", "ann")
    run("changepassword", "ann", database="tenant")

    assert User.objects.using("tenant").get().check_password("long and unguessable")


@pytest.mark.parametrize("name", OURS)
def test_option_database_is_described_and_still_checked(name):
    parser = load_command_class("dbroute.django", name).create_parser("manage.py", name)

    text = " ".join(parser.format_help().split())

    assert "Works on this database only. Without it every model is looked for where its rule says." in text
    action = next(action for action in parser._actions if action.dest == "database")
    assert list(action.choices) == list(settings.DATABASES)
