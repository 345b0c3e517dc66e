"""What the routing section says of relations over databases."""

import pytest

from dbroute import ConfigError, load_config
from dbroute.config.json_schema import declared_schema, json_schema
from dbroute.django.settings import settings_of

DATABASES = "databases:\n  default: sqlite:///db.sqlite3\n  blog_db: sqlite:///blog.sqlite3\n"


def write(tmp_path, routing):
    (tmp_path / "config.yaml").write_text(f"{DATABASES}routing:\n  blog: blog_db\n{routing}", encoding="utf-8")
    return tmp_path


def test_options_stand_among_the_rules_and_are_none(tmp_path):
    options = (
        "  cross_database_relations: off\n  cross_database_lookups: split\n  cross_database_constraints: require\n"
    )

    config = load_config(write(tmp_path, options), environ={})
    settings = settings_of(config)

    chosen = {
        "cross_database_relations": "off",
        "cross_database_lookups": "split",
        "cross_database_constraints": "require",
    }
    assert config.relations == chosen
    assert config.routing == settings["DATABASE_ROUTING_RULES"] == {"blog": "blog_db"}
    assert chosen.items() <= settings["DBROUTE"].items()


def test_what_is_not_chosen_is_not_written(tmp_path):
    config = load_config(write(tmp_path, ""), environ={})

    assert config.relations == {}
    assert not any(key.startswith("cross") for key in settings_of(config)["DBROUTE"])


def test_a_variable_chooses_too(tmp_path):
    config = load_config(write(tmp_path, ""), environ={"DBROUTE_ROUTING__CROSS_DATABASE_LOOKUPS": "split"})

    assert config.relations == {"cross_database_lookups": "split"}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("cross_database_relations", "follow, refuse, off"),
        ("cross_database_lookups", "refuse, split"),
        ("cross_database_constraints", "skip, require"),
    ],
)
def test_another_word_is_refused(tmp_path, key, expected):
    with pytest.raises(ConfigError) as error:
        load_config(write(tmp_path, f"  {key}: maybe\n"), environ={})

    problem = f"routing.{key}: expected one of {expected}, got 'maybe'; write one of them"
    assert str(error.value) == f"config.yaml:6:{len(key) + 5}  {problem}"


def test_an_alias_named_like_an_option_is_not_taken_for_declared(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "database:\n  url: sqlite:///db.sqlite3\n  url_split: sqlite:///s.sqlite3\n"
        "routing:\n  cross_database_lookups: split\n",
        encoding="utf-8",
    )

    assert list(load_config(tmp_path, environ={}).databases) == ["default", "split_db"]


def test_the_schema_knows_the_options():
    schema = json_schema(declared_schema())

    assert schema["properties"]["routing"]["properties"]["cross_database_lookups"]["anyOf"][0] == {
        "enum": ["refuse", "split"]
    }
