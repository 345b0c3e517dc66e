"""The five layers, and every spelling of a database in each of them."""

from pathlib import Path

import pytest

from dbroute import DatabaseConfig, DjangoConfig
from dbroute.config import Config, load
from tests.config.loading import view, write

# Layers from the lowest to the highest; the number in a database's name says which one it came from.
LAYERS = ("settings", "class", "config.yaml", "config.prod.yaml", "config.local.yaml", ".env", "process")

SPELLINGS = {
    "URL": "databases: {{default: 'postgresql://u{n}:p{n}@h{n}:543{n}/n{n}'}}",
    "mapping with a URL": "databases: {{default: {{url: 'postgresql://u{n}:p{n}@h{n}:543{n}/n{n}'}}}}",
    "short form": "database: {{url: 'postgresql://u{n}:p{n}@h{n}:543{n}/n{n}'}}",
    "parts": "databases: {{default: {{engine: postgresql, name: n{n}, user: u{n}, password: p{n}, host: h{n}, "
    "port: 543{n}}}}}",
    "capitals": "databases: {{default: {{ENGINE: postgresql, NAME: n{n}, USER: u{n}, PASSWORD: p{n}, HOST: h{n}, "
    "PORT: 543{n}}}}}",
}
IN_ENV = {
    "DATABASE_URL": "DATABASE_URL=postgresql://u{n}:p{n}@h{n}:543{n}/n{n}",
    "DBROUTE_DATABASES__DEFAULT": "DBROUTE_DATABASES__DEFAULT=postgresql://u{n}:p{n}@h{n}:543{n}/n{n}",
    "DBROUTE_DATABASES__DEFAULT__URL": "DBROUTE_DATABASES__DEFAULT__URL=postgresql://u{n}:p{n}@h{n}:543{n}/n{n}",
    "DBROUTE_DATABASE__URL": "DBROUTE_DATABASE__URL=postgresql://u{n}:p{n}@h{n}:543{n}/n{n}",
    "parts": "\n".join(
        f"DBROUTE_DATABASES__DEFAULT__{part.upper()}={value}"
        for part, value in {
            "engine": "postgresql",
            "name": "n{n}",
            "user": "u{n}",
            "password": "p{n}",
            "host": "h{n}",
            "port": "543{n}",
        }.items()
    ),
    "JSON": 'DBROUTE_DATABASES__DEFAULT={{"url": "postgresql://u{n}:p{n}@h{n}:543{n}/n{n}"}}',
}


def spellings(layer: str) -> list[str]:
    if layer == "settings":
        return ["capitals"]
    return [*SPELLINGS] if layer not in (".env", "process") else [*IN_ENV]


def layered(folder: Path, layers: dict[str, str]) -> Config:
    """Load a configuration whose layers have the default database in these spellings."""
    environ = {"DJANGO_ENV": "prod"}
    settings, declared = view(), None
    write(folder, {"config.yaml": "routing: {}", "config.prod.yaml": "routing: {}"})
    for layer, spelling in layers.items():
        n = LAYERS.index(layer)
        if layer == "settings":
            parts = {"NAME": f"n{n}", "USER": f"u{n}", "PASSWORD": f"p{n}", "HOST": f"h{n}", "PORT": f"543{n}"}
            settings = view(DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **parts}})
        elif layer == "class":
            declared = declaration(n, spelling)
        elif layer in (".env", "process"):
            text = IN_ENV[spelling].format(n=n)
            if layer == ".env":
                write(folder, {".env": text})
            else:
                environ |= dict(line.split("=", 1) for line in text.splitlines())
        else:
            write(folder, {layer: SPELLINGS[spelling].format(n=n)})
    return load(folder, environ=environ, declared=declared, settings=settings)


def declaration(n: int, spelling: str) -> DjangoConfig:
    url = f"postgresql://u{n}:p{n}@h{n}:543{n}/n{n}"
    parts = {"name": f"n{n}", "user": f"u{n}", "password": f"p{n}", "host": f"h{n}", "port": f"543{n}"}

    class Declared(DjangoConfig):
        databases = {
            "default": {
                "URL": url,
                "mapping with a URL": {"url": url},
                "short form": DatabaseConfig(url=url),
                "parts": DatabaseConfig(engine="postgresql", **parts),
                "capitals": {"ENGINE": "postgresql", **{key.upper(): value for key, value in parts.items()}},
            }[spelling]
        }

    return Declared()


