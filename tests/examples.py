"""Copies of the projects in settings_examples that tests drive."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.projects import REPOSITORY, Project

EXAMPLES = REPOSITORY / "settings_examples"

# What a first process writes and a second one reads, in the project's shell.
WRITE = """
john = User.objects.create_user(username="john", email="john@example.com")
Post.objects.create(title="Hello World", content="Two databases", author=john)
"""

READ = """
post = Post.objects.get(title="Hello World")
print(post.author.username, post._state.db, post.author._state.db)
print(User.objects.get(username="john").blog_posts.all())
"""


def copy_of(name: str, folder: Path) -> Project:
    """Copy an example as git would hand it out."""
    ignored = shutil.ignore_patterns("*.sqlite3", "__pycache__", ".env", "config.local.yaml")
    return Project(Path(shutil.copytree(EXAMPLES / name, folder / name, ignore=ignored)))


def succeed(project: Project, *args: str, env: Mapping[str, str] | None = None) -> str:
    """Run manage.py, see that it worked without a word on stderr, and return what it printed."""
    done = project.run(*args, env=env)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def shell(project: Project, code: str, env: Mapping[str, str]) -> str:
    """Run code in the project's shell, which has every model imported."""
    return succeed(project, "shell", "--verbosity", "0", "--command", code, env=env)


def commands(readme: Path) -> list[str]:
    """Return the commands of a README: its indented lines, continued ones joined."""
    lines = readme.read_text(encoding="utf-8").replace("\\\n", "").splitlines()
    return [line.strip() for line in lines if line.startswith("    ")]
