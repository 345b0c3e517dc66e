"""
Who takes part, and how each fault looks in the files of each.

The projects stand in ``projects/``, each the way its library's own documentation writes such a configuration, with
every check switched on that the library has; a check that its user has to program does not count. A peer that reads
TOML gets TOML, whose parser refuses duplicate keys. Where a library does not check URLs, ``dj_database_url`` does.
"""

from collections.abc import Mapping

import attrs

from .faults import SECRET, Plant

# Each value stands once in a file of the projects, so that it is enough to find a line: 601, 602 and 603 are the
# CONN_MAX_AGE of the three databases in production, 61, 62 and 63 below it.
PRODUCTION, BELOW = 600, 60
HIGH_URLS = {name: f"postgresql://app:{SECRET}@{name}.example.com:5432/{name}" for name in ("main", "shop")}
LOW_URLS = {name: f"postgresql://app@localhost/{name}" for name in ("main", "blog", "shop")}
BAD_URL = HIGH_URLS["main"].replace(":5432", ":54x2")
BAD_SCHEME = HIGH_URLS["shop"].replace("postgresql:", "postgress:")
WRONG_ENVIRONMENT = Plant(key=r"\bDJANGO_ENV\b|\bprodd\b", environ={"DJANGO_ENV": "prodd"})
PASSWORD = "blog-password"  # arrives by a variable


@attrs.frozen
class Syntax:
    """
    How a contestant's files write a value.

    Attributes:
        between: What stands between a key and its value.
        quote: What stands around a text.
        indent: What stands before the keys of a database.
        flat: A database is a part of its keys, which are variables.
    """

    between: str
    quote: str = ""
    indent: str = ""
    flat: bool = False

    def key(self, alias: str, key: str) -> str:
        """Return a key as the file writes it."""
        if not self.flat:
            return key
        prefix = "" if alias == "default" else f"{alias.removesuffix('_db').upper()}_"
        return prefix + {"url": "DATABASE_URL"}.get(key, key.upper())

    def names(self, alias: str, key: str) -> str:
        """Return a pattern of what names the key in an answer: its last two parts, or the variable."""
        return rf"\b{self.key(alias, key)}\b" if self.flat else rf"\b{alias}\.{key}\b"

    def line(self, alias: str, key: str, value: int | str) -> str:
        """Return the line that sets a value, without its indentation."""
        shown = f"{self.quote}{value}{self.quote}" if isinstance(value, str) else str(value)
        return f"{self.key(alias, key)}{self.between}{shown}"


YAML = Syntax(": ", indent="    ")
TOML = Syntax(" = ", quote='"')
VARIABLES = Syntax("=", flat=True)


@attrs.frozen(kw_only=True)
class Contestant:
    """
    A library and its project.

    Attributes:
        name: What the table calls it.
        project: Its folder in ``projects/``.
        packages: Whose versions the table tells.
        syntax: How its files write a value.
        file: The file that holds production.
        low: The file that every environment reads; may be the same.
        local: The file above both, and what it holds where it cannot be parsed.
        section: A pattern of what names the layer of production besides its file.
        password: Names of the password that is missing with its variable.
        reference: The text in ``file`` that refers to the variable; empty where the library reads it by itself.
        low_reference: The same for ``low``, where it has to be planted there.
        environ: The variables that the project needs.
        edits: What is different in ``settings.py``.
    """

    name: str
    project: str
    packages: tuple[str, ...]
    syntax: Syntax
    file: str
    low: str
    local: tuple[str, str]
    section: str = ""
    password: str
    reference: str = ""
    low_reference: str = ""
    environ: Mapping[str, str]
    edits: Mapping[str, str] = attrs.field(factory=dict)

    def alone(self) -> dict[str, Plant]:
        """Return how each fault gets into a project that has no other."""
        age = self.syntax.line("default", "conn_max_age", PRODUCTION + 1)
        broken = age.replace(self.syntax.between, " ")
        plants = {
            **self._in_values(self.file, PRODUCTION, HIGH_URLS, self.reference, self.reference),
            "not parsable": Plant(file=self.file, old=age, new=broken),
            "unknown DJANGO_ENV": WRONG_ENVIRONMENT,
        }
        return {fault: attrs.evolve(plant, layer=self.section) for fault, plant in plants.items()}

    def together(self) -> dict[str, Plant]:
        """
        Return how all faults get into one project.

        The values are wrong in the file that every environment reads, since the unknown environment has none, and what
        cannot be parsed is another file.
        """
        file, text = self.local
        return {
            **self._in_values(self.low, BELOW, LOW_URLS, LOW_URLS["blog"], self.low_reference),
            "not parsable": Plant(file=file, new=text),
            "unknown DJANGO_ENV": WRONG_ENVIRONMENT,
        }

    def _in_values(
        self, file: str, number: int, urls: Mapping[str, str], reference: str, with_reference: str
    ) -> dict[str, Plant]:
        """Return the plants that are single lines of a file."""
        syntax, key = self.syntax, "conn_max_age"
        main, blog, shop = (
            syntax.line(alias, key, number + count) for count, alias in enumerate(("default", "blog_db", "shop_db"), 1)
        )
        again = syntax.indent + syntax.line("shop_db", key, number + 4)
        unset = dict.fromkeys(set(self.environ) - {"DJANGO_ENV"}, "")
        variable = Plant(key=self.password, environ=unset)
        if with_reference:
            variable = attrs.evolve(variable, file=file, old=reference, new=with_reference)
        typo = syntax.line("default", "conn_max_agee", number + 1)
        return {
            "typo": Plant(key=syntax.names("default", "conn_max_agee"), file=file, old=main, new=typo),
            "wrong type": Plant(
                key=syntax.names("blog_db", key), file=file, old=blog, new=syntax.line("blog_db", key, "soon")
            ),
            "missing variable": variable,
            "bad URL": Plant(key=syntax.names("default", "url"), file=file, old=urls["main"], new=BAD_URL),
            "unknown scheme": Plant(key=syntax.names("shop_db", "url"), file=file, old=urls["shop"], new=BAD_SCHEME),
            "duplicate key": Plant(
                key=syntax.names("shop_db", key), file=file, old=shop, new=f"{shop}\n{again}", mark=again
            ),
        }


