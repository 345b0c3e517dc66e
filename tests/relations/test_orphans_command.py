"""``manage.py dbroute orphans``: what it prints, asks, refuses, writes and goes on from."""

import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import override_settings

from dbroute.django.relations import orphans
from tests.integration.apps.blog.models import BlogPostComment, Post

pytestmark = pytest.mark.django_db(databases=["default", "blog_db"])

AUTHOR = "blog.Post.author"


@pytest.fixture(autouse=True)
def posts():
    """Seven posts, three of which have lost their authors; two of those share one."""
    users = User.objects.bulk_create([User(username=name) for name in "abcd"])
    made = Post.objects.bulk_create([Post(title=str(at), author_id=None if at > 4 else 1) for at in range(7)])
    for post, author in zip(made, [users[0].pk, 900, 900, users[1].pk, 901], strict=False):
        post.author_id = author
    Post.objects.bulk_update(made, ["author"])
    BlogPostComment.objects.create(post=made[1], text="x")
    return made


@pytest.fixture
def small_steps(monkeypatch):
    monkeypatch.setattr(orphans, "SIZE", 1)


@pytest.fixture
def terminal(monkeypatch):
    """Answer questions as somebody at a terminal would."""
    asked = []

    def answer(text):
        def say(question):
            asked.append(question)
            return text

        monkeypatch.setattr("builtins.input", say)
        monkeypatch.setattr("dbroute.django.management.subcommands.orphans.is_terminal", lambda: True)
        return asked

    return answer


def call(*arguments, stderr=None):
    """Return what the command printed, and its error."""
    out = io.StringIO()
    try:
        call_command("dbroute", "orphans", *arguments, stdout=out, stderr=stderr or io.StringIO())
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def authors():
    return list(Post.objects.order_by("pk").values_list("author", flat=True))


REFUSED = "3 rows refer to what is gone; --fix null, --fix delete or --fix export FILE does something about it."
TABLE = """\
reference         from     to       keys looked at  orphans  for example
blog.Post.author  blog_db  default               4        3  900, 901
"""


@pytest.mark.parametrize("label", [AUTHOR, "blog.post.AUTHOR"])
def test_orphans_are_printed_and_are_a_failure(label):
    assert call(label) == (TABLE, REFUSED)


def test_reference_that_leads_somewhere_everywhere_is_no_failure():
    Post.objects.filter(author__gte=900).update(author=None)

    printed, error = call(AUTHOR)

    assert error == ""
    assert printed.splitlines()[1].split() == [AUTHOR, "blog_db", "default", "2", "0"]


