"""
A wrong line anywhere in any example costs its reader one sentence.

Every line of every file of settings_examples is spoilt in every way that comes to mind, one at a time. The answer is a
configuration that may well be meant, or lines of the one documented shape that lead to the spoilt line.
"""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbroute import ConfigError, DjangoConfig
from dbroute.config import load
from dbroute.config.django_defaults import without_settings
from tests.examples import EXAMPLES

FILES = sorted(EXAMPLES.glob("*/config*.yaml"))

# file:line:column  path: problem; remedy
SHAPE = re.compile(r"(?P<file>[\w.]+):(?P<line>\d+)(:\d+)?  (?P<path>[\w.\[\]*]+: )?[^;]+; \S.*")

VALUES = {
    "gone": "",
    "list": "[a, b]",
    "mapping": "{a: b}",
    "number": "123",
    "negative": "-5",
    "truth": "true",
    "word": "soon",
    "empty text": "''",
    "null": "null",
    "another scheme": "mongo://h/x",
    "unknown alias of YAML": "*nowhere",
    "anchor": "&a",
    "tag": "!x y",
    "missing variable": "${NOWHERE}",
    "open reference": "${DB_USER",
    "reserved letter": "@x",
    "NUL": '"a\\0b"',
    "leading zero": "0777",
    "long text": "x" * 300,
}
# A text of these may be anything, and a number is a text as well.
TEXTS = {"user", "password", "host", "name", "connect_timeout", "options", "SECRET_KEY"}
TEXT_VALUES = {"number", "negative", "word", "another scheme", "long text", "empty text", "null", "gone", "anchor"}
# Whoever leaves these out wants their default.
OPTIONAL = {"null", "gone", "anchor", "empty text"}
MAY_BE = {
    ("conn_max_age", "number"),
    ("conn_health_checks", "truth"),
    ("DEBUG", "truth"),
    ("apps", "list"),
    ("ALLOWED_HOSTS", "list"),
    ("port", "number"),
    *((key, what) for key in ("port", "ALLOWED_HOSTS", "conn_max_age") for what in ("null", "gone", "anchor")),
    ("port", "empty text"),
    ("SECRET_KEY", "NUL"),
    # Options are the driver's to know.
    *((key, what) for key in ("connect_timeout", "options") for what in (*VALUES.keys() - {
        "unknown alias of YAML", "tag", "missing variable", "open reference", "reserved letter", "leading zero"
    },)),
}  # fmt: skip


def spoilt(line: str) -> Iterator[tuple[str, str | None]]:
    """Yield the ways to spoil a line, each with what stands there instead; ``None`` for no line at all."""
    found = re.fullmatch(r"(\s*)([\w*]+):(?: ([^#]*[^#\s]))?( *#.*)?", line)
    if found is None:
        return
    indent, key, value, _ = found.groups()
    yield "line deleted", None
    yield "line twice", f"{line}\n{line}"
    yield "key misspelt", line.replace(f"{key}:", f"{key[:-2]}{key[-1]}x{key[-2]}:", 1)
    yield "no colon", line.replace(":", " ", 1)
    yield "indented by a tab", f"\t{line}"
    yield "indented one more", f" {line}"
    yield "indented three more", f"   {line}"
    yield "an item of a list", f"{indent}- {line.strip()}"
    if indent:
        yield "indented one less", line[1:]
    if value is None:
        yield "value where keys follow", f"{indent}{key}: soon"
        return
    yield "no space", f"{indent}{key}:{value}"
    yield "open quote", f'{indent}{key}: "{value}'
    yield "open bracket", f"{indent}{key}: [{value}"
    for name, text in VALUES.items():
        yield name, f"{indent}{key}: {text}".rstrip()


def may_be_meant(how: str, line: str, file: Path) -> bool:
    """Tell whether a spoilt line may be what somebody wants, so that no program can call it a fault."""
    key, value = (part.strip() for part in line.split(" #")[0].split(":", 1))
    higher = file.name.count(".") == 2  # what it leaves out, the layer below says
    depth = len(line) - len(line.lstrip())
    if how in VALUES:
        if key == "name":
            return how in TEXT_VALUES - OPTIONAL - {"long text"}
        return (key, how) in MAY_BE or (key in TEXTS and how in TEXT_VALUES)
    if how == "line deleted":
        return higher or key not in {"url", "engine", "name", "default", "database", "databases"} or depth == 0
    if how == "key misspelt":
        # An alias, a rule, an option: its reader cannot know better, unless something else names it.
        return depth == 2 or key in {"connect_timeout", "options"}
    if how.startswith(("indented one", "indented three")):
        return not value or line.startswith("  ")  # the only key of its mapping, or all of the file
    return how == "no space" and key in TEXTS


def declared(project: Path) -> DjangoConfig | None:
    """Return the class that a project's configuration lies above, if it has one."""
    path = project / "config.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location(f"{project.name}_config", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: DjangoConfig = module.MyConfig()
    return found


def variables(project: Path) -> dict[str, str]:
    """Return a value for every variable that the project's files and class refer to."""
    texts = [path.read_text(encoding="utf-8") for path in (*project.glob("config*.yaml"), *project.glob("config.py"))]
    return dict.fromkeys(re.findall(r"\$\{(\w+)", "".join(texts)), "value") | {
        "DB_PORT": "5432",
        "DB_SSLMODE": "require",
    }


