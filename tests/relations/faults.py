"""A program that deletes a user of :mod:`tests.relations.graphs` while something goes wrong, and tells what is left."""

from typing import Any

from tests.projects import Project
from tests.relations.graphs import ROWS, run

# A user on whom everything hangs: one row of each kind at least, on three databases.
WORLD = (
    ROWS
    + """
from contextlib import suppress
from django.db import OperationalError

from dbroute.exceptions import CrossDatabaseTransactionError


def world():
    empty()
    User.objects.bulk_create([User(pk=1, name="kept"), User(pk=2, name="kept too"), User(pk=3, name="gone")])
    Profile.objects.create(pk=1, user_id=3)
    Post.objects.create(pk=1, author_id=3)
    Post.objects.create(pk=2, editor_id=3)
    Comment.objects.create(pk=1, post_id=1, user_id=1)
    Comment.objects.create(pk=2, post_id=2, user_id=3, parent_id=1)
    Audit.objects.create(pk=1, post_id=1)
    Order.objects.create(pk=1, buyer_id=3, post_id=1)
    Order.objects.create(pk=2, buyer_id=1, post_id=1)
    Line.objects.create(pk=1, order_id=1)
    Favourite.objects.create(pk=1, user_id=3)
    Post.readers.through.objects.create(pk=1, post_id=2, user_id=3)
    Note.objects.create(pk=1, about=User.objects.get(pk=3))
    return rows()


def gone():
    return User.objects.get(pk=3)


class Injected(Exception):
    pass
"""
)


def told(made: Project, code: str) -> Any:
    """Run code after the world's own and return what it printed."""
    return run(made, WORLD + code)


# Fails at each statement that writes, before it is sent and after; prints how many there were and what was left.
STATEMENTS = """
def fails_at(number, after):
    seen = []

    def execute(execute, sql, params, many, context):
        if sql.split()[0] in ("UPDATE", "DELETE"):
            seen.append(context["connection"].alias)
            if len(seen) == number:
                if after:
                    execute(sql, params, many, context)
                raise Injected
        return execute(sql, params, many, context)

    before = world()
    with ExitStack() as stack:
        for alias in ALIASES:
            stack.enter_context(connections[alias].execute_wrapper(execute))
        try:
            gone().delete()
        except Injected:
            return rows() == before, seen
    return None, seen


for after in (False, True):
    number = 1
    while (result := fails_at(number, after))[0] is not None:
        assert result[0], (number, after, result[1])
        number += 1
    print(number - 1, sorted(set(result[1])))
"""

SIGNALS = """
def fail(instance, using, **kwargs):
    raise Injected

for signal in (signals.pre_delete, signals.post_delete):
    for model in (User, Profile, Post, Comment, Audit, Order, Line, Note):
        before = world()
        signal.connect(fail, sender=model)
        try:
            gone().delete()
        except Injected:
            print(rows() == before)
        signal.disconnect(fail, sender=model)
"""

# Lets the commit of one database fail, and prints what that left, and whether deleting again and orphans end it.
COMMITS = """
from io import StringIO
from django.core.management import call_command

for failing in ("blog_db", "shop_db", "default"):
    before = world()
    connection = connections[failing]

    def commit():
        raise OperationalError("connection lost")

    connection.commit = commit
    with suppress(OperationalError):
        gone().delete()
    del connection.commit
    left = rows()
    broken = sorted(label for label in left if left[label] != before[label])
    if User.objects.filter(pk=3).exists():
        gone().delete()
    call_command("dbroute", "orphans", "people.Audit.post", fix=["delete"], interactive=False, stdout=StringIO())
    ended = rows()
    world()
    gone().delete()
    print(failing, broken, ended == rows())
"""

OUTER = """
before = world()
for spans in (["default"], ["blog_db"], ["default", "shop_db"]):
    with ExitStack() as stack:
        for alias in spans:
            stack.enter_context(transaction.atomic(alias))
        with suppress(CrossDatabaseTransactionError):
            try:
                gone().delete()
            except CrossDatabaseTransactionError as error:
                print(error)
                raise
        print(rows() == before)
connections["default"].set_autocommit(False)
try:
    User.objects.filter(pk=3).delete()
except CrossDatabaseTransactionError as error:
    print(error.open, error.closed)
connections["default"].rollback()
connections["default"].set_autocommit(True)
print(rows() == before)
try:
    with ExitStack() as stack:
        for alias in ALIASES:
            stack.enter_context(transaction.atomic(alias))
        print(gone().delete()[0])
        raise Injected
except Injected:
    print(rows() == before)
with transaction.atomic():
    print(Profile.objects.filter(pk=1).delete())  # nothing of it is elsewhere
"""

HOOKS = """
world()
ran = []


def register(instance, using, **kwargs):
    def hook():
        still_open = [alias for alias in ALIASES if connections[alias].in_atomic_block]
        ran.append([using, still_open, User.objects.filter(pk=3).exists()])
    transaction.on_commit(hook, using=using)


def register_broken(**kwargs):
    def hook():
        raise Injected
    transaction.on_commit(hook, using="blog_db")


for model in (User, Post, Order):
    signals.post_delete.connect(register, sender=model)
gone().delete()
print(ran)
world()
ran.clear()
signals.post_delete.connect(register_broken, sender=Comment)
try:
    gone().delete()
except Injected:
    print(User.objects.filter(pk=3).exists(), Post.objects.filter(pk=1).exists())
ran.clear()
signals.post_delete.disconnect(register_broken, sender=Comment)
before = world()
with suppress(Injected), transaction.atomic(), transaction.atomic("blog_db"), transaction.atomic("shop_db"):
    gone().delete()
    raise Injected
print(ran, rows() == before)
"""

