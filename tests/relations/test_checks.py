"""What ``manage.py check`` says of relations and databases; doing what its hint says makes it silent."""

from pathlib import Path

import attrs
import django
import pytest

from tests.projects import Project, project

pytestmark = pytest.mark.process

SETTINGS = """
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3"}
    for alias in ["default", "blog_db"]
}
INSTALLED_APPS = [
    "dbroute.django", "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "blog", "shop",
]
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {"blog": "blog_db"}
"""

SHOP = """
from django.db import models


class Order(models.Model):
    number = models.IntegerField()

    class Meta:
        ordering = ["number"]
"""

BLOG = """
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models.functions import Upper
from shop.models import Order

FAR = {{"to": Order, "db_constraint": False}}


{}
"""

POST = """
class Post(models.Model):
    order = models.ForeignKey(on_delete=models.CASCADE, **FAR)
"""


@attrs.frozen
class Case:
    """
    Something that a check finds.

    Attributes:
        name: Of the case.
        says: Level, message, hint and id; the message begins with the object's label where there is one.
        models: What stands in blog/models.py.
        mended: The same after doing what the hint says; with ``models`` where the settings were mended.
        settings: What stands at the end of settings.py.
        mended_settings: The same after doing what the hint says.
        files: Further files.
        others: Further messages that follow from the same cause.
    """

    name: str
    says: tuple[str, str, str]
    models: str = ""
    mended: str = ""
    settings: str = ""
    mended_settings: str | None = None
    files: dict[str, str] = attrs.field(factory=dict)
    others: int = 0


def rule(key: str, alias: str) -> str:
    return f"DATABASE_ROUTING_RULES[{key!r}] = {alias!r}\n"


REQUIRE = 'DBROUTE = {"cross_database_constraints": "require"}\n'
ADMIN = """
INSTALLED_APPS[1:1] = ["django.contrib.admin", "django.contrib.messages"]
SILENCED_SYSTEM_CHECKS = ["admin.E403", "admin.E408", "admin.E409", "admin.E410"]
DATABASE_ROUTING_RULES["admin"] = "blog_db"
"""
SPLIT = 'DBROUTE = {"cross_database_lookups": "split"}\n'
TYPES = """
DATABASES['types'] = {**DATABASES['blog_db'], 'DBROUTE': {'readonly': True, 'migrate': False}}
INSTALLED_APPS.remove('django.contrib.auth')
"""
UNCONSTRAINED = "class Post(models.Model):\n    order = models.ForeignKey(Order, models.CASCADE{})\n"
READ_ONLY = 'DATABASES["blog_db"]["DBROUTE"] = {"readonly": True}\n'
GENERIC = """
class Note(models.Model):
    type = models.ForeignKey(ContentType, models.CASCADE, db_constraint=False)
    number = models.IntegerField()
    about = GenericForeignKey("type", "number")
"""
META = POST + "\n    class Meta:\n        {}\n"
WITHOUT_ORDER = "    class Meta:\n        pass\n"

