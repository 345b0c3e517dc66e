"""
A project whose rows refer to each other over three apps, and a program that reads and writes them through the ORM.

The same program runs with the three apps on one database and on three; what it prints has to be the same.
"""

import json
from pathlib import Path
from typing import Any

from tests.projects import MYSQL_DRIVER, Project, project
from tests.relations.graphs import SETTINGS, run

PEOPLE = """
from django.contrib.contenttypes.fields import GenericRelation
from django.db import models


class Org(models.Model):
    name = models.CharField(max_length=20)


class Country(models.Model):
    name = models.CharField(max_length=20)


class ActiveManager(models.Manager):
    def get_queryset(self):
        return super().get_queryset().filter(active=True)


class User(models.Model):
    username = models.CharField(max_length=20, unique=True)
    bio = models.CharField(max_length=20, null=True)
    active = models.BooleanField(default=True)
    org = models.ForeignKey(Org, models.CASCADE)
    country = models.ForeignKey(Country, models.SET_NULL, null=True)
    favourite = models.ForeignKey("blog.Post", models.SET_NULL, null=True, related_name="fans")
    notes = GenericRelation("shop.Note")

    objects = models.Manager()
    actives = ActiveManager()

    def __str__(self):
        return self.username


class Profile(models.Model):
    user = models.OneToOneField(User, models.CASCADE)
    city = models.CharField(max_length=20)
"""

BLOG = """
from django.contrib.contenttypes.fields import GenericRelation
from django.db import models

from people.models import User


class Tag(models.Model):
    name = models.CharField(max_length=20)


class PostQuerySet(models.QuerySet):
    def long(self):
        return self.filter(words__gt=30)


class Post(models.Model):
    title = models.CharField(max_length=20)
    words = models.IntegerField(default=0)
    # As in a third-party app: nobody wrote db_constraint=False.
    author = models.ForeignKey(User, models.CASCADE, related_name="blog_posts")
    editor = models.ForeignKey(User, models.SET_NULL, null=True, related_name="edited", db_constraint=False)
    named = models.ForeignKey(User, models.SET_NULL, null=True, to_field="username", related_name="named_posts")
    tags = models.ManyToManyField(Tag)
    readers = models.ManyToManyField(User, related_name="reads")
    notes = GenericRelation("shop.Note")

    objects = PostQuerySet.as_manager()


class Seo(models.Model):
    post = models.OneToOneField(Post, models.CASCADE)
    keywords = models.CharField(max_length=20)


class Settings(models.Model):
    user = models.OneToOneField(User, models.CASCADE, related_name="settings")
    theme = models.CharField(max_length=20)
    colour = models.CharField(max_length=20, default="red")


class Comment(models.Model):
    post = models.ForeignKey(Post, models.CASCADE, related_name="comments")
    user = models.ForeignKey(User, models.CASCADE, null=True)
    text = models.CharField(max_length=20)
"""

SHOP = """
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

from blog.models import Post
from people.models import User


class Order(models.Model):
    post = models.ForeignKey(Post, models.CASCADE, related_name="orders")
    buyer = models.ForeignKey(User, models.CASCADE, related_name="orders")
    total = models.IntegerField()


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    text = models.CharField(max_length=20)


class Membership(models.Model):
    club = models.ForeignKey("Club", models.CASCADE)
    user = models.ForeignKey(User, models.CASCADE)
    since = models.IntegerField(default=2000)


class Club(models.Model):
    name = models.CharField(max_length=20)
    members = models.ManyToManyField(User, through=Membership, related_name="clubs")


class Note(models.Model):
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveIntegerField()
    about = GenericForeignKey()
    text = models.CharField(max_length=20)
"""

# Every app is on one database: only there the rules are not.
NO_RULES = "DATABASE_ROUTING_RULES = {}\n"
ALIASES = ["default", "blog_db", "shop_db"]

ROWS = """
from blog.models import *
from people.models import *
from shop.models import *

orgs = [Org.objects.create(name=f"org {n}") for n in range(2)]
countries = [Country.objects.create(name=f"country {n}") for n in range(2)]
users = [
    User.objects.create(
        username=name, bio=None if n % 2 else f"bio {n}", active=n != 3, org=orgs[n % 2],
        country=None if n == 2 else countries[n % 2],
    )
    for n, name in enumerate(["ada", "bob", "cyd", "dan", "eve"])
]
for n in (0, 1, 3):
    Profile.objects.create(user=users[n], city=f"city {n}")
for n in (0, 2, 3):
    Settings.objects.create(user=users[n], theme=f"theme {n % 2}")
tags = [Tag.objects.create(name=f"tag {n}") for n in range(3)]
posts = [
    Post.objects.create(
        title=f"post {n}", words=10 * n, author=users[n % 3], editor=users[n % 4] if n % 2 else None,
        named=users[n % 5] if n % 3 else None,
    )
    for n in range(8)
]
for n, post in enumerate(posts):
    post.tags.set(tags[: n % 3])
    post.readers.set([users[(n + m) % 5] for m in range(n % 4)])
    for m in range(n % 3):
        Comment.objects.create(post=post, user=users[(n * m) % 5] if m else None, text=f"comment {n}.{m}")
for n in (1, 3, 5):
    Seo.objects.create(post=posts[n], keywords=f"keys {n}")
for n in range(4):
    users[n].favourite = posts[(n * 3) % 8]
    users[n].save()
for n in range(9):
    order = Order.objects.create(post=posts[(n * 5) % 8], buyer=users[n % 4], total=n * 7 % 5)
    for m in range(n % 3):
        Line.objects.create(order=order, text=f"line {n}.{m}")
for n in range(2):
    club = Club.objects.create(name=f"club {n}")
    for m in range(2 + n):
        Membership.objects.create(club=club, user=users[m + n], since=2000 + m)
for n, one in enumerate([*users[:3], *posts[:4]]):
    Note.objects.create(about=one, text=f"note {n}")
"""