DBROUTE = Contestant(
    name="dbroute",
    project="dbroute",
    packages=("dbroute",),
    syntax=YAML,
    file="config.prod.yaml",
    low="config.yaml",
    local=("config.local.yaml", "databases:\n  default:\n    conn_max_age 60\n    autocommit: true\n"),
    password=r"\bBLOG_PASSWORD\b",
    reference="app:${BLOG_PASSWORD}@",
    low_reference="postgresql://app:${BLOG_PASSWORD}@localhost/blog",
    environ={"DJANGO_ENV": "prod", "BLOG_PASSWORD": PASSWORD},
)
_PYDANTIC = Contestant(
    name="pydantic-settings",
    project="pydantic_settings",
    packages=("pydantic-settings", "pydantic"),
    syntax=TOML,
    file="config.prod.toml",
    low="config.toml",
    local=("config.local.toml", "[databases.default]\nconn_max_age 60\n"),
    password=r"\bblog_db\.password\b|\bDATABASES__BLOG_DB__PASSWORD\b",
    environ={"DJANGO_ENV": "prod", "DATABASES__BLOG_DB__PASSWORD": PASSWORD},
)
PEERS = (
    Contestant(
        name="Dynaconf",
        project="dynaconf",
        packages=("dynaconf",),
        syntax=TOML,
        file="settings.toml",
        low="settings.toml",
        local=("settings.local.toml", "[default.databases.default]\nconn_max_age 60\n"),
        section=r"\bprod\b",
        password=r"\bblog_db\.password\b|\bAPP_DATABASES__BLOG_DB__PASSWORD\b",
        environ={"DJANGO_ENV": "prod", "APP_DATABASES__BLOG_DB__PASSWORD": PASSWORD},
    ),
    _PYDANTIC,
    attrs.evolve(
        _PYDANTIC,
        name="pydantic-settings, inputs shown (its default)",
        edits={"hide_input_in_errors=True": "hide_input_in_errors=False"},
    ),
    Contestant(
        name="typed-settings",
        project="typed_settings",
        packages=("typed-settings", "cattrs"),
        syntax=TOML,
        file="config.prod.toml",
        low="config.toml",
        local=("config.local.toml", "[app.databases.default]\nconn_max_age 60\n"),
        password=r"\bblog_db\.password\b|\bAPP_DATABASES__BLOG_DB__PASSWORD\b",
        environ={"DJANGO_ENV": "prod", "APP_DATABASES__BLOG_DB__PASSWORD": PASSWORD},
    ),
    Contestant(
        name="django-environ",
        project="django_environ",
        packages=("django-environ",),
        syntax=VARIABLES,
        file=".env.prod",
        low=".env",
        local=(".env.local", "CONN_MAX_AGE 60\n"),
        password=r"\bBLOG_PASSWORD\b",
        environ={"DJANGO_ENV": "prod", "BLOG_PASSWORD": PASSWORD},
    ),
)
