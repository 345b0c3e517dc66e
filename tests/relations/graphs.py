"""
A project whose rows refer to each other in every way, within and between three apps, and a program that deletes them.

The same program runs with the three apps on one database and on three; what it prints has to be the same.
"""

import json
from pathlib import Path
from typing import Any

from tests.projects import MYSQL_DRIVER, Project, project

SETTINGS = """
INSTALLED_APPS = [
    "dbroute.django", "django.contrib.contenttypes", "django.contrib.auth", "django.contrib.admin",
    "django.contrib.sessions", "django.contrib.messages", "people", "blog", "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
    "context_processors": [
        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]}}]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ROOT_URLCONF = "urls"
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {"blog": "blog_db", "shop": "shop_db"}
"""

# Every app may still be in one database: only there the rules are not.
ONE = """
OPTIONS = {"init_command": "PRAGMA synchronous = OFF"}
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "default.sqlite3", "OPTIONS": OPTIONS}
}
DATABASE_ROUTING_RULES = {}
"""

THREE = """
OPTIONS = {"init_command": "PRAGMA synchronous = OFF"}
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3", "OPTIONS": OPTIONS}
    for alias in ["default", "shop_db", "blog_db"]
}
"""

HEAD = """
from django.contrib.contenttypes.fields import GenericForeignKey, GenericRelation
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import CASCADE, DO_NOTHING, PROTECT, RESTRICT, SET, SET_DEFAULT, SET_NULL


def near(to, on_delete=CASCADE, **options):
    return models.ForeignKey(to, on_delete, **{"null": True, **options})


def far(to, on_delete=CASCADE, **options):
    return near(to, on_delete, db_constraint=False, related_name="+", **options)


"""

PEOPLE = (
    HEAD
    + """
class User(models.Model):
    name = models.CharField(max_length=20, unique=True)
    notes = GenericRelation("blog.Note", "number", "type")


class Profile(models.Model):
    user = models.OneToOneField(User, CASCADE)


class Manager(User):
    bonus = models.IntegerField(default=0)


class Audit(models.Model):
    post = far("blog.Post")
    marks = GenericRelation("shop.Mark", "key", "type")


class AuditNote(models.Model):
    order = far("shop.Order")
    audit = near(Audit, RESTRICT)
"""
)

BLOG = (
    HEAD
    + """
def somebody():
    from people.models import User
    return User.objects.get_or_create(pk=999, name="somebody")[0]


class Tag(models.Model):
    pass


class Post(models.Model):
    author = far("people.User")
    editor = far("people.User", SET_NULL)
    reviewer = far("people.User", SET_DEFAULT, default=1)
    approver = far("people.User", SET(somebody))
    checker = far("people.User", SET(2))
    locker = far("people.User", PROTECT)
    owner = far("people.User", RESTRICT)
    watcher = far("people.User", DO_NOTHING)
    name = far("people.User", to_field="name")
    tags = models.ManyToManyField(Tag)
    readers = models.ManyToManyField("people.User", db_constraint=False, related_name="read")
    marks = GenericRelation("shop.Mark", "key", "type")


class Sticky(Post):
    until = models.IntegerField(default=0)
    manager = far("people.Manager")


class Comment(models.Model):
    post = near(Post)
    user = far("people.User")
    parent = near("self")


class Note(models.Model):
    type = far(ContentType)
    number = models.IntegerField(null=True)
    about = GenericForeignKey("type", "number")
"""
)

SHOP = (
    HEAD
    + """
class Order(models.Model):
    buyer = far("people.User")
    post = far("blog.Post", SET_NULL)
    audit = far("people.Audit")


class Line(models.Model):
    order = near(Order)
    comment = far("blog.Comment", PROTECT)


class Favourite(models.Model):
    user = far("people.User")
    post = far("blog.Post")


class Mark(models.Model):
    type = far(ContentType)
    key = models.CharField(max_length=20, null=True)
    about = GenericForeignKey("type", "key")
"""
)