CASES = [
    Case(
        "foreign key with a constraint",
        (
            "WARNINGS:\nblog.Post.order: (dbroute.W010)",
            "blog.Post.order crosses from 'blog_db' to 'default' without db_constraint=False.",
            "Write db_constraint=False on it and run `manage.py makemigrations blog`.",
        ),
        models=UNCONSTRAINED.format(""),
        mended=UNCONSTRAINED.format(", db_constraint=False"),
    ),
    Case(
        "foreign key with a constraint, where that is an error",
        (
            "ERRORS:\nblog.Post.order: (dbroute.E010)",
            "blog.Post.order crosses from 'blog_db' to 'default' without db_constraint=False.",
            "Write db_constraint=False on it and run `manage.py makemigrations blog`.",
        ),
        models=UNCONSTRAINED.format(""),
        mended=UNCONSTRAINED.format(", db_constraint=False"),
        settings=REQUIRE,
        mended_settings=REQUIRE,
    ),
    Case(
        "foreign key of somebody else with a constraint, where that is an error",
        (
            "ERRORS:\nadmin.LogEntry.content_type: (dbroute.E010)",
            "admin.LogEntry.content_type crosses from 'blog_db' to 'default' without db_constraint=False.",
            "It is not yours to edit: set routing.cross_database_constraints to 'skip', and none is made.",
        ),
        settings=ADMIN + REQUIRE,
        mended_settings=ADMIN,
        others=1,
    ),
    Case(
        "ordering of somebody else",
        (
            "ERRORS:\nadmin.LogEntry: (dbroute.E014)",
            "The ordering of admin.LogEntry reads 'user__username', which is on 'default' and not on 'blog_db'.",
            "It is not yours to edit: write the rule 'auth.User': 'blog_db'.",
        ),
        models="from django.contrib.admin.models import LogEntry\nLogEntry._meta.ordering = ['user__username']\n",
        settings=ADMIN,
        mended_settings=ADMIN + rule("auth.User", "blog_db") + SPLIT,
    ),
    Case(
        "multi-table inheritance",
        (
            "ERRORS:\nblog.Special: (dbroute.E011)",
            "blog.Special lives on 'blog_db', and the model that it extends, shop.Order, on 'default'.",
            "Let both live on one database: write the rule 'blog.Special': 'default'.",
        ),
        models="class Special(Order):\n    pass\n",
        settings="SILENCED_SYSTEM_CHECKS = ['dbroute.W010']\n",
        mended_settings=rule("blog.Special", "default"),
    ),
    Case(
        "many-to-many",
        (
            "WARNINGS:\nblog.Post.orders: (dbroute.W011)",
            "blog.Post.orders crosses from 'blog_db' to 'default': a filter over it needs a JOIN and is refused.",
            "Set routing.cross_database_lookups to 'split', which answers filters in two steps.",
        ),
        models="class Post(models.Model):\n    orders = models.ManyToManyField(Order, db_constraint=False)\n",
        mended_settings=SPLIT,
    ),
    Case(
        "many-to-many with a constraint",
        (
            "WARNINGS:\nblog.Post.orders: (dbroute.W010)",
            "blog.Post.orders crosses from 'blog_db' to 'default' without db_constraint=False.",
            "Write db_constraint=False on it and run `manage.py makemigrations blog`.",
        ),
        models="class Post(models.Model):\n    orders = models.ManyToManyField(Order)\n",
        mended="class Post(models.Model):\n    orders = models.ManyToManyField(Order, db_constraint=False)\n",
        settings=SPLIT,
        mended_settings=SPLIT,
    ),
    Case(
        "index",
        (
            "ERRORS:\nblog.Post: (dbroute.E013)",
            "The index 'numbers' of blog.Post reads 'order__number', which is on 'default' and not on 'blog_db'.",
            "Take 'order__number' out of it: a database reads its own tables only.",
        ),
        models=META.format('indexes = [models.Index("id", models.F("order__number") + 1, name="numbers")]'),
        mended=META.format('indexes = [models.Index("id", name="numbers")]'),
    ),
    Case(
        "condition of a unique constraint",
        (
            "ERRORS:\nblog.Post: (dbroute.E013)",
            "The constraint 'numbers' of blog.Post reads 'order__number__gt', which is on 'default' and not on "
            "'blog_db'.",
            "Take 'order__number__gt' out of it: a database reads its own tables only.",
        ),
        models=META.format(
            "constraints = [models.UniqueConstraint(fields=['id'], name='numbers', "
            "condition=models.Q(order__number__gt=3) & ~models.Q(id=2))]"
        ),
        mended=META.format(
            "constraints = [models.UniqueConstraint(fields=['id'], name='numbers', condition=~models.Q(id=2))]"
        ),
        settings="SILENCED_SYSTEM_CHECKS = ['models.E041']\n",
        mended_settings="SILENCED_SYSTEM_CHECKS = ['models.E041']\n",
    ),
    Case(
        "ordering by a column",
        (
            "ERRORS:\nblog.Post: (dbroute.E014)",
            "The ordering of blog.Post reads 'order__number', which is on 'default' and not on 'blog_db'.",
            "Take 'order__number' out of it: a database reads its own tables only.",
        ),
        models=META.format('ordering = ["-order__number", "id"]'),
        mended=META.format('ordering = ["id", "order_id", "order__pk", "-order__id"]'),
    ),
    Case(
        "ordering by a relation whose target is ordered",
        (
            "ERRORS:\nblog.Post: (dbroute.E014)",
            "The ordering of blog.Post reads 'order', which is on 'default' and not on 'blog_db'.",
            "Take 'order' out of it: a database reads its own tables only.",
        ),
        models=META.format('ordering = [models.F("order").desc()]'),
        mended=META.format("ordering = []"),
    ),
    Case(
        "content types that cannot be written",
        (
            "ERRORS:\nblog.Note: (dbroute.E015)",
            "blog.Note.about needs content types, which are on 'types': that is read-only, and Django writes one for "
            "every model.",
            "Let them live where they can be written: write the rule 'contenttypes': 'default'.",
        ),
        models=GENERIC,
        settings=TYPES + rule("contenttypes", "types"),
        mended_settings=TYPES + rule("contenttypes", "default"),
    ),
    Case(
        "generic relation of rows that somebody else deletes",
        (
            "WARNINGS:\nblog.Post: (dbroute.W012)",
            "Rows of blog.Post are deleted by somebody else, on the read-only 'blog_db': what blog.Note has about them "
            "stays.",
            "Run `manage.py dbroute orphans blog.Note` from time to time, and add 'dbroute.W012' to "
            "SILENCED_SYSTEM_CHECKS.",
        ),
        models=GENERIC + "\n\nclass Post(models.Model):\n    notes = GenericRelation(Note, 'number', 'type')\n",
        settings=READ_ONLY + rule("blog.Note", "default"),
        mended_settings=READ_ONLY + rule("blog.Note", "default") + "SILENCED_SYSTEM_CHECKS = ['dbroute.W012']\n",
    ),
    Case(
        "database without a rule",
        (
            "WARNINGS:\n?: (dbroute.W013)",
            "No rule leads to 'lost' (settings.DATABASES).",
            "Write a rule that leads to 'lost', or remove that database; if it is for using() alone, say so there with "
            "'migrate: false', or with 'migrates_like'.",
        ),
        settings="DATABASES['lost'] = {**DATABASES['blog_db']}\n",
        mended_settings="DATABASES['lost'] = {**DATABASES['blog_db'], 'DBROUTE': {'migrate': False}}\n",
    ),
    Case(
        "read-only database without a rule, called nearly like one with rules",
        (
            "WARNINGS:\n?: (dbroute.W013)",
            "No rule leads to 'blgo' (settings.DATABASES).",
            "Did you mean 'blog_db'?",
        ),
        settings="DATABASES['blgo'] = {**DATABASES['blog_db'], 'DBROUTE': {'readonly': True}}\n",
        mended_settings="DATABASES['warehouse'] = {**DATABASES['blog_db'], 'DBROUTE': {'readonly': True}}\n",
    ),
    Case(
        "permissions without content types",
        (
            "ERRORS:\n?: (dbroute.E016)",
            "Permissions are on 'blog_db' and content types on 'default', but Django makes both on one database after "
            "migrating.",
            "Let both live on one: write the rule 'contenttypes': 'blog_db'.",
        ),
        settings=rule("auth", "blog_db"),
        mended_settings=rule("auth", "blog_db") + rule("contenttypes", "blog_db"),
    ),
    Case(
        "sessions that cannot be written",
        (
            "ERRORS:\n?: (dbroute.E017)",
            "Sessions are kept on 'blog_db' (settings.DATABASES), which is read-only.",
            "Write the rule 'sessions': 'default', or another SESSION_ENGINE.",
        ),
        settings=READ_ONLY + rule("sessions", "blog_db"),
        mended_settings=READ_ONLY + rule("sessions", "default"),
    ),
    Case(
        "constance that cannot be written",
        (
            "ERRORS:\n?: (dbroute.E017)",
            "Constance's values are kept on 'blog_db' (settings.DATABASES), which is read-only.",
            "Write the rule 'constance': 'default', or another CONSTANCE_BACKEND.",
        ),
        files={"constance/models.py": "from django.db import models\n\nclass Constance(models.Model):\n    pass\n"},
        settings=READ_ONLY
        + "INSTALLED_APPS += ['constance']\nCONSTANCE_BACKEND = 'constance.backends.database.DatabaseBackend'\n"
        + rule("constance", "blog_db"),
        mended_settings=READ_ONLY
        + "INSTALLED_APPS += ['constance']\nCONSTANCE_BACKEND = 'constance.backends.memory.MemoryBackend'\n"
        + rule("constance", "blog_db"),
    ),
    Case(
        "router before ours",
        (
            "WARNINGS:\n?: (dbroute.W014)",
            "The router 'other.Router' is asked before dbroute's and sends blog.Post to 'default', where the rule "
            "'blog' (settings.DATABASE_ROUTING_RULES) says 'blog_db'.",
            "Put 'dbroute.routing.DatabaseRouter' before it in DATABASE_ROUTERS.",
        ),
        models=POST,
        files={
            "other.py": """
            class Router:
                def db_for_write(self, model, **hints):
                    return hints["request"]

                def db_for_read(self, model, **hints):
                    return "default"
            """
        },
        settings="DATABASE_ROUTERS.insert(0, 'other.Router')\n",
        mended_settings="DATABASE_ROUTERS.append('other.Router')\n",
    ),
    Case(
        "transactions on a replica",
        (
            "WARNINGS:\n?: (dbroute.W015)",
            "Every request opens a transaction on 'copy' (settings.DATABASES), a replica of 'blog_db', whether it "
            "reads there or not.",
            "Set ATOMIC_REQUESTS to False in DATABASES['copy'].",
        ),
        settings="DATABASES['copy'] = {**DATABASES['blog_db'], 'ATOMIC_REQUESTS': True, "
        "'DBROUTE': {'replica_of': 'blog_db'}}\n",
        mended_settings="DATABASES['copy'] = {**DATABASES['blog_db'], 'ATOMIC_REQUESTS': False, "
        "'DBROUTE': {'replica_of': 'blog_db'}}\n",
    ),
    Case(
        "pool of lasting connections",
        (
            "ERRORS:\n?: (dbroute.E018)",
            "'blog_db' (settings.DATABASES) has a pool and CONN_MAX_AGE; Django cannot do both.",
            "Remove CONN_MAX_AGE from DATABASES['blog_db'], or 'pool' from its OPTIONS.",
        ),
        settings="DATABASES['blog_db'] |= {'OPTIONS': {'pool': True}, 'CONN_MAX_AGE': None}\n",
        mended_settings="DATABASES['blog_db'] |= {'OPTIONS': {'pool': True}}\n",
    ),
]

