"""References whose row is gone: found on every engine and on mixed ones, as Django itself would find them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.migration_projects import url_databases
from tests.projects import MYSQL_DRIVER, Project, project
from tests.servers import databases

pytestmark = pytest.mark.process

SETTINGS = """
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "dbroute.django", "blog", "shop"]
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {"blog": "blog_db", "shop": "shop_db"}
"""

SHOP = """
import uuid

from django.db import models


class Product(models.Model):
    code = models.CharField(max_length=20, unique=True)
    number = models.IntegerField(unique=True)


class Thing(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)


class Word(models.Model):
    text = models.CharField(max_length=20, primary_key=True)


class Extra(models.Model):
    product = models.OneToOneField(Product, models.CASCADE, primary_key=True)
"""

BLOG = """
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models


def far(to, on_delete=models.CASCADE, **options):
    return models.ForeignKey(to, on_delete, **{"null": True, "db_constraint": False, "related_name": "+", **options})


class Shy(models.Manager):
    def get_queryset(self):
        return super().get_queryset().none()


class Post(models.Model):
    author = far("auth.User")
    code = far("shop.Product", to_field="code")
    number = far("shop.Product", models.DO_NOTHING, to_field="number")
    thing = far("shop.Thing")
    word = far("shop.Word", db_index=False)
    extra = far("shop.Extra")
    parent = far("self", models.SET_NULL)
    about_type = far(ContentType)
    about_id = models.CharField(max_length=40, null=True)
    about = GenericForeignKey("about_type", "about_id")
    words = models.ManyToManyField("shop.Word", through="Use")
    readers = models.ManyToManyField("auth.User", related_name="+", db_constraint=False)

    objects = Shy()


class Use(models.Model):
    word = far("shop.Word", null=False)
    post = models.ForeignKey(Post, models.CASCADE)


class Comment(models.Model):
    post = models.ForeignKey(Post, models.CASCADE)
"""

# Rows that lead somewhere and rows that do not, of each kind several, so that steps of three keys end in between.
FILL = """
import uuid
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from blog.models import Comment, Post, Use
from shop.models import Extra, Product, Thing, Word

ids = [uuid.UUID(int=number * 2**100) for number in range(9)]
User.objects.bulk_create([User(id=number, username=f"user {number}") for number in (1, 2, 3, 7, 8)])
Product.objects.bulk_create(
    [Product(id=number, code=code, number=number * 1_000_000) for number, code in enumerate("aBcdEf", 1)]
)
Extra.objects.bulk_create([Extra(product_id=number) for number in (1, 2, 3)])
Thing.objects.bulk_create([Thing(id=one) for one in ids[::2]])
Word.objects.bulk_create([Word(text=text) for text in ("one", "two", "Three", "100", "\\u00e9")])
product, word, thing = (ContentType.objects.get_for_model(model).pk for model in (Product, Word, Thing))
posts = QuerySet(Post, using="blog_db")
rows = [Post() for _ in range(30)]
for at, row in enumerate(rows):
    row.author_id = at % 10 or None
    row.code_id = (None, "a", "A", "B", "b", "c", "e", "zz")[at % 8]
    row.number_id = (None, 1_000_000, 2_000_000, 2_000_001, 99_000_000, -5)[at % 6]
    row.thing_id = (None, *ids)[at % 10]
    row.word_id = (None, "one", "ONE", "four", "three", "Three", "e", "100")[at % 8]
    row.extra_id = (None, 1, 3, 4)[at % 4]
    row.about_type_id, row.about_id = [
        (None, None), (product, "1"), (product, "99"), (product, "x"), (word, "one"), (word, "nine"),
        (thing, str(ids[0])), (thing, str(ids[1])), (987654, "1"),
    ][at % 9]
posts.bulk_create(rows)
made = list(posts.order_by("pk"))
for at, row in enumerate(made):
    row.parent_id = None if at % 3 else made[at - 1].pk + (1000 if at % 2 else 0)
posts.bulk_update(made, ["parent"])
Use.objects.bulk_create([Use(word_id=text, post=made[0]) for text in ("one", "gone")])
through = Post.readers.through
pairs = [(made[0].pk, 1), (made[0].pk, 4), (10**6, 2)]
through.objects.bulk_create([through(post_id=post, user_id=user) for post, user in pairs])
Comment.objects.bulk_create([Comment(post=row) for row in made])
"""

# What Django finds, asked row by row.
ORACLE = """
import json
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from dbroute.django.relations.references import references

def leads_nowhere(reference, row):
    meta = row._meta
    if not reference.is_generic:
        key, target = getattr(row, reference.field.attname), reference.field.remote_field.model
        if key is None:
            return False
        return not QuerySet(target).filter(**{reference.field.target_field.name: key}).exists()
    if row.about_type_id is None:
        return False
    try:
        model = ContentType.objects.get(pk=row.about_type_id).model_class()
        return not QuerySet(model).filter(pk=row.about_id).exists()
    except ContentType.DoesNotExist:
        return False
    except (ValueError, ValidationError):
        return True

