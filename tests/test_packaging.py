"""The wheel works without the source tree."""

import configparser
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from tests.projects import REPOSITORY, clean_environment


def checkout_files() -> list[str]:
    """Name what a clean checkout holds: committed files, and new ones that are not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        names = listed.stdout.strip("\0").split("\0")
    else:  # an unpacked archive has no history
        kept = ("dbroute", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
        names = [str(path.relative_to(REPOSITORY)) for name in kept for path in (REPOSITORY / name).rglob("*")]
        names += [name for name in kept if (REPOSITORY / name).is_file()]
    return [name for name in names if (REPOSITORY / name).is_file() and "__pycache__" not in name]


def isolation() -> list[str]:
    """Return pip's option for building with the backend at hand, without the network, if there is a new enough one."""
    try:
        major = int(metadata.version("setuptools").split(".")[0])
    except metadata.PackageNotFoundError:
        major = 0
    return ["--no-build-isolation"] if major >= 77 else []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a clean copy of the checkout."""
    source, target = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    for name in checkout_files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, source / name)
    built = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *isolation(), "--wheel-dir", target, source],
        env=clean_environment({"PYTHONPATH": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (found,) = target.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of a fresh environment that has the wheel, and the dependencies of this environment."""
    home = tmp_path_factory.mktemp("environment") / "venv"
    python = home / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", wheel],
        env=clean_environment({"PYTHONPATH": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}),
        check=True,
    )
    # Only the folder: .pth files in it are not read, so an editable dbroute of this environment stays unseen.
    (site_packages,) = home.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python.parent


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command away from the source tree."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=clean_environment({"PYTHONPATH": ""}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    tops = {name.split("/")[0] for name in names}
    assert tops == {"dbroute", f"dbroute-{metadata_version(wheel)}.dist-info"}


def metadata_version(wheel: Path) -> str:
    """Return the version in a wheel's file name."""
    return wheel.name.split("-")[1]


def test_wheel_holds_every_module_and_the_type_marker(wheel: Path) -> None:
    expected = {name for name in checkout_files() if name.startswith("dbroute/") and name.endswith((".py", "py.typed"))}

    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("dbroute/")}

    assert names == expected
    assert "dbroute/py.typed" in names


def test_wheel_requires_what_runs_and_nothing_that_only_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()

    required = [line.split(": ")[1] for line in lines if line.startswith("Requires-Dist: ") and "extra ==" not in line]
    assert sorted(name.split("<")[0].split(">")[0] for name in required) == [
        "Django",
        "PyYAML",
        "attrs",
        "dj-database-url",
        "dynaconf",
        "python-dotenv",
        "rich",
    ]


def test_installed_package_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "python", "-c", "import dbroute; print(dbroute.__file__)", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


def test_installed_console_script_answers(wheel: Path, installed: Path, tmp_path: Path) -> None:
    done = run(installed / "dbroute", "--version", cwd=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"dbroute {metadata_version(wheel)}\n", "")


def test_installed_package_runs_a_project(installed: Path, tmp_path: Path) -> None:
    simple = tmp_path / "simple"
    ignored = shutil.ignore_patterns("*.sqlite3", "__pycache__")
    shutil.copytree(REPOSITORY / "settings_examples" / "simple", simple, ignore=ignored)

    migrated = run(installed / "python", "manage.py", "migrate_all", cwd=simple)
    listed = run(installed / "python", "manage.py", "help", "--commands", cwd=simple)

    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert {"dbroute", "migrate_all", "migrator"} <= set(listed.stdout.split())


# setup.cfg


def test_extras_are_the_documented_ones() -> None:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(REPOSITORY / "setup.cfg", encoding="utf-8")

    extras = list(setup["options.extras_require"])

    assert extras == ["postgres", "mysql", "test", "prove", "dev", "docs"]
