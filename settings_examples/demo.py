"""
Runs the example ``simple`` from nothing to rows in two files, and shows the files as evidence.

``make demo`` calls it. It needs dbroute installed, writes only into ``simple/db`` and can be run again.
"""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

SIMPLE = Path(__file__).resolve().parent / "simple"

WRITE = """
john, _ = User.objects.get_or_create(username="john", defaults={"email": "john@example.com"})
for title in ("Hello World", "Two databases, no using()"):
    Post.objects.get_or_create(title=title, author=john)
"""

READ = """
post = Post.objects.get(title="Hello World")
print("post.author.username   ", post.author.username)
print("john.blog_posts.all()  ", post.author.blog_posts.all())
"""

TABLES = {"auth_user": "id, username", "blog_post": "id, title, author_id"}


def say(text: str) -> None:
    """Announce the next step."""
    print(f"\n==> {text}", flush=True)


def manage(*args: str) -> None:
    """Run manage.py of the example in a process of its own; the caller's Django variables stay outside."""
    private = ("DJANGO_", "DATABASE_URL", "DBROUTE_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(private)}
    done = subprocess.run([sys.executable, "manage.py", *args], cwd=SIMPLE, env=environ, check=False)
    if done.returncode:
        sys.exit(f"demo: manage.py {args[0]} failed")


def shell(code: str) -> None:
    """Show a piece of code and run it in the project's shell."""
    print(*(f"    {line}" for line in code.strip().splitlines()), sep="\n", flush=True)
    manage("shell", "--verbosity", "0", "--command", code)


def show_rows(file: Path) -> None:
    """Print what a database file holds of the two tables, without Django and without dbroute."""
    print(file.relative_to(SIMPLE.parent.parent))
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        there = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table, columns in TABLES.items():
            if table not in there:
                print(f"    {table}: no such table here")
                continue
            for row in database.execute(f"SELECT {columns} FROM {table} ORDER BY id"):
                print(f"    {table}:", ", ".join(f"{name}={value!r}" for name, value in dict(row).items()))


def main() -> None:
    """Migrate, write, read in another process, look into the files."""
    say("settings_examples/simple/config.yaml")
    print((SIMPLE / "config.yaml").read_text(encoding="utf-8"), end="")

    say("python manage.py migrate_all")
    manage("migrate_all")

    say("a first process writes a user and two posts")
    shell(WRITE)

    say("a second process reads them back, across the databases")
    shell(READ)

    say("which row lives in which file, asked with the sqlite3 module")
    for name in ("default", "blog"):
        show_rows(SIMPLE / "db" / f"{name}.sqlite3")

    say("done. Next: cd settings_examples/simple && ../../.venv/bin/python manage.py runserver")


if __name__ == "__main__":
    main()
