"""The merge, against one of ten lines that says what it is to do; Dynaconf's own words mean nothing in it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbroute.config.layers import merge
from dbroute.config.nodes import Source, node_of, plain
from tests.projects import project


def reference(lower: Any, upper: Any) -> Any:
    """Merge mappings key by key, upper above lower; anything else replaces."""
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    merged = dict(lower)
    for key, value in upper.items():
        merged[key] = reference(lower[key], value) if key in lower else value
    return merged


def merged(*layers: dict[Any, Any]) -> Any:
    """Return what our merge makes of the layers."""
    return plain(merge([node_of(layer, Source(str(number))) for number, layer in enumerate(layers)]))  # type: ignore[misc]


def ordered(value: Any) -> Any:
    """Return a value in a form that compares the order of keys, and types, as well."""
    if isinstance(value, dict):
        return [(key, type(key), ordered(item)) for key, item in value.items()]
    return [ordered(item) for item in value] if isinstance(value, list) else (type(value), value)


WORDS = ["dynaconf_merge", "dynaconf_include", "dynaconf_merge_unique", "Blog", "blog", "BLOG", "a b", "a_b", "a__b"]
WORDS += ["a.b", "", "k0", "k1", "DBROUTE", "default", "_", "@merge", "a___0"]
VALUES = [
    None,
    True,
    1,
    1.5,
    "",
    "x",
    "@int 3",
    "@none",
    "@merge a=1",
    "@jinja {{ this }}",
    "@del",
    "@reset []",
    "@format {env}",
]
KEYS = st.one_of(st.sampled_from(WORDS), st.text(max_size=3), st.integers(0, 3), st.none())
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        st.sampled_from(VALUES),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)),
        max_leaves=12,
    ),
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(layers=st.lists(TREES, min_size=1, max_size=5))
def test_merge_is_the_reference_merge(layers: list[dict[Any, Any]]) -> None:
    expected = layers[0]
    for layer in layers[1:]:
        expected = reference(expected, layer)

    found = merged(*layers)

    assert ordered(found) == ordered(expected)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (({"Blog": 1}, {"blog": 2}), {"Blog": 1, "blog": 2}),
        (({"a b": 1}, {"a_b": 2}), {"a b": 1, "a_b": 2}),
        (({"a": [1]}, {"a": [2]}), {"a": [2]}),
        (({"a": [1]}, {"a": []}), {"a": []}),
        (({"a": {"b": 1}}, {"a": {}}), {"a": {"b": 1}}),
        (({"a": {"b": 1}}, {"a": None}), {"a": None}),
        (({"a": None}, {"a": {"b": 1}}), {"a": {"b": 1}}),
        (({"a": 1}, {"a": {"dynaconf_merge": True}}), {"a": {"dynaconf_merge": True}}),
        (({"a": {"x": 1}}, {"a": {"dynaconf_merge": False}}), {"a": {"x": 1, "dynaconf_merge": False}}),
        (({"a": "x"}, {"a": "@del"}), {"a": "@del"}),
        (({"z": 1, "a": 2}, {"m": 3, "a": 4}), {"z": 1, "a": 4, "m": 3}),
        (({True: "x"}, {1: "y"}, {True: "z"}), {True: "z"}),
        (({"a": {1: {"x": 1}}}, {"a": {True: {"y": 2}}}, {"b": {1.0: 3}}), {"a": {1: {"x": 1, "y": 2}}, "b": {1.0: 3}}),
        (({},), {}),
    ],
)
def test_merge(layers: tuple[dict[str, object], ...], expected: dict[str, object]) -> None:
    assert ordered(merged(*layers)) == ordered(expected)


def test_merge_leaves_the_layers_alone() -> None:
    low, high = ({"a": {"b": [1], "c": {"d": 1}}}, {"a": {"c": {"e": 2}}})
    nodes = [node_of(low, Source("low")), node_of(high, Source("high"))]

    merge(nodes)  # type: ignore[arg-type]

    assert [plain(node) for node in nodes] == [low, high]


def test_leaves_keep_their_sources() -> None:
    layers = [node_of({"a": {"x": 1, "y": 1}}, Source("low")), node_of({"a": {"y": 2}}, Source("high"))]

    found = merge(layers)  # type: ignore[arg-type]

    assert [(str(node.source), node.value) for node in found.branch("a").nodes.values()] == [("low", 1), ("high", 2)]  # type: ignore[union-attr]


PROGRAM = """
import os, sys, warnings
warnings.simplefilter("error")
before = dict(os.environ)
from dbroute import load_config
config = load_config()
print({alias: database.name for alias, database in config.databases.items()}, dict(config.django))
print(dict(os.environ) == before, "dynaconf" in sys.modules)
"""
HOSTILE = {
    "PROJECT_ROOT": "/tmp",
    "DYNACONF_DBROUTE": '{"k0": 1}',
    "DYNACONF_DATABASES": "@jinja {{ x }}",
    "MERGE_ENABLED_FOR_DYNACONF": "false",
    "DYNABOXIFY_FOR_DYNACONF": "true",
    "NESTED_SEPARATOR_FOR_DYNACONF": "BR",
    "INDEX_SEPARATOR_FOR_DYNACONF": "k",
    "SETTINGS_FILE_FOR_DYNACONF": '["evil.py"]',
    "PRELOAD_FOR_DYNACONF": '["evil.py"]',
    "INCLUDES_FOR_DYNACONF": '["evil.py"]',
    "YAML_LOADER_FOR_DYNACONF": "unsafe_load",
    "ENVVAR_PREFIX_FOR_DYNACONF": "false",
    "LOAD_DOTENV_FOR_DYNACONF": "true",
    "AUTO_CAST_FOR_DYNACONF": "true",
    "ROOT_PATH_FOR_DYNACONF": "/tmp",
}


@pytest.mark.process
@pytest.mark.parametrize("variables", [HOSTILE, {}], ids=["hostile", "clean"])
def test_hostile_variables_and_files_change_nothing(variables: dict[str, str], tmp_path: Path) -> None:
    evil = "raise SystemExit('evil')\n"
    files = {
        "config.yaml": "databases: {default: {engine: postgresql, name: '@none'}}\ndjango: {A: {x: '@int 3', y: 1}}\n",
        "config.local.yaml": "databases: {DEFAULT: {engine: postgresql, name: '123456'}}\n"
        "django: {A: {z: '@format {env}'}, a: [1]}\n".replace(", a: [1]", ", B: [1]"),
        ".env": "LEAK=1\n",
        "evil.py": evil,
        "dynaconf_hooks.py": evil,
        "settings.toml": "x = 1\n",
    }
    here = project(tmp_path / "here", files=files)

    done = here.python(PROGRAM, env=variables, setup=False)

    assert (done.stdout, done.stderr) == (
        "{'default': '@none', 'DEFAULT': '123456'} "
        "{'A': {'x': '@int 3', 'y': 1, 'z': '@format {env}'}, 'B': [1]}\n"
        "True True\n",
        "",
    )