URLS = """
from django.contrib import admin
from django.urls import path
from people.models import User

admin.site.register(User)
urlpatterns = [path("admin/", admin.site.urls)]
"""

# Fills the tables from a seed, and knows how to tell what is in them.
ROWS = """
import json, random
from contextlib import ExitStack, contextmanager
from django.contrib.auth.models import User as Login
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connections, models, transaction
from django.db.models import signals
from blog.models import Comment, Note, Post, Sticky, Tag
from people.models import Audit, AuditNote, Manager, Profile, User
from shop.models import Favourite, Line, Mark, Order

ALL = [
    User, Profile, Manager, Tag, Post, Sticky, Comment, Audit, Order, AuditNote, Line, Favourite, Note, Mark,
    Post.tags.through, Post.readers.through,
]
ALIASES = list(connections)


def empty():
    Comment.objects.update(parent=None)
    for model in reversed(ALL):
        table = model.objects.all()
        table._raw_delete(table.db)


def fill(seed):
    chance = random.Random(seed)
    empty()

    def some(pool, share=0.5):
        return chance.choice(pool).pk if pool and chance.random() < share else None

    def make(model, number, **columns):
        rows = []
        for pk in range(1, number + 1):
            row = model(pk=pk, **{name: value() for name, value in columns.items()})
            row.save(force_insert=True)
            rows.append(row)
        return rows

    names = iter("abcdefghijklmnop")
    users = make(User, 5, name=lambda: next(names))
    for pk in (4, 5):
        Manager(user_ptr_id=pk, name=User.objects.get(pk=pk).name, bonus=1).save_base(raw=True)
    make(Profile, 3, user=iter(chance.sample(users, 3)).__next__)
    rare = chance.choice([0, 0, 0.1])
    keys = {f"{name}_id": share for name, share in {
        "author": 0.4, "editor": 0.4, "reviewer": 0.4, "approver": 0.2, "checker": 0.3, "locker": rare, "owner": rare,
        "watcher": 0.3,
    }.items()}
    refer = {name: lambda share=share: some(users, share) for name, share in keys.items()}
    posts = make(Post, 8, **refer, name_id=lambda: chance.choice(users).name if chance.random() < 0.2 else None)
    for pk in (7, 8):
        Sticky(post_ptr_id=pk, manager_id=chance.choice([4, 5, None]), **{
            name: getattr(posts[pk - 1], name) for name in [*keys, "name_id"]
        }).save_base(raw=True)
    tags = make(Tag, 3)
    for post in posts:
        post.tags.through.objects.bulk_create(
            [post.tags.through(post=post, tag=tag) for tag in chance.sample(tags, chance.randrange(3))]
        )
        Post.readers.through.objects.bulk_create(
            [Post.readers.through(post=post, user_id=one.pk) for one in chance.sample(users, chance.randrange(3))]
        )
    comments = make(Comment, 12, post_id=lambda: some(posts, 0.8), user_id=lambda: some(users))
    for at, comment in enumerate(comments):
        comment.parent = chance.choice(comments[:at]) if at and chance.random() < 0.4 else None
        comment.save()
    audits = make(Audit, 4, post_id=lambda: some(posts, 0.7))
    orders = make(
        Order, 6, buyer_id=lambda: some(users, 0.7), post_id=lambda: some(posts), audit_id=lambda: some(audits, 0.3)
    )
    make(AuditNote, 3, order_id=lambda: some(orders, 0.8), audit_id=lambda: some(audits, chance.choice([0, 0.5])))
    make(Line, 5, order_id=lambda: some(orders), comment_id=lambda: some(comments, rare))
    make(Favourite, 6, user_id=lambda: some(users), post_id=lambda: some(posts))
    for model, kinds, number in ((Note, [User, Post], "number"), (Mark, [Post, Audit], "key")):
        for pk in range(1, 9):
            kind = ContentType.objects.get_for_model(chance.choice(kinds)).pk
            model(pk=pk, type_id=kind, **{number: chance.randint(1, 5)}).save(force_insert=True)


def rows():
    kinds = {kind.pk: kind.model for kind in ContentType.objects.all()}

    def columns(model):
        # The keys of many-to-many tables are the database's own affair, and those of content types too.
        names = [f.attname for f in model._meta.local_fields if not (f.primary_key and model._meta.auto_created)]
        for row in model.objects.values_list(*names):
            yield str([kinds[value] if name == "type_id" else value for name, value in zip(names, row)])

    return {model._meta.label: sorted(columns(model)) for model in ALL}


def home(model):
    from dbroute.django.routes import project_table
    return project_table().home(model)
"""

