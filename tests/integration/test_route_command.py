"""``manage.py dbroute route``."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

import dbroute.django
from tests.projects import project


def route(*labels):
    out = StringIO()
    call_command("dbroute", "route", *labels, stdout=out)
    return out.getvalue().splitlines()


def test_models_are_shown_with_home_rule_and_source():
    lines = route("shop.order", "auth.User", "blog.Post_tags")

    assert lines == [
        "model           home     rule        source",
        "shop.Order      shop_db  shop.Order  settings.DATABASE_ROUTING_RULES",
        "auth.User       default  -           no rule",
        "blog.Post_tags  blog_db  blog        settings.DATABASE_ROUTING_RULES",
    ]


@override_settings(DBROUTE={"databases": [], "rules": {"blog": "config.yaml:12:3"}})
def test_configured_rule_is_shown_with_its_place():
    lines = route("blog.Post")

    assert lines == ["model      home     rule  source", "blog.Post  blog_db  blog  config.yaml:12:3"]


def test_app_label_shows_its_models():
    lines = route("shop")

    assert [line.split()[:2] for line in lines[1:]] == [["shop.Product", "default"], ["shop.Order", "shop_db"]]


def test_without_labels_every_model_is_shown():
    lines = route()

    assert [line.split()[0] for line in lines[1:]] == [
        "admin.LogEntry",
        "auth.Permission",
        "auth.Group",
        "auth.User",
        "contenttypes.ContentType",
        "sessions.Session",
        "blog.Tag",
        "blog.Post",
        "blog.Headline",
        "blog.BlogPostComment",
        "shop.Product",
        "shop.Order",
        "analytics.Visit",
        "legacy_x.Document",
        "ui.Person",
        "ui.Teaser",
    ]


@override_settings(DATABASE_ROUTING_RULES={"legacy_[xy]": "archive"})
def test_glob_is_printed_as_it_was_written():
    lines = route("legacy_x")

    assert lines[1] == "legacy_x.Document  archive  legacy_[xy]  settings.DATABASE_ROUTING_RULES"


@override_settings(DATABASES={"default": {}}, DATABASE_ROUTING_RULES={})
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_project_without_rules_is_not_routed():
    lines = route("shop.Order")

    assert lines == ["model       home     rule  source", "shop.Order  default  -     not routed"]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("blog.Pots", "App 'blog' has no model 'Pots'. Did you mean 'blog.Post'?"),
        ("blgo.Post", "No installed app has the label 'blgo'. Did you mean 'blog.Post'?"),
        ("blgo", "No installed app has the label 'blgo'. Did you mean 'blog'?"),
        ("zzz", "No installed app has the label 'zzz'."),
    ],
)
def test_unknown_label_is_refused_with_a_suggestion(label, message):
    with pytest.raises(CommandError) as caught:
        route("shop", label)

    assert str(caught.value) == message


@override_settings(DATABASE_ROUTERS=[])
def test_settings_that_route_nothing_are_told(monkeypatch):
    monkeypatch.setattr(dbroute.django, "FIRST_IMPORTER", None)

    with pytest.raises(CommandError) as caught:
        route()

    assert str(caught.value) == (
        "Nothing is routed: dbroute.django is installed, but the settings carry neither its mark nor its router. "
        "Put `import dbroute.django  # noqa: E402, F401  # isort: skip` at the end of the settings module, "
        "or 'dbroute.routing.DatabaseRouter' into DATABASE_ROUTERS."
    )


@pytest.mark.process
def test_djangos_options_may_stand_on_either_side(tmp_path):
    made = project(
        tmp_path,
        settings="DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}}\n"
        "INSTALLED_APPS = ['django.contrib.contenttypes', 'dbroute.django']\n"
        "DATABASE_ROUTERS = ['dbroute.routing.DatabaseRouter']\n",
    )

    after = made.run("dbroute", "route", "contenttypes", "--settings", "settings", "-v", "2")
    before = made.run("dbroute", "--settings", "settings", "route", "contenttypes")

    assert (after.returncode, after.stderr) == (0, "")
    assert after.stdout == before.stdout