# Something refers to a row, and the database looks at it when the transaction ends.
PIN = """
with connections["{alias}"].cursor() as cursor:
    cursor.execute("CREATE TABLE pin (row_id bigint REFERENCES {table} (id) DEFERRABLE INITIALLY DEFERRED)")
before = world()
with connections["{alias}"].cursor() as cursor:
    cursor.execute("INSERT INTO pin VALUES ({pk})")
try:
    gone().delete()
except IntegrityError as error:
    print("violates foreign key constraint" in str(error), rows() == before)
with connections["{alias}"].cursor() as cursor:
    cursor.execute("DROP TABLE pin")
"""

# A handler leaves a row behind that refers to what is gone: SQLite finds that when the transaction ends.
LATE = """
def late(**kwargs):
    {row}

before = world()
signals.post_delete.connect(late, sender={sender})
try:
    gone().delete()
except IntegrityError as error:
    print(type(error).__name__, rows() == before)
"""

# Shows what the admin says before it deletes, and lets it delete: by its view, and by the action of its list.
ADMIN = """
import re
from django.test import Client
from django.contrib.admin.models import LogEntry

from django.conf import settings
settings.ALLOWED_HOSTS = ["testserver"]
Login.objects.filter(username="root").delete()
client = Client()
client.force_login(Login.objects.create_superuser("root"))
before = world()
statements = []


def count(execute, sql, params, many, context):
    statements.append(sql)
    return execute(sql, params, many, context)


page = client.get("/admin/people/user/3/delete/").content.decode()
listed = page.partition("<h2>")[2].partition("<form")[0]
first = ["page", rows() == before, re.sub(r"\\s+", " ", re.sub(r"<[^>]*>", " ", listed))]
statuses = [client.post("/admin/people/user/3/delete/", {"post": "yes"}).status_code]
after_view = rows()
world()
statuses.append(client.post("/admin/people/user/", {
    "action": "delete_selected", "_selected_action": ["3"], "post": "yes"
}).status_code)
print(json.dumps([first, statuses, after_view, after_view == rows(), LogEntry.objects.filter(action_flag=3).count()]))
"""

# The form of a post with an order in it, which a row of a third database hangs on.
INLINE = """
from django.conf import settings
from django.contrib import admin
from django.db import router, transaction
from django.test import Client

settings.ALLOWED_HOSTS = ["testserver"]


class OrderInline(admin.TabularInline):
    model = Order
    fields = ["buyer"]


class PostAdmin(admin.ModelAdmin):
    fields = ["watcher"]
    inlines = [OrderInline]


admin.site.register(Post, PostAdmin)
Login.objects.filter(username="root").delete()
client = Client(raise_request_exception=False)
client.force_login(Login.objects.create_superuser("root"))
world()
post = Post.objects.create(pk=500)
Order.objects.create(pk=500, post=post)
AuditNote.objects.create(pk=500, order_id=500)
before = rows()


def fail(**kwargs):
    raise ValueError("a handler fails")


def submit(**more):
    answer = client.post("/admin/blog/post/500/change/", {
        "watcher": "1", "-1-TOTAL_FORMS": "1", "-1-INITIAL_FORMS": "1", "-1-0-id": "500", "-1-0-post": "500",
        "-1-0-buyer": "1", **more,
    })
    return answer.status_code


with transaction.atomic(using=router.db_for_write(Post)):  # as ATOMIC_REQUESTS does
    print(submit(), rows() == before)
    transaction.set_rollback(True, using=router.db_for_write(Post))
before = rows()
delete = {"-1-0-DELETE": "on"}
signals.post_delete.connect(fail, sender=AuditNote)
print(submit(**delete), rows() == before)
signals.post_delete.disconnect(fail, sender=AuditNote)
print(submit(**delete))
after = rows()
print(sorted(label for label in after if after[label] != before[label]))
print(Post.objects.get(pk=500).watcher_id)
"""

# A tenant has the root's tables too; what lives elsewhere is shared.
TENANT = """
from django.core.management import call_command
from django.db.models import QuerySet
call_command("migrate", run_syncdb=True, database="tenant", verbosity=0)
before = world()
User.objects.using("tenant").create(pk=3, name="tenant's")
Profile.objects.using("tenant").create(pk=7, user_id=3)
heard = []


def hear(sender, using, **kwargs):
    heard.append([sender._meta.label, using])


for model in (User, Profile, Post, Note):
    signals.pre_delete.connect(hear, sender=model)
QuerySet(User, using="tenant").filter(pk=3).delete()
after = rows()
print(heard)
print([QuerySet(model, using="tenant").count() for model in (User, Profile)])
print([label for label in after if label.startswith("people.") and after[label] != before[label]])
"""

READ_ONLY = """
from dbroute.exceptions import ReadOnlyDatabaseError

before = rows()
try:
    gone().delete()
except ReadOnlyDatabaseError as error:
    print(error)
print(rows() == before)
"""