# Evaluates expressions and prints, for each, what it gives and how many statements it took, or the error.
PROGRAM = """
import asyncio, itertools, json, os, pickle
from contextlib import ExitStack

os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # the counting wrapper reads connections
from asgiref.sync import async_to_sync
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldError, ValidationError
from django.db import connections, models, transaction
from django.db.models import *
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.forms import modelform_factory
from blog.models import *
from people.models import *
from shop.models import *
import blog.models, people.models, shop.models
from dbroute.django.relations import split

ALL = [m for module in (blog.models, people.models, shop.models) for m in vars(module).values()
       if isinstance(m, type) and issubclass(m, models.Model)]
sent = []


def count(execute, sql, params, many, context):
    if sql.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        sent.append(context["connection"].alias)
    return execute(sql, params, many, context)


def shown(value):
    if isinstance(value, models.Model):
        return f"{value._meta.label} {value.pk}"
    if isinstance(value, dict):
        return {str(key): shown(one) for key, one in sorted(value.items(), key=lambda item: str(item[0]))}
    if isinstance(value, (list, tuple, models.QuerySet)) or hasattr(value, "__next__"):
        return [shown(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(shown(one)) for one in value)
    return value if isinstance(value, (int, str, bool, type(None))) else str(value)


def evaluated(expression):
    ContentType.objects.clear_cache()
    sent.clear()
    stack = ExitStack()
    with stack:
        for alias in connections:
            stack.enter_context(transaction.atomic(alias))
            transaction.set_rollback(False, alias)
        wrappers = stack.enter_context(ExitStack())
        for alias in connections:
            wrappers.enter_context(connections[alias].execute_wrapper(count))
        try:
            value = shown(eval(compile(expression, expression, "eval"), globals()))
        except Exception as error:
            value = f"{type(error).__name__}: {error}"
        for alias in connections:
            transaction.set_rollback(True, alias)
    return [expression, value, len(sent)]


def rows(queryset, *paths):
    '''Return what paths of attributes give for each row.'''
    return [[one.pk, *(along(one, path) for path in paths)] for one in queryset]


def along(one, path):
    for name in path.split("."):
        try:
            one = getattr(one, name)
        except models.ObjectDoesNotExist as error:
            return type(error).__name__
        if hasattr(one, "all"):
            one = sorted(shown(row) for row in one.all())
        if one is None or isinstance(one, list):
            return one
    return shown(one)


def lookup(model, **kwargs):
    return sorted(split(model.objects).filter(**kwargs).distinct().values_list("pk", flat=True))


def where(model, *conditions):
    return sorted(set(split(model.objects).filter(*conditions).values_list("pk", flat=True)))


def never(model, *conditions, **kwargs):
    return sorted(split(model.objects).exclude(*conditions, **kwargs).values_list("pk", flat=True))


def awaited(function, *args, **kwargs):
    async def wait():
        return await function(*args, **kwargs)

    return async_to_sync(wait)()


async def acollect(queryset, path):
    return [[one.pk, along(one, path)] async for one in queryset]


def done(*steps):
    return steps[-1]


def caught(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except ValidationError as error:
        return str(error.message_dict)


def form(model, data, *fields):
    made = modelform_factory(model, fields=fields)(data)
    return [made.is_valid(), str(made.errors.as_json()), made.is_valid() and made.save().pk is not None]


def listed(selected):
    '''Return the rows of an admin's list of posts.'''
    from django.contrib.admin import ModelAdmin, site
    from django.test import RequestFactory

    class Admin(ModelAdmin):
        list_display = ["title", "author", "editor"]
        list_select_related = selected

    request = RequestFactory().get("/")
    request.user = type("Root", (), {"has_perm": lambda *args: True})()
    return Admin(Post, site).get_changelist_instance(request).result_list


print(json.dumps([evaluated(one) for one in {expressions!r}]))
"""


def sqlite_databases(aliases: list[str]) -> str:
    """Return what puts SQLite files into DATABASES."""
    return (
        'DATABASES = globals().get("DATABASES", {}) | {alias: {"ENGINE": "django.db.backends.sqlite3", '
        '"NAME": BASE_DIR / f"{alias}.sqlite3", "OPTIONS": {"init_command": "PRAGMA synchronous = OFF"}} '
        f"for alias in {aliases}}}\n"
    )


def make(folder: Path, settings: str) -> Project:
    """Write the project on some databases, and make its tables and rows."""
    made = project(
        folder,
        settings=f"{MYSQL_DRIVER}\n{SETTINGS}\n{settings}",
        files={
            "people/models.py": PEOPLE,
            "blog/models.py": BLOG,
            "shop/models.py": SHOP,
            "urls.py": "urlpatterns = []",
        },
    )
    tables = "from django.core.management import call_command\nfrom django.db import connections\n"
    tables += "for alias in connections:\n    call_command('migrate', run_syncdb=True, database=alias, verbosity=0)\n"
    run(made, tables + ROWS)
    return made


def evaluated(made: Project, expressions: list[str]) -> dict[str, tuple[Any, int]]:
    """Return expression to what it gave and how many statements it took."""
    found = json.loads(run(made, PROGRAM.replace("{expressions!r}", repr(expressions))))
    return {expression: (value, count) for expression, value, count in found}
