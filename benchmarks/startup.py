"""
What `django.setup()` costs in a fresh process: plain settings, dbroute's patch, and DjangoDynaconf, with the same values.

The candidates alternate, each run in a process of its own; the median and the ratio to plain settings count, and how
often dbroute was the faster one of two runs that followed each other.
"""

import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

ROUNDS = 15
REPOSITORY = Path(__file__).resolve().parent.parent

COMMON = """
SECRET_KEY = "benchmark"
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages",
    "django.contrib.sessions", "django.contrib.staticfiles",{app}
]
"""
DATABASES = """
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "main.sqlite3"},
    "blog_db": {"ENGINE": "django.db.backends.sqlite3", "NAME": "blog.sqlite3"},
}
DATABASE_ROUTERS = ["dbroute.routing.DatabaseRouter"]
DATABASE_ROUTING_RULES = {"blog": "blog_db"}
"""
YAML = """
database: {url: sqlite:///main.sqlite3, url_blog: sqlite:///blog.sqlite3}
routing: {blog: blog_db}
"""
DYNACONF_YAML = """
default:
  DATABASES:
    default: {ENGINE: django.db.backends.sqlite3, NAME: main.sqlite3}
    blog_db: {ENGINE: django.db.backends.sqlite3, NAME: blog.sqlite3}
  DATABASE_ROUTERS: [dbroute.routing.DatabaseRouter]
  DATABASE_ROUTING_RULES: {blog: blog_db}
development: {}
"""
PROJECTS = {
    "plain settings": {"settings.py": COMMON.format(app=' "dbroute.django",') + DATABASES},
    "dbroute": {"settings.py": COMMON.format(app="") + "import dbroute.django\n", "config.yaml": YAML},
    "DjangoDynaconf": {
        "settings.py": COMMON.format(app=' "dbroute.django",')
        + "import dynaconf\nsettings = dynaconf.DjangoDynaconf(__name__)\n",
        "settings.yaml": DYNACONF_YAML,
    },
}
CODE = """
import sys, time
sys.path[:0] = [{repository!r}]
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
start = time.perf_counter()
import django
django.setup()
end = time.perf_counter()
from django.conf import settings
assert set(settings.DATABASES) == {{"default", "blog_db"}}, settings.DATABASES
print(end - start)
"""


def seconds(folder: Path) -> float:
    code = CODE.format(repository=str(REPOSITORY))
    result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return float(result.stdout)


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in PROJECTS}
    with tempfile.TemporaryDirectory() as root:
        folders = {}
        for name, files in PROJECTS.items():
            folders[name] = Path(root) / name.replace(" ", "_")
            folders[name].mkdir()
            for file, text in files.items():
                (folders[name] / file).write_text(text)
            seconds(folders[name])  # byte code
        for _ in range(ROUNDS):
            for name, folder in folders.items():
                times[name].append(seconds(folder))
    versions = ", ".join(f"{name} {version(name)}" for name in ("django", "dynaconf"))
    print(f"Python {platform.python_version()}, {versions}")
    print(f"{'django.setup()':16} {'ms':>6} {'ratio':>6}")
    plain = statistics.median(times["plain settings"])
    for name, runs in times.items():
        print(f"{name:16} {statistics.median(runs) * 1e3:6.0f} {statistics.median(runs) / plain:6.2f}")
    faster = sum(ours < theirs for ours, theirs in zip(times["dbroute"], times["DjangoDynaconf"], strict=True))
    print(f"dbroute below DjangoDynaconf in {faster} of {ROUNDS} pairs")


if __name__ == "__main__":
    main()