def parts_of(config: Config) -> tuple[object, ...]:
    database = config.databases["default"]
    password = database.password.reveal() if hasattr(database.password, "reveal") else database.password
    return database.name, database.user, password, database.host, database.port


PAIRS = [
    (low, low_spelling, high, high_spelling)
    for number, low in enumerate(LAYERS)
    for high in LAYERS[number + 1 :]
    for low_spelling in spellings(low)
    for high_spelling in spellings(high)
]


@pytest.mark.parametrize(("low", "low_spelling", "high", "high_spelling"), PAIRS)
def test_higher_layer_wins_whatever_the_spellings(
    low: str, low_spelling: str, high: str, high_spelling: str, tmp_path: Path
) -> None:
    config = layered(tmp_path, {low: low_spelling, high: high_spelling})

    n = LAYERS.index(high)
    assert parts_of(config) == (f"n{n}", f"u{n}", f"p{n}", f"h{n}", int(f"543{n}"))


URL = "postgresql://u:p@h:5432/n?connect_timeout=10"


@pytest.mark.parametrize("spelling", ["database: {url: '%s'}", "databases: {default: '%s'}"])
def test_url_replaces_every_part_of_the_layers_below_even_those_it_does_not_have(tmp_path: Path, spelling: str) -> None:
    write(tmp_path, {"config.yaml": spelling % URL, "config.local.yaml": spelling % "postgresql:///other"})

    config = load(tmp_path, environ={})

    assert parts_of(config) == ("other", None, None, None, None)


def test_url_keeps_the_options_of_the_layers_below_while_the_engine_stays(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": f"database: {{url: '{URL}'}}", "config.local.yaml": "database: {url: pgsql://h/n}"})

    config = load(tmp_path, environ={})

    assert config.databases["default"].options == {"connect_timeout": 10}


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("postgresql://h/n?sslmode=verify-full", "cockroachdb://a@b/c"),
        ("postgresql://h/n?sslmode=verify-full", "postgis://a@b/c"),
        ("timescale://h/n?sslmode=verify-full", "redshift://a@b/c"),
        ("postgresql://h/n?sslmode=verify-full", "psqlextra.backend://a@b/c"),
        ("mysql://h/n?ssl_mode=VERIFY_IDENTITY", "mysqlgis://a@b/c"),
        ("sqlite:///n?sslmode=verify-full", "spatialite:///c"),
    ],
)
def test_url_of_another_engine_with_the_same_driver_keeps_tls(lower: str, higher: str, tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": f"database: {{url: '{lower}'}}"})

    config = load(tmp_path, environ={"DATABASE_URL": higher})

    key, _, value = lower.partition("?")[2].partition("=")
    assert config.databases["default"].options == {key: value}


def test_url_of_another_engine_drops_the_options_of_the_layers_below(tmp_path: Path) -> None:
    files = {
        "config.yaml": "databases: {default: {url: 'postgresql://h/n', options: {sslmode: require}}}",
        "config.local.yaml": "database: {url: 'mysql://h/n?charset=utf8mb4'}",
    }

    config = load(write(tmp_path, files), environ={})

    assert config.databases["default"].options == {"charset": "utf8mb4"}


def test_options_above_a_url_of_another_engine_stay(tmp_path: Path) -> None:
    files = {
        "config.yaml": "databases: {default: {url: 'postgresql://h/n', options: {sslmode: require}}}",
        "config.local.yaml": "database: {url: 'mysql://h/n'}",
        ".env": "DBROUTE_DATABASES__DEFAULT__OPTIONS__CHARSET=utf8mb4",
    }

    config = load(write(tmp_path, files), environ={})

    assert config.databases["default"].options == {"charset": "utf8mb4"}


@pytest.mark.parametrize(
    ("part", "value", "expected"),
    [
        ("name", "x", ("x", "u", "p", "h", 5432)),
        ("user", "x", ("n", "x", "p", "h", 5432)),
        ("password", "x", ("n", "u", "x", "h", 5432)),
        ("host", "x", ("n", "u", "p", "x", 5432)),
        ("port", "1", ("n", "u", "p", "h", 1)),
    ],
)
@pytest.mark.parametrize("layer", ["config.local.yaml", ".env", "process"])
def test_single_part_in_a_higher_layer_overrides_that_part_of_a_lower_url(
    part: str, value: str, expected: tuple[object, ...], layer: str, tmp_path: Path
) -> None:
    write(tmp_path, {"config.yaml": f"database: {{url: '{URL}'}}"})
    variable = {f"DBROUTE_DATABASES__DEFAULT__{part.upper()}": value}
    if layer == "config.local.yaml":
        write(tmp_path, {layer: f"databases: {{default: {{{part}: '{value}'}}}}"})
    elif layer == ".env":
        write(tmp_path, {layer: "".join(f"{name}={text}" for name, text in variable.items())})

    config = load(tmp_path, environ=variable if layer == "process" else {})

    assert parts_of(config) == expected


def test_part_beside_a_url_in_one_layer_overrides_that_part_of_it(tmp_path: Path) -> None:
    text = "databases: {default: {url: 'postgresql://u:p@h:5432/n', host: other, options: {sslmode: require}}}"

    config = load(write(tmp_path, {"config.yaml": text}), environ={})

    assert parts_of(config) == ("n", "u", "p", "other", 5432)


def test_url_in_the_process_replaces_a_part_in_dotenv(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "routing: {}", ".env": "DBROUTE_DATABASES__DEFAULT__HOST=from-dotenv"})

    config = load(tmp_path, environ={"DATABASE_URL": "postgresql://from-process/n"})

    assert parts_of(config) == ("n", None, None, "from-process", None)


