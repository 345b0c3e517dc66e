"""Nothing that is secret is ever printed: not by messages, not by reprs, not by tracebacks."""

import copy
import pickle
import string
import traceback
from pathlib import Path

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbroute import ConfigError, DjangoConfig, Secret
from dbroute.config import load
from dbroute.config.nodes import Leaf, Source, shown
from dbroute.models import reveal
from tests.config.loading import view, write

SECRET = "hunter2"


def refuse(instance: object, attribute: object, value: str) -> None:
    if value:
        raise ValueError(f"{value} is refused")


@attrs.frozen
class Payment:
    token: str = ""
    tokens: dict[str, int] = attrs.field(factory=dict)
    port: int = 5
    small: str = attrs.field(default="", validator=refuse)


class Declared(DjangoConfig):
    databases = {"default": "sqlite:///x"}
    payment: Payment


# Each holds the secret (``%s``) and something wrong; the variables, and the file named ``secret``, hold it too.
BROKEN = [
    "database: {url: 'postgresql://u:%s@h:x/n'}",
    "database: {url: 'postgresql://u:%s/@h/n'}",
    "database: {url: 'postgresql://u:%s#@h/n'}",
    "database: {url: 'postgresql://u:%s@h/'}",
    "database: {url: 'postgres//u:%s@h/n'}",
    "database: {url: 'postgresqll://u:%s@h/n'}",
    "database: {url: 'sqlite://%s'}",
    "database: {url: ['%s']}",
    "database: {url: {x: '%s'}}",
    "database: {url: '%s'}",
    "database: {url: 'postgresql://u:%s@h/n?pool=maybe'}",
    "database: {url: 'postgresql://u:p@h/n?conn_max_age=${PW}'}",
    "database: {url: 'postgresql://u:${PW}@h:x/n'}",
    "database: {url: 'postgresql://u:x@${PW}:y/n'}",
    "database: {url: 'postgresql://u:x@h:${PW}/n'}",
    "database: {url: '${PW}://h/n'}",
    "database: {url: '${PW}'}",
    "database: {url: '${URL}', urll: x}",
    "databases: {x: '%s'}",
    "databases: {x: {engine: '${PW}', name: n}}",
    "databases: {x: {engine: postgresql, name: n, password: ['%s']}}",
    "databases: {x: {engine: postgresql, name: n, password: {x: '%s'}}}",
    "databases: {x: {engine: postgresql, password: '%s'}}",
    "databases: {x: {engine: postgresql, name: n, passwordd: '%s'}}",
    "databases: {x: {engine: postgresql, name: n, port: '${PW}'}}",
    "databases: {x: {engine: postgresql, name: n, host: '${PW}:1'}}",
    "databases: {x: {engine: postgresql, name: n, conn_max_age: '${PW}'}}",
    "databases: {x: {engine: postgresql, name: n, options: '${PW}'}}",
    "databases: {x: {engine: postgresql, name: n, migrates_like: '${PW}'}}",
    "databases: {x: {engine: postgresql, name: n, migrate_url: 'x://%s'}}",
    "databases: {x: {engine: postgresql, name: n, replicas: ['postgresql://u:%s@h:x/n']}}",
    "databases: {x: {engine: postgresql, name: n, replicas: '%s@'}}",
    "{databases: {x: {url: 'sqlite:///x', migrates_like: '${PW}'}}, routing: {blog: x}}",
    "routing: {blog: '${PW}'}",
    "django: {SECRET_KEY: ['%s']}",
    "django: {SECRET_KEY: {x: '%s'}}",
    "django: {EMAIL_PORT: '${PW}'}",
    "django: {API_TOKENS: {stripe: 5}, API_PORT: x, DEBUG: '${PW}'}",
    "django: {debug: '%s'}",
    "payment: {token: ['%s']}",
    "payment: {tokens: {stripe: '%s'}}",
    "payment: {port: '${PW}'}",
    "payment: {small: '${PW}'}",
    "x: '%s'",
    "a: '%s",
    "a: [%s",
    "a: %s: b: c",
    "a: {b: '%s', b: '%s'}",
    "django: {A_PASSWORD: 0123%s, B: [",
    "'%s",
]


