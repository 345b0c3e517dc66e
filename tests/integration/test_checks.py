"""The system checks, each message whole."""

import pytest
from django.conf import settings
from django.core.checks import Error, run_checks
from django.core.checks import Warning as CheckWarning
from django.test import override_settings

import dbroute.django
from dbroute.django.checks import settings_problem

pytestmark = pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")

LINE = "`import dbroute.django  # noqa: E402, F401  # isort: skip`"
MARK = {
    "environment": "dev",
    "folder": "/srv/project",
    "files": ["config.yaml"],
    "databases": ["default", "blog_db"],
    "rules": {"blog": "config.yaml:12:3"},
}
MARKED = {
    alias: {**entry, "DBROUTE": entry.get("DBROUTE", {"source": "config.yaml:3:3"})}
    for alias, entry in settings.DATABASES.items()
}


def found():
    return run_checks(tags=["dbroute"])


def rules(**extra):
    # every database is led to, so that none is found which no rule leads to
    return override_settings(DATABASE_ROUTING_RULES={"blog": "blog_db", "shop.Order": "shop_db", **extra})


def test_hand_written_settings_raise_no_message():
    assert found() == []
    assert settings_problem() is None


@override_settings(DBROUTE=MARK, DATABASES=MARKED)
def test_patched_settings_raise_no_message():
    assert found() == []
    assert settings_problem() is None


@override_settings(DATABASE_ROUTING_RULES={})
def test_no_rules_are_fine():
    assert found() == []


@override_settings(DATABASE_ROUTERS=[])
def test_settings_without_mark_and_router_route_nothing(monkeypatch):
    monkeypatch.setattr(dbroute.django, "FIRST_IMPORTER", None)
    problem = "Nothing is routed: dbroute.django is installed, but the settings carry neither its mark nor its router."
    hint = f"Put {LINE} at the end of the settings module, or 'dbroute.routing.DatabaseRouter' into DATABASE_ROUTERS."

    assert found() == [Error(problem, hint=hint, id="dbroute.E001")]
    assert settings_problem() == f"{problem} {hint}"


@override_settings(DATABASE_ROUTERS=[])
def test_early_importer_is_named(monkeypatch):
    monkeypatch.setattr(dbroute.django, "FIRST_IMPORTER", "conftest (/srv/conftest.py:3)")

    assert found() == [
        Error(
            "Nothing is routed: dbroute.django was first imported by conftest (/srv/conftest.py:3), outside of the "
            "settings module, so that the line there found it loaded and did nothing.",
            hint=f"Remove that import, and keep {LINE} at the end of the settings module.",
            id="dbroute.E001",
        )
    ]


@override_settings(DBROUTE=MARK, DATABASES={"default": MARKED["default"]}, DATABASE_ROUTING_RULES={})
def test_databases_overwritten_after_the_patch():
    assert found() == [
        Error(
            "DATABASES was overwritten after dbroute had filled it; lost: 'blog_db'.",
            hint=f"Move the line {LINE} to the very end of the settings module; an import sorter may have moved it up.",
            id="dbroute.E002",
        )
    ]


@override_settings(DBROUTE=MARK, DATABASES={**MARKED, "default": {"ENGINE": "x"}}, DATABASE_ROUTING_RULES={})
def test_database_that_lost_its_part_was_overwritten_too():
    assert [message.msg for message in found()] == [
        "DATABASES was overwritten after dbroute had filled it; lost: 'default'."
    ]


@override_settings(DBROUTE=MARK, DATABASES=MARKED, DATABASE_ROUTERS=[])
def test_routers_overwritten_after_the_patch():
    assert found() == [
        Error(
            "DATABASE_ROUTERS was overwritten after dbroute had filled it; lost: 'dbroute.routing.DatabaseRouter'.",
            hint=f"Move the line {LINE} to the very end of the settings module; an import sorter may have moved it up.",
            id="dbroute.E003",
        )
    ]


@pytest.mark.parametrize(
    ("alias", "hint"),
    [
        ("shopdb", "Did you mean 'shop_db'?"),
        (
            "zzz",
            "DATABASES has 'default', 'blog_db', 'blog_db_replica_1', 'shop_db', 'analytics', 'archive', 'tenant'.",
        ),
    ],
)
def test_rule_to_an_alias_that_does_not_exist(alias, hint):
    with rules(shop=alias):
        messages = found()

    assert messages == [
        Error(
            f"The rule 'shop' (settings.DATABASE_ROUTING_RULES) leads to '{alias}', which DATABASES does not have.",
            hint=hint,
            id="dbroute.E004",
        )
    ]


def test_rule_to_a_replica():
    with rules(shop="blog_db_replica_1"):
        messages = found()

    assert messages == [
        Error(
            "The rule 'shop' (settings.DATABASE_ROUTING_RULES) leads to 'blog_db_replica_1', a replica of 'blog_db'.",
            hint="Let it lead to 'blog_db'; nothing can be written to a replica.",
            id="dbroute.E005",
        )
    ]


