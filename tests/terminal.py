"""A pseudo-terminal, and somebody who reads it and presses keys."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.projects import Project, clean_environment

UP, DOWN, ENTER, ESC, CTRL_C = "\x1b[A", "\x1b[B", "\r", "\x1b", "\x03"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>78]|\r")
PATIENCE = 30


class Terminal:
    """
    A process on a pseudo-terminal.

    Attributes:
        process: What runs there.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", screen: int) -> None:
        self.process = process
        self._screen = screen
        self._unread = ""
        self._begun = ""  # a control sequence whose end is not here yet

    def wait_for(self, text: str) -> str:
        """Read until a text appears; return everything up to its end, without what moves the cursor."""
        while text not in self._unread:
            assert self._read(), f"{text!r} never appeared; the terminal shows:\n{self._unread}"
        end = self._unread.index(text) + len(text)
        seen, self._unread = self._unread[:end], self._unread[end:]
        return seen

    def press(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            os.write(self._screen, key.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the process to end; return its exit code and what it still wrote."""
        while self._read():
            pass
        return self.process.wait(PATIENCE), self._unread

    def _read(self) -> bool:
        """Read what there is; return whether there can be more."""
        ready, _, _ = select.select([self._screen], [], [], PATIENCE)
        if not ready:
            return False
        try:
            more = os.read(self._screen, 65536)
        except OSError:  # Linux says so when the last process has left the terminal
            return False
        text = CONTROL.sub("", self._begun + more.decode(errors="replace"))
        whole, escape, begun = text.partition("\x1b")
        self._unread, self._begun = self._unread + whole, escape + begun
        return bool(more)


@contextmanager
def terminal(project: Project, *args: str, env: Mapping[str, str] | None = None) -> Iterator[Terminal]:
    """Run ``manage.py <args>`` on a terminal of its own, wide enough that nothing is folded."""
    screen, keyboard = pty.openpty()
    fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "manage.py", *args],
        cwd=project.root,
        # Nobody here answers when the program asks the terminal where its cursor is.
        env=clean_environment({"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", **(env or {})}),
        stdin=keyboard,
        stdout=keyboard,
        stderr=keyboard,
        start_new_session=True,
    )
    os.close(keyboard)
    try:
        yield Terminal(process, screen)
    finally:
        process.kill()
        process.wait()
        os.close(screen)