def test_url_in_the_process_replaces_one_in_dotenv_in_another_spelling(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": "routing: {}", ".env": "DBROUTE_DATABASES__DEFAULT__URL=postgresql://dotenv/n"})

    config = load(tmp_path, environ={"DATABASE_URL": "postgresql://process/n"})

    assert parts_of(config) == ("n", None, None, "process", None)


def test_url_in_the_environment_replaces_parts_in_config_local(tmp_path: Path) -> None:
    files = {
        "config.yaml": f"database: {{url: '{URL}'}}",
        "config.local.yaml": "databases: {default: {host: localhost, user: me, conn_max_age: 60}}",
    }

    config = load(write(tmp_path, files), environ={"DATABASE_URL": "postgresql://process/n"})

    assert parts_of(config) == ("n", None, None, "process", None)
    assert config.databases["default"].conn_max_age == 60


def test_lists_replace_and_mappings_merge_key_by_key(tmp_path: Path) -> None:
    files = {
        "config.yaml": "database: {url: 'postgresql://h/n'}\ndjango: {HOSTS: [a, b], CACHE: {one: 1, two: {x: 1}}}",
        "config.local.yaml": "django: {HOSTS: [c], CACHE: {two: {y: 2}, three: 3}}",
    }

    config = load(write(tmp_path, files), environ={})

    assert dict(config.django) == {"HOSTS": ["c"], "CACHE": {"one": 1, "two": {"x": 1, "y": 2}, "three": 3}}


def test_null_in_a_higher_layer_replaces_the_value(tmp_path: Path) -> None:
    files = {
        "config.yaml": "databases: {default: {url: 'postgresql://h/n', conn_max_age: 60}}",
        "config.local.yaml": "databases: {default: {conn_max_age: null}}",
    }

    config = load(write(tmp_path, files), environ={})

    assert config.databases["default"].conn_max_age is None


def test_replicas_of_a_higher_layer_replace_those_below(tmp_path: Path) -> None:
    files = {
        "config.yaml": "databases: {default: {url: 'postgresql://h/n', replicas: ['postgresql://a/n', 'pgsql://b/n']}}",
        "config.local.yaml": "databases: {default: {replicas: []}}",
    }

    config = load(write(tmp_path, files), environ={})

    assert dict(config.replicas) == {}


def test_rule_of_a_higher_layer_replaces_the_one_below(tmp_path: Path) -> None:
    files = {
        "config.yaml": "databases: {default: 'sqlite:///a', blog_db: 'sqlite:///b'}\nrouting: {blog: blog_db}",
        "config.local.yaml": "routing: {blog: default}",
    }

    config = load(write(tmp_path, files), environ={})

    assert dict(config.routing) == {"blog": "default"}


def test_databases_keep_the_order_of_the_configuration(tmp_path: Path) -> None:
    files = {
        "config.yaml": "databases: {zoo: 'sqlite:///z', default: 'sqlite:///d', blog: 'sqlite:///b'}",
        "config.local.yaml": "databases: {blog: 'sqlite:///x', new: 'sqlite:///n', zoo: 'sqlite:///y'}",
    }

    config = load(write(tmp_path, files), environ={})

    assert list(config.databases) == ["zoo", "default", "blog", "new"]