@pytest.mark.parametrize(
    ("own", "message", "hint", "number"),
    [
        (
            {"read_only": True},
            "DATABASES['x']['DBROUTE'] has the unknown key 'read_only'.",
            "Did you mean 'readonly'?",
            "E006",
        ),
        (
            {"zzz": True},
            "DATABASES['x']['DBROUTE'] has the unknown key 'zzz'.",
            "Known are 'migrate', 'migrate_url', 'migrates_like', 'readonly', 'replica_of', 'source', 'weight'.",
            "E006",
        ),
        (
            {"migrates_like": "defualt"},
            "DATABASES['x']['DBROUTE']['migrates_like'] names 'defualt', which DATABASES does not have.",
            "Did you mean 'default'?",
            "E007",
        ),
        (
            {"replica_of": "blogdb"},
            "DATABASES['x']['DBROUTE']['replica_of'] names 'blogdb', which DATABASES does not have.",
            "Did you mean 'blog_db'?",
            "E007",
        ),
    ],
)
def test_faults_of_a_hand_written_database(own, message, hint, number):
    with override_settings(DATABASES={**settings.DATABASES, "x": {"DBROUTE": own}}):
        messages = [message for message in found() if message.id != "dbroute.W013"]

    assert messages == [Error(message, hint=hint, id=f"dbroute.{number}")]


@pytest.mark.parametrize(
    ("key", "problem", "hint", "number"),
    [
        ("blgo", "app", "Did you mean 'blog'?", "W001"),
        ("Blog", "app", "Did you mean 'blog'?", "W001"),
        ("apps.blog", "model", "Did you mean 'blog'?", "W001"),
        ("tests.integration.apps.blog", "model", "Did you mean 'blog'?", "W001"),
        ("tests.integration.apps.blog.models.Post", "model", "Did you mean 'blog.Post'?", "W001"),
        ("django.contrib.auth.User", "model", "Did you mean 'auth.User'?", "W001"),
        ("blgo.Post", "model", "Did you mean 'blog.Post'?", "W001"),
        ("blog.Pots", "model", "Did you mean 'blog.Post'?", "W002"),
        (
            "zzz",
            "app",
            "A key is an app label, 'app_label.Model' or a glob; is the app in INSTALLED_APPS?",
            "W001",
        ),
    ],
)
def test_rule_for_what_is_not_installed(key, problem, hint, number):
    with rules(**{key: "shop_db"}):
        messages = found()

    message = f"The rule '{key}' (settings.DATABASE_ROUTING_RULES) names no installed {problem}."
    assert messages == [CheckWarning(message, hint=hint, id=f"dbroute.{number}")]


@pytest.mark.parametrize(
    ("key", "kind", "owner"),
    [
        ("ui.Teaser", "a proxy", "blog.Post"),
        ("blog.Post_tags", "a many-to-many table", "blog.Post"),
    ],
)
def test_rule_without_effect(key, kind, owner):
    with rules(**{key: "shop_db"}):
        messages = found()

    assert messages == [
        CheckWarning(
            f"The rule '{key}' (settings.DATABASE_ROUTING_RULES) has no effect: {kind} lives where '{owner}' does.",
            hint=f"Remove it, or write the rule for '{owner}'.",
            id="dbroute.W003",
        )
    ]


def test_source_of_a_configured_rule_is_told():
    mark = {**MARK, "rules": {"blgo": "config.yaml:7:3"}}
    with override_settings(DBROUTE=mark, DATABASES=MARKED), rules(blgo="blog_db"):
        messages = found()

    assert [message.msg for message in messages] == ["The rule 'blgo' (config.yaml:7:3) names no installed app."]


@pytest.mark.parametrize("key", ["legacy_*", "nothing_*", "*", "SHOP.product"])
def test_globs_and_any_case_of_a_model_are_fine(key):
    with rules(**{key: "shop_db"}):
        assert found() == []


LATE = [app for app in settings.INSTALLED_APPS if app != "dbroute.django"] + ["dbroute.django"]


@override_settings(
    INSTALLED_APPS=LATE,
    DATABASE_ROUTING_RULES={"auth": "shop_db", "contenttypes": "shop_db", "blog": "blog_db"},
)
def test_django_commands_for_users_hide_ours():
    assert found() == [
        CheckWarning(
            "createsuperuser and changepassword use the database 'default', but 'auth.User' lives on 'shop_db'.",
            hint="Put 'dbroute.django' before 'django.contrib.auth' in INSTALLED_APPS.",
            id="dbroute.W004",
        )
    ]


@override_settings(INSTALLED_APPS=LATE)
def test_order_of_apps_does_not_matter_for_users_on_default():
    assert found() == []