@pytest.mark.filterwarnings("ignore::dbroute.ConfigWarning")
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_wrong_line_costs_one_sentence(file: Path, tmp_path: Path) -> None:
    for other in file.parent.glob("config*.yaml"):
        (tmp_path / other.name).write_bytes(other.read_bytes())
    base, environment = declared(file.parent), file.name.split(".")[1] if file.name.count(".") == 2 else "test"
    lines = file.read_text(encoding="utf-8").splitlines()
    environ = variables(file.parent)
    complaints: list[str] = []

    for number, line in enumerate(lines, 1):
        for how, new in spoilt(line):
            text = "\n".join([*lines[: number - 1], *([] if new is None else [new]), *lines[number:]])
            (tmp_path / file.name).write_text(f"{text}\n", encoding="utf-8")
            try:
                load(tmp_path, env=environment, environ=environ, declared=base, settings=without_settings())
            except ConfigError as error:
                fault = complaint(str(error), file.name, number, how)
            else:
                fault = "" if may_be_meant(how, line, file) else "is accepted"
            if fault:
                complaints.append(f"{number}: {how}: {line.strip()!r} {fault}")

    assert complaints == []


def complaint(message: str, name: str, number: int, how: str) -> str:
    """Return what is wrong with an answer to a spoilt line; empty where nothing is."""
    rows = [SHAPE.fullmatch(row) for row in message.splitlines()]
    if None in rows:
        return f"is told in another shape:\n{message}"
    # Where a line is gone, or a name that others use, it is the others that are wrong.
    if how in {"line deleted", "key misspelt"}:
        return "" if len(rows) <= 3 else f"costs {len(rows)} sentences:\n{message}"
    if len(rows) > 1:
        return f"costs {len(rows)} sentences:\n{message}"
    (row,) = rows
    assert row is not None
    near = {number, number + 1} if how == "line twice" else {number}
    told = {int(line) for line in re.findall(r"\bline (\d+)", message)} | {int(row["line"])}
    return "" if row["file"] == name and near & told else f"is told elsewhere:\n{message}"


# Lines of .env


ENV = """\
# what config.yaml refers to
DB_HOST=db.example.com
export DB_PASSWORD='pass word'
DBROUTE_DATABASES__DEFAULT__CONN_MAX_AGE=10m
DJANGO_DEBUG=false
DATABASE_URL_BLOG=sqlite:///blog.sqlite3
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("DB_HOST=", "DB_HSOT=", "config.yaml:3:11  databases.default.host: variable DB_HOST is not set; "
         "did you mean 'DB_HSOT'? Otherwise set DB_HOST, or write ${DB_HOST:-default}"),
        ("DB_HOST=", "DB_HOST ", "config.yaml:3:11  databases.default.host: variable DB_HOST is not set; "
         "set DB_HOST, or write ${DB_HOST:-default}\n"
         ".env:2  is not NAME=value; write one variable a line"),
        ("DB_HOST=db.example.com", "DB_HOST=db.example.com\nDB_HOST=other",
         ".env:3  DB_HOST is there twice, first in line 2; keep one of the two"),
        ("word'", "word", ".env:3  is not NAME=value; write one variable a line\n"
         "config.yaml:3:47  databases.default.password: variable DB_PASSWORD is not set; "
         "set DB_PASSWORD, or write ${DB_PASSWORD:-default}"),
        ("CONN_MAX_AGE", "CONN_MAX_AEG", ".env:4  unknown part 'CONN_MAX_AEG'; "
         "did you mean 'DBROUTE_DATABASES__DEFAULT__CONN_MAX_AGE'?"),
        ("=10m", "=soon", ".env:4  databases.default.conn_max_age: expected a whole number of seconds, a duration such "
         "as 10m, or null, got 'soon'; write 600 or 10m"),
        ("=false", "=fasle", ".env:5  django.DEBUG: expected true or false, got 'fasle'; write true or false"),
        ("sqlite:///", "sqlit:///", ".env:6  database.url_blog: unknown scheme 'sqlit'; did you mean 'sqlite'?"),
        ("_BLOG=", "_BLOG_FILE=", ".env:6  names a file that cannot be read: no such file or directory; "
         "check the file and its permissions"),
    ],
)  # fmt: skip
def test_a_wrong_line_of_dotenv_costs_one_sentence(old: str, new: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "databases:\n  default: {engine: postgresql, name: main,\n    host: '${DB_HOST}', user: main, "
        "password: '${DB_PASSWORD}'}\nrouting: {blog: blog_db}\n"
    )
    (tmp_path / ".env").write_text(ENV.replace(old, new))

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={}, settings=without_settings())

    assert sorted(str(caught.value).splitlines()) == sorted(message.splitlines())


def test_a_line_of_dotenv_that_is_there_twice_with_one_value_is_fine(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("database: {url: 'sqlite:///${NAME}.sqlite3'}\n")
    (tmp_path / ".env").write_text("NAME=a\nNAME=a\n")

    assert load(tmp_path, environ={}).databases["default"].name
