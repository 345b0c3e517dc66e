"""What is said and chosen about relations over databases, and where three databases differ from one."""

import pickle
from pathlib import Path

import django
import pytest

from dbroute import CrossDatabaseDeletionError, CrossDatabaseJoinError, CrossDatabaseLimitError
from tests.projects import Project
from tests.relations.reading import ALIASES, NO_RULES, evaluated, make, sqlite_databases

pytestmark = [pytest.mark.process, pytest.mark.every_django]

JOIN = (
    ", and no database reads the tables of another; find the keys first, as in filter(author__in=[…]); read rows with "
    "select_related() or prefetch_related(); or let dbroute find the keys, with "
    "dbroute.django.relations.split(queryset) or 'cross_database_lookups: split' below 'routing:'"
)
SUBQUERY = (
    ", and no database reads the tables of another; give it a list, as in list(queryset); or let dbroute find the keys "
    "of an __in lookup, with dbroute.django.relations.split(queryset) or 'cross_database_lookups: split' below "
    "'routing:'"
)
UNION = ", and no database reads the tables of another; put lists together, as in [*first, *second]"
FORWARD = "blog.Post is on 'blog_db' and people.User on 'default'"
BACKWARD = "people.User is on 'default' and blog.Post on 'blog_db'"

MESSAGES = {
    "list(Post.objects.filter(author__username='ada'))": f"'author__username' cannot be looked up: {FORWARD}{JOIN}",
    "list(Comment.objects.filter(post__author__org__name='x'))": f"'post__author__org__name' cannot be looked up: "
    f"{FORWARD}{JOIN}",
    "list(Post.objects.order_by('-author__username'))": f"'author__username' cannot be looked up: {FORWARD}{JOIN}",
    "list(User.objects.filter(blog_posts__title='x'))": f"'blog_posts__title' cannot be looked up: {BACKWARD}{JOIN}",
    "list(User.objects.exclude(blog_posts__title='x'))": f"'blog_posts__title' cannot be looked up: {BACKWARD}{JOIN}",
    "list(Post.objects.filter(readers__username='x'))": f"'readers__username' cannot be looked up: {FORWARD}{JOIN}",
    "list(User.objects.filter(reads__title='x'))": f"'reads__title' cannot be looked up: {BACKWARD}{JOIN}",
    "list(User.objects.filter(notes__text='x'))": "'notes__text' cannot be looked up: people.User is on 'default' and "
    f"shop.Note on 'shop_db'{JOIN}",
    "list(Post.objects.filter(author__in=User.objects.all()))": f"no subquery is possible here: {FORWARD}{SUBQUERY}",
    "list(Post.objects.values('pk').union(User.objects.values('pk')))": f"no union is possible here: {FORWARD}{UNION}",
}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project over three SQLite databases."""
    return make(tmp_path_factory.mktemp("three"), sqlite_databases(ALIASES))


def said(made: Project, expression: str) -> str:
    return str(evaluated(made, [expression])[expression][0])


def test_a_refusal_names_both_ends_the_lookup_and_the_ways_out(three: Project) -> None:
    found = evaluated(three, list(MESSAGES))

    assert {one: value for one, (value, _) in found.items()} == {
        one: f"CrossDatabaseJoinError: {message}" for one, message in MESSAGES.items()
    }


@pytest.mark.parametrize(
    "error",
    [
        CrossDatabaseJoinError("blog.Post", "blog_db", "auth.User", "default", "author__username"),
        CrossDatabaseJoinError("blog.Post", "blog_db", "auth.User", "default", "", kind="union"),
        CrossDatabaseDeletionError("auth.User", "blog.Post", "blog_db"),
        CrossDatabaseLimitError("auth.User", 30_000),
    ],
)
def test_errors_survive_another_process(error: Exception) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


# More keys than are sent at once


def test_too_many_keys_are_refused_and_not_cut_off(three: Project) -> None:
    limited = "setattr(__import__('dbroute.django.relations.splitting', fromlist=['x']), 'LIMIT', {})"
    asked = "list(split(Post.objects).filter(author__active=True))"

    at_it = said(three, f"done({limited.format(4)}, {asked})")
    above = said(three, f"done({limited.format(3)}, {asked})")

    assert at_it.startswith("['blog.Post 1', ")
    assert above == (
        "CrossDatabaseLimitError: the lookup found more than 3 keys of people.User, the most that are sent to another "
        "database in one query; narrow it down, or go through the rows in batches"
    )


def test_selecting_takes_as_many_queries_as_the_keys_need(three: Project) -> None:
    limited = "setattr(__import__('dbroute.django.relations.selecting', fromlist=['x']), 'MAX_KEYS', 2)"
    asked = f"done({limited}, rows(Post.objects.select_related('author'), 'author.username'))"

    value, statements = evaluated(three, [asked])[asked]

    assert value[2] == [3, "cyd"]
    assert statements == 3  # the posts, and three users by twos


# What is chosen for the project


def chosen(tmp_path: Path, **choices: str) -> Project:
    made = make(tmp_path, sqlite_databases(ALIASES))
    with (made.root / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(f"DBROUTE = {choices}\n")
    return made


def test_split_for_the_whole_project(tmp_path: Path) -> None:
    made = chosen(tmp_path, cross_database_lookups="split")

    found = said(made, "list(Post.objects.filter(author__username='ada').order_by('pk'))")

    assert found == "['blog.Post 1', 'blog.Post 4', 'blog.Post 7']"


def test_relations_that_are_refused_are_not_followed(tmp_path: Path) -> None:
    made = chosen(tmp_path, cross_database_relations="refuse")

    assert said(made, "list(Post.objects.select_related('author'))").startswith("CrossDatabaseJoinError: ")
    assert said(made, "Post.objects.get(pk=1).author.username") == "ada"


def test_where_relations_are_refused_rows_that_are_referred_to_from_elsewhere_are_not_deleted(tmp_path: Path) -> None:
    made = chosen(tmp_path, cross_database_relations="refuse")
    new = "User.objects.create(pk=50, username='zed', org_id=1)"
    noted = f"done(shop.models.Note.objects.create(about={new}), User.objects.get(pk=50).delete())"

    found = evaluated(
        made, ["User.objects.get(pk=1).delete()", f"{new}.delete()", noted, "Post.objects.get(pk=1).delete()"]
    )

    assert [value for value, _ in found.values()] == [
        f"CrossDatabaseDeletionError: {CrossDatabaseDeletionError('people.User', 'blog.Post', 'blog_db')}",
        [1, {"people.User": 1}],
        f"CrossDatabaseDeletionError: {CrossDatabaseDeletionError('people.User', 'shop.Note', 'shop_db')}",
        f"CrossDatabaseDeletionError: {CrossDatabaseDeletionError('blog.Post', 'people.User', 'default')}",
    ]
    assert found["User.objects.get(pk=1).delete()"][0].endswith(
        "people.User cannot be deleted: rows of blog.Post in 'blog_db' refer to it, and relations are not followed "
        "into other databases here; delete or change those rows first, or set 'cross_database_relations: follow' below "
        "'routing:'"
    )


def test_relations_that_are_off_are_django_s_own(tmp_path: Path) -> None:
    made = chosen(tmp_path, cross_database_relations="off")

    found = said(made, "list(Post.objects.select_related('author'))")

    assert found == "OperationalError: no such table: people_user"


# Where three databases differ from one, and that is documented


def test_a_key_that_leads_nowhere_keeps_its_row(three: Project) -> None:
    lost = "done(Post.objects.filter(pk=1).update(author=99), rows(Post.objects.select_related('author')"
    asked = f"{lost}.filter(pk__lt=3).order_by('pk'), 'author.username'))"

    found = evaluated(three, [asked])[asked]

    assert found == [] or found[0] == [[1, "RelatedObjectDoesNotExist"], [2, "bob"]]


def test_a_query_without_its_queryset_has_lost_what_it_would_fetch_along(three: Project) -> None:
    query = "pickle.loads(pickle.dumps(Post.objects.select_related('author').query))"

    found = said(three, f"done(rows := Post.objects.all(), setattr(rows, 'query', {query}), list(rows))")

    assert found.startswith("CrossDatabaseJoinError: ")


def test_rows_share_what_they_point_at(three: Project) -> None:
    found = said(three, "len({id(p.author) for p in list(Post.objects.select_related('author'))})")

    assert found == "3"


def test_a_row_is_found_once_however_many_lead_to_it(three: Project) -> None:
    found = said(three, "list(split(User.objects).filter(blog_posts__words__gte=0).order_by('pk'))")

    assert found == "['people.User 1', 'people.User 2', 'people.User 3']"


# The admin

ADMIN = "rows(listed({}), 'author.org', 'editor')"


@pytest.mark.parametrize("selected", ["True", "('author__org', 'editor')", "False"])
def test_the_admin_s_list_selects_as_on_one_database(three: Project, tmp_path: Path, selected: str) -> None:
    asked = ADMIN.format(selected)
    one = make(tmp_path, NO_RULES + sqlite_databases(["default"]))

    (expected, once), (found, often) = evaluated(one, [asked])[asked], evaluated(three, [asked])[asked]

    assert found == expected
    assert len(found) == 8
    assert often <= once + 2


# Fetching for all peers at once is new in Django 6.1

PEERS = {
    "rows(Post.objects.fetch_mode(models.FETCH_PEERS), 'author.org.name')": 0,
    "rows(User.objects.fetch_mode(models.FETCH_PEERS), 'settings.theme')": 0,
    "rows(Post.objects.fetch_mode(models.FETCH_PEERS).select_related('author'), 'author.org.name')": 1,
    "rows(Note.objects.fetch_mode(models.FETCH_PEERS), 'about')": 0,
    "list(Post.objects.get(pk=1).author for post in Post.objects.fetch_mode(models.FETCH_RAISE))": 0,
}


def test_peers_are_fetched_as_on_one_database(three: Project, tmp_path: Path) -> None:
    one = make(tmp_path, NO_RULES + sqlite_databases(["default"]))

    once, often = evaluated(one, list(PEERS)), evaluated(three, list(PEERS))

    if django.VERSION < (6, 1):
        assert all("fetch_mode" in str(value) for value, _ in often.values())
        return
    assert {one: value for one, (value, _) in often.items()} == {one: value for one, (value, _) in once.items()}
    assert [one for one, more in PEERS.items() if often[one][1] > once[one][1] + more] == []