@pytest.mark.parametrize("text", BROKEN)
def test_no_fault_shows_a_secret(text: str, tmp_path: Path) -> None:
    check(text.replace("%s", SECRET), SECRET, tmp_path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.sampled_from([text for text in BROKEN if "%s" in text or "${PW}" in text]),
    # The end makes it nothing that a message may hold of itself, such as the name of a scheme.
    secret=st.text(string.ascii_letters + string.digits + "@/:?#%&=+$!.-", min_size=8, max_size=26).map(
        "{}zQ7x".format
    ),
)
def test_no_fault_shows_any_secret(text: str, secret: str, tmp_path: Path) -> None:
    check(text.replace("%s", secret), secret, tmp_path)


def check(text: str, secret: str, folder: Path) -> None:
    """Load a broken configuration and look for the secret in everything that could be printed of its error."""
    write(folder, {"config.yaml": text, "secret": secret})
    environ = {
        "PW": secret,
        "URL": f"postgresql://u:{secret}@h/n",
        "DBROUTE_DATABASES__X__PASSWORD_FILE": "secret",
        "DBROUTE_DATABASES__Y": f"postgresql://u:{secret}@h:x/n",
        "DBROUTE_DATABASES__Z__REPLICAS": f'["postgresql://u:{secret}@h/n"',
        "DJANGO_DEBUG_FILE": "secret",
    }
    with pytest.raises(ConfigError) as caught:
        load(folder, environ=environ, declared=Declared(), settings=view())

    error = caught.value
    printed = "".join([
        str(error),
        repr(error),
        repr(error.problems),
        repr(error.args),
        "".join(traceback.format_exception(error)),
    ])  # fmt: skip
    assert secret not in printed
    assert error.__cause__ is None
    assert error.__context__ is None


def test_traceback_leads_to_no_frame_that_holds_what_was_read(tmp_path: Path) -> None:
    write(tmp_path, {"config.yaml": f"database: {{url: 'postgresql://u:{SECRET}@h:x/n'}}"})

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={})

    frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert frames == ["test_traceback_leads_to_no_frame_that_holds_what_was_read", "load"]


def test_tree_shows_no_secret(tmp_path: Path) -> None:
    text = f"""\
    database: {{url: 'postgresql://u:{SECRET}@h/n?sslpassword={SECRET}', url_blog: 'postgresql://${{PW}}:x@h/n'}}
    databases:
      x: {{engine: postgresql, name: n, password: {SECRET}, options: {{passwd: {SECRET}, x: '${{PW}}'}},
          migrate_url: 'postgresql://o:{SECRET}@h/n', replicas: ['postgresql://u:{SECRET}@h/n']}}
    django: {{SECRET_KEY: {SECRET}, SECRET_KEY_FALLBACKS: [{SECRET}], X: '${{PW}}', CACHES: {{a: {{TOKEN: {SECRET}}}}},
      BROKER: 'redis://:{SECRET}@h', BROKERS: ['redis://:{SECRET}@h'], URLS: {{x: 'redis://u:{SECRET}@h'}},
      LANGUAGE_CODE: 'x://:{SECRET}@h', ALLOWED_HOSTS: ['x://:{SECRET}@h']}}
    """
    write(tmp_path, {"config.yaml": text, "secret": SECRET})

    loaded = load(tmp_path, environ={"PW": SECRET, "DJANGO_EMAIL_HOST_PASSWORD_FILE": "secret"}, settings=view())

    parts = [loaded, loaded.databases, loaded.replicas, loaded.migrate_connections, loaded.database, loaded.django]
    assert SECRET not in "".join(f"{part!r}{part}" for part in parts)
    assert reveal(dict(loaded.django))["SECRET_KEY_FALLBACKS"] == [SECRET]
    assert loaded.django["BROKER"] == f"redis://:{SECRET}@h"


@pytest.mark.parametrize(
    "value",
    [
        f"postgresql://u:{SECRET}@h/n",
        f"u:{SECRET}@h/n",
        f"x://{SECRET}",
        [f"postgresql://u:{SECRET}@h/n"],
        {"url": f"postgresql://u:{SECRET}@h/n"},
        "x" * 100 + f"postgresql://{SECRET}",
    ],
)
def test_shown_prints_no_part_of_a_url(value: object) -> None:
    assert shown(Leaf(value, Source("x"))) == "***"


