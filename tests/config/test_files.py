"""Whatever stands where a file is expected: a line of text, at once, and no more memory than a file may have."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.config.loading import DEFAULT, error

LARGE = "is larger than 1,000,000 bytes; configuration that long is not read"
MODE = "check the file and its permissions"


def folder(path: Path) -> None:
    path.mkdir()


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path)


def broken(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(100_000_000)


def unreadable(path: Path) -> None:
    path.touch(0)
    if os.access(path, os.R_OK):  # root may read everything; nobody may read a process's own memory from its start
        path.unlink()
        path.symlink_to("/proc/self/mem")


def latin1(path: Path) -> None:
    path.write_bytes(b"A=1\nB=\xe4\n")


NO_FILES: list[tuple[Callable[[Path], None], str]] = [
    (folder, f"cannot be read: is a directory; {MODE}"),
    (fifo, "is no regular file; put a file there, or remove it"),
    (endless, "is no regular file; put a file there, or remove it"),
    (loop, f"cannot be read: too many levels of symbolic links; {MODE}"),
    (broken, f"cannot be read: no such file or directory; {MODE}"),
    (huge, LARGE),
    (latin1, "is not UTF-8; save the file as UTF-8"),
]


def bounded(folder_: Path, text: str = DEFAULT, environ: dict[str, str] | None = None) -> str:
    """Return what is wrong, having seen that little memory was needed to tell."""
    tracemalloc.start()
    message = error(folder_, text, environ or {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
    return message


@pytest.mark.parametrize(("make", "message"), NO_FILES)
def test_config_yaml_that_is_no_readable_file_is_told(
    make: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    make(tmp_path / "config.local.yaml")

    name = "config.local.yaml:2" if make is latin1 else "config.local.yaml"
    assert bounded(tmp_path) == f"{name}  {message}"


@pytest.mark.parametrize(("make", "message"), NO_FILES[1:])
def test_dotenv_that_is_no_readable_file_is_told(make: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    make(tmp_path / ".env")

    assert bounded(tmp_path) == f"{'.env:2' if make is latin1 else '.env'}  {message}"


@pytest.mark.parametrize(("make", "message"), NO_FILES)
def test_file_of_a_variable_that_is_no_readable_file_is_told_without_its_path(
    make: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    make(tmp_path / "hunter2")

    told = bounded(tmp_path, environ={"DATABASE_URL_FILE": str(tmp_path / "hunter2")})

    assert told == f"DATABASE_URL_FILE  names a file that {message}"


@pytest.mark.parametrize("name", ["config.local.yaml", ".env", "secret"])
def test_file_that_may_not_be_read_is_told(name: str, tmp_path: Path) -> None:
    unreadable(tmp_path / name)

    message = error(tmp_path, DEFAULT, {"DATABASE_URL_FILE": "secret"} if name == "secret" else {})

    where = "DATABASE_URL_FILE  names a file that" if name == "secret" else f"{name} "
    reason = "input/output error" if (tmp_path / name).is_symlink() else "permission denied"
    assert message == f"{where} cannot be read: {reason}; {MODE}"


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "x" * 5000])
def test_name_that_no_file_can_have_is_told(name: str, tmp_path: Path) -> None:
    reason = "file name too long" if len(name) > 100 else "no file has such a name"

    message = error(tmp_path, DEFAULT, {"DATABASE_URL_FILE": name})

    assert message == f"DATABASE_URL_FILE  names a file that cannot be read: {reason}; {MODE}"