# Deletes something by each seed, and prints everything that can be seen of that.
DELETE = """
sent = []


def listen(kind):
    def hear(sender, instance, using, origin, **kwargs):
        label = origin._meta.label if isinstance(origin, models.Model) else origin.model._meta.label
        there = type(instance)._base_manager.using(using).filter(pk=instance.pk).exists()
        sent.append([kind, sender._meta.label, instance.pk, label, using == home(sender), there])
    return hear


hear = {"pre": listen("pre"), "post": listen("post")}


def delete(seed):
    with ExitStack() as stack:
        for alias in ALIASES:
            stack.enter_context(transaction.atomic(alias))
        fill(seed)
    chance = random.Random(f"delete {seed}")
    heard = chance.sample(ALL, chance.choice([0, 0, 4, len(ALL)]))
    for model in heard:
        signals.pre_delete.connect(hear["pre"], sender=model)
        signals.post_delete.connect(hear["post"], sender=model)
    sent.clear()
    model = chance.choice([User, User, User, User, Post, Post, Manager, Sticky, Comment, Order, Audit, Tag])
    keys = sorted(chance.sample(sorted(model.objects.values_list("pk", flat=True)), chance.choice([1, 1, 2])))
    one = model.objects.get(pk=keys[0]) if len(keys) == 1 and chance.random() < 0.7 else None
    of, statements = f"{model._meta.label} {keys}", []

    def count(execute, sql, params, many, context):
        if sql.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            statements.append(sql.split()[0])
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        for alias in ALIASES:
            stack.enter_context(connections[alias].execute_wrapper(count))
        try:
            if one is not None:
                result = [*one.delete(keep_parents=chance.random() < 0.2), one.pk]
            else:
                result = model.objects.filter(pk__in=keys).delete()
        except (models.ProtectedError, models.RestrictedError) as error:
            result = [type(error).__name__, error.args[0], sorted(f"{o._meta.label} {o.pk}" for o in error.args[1])]
    for model in heard:
        signals.pre_delete.disconnect(hear["pre"], sender=model)
        signals.post_delete.disconnect(hear["post"], sender=model)
    return {
        "of": of, "result": result, "signals": list(sent), "rows": rows(),
        "statements": sorted(statements),
    }


print(json.dumps([delete(seed) for seed in {seeds}]))
"""


def graph(folder: Path, databases: str) -> Project:
    """Write the project on some databases and make its tables."""
    made = project(
        folder,
        settings=f"{MYSQL_DRIVER}\n{SETTINGS}\n{databases}",
        files={"people/models.py": PEOPLE, "blog/models.py": BLOG, "shop/models.py": SHOP, "urls.py": URLS},
    )
    tables = "from django.core.management import call_command\nfrom django.db import connections\n"
    tables += "for alias in connections:\n    call_command('migrate', run_syncdb=True, database=alias, verbosity=0)\n"
    run(made, tables)
    return made


def run(made: Project, code: str) -> str:
    """Run code in the project and return what it printed."""
    result = made.python(code)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout + result.stderr
    return result.stdout


def deleted(made: Project, seeds: list[int]) -> list[dict[str, Any]]:
    """Return what can be seen of a deletion for each seed."""
    found: list[dict[str, Any]] = json.loads(run(made, ROWS + DELETE.replace("{seeds}", str(seeds))))
    return found
