"""
The fenced blocks of README.md and docs/, and how a page's blocks are carried out.

A page is one project that its blocks build from top to bottom:

- a block with ``title="<file>"`` is written; ``title="<file>, at the end"`` is appended to the file
- a ``console`` block runs: lines with ``$`` are commands, the others are what is printed; ``…`` stands for anything
- ``title="python manage.py shell"`` runs in the project's shell; ``print(x)  # y`` prints ``y``
- a Python file with such lines is run as a script

HTML comments, which readers do not see, say the rest: ``<!-- exit: 1 -->`` the next commands fail;
``<!-- project: tutorial -->`` the page goes on from there; ``<!-- variables: NAME=value -->`` what the next file
needs; ``<!-- refused -->`` the text after the next file is the whole message that this leads to, or what a terminal
shows of it (``<!-- terminal -->``); ``<!-- declared -->`` the next file has sections of a class that a script below
loads.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from tests.projects import REPOSITORY, clean_environment

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
SHELL = "python manage.py shell"
APPENDED = ", at the end"

_BLOCK = re.compile(r"^```(\w*)([^\n`]*)\n(.*?)^```$|<!-- (.*?) -->", re.DOTALL | re.MULTILINE)
_TITLE = re.compile(r'title="([^"]*)"')

# What people type, and the modules that it starts.
SCRIPTS = {"python": "", "django-admin": "-m django", "dbroute": "-m dbroute", "pytest": "-m pytest"}


@attrs.frozen
class Block:
    """
    One fenced block.

    Attributes:
        page: Name of the page, from the root of the repository.
        line: Where the block begins.
        language: The word behind the fence.
        title: The file, or the way to run it.
        text: What stands in it.
        notes: The comments since the block before, name to value.
    """

    page: str
    line: int
    language: str
    title: str
    text: str
    notes: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_config(self) -> bool:
        """Whether this is a configuration file of dbroute."""
        return self.language == "yaml" and self.title.startswith("config.")

    @property
    def variables(self) -> dict[str, str]:
        """What the block's file needs to be set."""
        return dict(pair.split("=", 1) for pair in self.notes.get("variables", "").split())


def name_of(page: Path) -> str:
    """Return a page's path from the root of the repository."""
    return page.relative_to(REPOSITORY).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    text, notes = page.read_text(encoding="utf-8"), {}
    for match in _BLOCK.finditer(text):
        language, rest, body, note = match.groups()
        if note is not None:
            name, _, value = note.partition(":")
            notes[name.strip()] = value.strip()
            continue
        title = _TITLE.search(rest)
        line = text.count("\n", 0, match.start()) + 1
        yield Block(name_of(page), line, language, title.group(1) if title else "", body, notes)
        notes = {}


def is_run(block: Block) -> bool:
    """Tell whether carrying out a block starts a process."""
    return block.language == "console" or block.title == SHELL or bool(printed_by(block))


def printed_by(block: Block) -> list[str]:
    """Return what the prints of a Python block print, by the comments behind them."""
    return re.findall(r"^ *print\(.*\)  # (.*)$", block.text, re.MULTILINE) if block.language == "python" else []


@attrs.frozen
class Runner:
    """
    Carries out blocks in a folder, each command in a fresh process.

    Attributes:
        root: The folder of the project.
        scripts: A folder for ``python`` and the other commands, which start the interpreter of this run.
    """

    root: Path
    scripts: Path

    def carry_out(self, page: Path) -> None:
        """Carry out a page."""
        for block in blocks(page):
            if block.language == "console":
                self.console(block)
            elif block.title == SHELL:
                code = self.scripts / "code.py"
                code.parent.mkdir(exist_ok=True)
                code.write_text(block.text, encoding="utf-8")
                self.prints(block, f'python manage.py shell -v 0 -c "$(cat {code})"')
            elif block.title:
                self.write(block)
                if printed_by(block):
                    self.prints(block, f"python {block.title}")

    def write(self, block: Block) -> None:
        """Write a block to its file, or append it."""
        path = self.root / block.title.removesuffix(APPENDED)
        path.parent.mkdir(parents=True, exist_ok=True)
        before = f"{path.read_text(encoding='utf-8')}\n" if block.title.endswith(APPENDED) else ""
        path.write_text(before + block.text, encoding="utf-8")

    def console(self, block: Block) -> None:
        """Run the commands of a block, and compare what they print."""
        for command, printed in commands(block.text):
            done = self.run(command)
            assert (done.returncode != 0) == ("exit" in block.notes), f"{block}: {command}\n{done.stdout}"
            assert like(printed, done.stdout), f"{block}: {command}\n{done.stdout}"

    def prints(self, block: Block, command: str) -> None:
        """Run a block, and compare what it prints with its comments."""
        done = self.run(command)
        shown = "\n".join(printed_by(block))
        assert (done.returncode, done.stdout.strip()) == (0, shown), f"{block}: {command}\n{done.stdout}"

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command line; errors are printed among the rest."""
        self.scripts.mkdir(parents=True, exist_ok=True)
        for name, module in SCRIPTS.items():
            script = self.scripts / name
            if not script.exists():
                script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n', encoding="utf-8")
                script.chmod(0o755)
        environ = clean_environment()
        return subprocess.run(
            ["sh", "-c", command],
            cwd=self.root,
            env={**environ, "PATH": f"{self.scripts}:{environ['PATH']}", "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a console block, continued lines joined, with what it prints."""
    for part in re.split(r"^\$ ", text.replace("\\\n", ""), flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        yield command, printed


def like(pattern: str, text: str) -> bool:
    """Tell whether a text is what a page shows: spaces count once, ``…`` is anything, and nothing shown is too."""
    if not pattern.strip():
        return True
    shown, printed = (" ".join(one.split()) for one in (pattern, text))
    pieces = re.sub("^… | …$", "…", shown).split("…")  # at either end it may be nothing at all
    return re.fullmatch(".*?".join(map(re.escape, pieces)), printed, re.DOTALL) is not None