if django.VERSION >= (6, 1):
    CASES += [
        Case(
            f"deleting left to the database: {name}",
            (
                "ERRORS:\nblog.Post.order: (dbroute.E012)",
                f"blog.Post.order crosses from 'blog_db' to 'default' with on_delete=DB_{name}, which only a "
                "constraint within one database can do.",
                f"Write on_delete={name}, which dbroute follows into other databases.",
            ),
            models=f"class Post(models.Model):\n    order = models.ForeignKey(Order, models.DB_{name}, null=True)\n",
            mended="class Post(models.Model):\n    order = models.ForeignKey(Order, models."
            f"{name}, null=True, db_constraint=False)\n",
            settings="SILENCED_SYSTEM_CHECKS = ['dbroute.W010']\n",
            mended_settings="",
        )
        for name in ("CASCADE", "SET_NULL")
    ]


def write(folder: Path, case: Case, models: str, settings: str) -> Project:
    return project(
        folder,
        settings=SETTINGS + settings,
        files={"shop/models.py": SHOP, "blog/models.py": BLOG.format(models), **case.files},
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check_says_what_to_do_and_is_silent_once_it_is_done(case: Case, tmp_path: Path) -> None:
    broken = write(tmp_path / "broken", case, case.models, case.settings).run("check")
    settings = case.settings if case.mended_settings is None else case.mended_settings
    mended = write(tmp_path / "mended", case, case.mended or case.models, settings).run("check")

    where, message, hint = case.says
    printed = (broken.stdout + broken.stderr).replace("SystemCheckError: ", "")
    first = f"System check identified some issues:\n\n{where} {message}\n\tHINT: {hint}\n"
    assert (first in printed, f"identified {case.others + 1} issue" in printed) == (True, True), printed
    assert broken.returncode == int(where.startswith("ERRORS"))
    assert mended.stdout.startswith("System check identified no issues"), mended.stdout + mended.stderr
    assert (mended.returncode, mended.stderr) == (0, "")


def test_nothing_is_said_of_a_project_without_rules(tmp_path: Path) -> None:
    models = UNCONSTRAINED.format("") + "\n    class Meta:\n        ordering = ['order__number']\n"

    result = write(tmp_path, CASES[0], models, "DATABASE_ROUTING_RULES = {}\n").run("check")

    assert (result.stdout, result.stderr) == ("System check identified no issues (0 silenced).\n", "")
