"""
What finding orphans costs over two PostgreSQL databases, against reading the primary keys of both tables once.

The server is the one that the tests use. The databases are made here and dropped again.
"""

import argparse
import platform
import resource
import statistics
import time
from collections import deque
from collections.abc import Callable
from os import environ
from typing import Any

import dj_database_url
import django
from django.conf import settings
from django.db import connections

from tests.servers import databases, find_postgres

ROWS = 1_000_000
ROUNDS = 7
STEP = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Few rows: shows that the script runs.")
    rows, rounds = (2000, 1) if parser.parse_args().quick else (ROWS, ROUNDS)
    with databases(find_postgres(environ)) as server:
        settings.configure(
            INSTALLED_APPS=["dbroute.django", "benchmarks.orphans_app"],
            DATABASES={alias: dj_database_url.parse(server.create(alias)) for alias in ("default", "posts")},
            DATABASE_ROUTERS=["dbroute.routing.DatabaseRouter"],
            DATABASE_ROUTING_RULES={"orphans_app.Post": "posts"},
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        )
        django.setup()
        fill(rows)
        try:
            measure(rows, rounds)
        finally:
            connections.close_all()


def fill(rows: int) -> None:
    """Make as many authors as posts, in no common order; no two posts have one author, and some authors are gone."""
    from benchmarks.orphans_app.models import Author, Post

    for alias, model in (("default", Author), ("posts", Post)):
        with connections[alias].schema_editor() as editor:
            editor.create_model(model)
    statements = {
        "default": [
            "INSERT INTO orphans_app_author (id, name) SELECT n, 'author ' || n"
            f" FROM generate_series(1, {rows + rows // 99}) n WHERE n % 100 > 0",
            "VACUUM ANALYZE orphans_app_author",
        ],
        "posts": [
            "INSERT INTO orphans_app_post (id, author_id, title)"
            " SELECT row_number() OVER (), n, 'a title like that of post ' || n"
            f" FROM (SELECT n FROM generate_series(1, {rows}) n ORDER BY random()) shuffled",
            "VACUUM ANALYZE orphans_app_post",
        ],
    }
    for alias, texts in statements.items():
        with connections[alias].cursor() as cursor:
            for text in texts:
                cursor.execute(text)


def measure(rows: int, rounds: int) -> None:
    from benchmarks.orphans_app.models import Author, Post
    from dbroute.django.relations.orphans import scan
    from dbroute.django.relations.references import references

    (reference,) = references(["orphans_app.Post.author"])
    for alias in ("default", "posts"):
        connections[alias].ensure_connection()

    def find() -> int:
        return sum(found.count() for batch in scan(reference) for found in batch.rows)

    def driver() -> None:
        for alias, table in (("default", "orphans_app_author"), ("posts", "orphans_app_post")):
            with connections[alias].chunked_cursor() as cursor:
                cursor.execute(f"SELECT id FROM {table}")
                while cursor.fetchmany(STEP):
                    pass

    def querysets() -> None:
        for model in (Author, Post):
            deque(model._base_manager.values_list("pk", flat=True).iterator(STEP), maxlen=0)

    idle = peak()
    found = find()
    grown = peak() - idle
    names: dict[str, Callable[[], Any]] = {"driver": driver, "querysets": querysets, "orphans": find}
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name, call in names.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    seconds = {name: statistics.median(one) for name, one in times.items()}
    print(f"Python {platform.python_version()}, Django {django.get_version()}, {rows:,} rows, {found:,} orphans")
    print(f"{'':40} {'seconds':>8} {'ratio':>6}")
    for name, text in (
        ("driver", "both SELECT id, by the driver"),
        ("querysets", "both SELECT id, by values_list()"),
        ("orphans", "orphans found"),
    ):
        print(f"{text:40} {seconds[name]:8.2f} {seconds['orphans'] / seconds[name]:6.2f}")
    print(f"peak memory over the idle process: {grown:.1f} MB")


def peak() -> float:
    """Return the greatest size that this process had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
