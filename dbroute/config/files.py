"""Reads a file whole, whatever stands under its name: it never waits, and never reads more than it has to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_BYTES = 1_000_000


class UnreadableError(Exception):
    """
    A file cannot be used.

    Attributes:
        message: What is wrong with it, as the end of a sentence about the file.
        hint: What to do.
        line: The line that is wrong; 0 where it is the file as a whole.
    """

    def __init__(self, message: str, hint: str = "check the file and its permissions", line: int = 0) -> None:
        super().__init__(message)
        self.message, self.hint, self.line = message, hint, line


def text_of(path: Path) -> str:
    """
    Return the text of a file, a byte order mark aside.

    Raises:
        UnreadableError: It is no regular file, is larger than ``MAX_BYTES``, is no UTF-8, or may not be read.
    """
    try:
        data = _bytes(path)
    except OSError as error:
        raise UnreadableError(f"cannot be read: {(error.strerror or type(error).__name__).lower()}") from None
    except ValueError:  # a NUL character or half a surrogate pair in the path
        raise UnreadableError("cannot be read: no file has such a name") from None
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"is larger than {MAX_BYTES:,} bytes", "configuration that long is not read")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError("is not UTF-8", "save the file as UTF-8", line) from None


def _bytes(path: Path) -> bytes:
    """Return the first bytes of a file, one more than are allowed where it has more."""
    # O_NONBLOCK: opening a FIFO must not wait for somebody who writes to it. O_NOCTTY: nor must a terminal become ours.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise UnreadableError("cannot be read: is a directory")
        if not stat.S_ISREG(mode):
            raise UnreadableError("is no regular file", "put a file there, or remove it")
        data = b""
        while len(data) <= MAX_BYTES and (more := os.read(descriptor, MAX_BYTES + 1 - len(data))):
            data += more
        return data
    finally:
        os.close(descriptor)
