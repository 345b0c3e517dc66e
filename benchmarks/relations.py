"""
What ``select_related()`` costs where its two tables are in two PostgreSQL databases, against the JOIN in one.

The server is the one that the tests use. The databases are made here and dropped again.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from os import environ

import dj_database_url
import django
from django.conf import settings
from django.db import connections

from tests.servers import databases, find_postgres

ROWS = 10_000
ROUNDS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Few rows: shows that the script runs.")
    parser.add_argument("--measure", nargs=4, metavar=("FIRST", "SECOND", "ROWS", "ROUNDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        first, second, rows, rounds = options.measure
        print(json.dumps(measure(first, second, int(rows), int(rounds))))
        return
    rows, rounds = (100, 2) if options.quick else (ROWS, ROUNDS)
    print(
        f"Python {platform.python_version()}, Django {django.get_version()}, {rows:,} rows, median of {rounds} rounds"
    )
    with databases(find_postgres(environ)) as server:
        first, second = server.create("first"), server.create("second")
        joined, parted = in_process(first, first, rows, rounds), in_process(first, second, rows, rounds)
    print(f"JOIN in one database       {joined * 1000:8.1f} ms  1 query")
    print(f"select_related() over two  {parted * 1000:8.1f} ms  2 queries  {parted / joined:.2f} times")


def in_process(first: str, second: str, rows: int, rounds: int) -> float:
    """Measure in a process of its own: what is on which database is settled once for each."""
    arguments = [sys.executable, "-m", "benchmarks.relations", "--measure", first, second, str(rows), str(rounds)]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return statistics.median(json.loads(result.stdout))


def measure(first: str, second: str, rows: int, rounds: int) -> list[float]:
    """Return the seconds that each round takes; every post has an author of its own."""
    settings.configure(
        INSTALLED_APPS=["dbroute.django", "benchmarks.orphans_app"],
        DATABASES={"default": dj_database_url.parse(first), "posts": dj_database_url.parse(second)},
        DATABASE_ROUTERS=["dbroute.routing.DatabaseRouter"],
        DATABASE_ROUTING_RULES={"orphans_app.Post": "default" if first == second else "posts"},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()
    from benchmarks.orphans_app.models import Author, Post

    for model in (Author, Post):
        with connections[model.objects.db].schema_editor() as editor:
            editor.create_model(model)
    Author.objects.bulk_create([Author(pk=at, name=f"author {at}") for at in range(1, rows + 1)])
    Post.objects.bulk_create([Post(author_id=at) for at in range(1, rows + 1)])
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        found = [post.author.name for post in Post.objects.select_related("author")]
        times.append(time.perf_counter() - began)
        assert len(found) == rows
    for model in (Post, Author):
        with connections[model.objects.db].schema_editor() as editor:
            editor.delete_model(model)
    connections.close_all()
    return times[1:]


if __name__ == "__main__":
    main()