def test_without_names_all_are_looked_at_that_no_database_watches(django_db_blocker):
    Post.objects.filter(author__gte=900).update(author=None)

    printed, error = call()

    assert error == ""
    assert [line.split()[0] for line in printed.splitlines()] == ["reference", AUTHOR]


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("blog", ["Post_tags.post", "Post_tags.tag", "Tag.parent", "Post.author", "BlogPostComment.post"]),
        ("blog.Post.tags", ["Post_tags.post", "Post_tags.tag"]),
        ("blog.Post", ["Post.author"]),
        ("blog.Tag.parent", ["Tag.parent"]),
    ],
)
def test_names_may_be_of_an_app_a_model_or_a_field(label, found):
    Post.objects.filter(author__gte=900).update(author=None)

    printed, _ = call(label)

    assert sorted(line.split()[0] for line in printed.splitlines()[1:]) == sorted(f"blog.{name}" for name in found)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["blog.Post.autor"], "No reference goes by the name 'blog.Post.autor'. Did you mean 'blog.Post.author'?"),
        (["zzz"], "No reference goes by the name 'zzz'. Write app.Model.field, app.Model or app."),
        (["--fix", "nul"], "--fix takes null, delete or export FILE, not 'nul'."),
        (["--fix", "export"], "--fix export needs the name of a file."),
        (["--after", "3"], "--after needs the names of the references: it is a key of the first one."),
        ([AUTHOR, "--after", "x"], "--after: “x” value must be an integer."),
        (
            [AUTHOR, "--fix", "null"],
            "There is no terminal to ask at: say --noinput to change rows without a question.",
        ),
        (
            [AUTHOR, "blog.BlogPostComment.post", "--fix", "null"],
            "blog.BlogPostComment.post may not be NULL.\nName the references that --fix is meant for.",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_read(arguments, message, django_assert_num_queries):
    with django_assert_num_queries(0, using="blog_db"):
        assert call(*arguments) == ("", message)


def test_a_database_that_is_only_read_is_not_mended(outside_tests):
    assert call("analytics", "--fix", "delete", "--noinput") == (
        "",
        "analytics.Visit_seen.from_visit is in 'analytics', which is read-only.\n"
        "analytics.Visit_seen.to_visit is in 'analytics', which is read-only.\n"
        "Name the references that --fix is meant for.",
    )


def test_json_has_every_reference_and_what_was_found():
    printed, error = call(AUTHOR, "--json")

    assert error == REFUSED
    assert json.loads(printed) == [
        {
            "reference": AUTHOR,
            "from": "blog_db",
            "to": "default",
            "looked_at": 4,
            "orphans": 3,
            "examples": ["900", "901"],
            "set_to_null": 0,
            "deleted": {},
            "error": None,
        }
    ]


def test_the_question_has_the_number_and_yes_mends(terminal, small_steps):
    asked = terminal("y")

    printed, error = call(AUTHOR, "--fix", "null")

    assert (printed, error) == (f"{TABLE}Set to NULL: 3.\n", "")
    assert asked == ["Set 3 references to NULL? [y/N] "]
    assert [author is None for author in authors()] == [False, True, True, False, True, True, True]


@pytest.mark.parametrize("answer", ["", "n", "yep"])
def test_any_other_answer_changes_nothing(terminal, answer):
    before = authors()
    asked = terminal(answer)

    assert call(AUTHOR, "--fix", "delete") == (TABLE, "Nothing was changed.")
    assert asked == ["Delete 3 rows and what hangs on them? [y/N] "]
    assert authors() == before


def test_rows_are_deleted_with_what_hangs_on_them(small_steps):
    printed, error = call("--fix", "delete", AUTHOR, "--noinput")

    assert (printed, error) == (f"{TABLE}Deleted: blog.BlogPostComment 1, blog.Post 3.\n", "")
    assert [post.title for post in Post.objects.order_by("pk")] == ["0", "3", "5", "6"]


def test_json_without_a_question_has_what_was_done():
    printed, error = call(AUTHOR, "--fix", "delete", "--noinput", "--json")

    assert error == ""
    assert json.loads(printed)[0]["deleted"] == {"blog.BlogPostComment": 1, "blog.Post": 3}


def test_export_writes_the_keys_and_changes_nothing(tmp_path, posts, small_steps):
    before, file = authors(), tmp_path / "lost.csv"

    printed, error = call("--fix", "export", str(file), AUTHOR)

    assert (printed, error) == (TABLE, "")
    lines = [f"{AUTHOR},blog_db,{posts[at].pk},{author}" for at, author in ((1, 900), (2, 900), (4, 901))]
    assert file.read_text().splitlines() == ["reference,database,pk,key", *lines]
    assert authors() == before


def test_export_never_overwrites(tmp_path):
    file = tmp_path / "lost.csv"
    file.write_text("kept")

    assert call(AUTHOR, "--fix", "export", str(file)) == ("", f"{file}: File exists.")
    assert file.read_text() == "kept"


def broken_at(monkeypatch, number, error):
    """Let the step with this number (from 0) end in an error."""
    whole = orphans.scan

    def scan(*arguments):
        for at, batch in enumerate(whole(*arguments)):
            if at == number:
                raise error
            yield batch

    monkeypatch.setattr(orphans, "scan", scan)


def test_interruption_says_how_to_go_on_and_that_completes_the_file(monkeypatch, small_steps, tmp_path):
    file = tmp_path / "lost.csv"
    with monkeypatch.context() as patch:
        broken_at(patch, 3, KeyboardInterrupt())
        _, error = call(AUTHOR, "blog.Tag.parent", "--fix", "export", str(file))

    assert error == (
        "Interrupted; 2 rows refer to what is gone so far. Go on with: manage.py dbroute orphans "
        f"blog.Post.author blog.Tag.parent --after 900 --fix export {file}"
    )
    printed, error = call(*error.partition("dbroute orphans ")[2].split())
    assert error == ""
    assert printed.splitlines()[1].split() == [AUTHOR, "blog_db", "default", "1", "1", "901"]
    assert [line.split(",")[-1] for line in file.read_text().splitlines()] == ["key", "900", "900", "901"]


def test_database_that_fails_keeps_no_other_reference_from_being_looked_at(monkeypatch, small_steps):
    broken_at(monkeypatch, 2, OperationalError("connection lost"))

    printed, error = call(AUTHOR, "blog.BlogPostComment.post")

    behind = User.objects.order_by("pk")[1].pk
    assert error == (
        f"blog.Post.author: OperationalError: connection lost; go on with: "
        f"manage.py dbroute orphans blog.Post.author --after {behind}"
    )
    assert [line.split()[0] for line in printed.splitlines()[1:]] == [AUTHOR, "blog.BlogPostComment.post"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_somebody_at_a_terminal_sees_a_bar(small_steps):
    stderr = Terminal()

    call(AUTHOR, stderr=stderr)

    assert AUTHOR in stderr.getvalue()


def test_nothing_but_the_report_is_printed_elsewhere(small_steps):
    stderr = io.StringIO()

    call(AUTHOR, stderr=stderr)

    assert stderr.getvalue() == ""


@override_settings(DATABASE_ROUTING_RULES={"blog": "blog_db", "auth": "blog_db"})
def test_reference_within_a_database_without_a_constraint_is_looked_at_by_default():
    printed, _ = call()

    assert [AUTHOR, "blog_db", "blog_db"] in [line.split()[:3] for line in printed.splitlines()]