@pytest.mark.parametrize("path", [("django", "SECRET_KEY"), ("django", "API_KEYS", "stripe"), ("a", "passwords", 0)])
def test_shown_prints_nothing_below_a_secret_key(path: tuple[object, ...]) -> None:
    assert shown(Leaf(SECRET, Source("x")), path) == "***"  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [("databases", "key_db", "port"), ("routing", "tokens")])
def test_shown_takes_aliases_and_rules_for_names(path: tuple[str, ...]) -> None:
    assert shown(Leaf("x", Source("x")), path) == "'x'"


def strong(instance: object, attribute: object, value: Secret) -> None:
    if len(value.reveal()) < 20:
        raise ValueError(f"{value.reveal()} is too short")


@attrs.frozen
class Keys:
    stripe: Secret = attrs.field(validator=strong)
    others: tuple[Secret, ...] = attrs.field(
        default=(), validator=lambda self, field, value: [strong(self, field, one) for one in value]
    )


@attrs.frozen
class Shop:
    keys: Keys


class WithKeys(DjangoConfig):
    databases = {"default": "sqlite:///x"}
    shop: Shop


@pytest.mark.parametrize(
    ("text", "environ", "place"),
    [
        ("shop: {keys: {stripe: hunter2}}", {}, "config.yaml:1:23  shop.keys.stripe"),
        (
            "shop: {keys: {stripe: long-enough-for-this-one, others: [hunter2]}}",
            {},
            "config.yaml:1:57  shop.keys.others",
        ),
        ("routing: {}", {"DBROUTE_SHOP__KEYS__STRIPE": SECRET}, "DBROUTE_SHOP__KEYS__STRIPE  shop.keys.stripe"),
        ("routing: {}", {"DBROUTE_SHOP__KEYS": '{"stripe": "hunter2"}'}, "DBROUTE_SHOP__KEYS  shop.keys.stripe"),
    ],
)
def test_a_validator_shows_nothing_of_what_is_annotated_as_secret(
    text: str, environ: dict[str, str], place: str, tmp_path: Path
) -> None:
    write(tmp_path, {"config.yaml": text})

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ=environ, declared=WithKeys())

    assert str(caught.value) == f"{place}: is refused by Keys; correct it"


def test_long_values_are_shortened() -> None:
    assert shown(Leaf("y" * 100, Source("x"))) == "'" + "y" * 36 + "…'"


def test_secret_survives_pickle_and_copy_and_prints_nothing() -> None:
    secret = Secret(SECRET)

    copies = [pickle.loads(pickle.dumps(secret)), copy.deepcopy(secret)]

    assert [item.reveal() for item in copies] == [SECRET, SECRET]
    assert f"{secret}{secret!r}{secret:>10}{[secret]}" == "***" + "***" + "       ***" + "[***]"


def test_the_nodes_behind_the_tree_print_no_value(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "databases: {default: {url: 'postgresql://u:hunter2@h/n', test: {name: '${NAME}'}}}\n"
    )

    config = load(tmp_path, environ={"NAME": "hunter3"})

    assert "hunter" not in repr(config.nodes) + repr(config.layers) + repr(config.databases)


def test_built_in_texts_out_of_references_print_as_stars_in_the_tree(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "databases:\n"
        "  default: sqlite:///a\n"
        "  b: {engine: '${E}', name: n, migrates_like: '${D}', test: {charset: '${C}'}}\n"
        "routing: {x: '${D}', keys: default}\n"
    )

    config = load(tmp_path, environ={"E": "hunter2.backend", "D": "default", "C": "hunter3"})

    assert "hunter" not in repr(config.databases)
    assert repr(dict(config.routing)) == "{'x': ***, 'keys': 'default'}"
    assert config.databases["b"].engine == "hunter2.backend"


def test_short_form_holds_no_plain_url(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("database: {url: 'postgresql://u:hunter2@h/n'}\n")

    config = load(tmp_path, environ={})

    assert "hunter2" not in repr(vars(config.database))
    assert config.database.url == "postgresql://u:hunter2@h/n"
