import pytest

from dbroute.routing import Rule
from dbroute.routing.table import most_specific


@pytest.mark.parametrize(
    ("key", "app_label", "model_name", "expected"),
    [
        ("blog", "blog", "post", True),
        ("blog", "blog", "", True),
        ("blog", "blogs", "post", False),
        ("Blog", "blog", "post", False),
        ("blog.Post", "blog", "post", True),
        ("BLOG.POST", "blog", "post", True),
        ("blog.Post", "blog", "comment", False),
        ("blog.Post", "blog", "", False),
        ("legacy_*", "legacy_x", "document", True),
        ("legacy_*", "legacy_x", "", True),
        ("legacy_*", "blog", "legacy_post", False),
        ("legacy_?", "legacy_xy", "document", False),
        ("legacy_[ab]", "legacy_b", "document", True),
        ("blog.Arch*", "blog", "archivedpost", True),
        ("blog.Arch*", "blog", "post", False),
        ("blog.*", "blog", "", True),
        ("blog.P*", "blog", "", False),
        ("*.LogEntry", "admin", "logentry", True),
        ("*", "anything", "", True),
    ],
)
def test_key_matches_model_or_whole_app(key, app_label, model_name, expected):
    rule = Rule(key, "x")

    matched = rule.matches(app_label, model_name)

    assert matched is expected


@pytest.mark.parametrize(
    ("keys", "decides"),
    [
        (["*", "b*", "bl*", "b*.p*", "blog", "blog.Post"], "blog.Post"),
        (["*", "b*", "bl*", "b*.p*", "blog"], "blog"),
        (["*", "b*", "bl*", "b*.p*"], "b*.p*"),
        (["*", "b*", "blo*", "bl*"], "blo*"),
        (["b*.p*", "b*.post"], "b*.post"),
        (["*.*", "[b]log*"], "*.*"),
        (["*", "b*"], "b*"),
        (["*"], "*"),
        (["?log", "b?og"], "?log"),
        ([], None),
    ],
)
def test_most_specific_matching_rule_decides(keys, decides):
    rules = [Rule(key, "x") for key in keys]

    for order in (rules, rules if decides == "?log" else rules[::-1]):
        rule = most_specific(rule for rule in order if rule.matches("blog", "post"))

        assert (rule and rule.key) == decides


def test_hand_written_rule_names_the_setting_as_its_source():
    rule = Rule("blog", "blog_db")

    assert rule.source == "settings.DATABASE_ROUTING_RULES"