def expected(references):
    return {
        reference.label: sorted(row.pk for row in QuerySet(reference.model) if leads_nowhere(reference, row))
        for reference in references
    }
"""

LABELS = [
    "blog.Post_readers.post",
    "blog.Post_readers.user",
    "blog.Post.author",
    "blog.Post.code",
    "blog.Post.number",
    "blog.Post.thing",
    "blog.Post.word",
    "blog.Post.extra",
    "blog.Post.parent",
    "blog.Post.about_type",
    "blog.Post.about",
    "blog.Use.word",
]

SQLITE = """
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3"}
    for alias in ["default", "shop_db", "blog_db"]
}
"""


def made(folder: Path, databases: str) -> Project:
    """Write the project, make its tables and fill them."""
    done = project(
        folder,
        settings=f"{MYSQL_DRIVER}\n{SETTINGS}\n{databases}",
        files={"blog/models.py": BLOG, "shop/models.py": SHOP},
    )
    tables = "from django.core.management import call_command\nfor alias in ('default', 'shop_db', 'blog_db'):\n"
    tables += "    call_command('migrate', run_syncdb=True, database=alias, verbosity=0)\n"
    run(done, tables + FILL)
    return done


def run(made: Project, code: str) -> str:
    """Run code in the project and return what it printed."""
    result = made.python(code)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    return result.stdout


ENGINES = ["sqlite", "postgresql from mariadb", "mariadb from postgresql"]


@pytest.fixture(scope="module", params=ENGINES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project with orphans of every kind, over three databases."""
    folder = tmp_path_factory.mktemp("orphans")
    if request.param == "sqlite":
        yield made(folder, SQLITE)
        return
    servers = [request.getfixturevalue("postgres_server"), request.getfixturevalue("mariadb_server")]
    with databases(servers[0]) as postgres, databases(servers[1]) as mariadb:
        near, far = (mariadb, postgres) if request.param == ENGINES[1] else (postgres, mariadb)
        urls = {"default": far.create("default"), "shop_db": far.create("shop"), "blog_db": near.create("blog")}
        yield made(folder, url_databases(urls))


def test_everything_is_found_that_django_does_not_find_and_nothing_else(filled: Project) -> None:
    printed = run(
        filled,
        "from django.contrib.contenttypes.models import ContentType\n"
        + ORACLE
        + """
from dbroute.django.relations import orphans
every = references()
found = {}
for reference in every:
    pks = []
    for batch in orphans.scan(reference, size=3):
        pks += [pk for rows in batch.rows for pk in rows.values_list("pk", flat=True)]
    found[reference.label] = sorted(pks)
print(json.dumps([found, expected(every)]))
""",
    )

    found, expected = json.loads(printed)
    assert found == expected
    assert list(found) == LABELS
    assert all(found.values()), "each kind has orphans, or the comparison says nothing"


def test_a_walk_goes_on_behind_any_step(filled: Project) -> None:
    printed = run(
        filled,
        """
        import json
        from dbroute.django.relations import orphans
        from dbroute.django.relations.references import references
        for reference in references():
            whole = list(orphans.scan(reference, size=3))
            for at, batch in enumerate(whole[:-1], 1):
                after = orphans.place_from(orphans.place(batch.upto), reference)
                rest = list(orphans.scan(reference, after, size=3))
                assert [one.upto for one in rest] == [one.upto for one in whole[at:]], reference
                assert [one.missing for one in rest] == [one.missing for one in whole[at:]], reference
            print(len(whole) > 1, reference.label)
        """,
    )

    walked = [line.removeprefix("True ") for line in printed.splitlines() if line.startswith("True ")]
    assert walked == [label for label in LABELS if label.startswith("blog.Post.") and label != "blog.Post.extra"]


def test_orphans_are_mended_on_the_database_that_has_them(filled: Project) -> None:
    printed = run(
        filled,
        "from django.contrib.contenttypes.models import ContentType\n"
        + ORACLE
        + """
from django.core.management import call_command
from dbroute.django.relations import orphans
orphans.SIZE = 3
before = expected(references())
call_command("dbroute", "orphans", "--noinput", "blog.Post.author", "blog.Post.about", "--fix", "null")
call_command("dbroute", "orphans", "--noinput", "--fix", "delete", "blog.Post.word", "blog.use")
after = expected(references())
print(json.dumps([before, after]))
""",
    )

    *told, compared = printed.splitlines()
    before, after = json.loads(compared)
    gone = len(before["blog.Post.word"])
    cleared = len(before["blog.Post.author"]) + len(before["blog.Post.about"])
    assert [line for line in told if line.startswith(("Set", "Deleted"))] == [
        f"Set to NULL: {cleared}.",
        f"Deleted: blog.Comment {gone}, blog.Post {gone}, blog.Use 1.",
    ]
    mended = ["blog.Post.author", "blog.Post.about", "blog.Post.word", "blog.Use.word"]
    assert all(before[label] for label in mended)
    assert [after[label] for label in mended] == [[], [], [], []]
    assert after["blog.Post.code"] == [pk for pk in before["blog.Post.code"] if pk not in before["blog.Post.word"]]
