"""The types of leaves that sections of one's own may have."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from dbroute import ConfigError, DjangoConfig, Size, Url

NOTHING = Size(0)


@attrs.frozen
class Uploads:
    limit: Size = NOTHING
    target: Url | None = None


class Project(DjangoConfig):
    databases = {"default": "sqlite:///x.sqlite3"}
    uploads: Uploads


def uploads(folder: Path, text: str, **environ: str) -> Any:
    (folder / "config.yaml").write_text(text)
    return Project().load(folder, environ=environ).uploads


@pytest.mark.parametrize(
    ("written", "bytes_"),
    [("512", 512), ("10MB", 10_000_000), ("512KiB", 524_288), ("1 GiB", 2**30), ("3kB", 3000), ("7B", 7)],
)
def test_sizes_are_bytes(tmp_path: Path, written: str, bytes_: int) -> None:
    from_file = uploads(tmp_path, f"uploads: {{limit: {written}}}\n")
    from_variable = uploads(tmp_path, "django: {DEBUG: true}\n", DBROUTE_UPLOADS__LIMIT=written)

    assert (from_file.limit, from_variable.limit) == (bytes_, bytes_)
    assert type(from_file.limit) is Size


def test_a_url_has_a_scheme_and_a_host(tmp_path: Path) -> None:
    assert uploads(tmp_path, "uploads: {target: 'https://example.com/in'}\n").target == Url("https://example.com/in")


def test_what_is_neither_is_told_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        uploads(tmp_path, "uploads: {limit: 10XB, target: example.com}\n")

    assert [problem.message for problem in caught.value.problems] == [
        "expected a size such as 10MB or 512KiB, got '10XB'",
        "expected a URL or null, got 'example.com'",
    ]


def test_a_section_cannot_have_a_name_of_the_tree(tmp_path: Path) -> None:
    class Clash(DjangoConfig):
        databases = {"default": "sqlite:///x.sqlite3"}
        layers: Uploads

    with pytest.raises(ConfigError) as caught:
        Clash().load(tmp_path, environ={})

    assert "layers: is a name that the tree has already; rename the section" in str(caught.value)
