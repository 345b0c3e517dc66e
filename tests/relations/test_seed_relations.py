"""The seed's section on foreign keys across databases, line by line, in a project that is written as it says."""

from pathlib import Path

import pytest

from tests.projects import Project, project

pytestmark = pytest.mark.process

SETTINGS = """
INSTALLED_APPS = ["dbroute.django", "django.contrib.contenttypes", "django.contrib.auth", "blog"]
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / f"{alias}.sqlite3"}
    for alias in ("default", "blog_db")
}
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {"blog": "blog_db"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""

MODELS = """
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models

User = get_user_model()  # lives in "default"


class Post(models.Model):
    title = models.CharField(max_length=200)
    content = models.TextField(default="")
    author = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="blog_posts", db_constraint=False
    )

    class Meta:
        db_table = "blog_post"

    def clean(self):
        if not User.objects.filter(id=self.author_id).exists():
            raise ValidationError("Author does not exist")
"""

HEAD = """
from django.core.exceptions import ValidationError
from django.db import connections
from django.test.utils import CaptureQueriesContext
from blog.models import Post, User


class sent:
    def __enter__(self):
        self.each = {alias: CaptureQueriesContext(connections[alias]) for alias in connections}
        for capture in self.each.values():
            capture.__enter__()
        return self

    def __exit__(self, *args):
        for capture in self.each.values():
            capture.__exit__(*args)

    def __str__(self):
        return ", ".join(f"{alias}: {len(capture)}" for alias, capture in sorted(self.each.items()))


user = User.objects.first()
post = Post.objects.first()
"""


@pytest.fixture(scope="module")
def blog(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The seed's project, migrated and filled in one process; the tests read it in others."""
    made = project(tmp_path_factory.mktemp("seed"), settings=SETTINGS, files={"blog/models.py": MODELS})
    for args in (["makemigrations", "blog"], ["migrate_all", "--skip-makemigrations"]):
        result = made.run(*args)
        assert result.returncode == 0, result.stdout + result.stderr
    filled = made.python("""
    from blog.models import Post, User
    user = User.objects.create_user(username="john", email="john@example.com")
    post = Post.objects.create(title="Hello World", content="Multi-database setup works!", author=user)
    print(post.author.username, list(user.blog_posts.all()) == [post], user._state.db, post._state.db)
    """)
    assert (filled.stdout, filled.stderr) == ("john True default blog_db\n", "")
    return made


@pytest.mark.parametrize(
    ("line", "code", "expected"),
    [
        ("only the key is stored", "print(post.author_id, post.author_id == user.pk)", "1 True"),
        (
            "no database constraint is created",
            "print(connections['blog_db'].introspection.get_relations(connections['blog_db'].cursor(), 'blog_post'))",
            "{}",
        ),
        (
            "post.author triggers a query to default",
            "with sent() as queries: name = post.author.username\nprint(name, queries)",
            "john blog_db: 0, default: 1",
        ),
        (
            "user.blog_posts queries blog_db",
            "with sent() as queries: titles = [one.title for one in user.blog_posts.all()]\nprint(titles, queries)",
            "['Hello World'] blog_db: 1, default: 0",
        ),
        (
            "Post.objects.all() queries blog_db",
            "with sent() as queries: found = len(Post.objects.all())\nprint(found, queries)",
            "1 blog_db: 1, default: 0",
        ),
        (
            "select works",
            "with sent() as queries: name = Post.objects.select_related('author').get().author.username\n"
            "print(name, queries)",
            "john blog_db: 1, default: 1",
        ),
        (
            "prefetch works",
            "with sent() as queries: names = [p.author.username for p in Post.objects.prefetch_related('author')]\n"
            "print(names, queries)",
            "['john'] blog_db: 1, default: 1",
        ),
        (
            "prefetch works backwards",
            "with sent() as queries: found = [list(u.blog_posts.all()) for u in "
            "User.objects.prefetch_related('blog_posts')]\nprint(len(found[0]), queries)",
            "1 blog_db: 1, default: 1",
        ),
        (
            "the ORM validates the relation",
            "try: Post(title='x', content='y', author_id=99).clean_fields()\n"
            "except ValidationError as error: print(error.message_dict)",
            "{'author': ['user instance with id 99 is not a valid choice.']}",
        ),
        (
            "clean() looks where the users are",
            "try: Post(title='x', author_id=99).clean()\nexcept ValidationError as error: print(error.messages)",
            "['Author does not exist']",
        ),
        ("a valid post passes", "print(Post(title='x', content='y', author=user).full_clean())", "None"),
        (
            "a row that is deleted directly in the database leaves an orphan",
            "other = User.objects.create(username='gone')\nlost = Post.objects.create(title='lost', author=other)\n"
            "connections['default'].cursor().execute('DELETE FROM auth_user WHERE username = %s', ['gone'])\n"
            "print(Post.objects.filter(pk=lost.pk).exists())\nlost.delete()",
            "True",
        ),
        (
            "user.delete() cascades to posts in blog_db",
            "other = User.objects.create(username='other')\nPost.objects.create(title='going', author=other)\n"
            "print(other.delete(), Post.objects.filter(title='going').exists())",
            "(2, {'blog.Post': 1, 'auth.User': 1}) False",
        ),
    ],
)
def test_a_line_of_the_seed(blog: Project, line: str, code: str, expected: str) -> None:
    result = blog.python(f"{HEAD}\n{code}\n")

    assert (result.stdout, result.stderr) == (f"{expected}\n", ""), line


def test_a_forgotten_db_constraint_does_not_fail_during_migration(tmp_path: Path) -> None:
    forgotten = MODELS.replace(", db_constraint=False", "")
    made = project(tmp_path, settings=SETTINGS, files={"blog/models.py": forgotten})
    made.run("makemigrations", "blog")

    result = made.run("migrate_all", "--skip-makemigrations")

    assert result.returncode == 0, result.stderr
    assert (
        "blog.Post.author crosses from 'blog_db' to 'default' without db_constraint=False." in made.run("check").stderr
    )
