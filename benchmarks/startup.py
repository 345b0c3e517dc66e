"""
What `django.setup()` costs in a fresh process: one project with plain settings, dbroute, and each of its peers.

All of them end with the same values. The candidates alternate, and the differences of runs that followed each other
count, so that a busy machine hits all alike. The plain project has a router of five lines and nothing of dbroute.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.peers import add_peers_option, peers_python, run, versions

ENVIRON = {"DJANGO_SETTINGS_MODULE": "settings"}
COMMON = """
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages",
    "django.contrib.sessions", "django.contrib.staticfiles",
]
SHOP_LIMIT = 7
"""
ROUTED = """
DATABASE_ROUTERS = ["routers.Router"]
DATABASE_ROUTING_RULES = {"blog": "blog_db"}
"""
ROUTER = """
from django.conf import settings

class Router:
    def db_for_read(self, model, **hints):
        return settings.DATABASE_ROUTING_RULES.get(model._meta.app_label)
    db_for_write = db_for_read
"""
FROM_URLS = """
import dj_database_url
DATABASES = {alias: dj_database_url.parse(url, conn_max_age=600) for alias, url in URLS.items()}
"""
PLAIN = """
SECRET_KEY = "benchmark"
ALLOWED_HOSTS = ["example.com", "www.example.com"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "main.sqlite3", "CONN_MAX_AGE": 600},
    "blog_db": {"ENGINE": "django.db.backends.sqlite3", "NAME": "blog.sqlite3", "CONN_MAX_AGE": 600},
}
"""
YAML = """
databases:
  default: {url: sqlite:///main.sqlite3, conn_max_age: 600}
  blog_db: {url: sqlite:///blog.sqlite3, conn_max_age: 600}
routing: {blog: blog_db}
django: {SECRET_KEY: benchmark, ALLOWED_HOSTS: [example.com, www.example.com]}
"""
DYNACONF_YAML = """
default:
  SECRET_KEY: benchmark
  ALLOWED_HOSTS: [example.com, www.example.com]
  DATABASES:
    default: {ENGINE: django.db.backends.sqlite3, NAME: main.sqlite3, CONN_MAX_AGE: 600}
    blog_db: {ENGINE: django.db.backends.sqlite3, NAME: blog.sqlite3, CONN_MAX_AGE: 600}
development: {}
"""
PYDANTIC = """
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict, YamlConfigSettingsSource

class Config(BaseSettings):
    model_config = SettingsConfigDict(yaml_file="config.yaml", extra="forbid")
    secret_key: SecretStr
    allowed_hosts: list[str]
    urls: dict[str, str]

    @classmethod
    def settings_customise_sources(cls, settings_cls, **sources):
        return sources["env_settings"], YamlConfigSettingsSource(settings_cls)

config = Config()
SECRET_KEY = config.secret_key.get_secret_value()
ALLOWED_HOSTS = config.allowed_hosts
URLS = config.urls
"""
PYDANTIC_YAML = """
secret_key: benchmark
allowed_hosts: [example.com, www.example.com]
urls: {default: sqlite:///main.sqlite3, blog_db: sqlite:///blog.sqlite3}
"""
ENVIRON_SETTINGS = """
import environ
env = environ.Env()
env.read_env(".env")
SECRET_KEY = env.str("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS")
DATABASES = {
    "default": {**env.db_url("DATABASE_URL"), "CONN_MAX_AGE": 600},
    "blog_db": {**env.db_url("BLOG_DATABASE_URL"), "CONN_MAX_AGE": 600},
}
"""
DOTENV = """
SECRET_KEY=benchmark
ALLOWED_HOSTS=example.com,www.example.com
DATABASE_URL=sqlite:///main.sqlite3
BLOG_DATABASE_URL=sqlite:///blog.sqlite3
"""
PROJECTS: dict[str, dict[str, str]] = {
    "plain settings": {"settings.py": COMMON + ROUTED + PLAIN, "routers.py": ROUTER},
    "dbroute": {"settings.py": f"{COMMON}import dbroute.django\n", "config.yaml": YAML},
}
"""Name to files of those that run without the peers."""

PEERS: dict[str, dict[str, str]] = {
    "DjangoDynaconf": {
        "settings.py": f"{COMMON + ROUTED}import dynaconf\nsettings = dynaconf.DjangoDynaconf(__name__)\n",
        "settings.yaml": DYNACONF_YAML,
        "routers.py": ROUTER,
    },
    "pydantic-settings": {
        "settings.py": COMMON + ROUTED + PYDANTIC + FROM_URLS,
        "config.yaml": PYDANTIC_YAML,
        "routers.py": ROUTER,
    },
    "django-environ": {"settings.py": COMMON + ROUTED + ENVIRON_SETTINGS, ".env": DOTENV, "routers.py": ROUTER},
}
CODE = """
import time
start = time.perf_counter()
import django
django.setup()
end = time.perf_counter()
from django.conf import settings
assert {alias: entry["CONN_MAX_AGE"] for alias, entry in settings.DATABASES.items()} == {"default": 600, "blog_db": 600}
assert settings.ALLOWED_HOSTS[-2:] == ["example.com", "www.example.com"], settings.ALLOWED_HOSTS
assert (settings.SECRET_KEY, dict(settings.DATABASE_ROUTING_RULES)) == ("benchmark", {"blog": "blog_db"})
print((end - start) * 1e3)
"""


def write(files: Mapping[str, str], folder: Path) -> Path:
    """Write a project's files into a new folder, and return that."""
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def milliseconds(python: Path | str, folder: Path) -> float:
    """Return what `django.setup()` takes in one fresh process."""
    result = run(python, ["-c", CODE], folder, ENVIRON)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return float(result.stdout)


def compare(python: Path | str, rounds: int, *, peers: bool) -> None:
    """
    Print what each project's start costs.

    Args:
        python: The interpreter; has the peers, where they take part.
        rounds: How often each project starts.
        peers: They take part.
    """
    projects = {**PROJECTS, **(PEERS if peers else {})}
    times: dict[str, list[float]] = {name: [] for name in projects}
    with tempfile.TemporaryDirectory() as root:
        folders = {name: write(files, Path(root) / name.replace(" ", "_")) for name, files in projects.items()}
        for folder in folders.values():
            milliseconds(python, folder)  # compiles, and fills the file system's cache
        for _ in range(rounds):
            for name, folder in folders.items():
                times[name].append(milliseconds(python, folder))
    packages = ["django", *(["dynaconf", "pydantic-settings", "django-environ"] if peers else [])]
    print("django.setup() in a fresh process:", ", ".join(f"{n} {v}" for n, v in versions(python, packages).items()))
    print(f"  {'':18} {'ms':>6} {'ratio':>6} {'above plain':>12} {'dbroute faster in':>18}")
    plain, ours = times["plain settings"], times["dbroute"]
    for name, runs in times.items():
        above = statistics.median(run - floor for run, floor in zip(runs, plain, strict=True))
        pairs = sum(mine < theirs for mine, theirs in zip(ours, runs, strict=True))
        wins = f"{pairs} of {rounds}" if name in PEERS else ""
        ratio = statistics.median(runs) / statistics.median(plain)
        print(f"  {name:18} {statistics.median(runs):6.0f} {ratio:6.2f} {above:9.0f} ms {wins:>18}")
    print("  (goals: dbroute 70 ms above plain where plain takes 157, ratio 1.45; faster than DjangoDynaconf in all)")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__.strip().splitlines()[0])
    add_peers_option(parser)
    parser.add_argument("--quick", action="store_true", help="one round, no peers: shows that everything runs")
    options = parser.parse_args(arguments)
    peers = options.peers is not None and not options.quick
    compare(peers_python(options.peers) if peers else sys.executable, 1 if options.quick else 21, peers=peers)


if __name__ == "__main__":
    main()
