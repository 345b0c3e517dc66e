"""
Fresh Python processes that have Django loaded already: forked from one that has, and that has done nothing else.

    done = run(["manage.py", "migrate"], cwd=folder, env=environment, stdin=subprocess.DEVNULL)

Most of what a short command costs is importing Django, the same for each of some thousand commands that the tests run.
dbroute itself is not loaded beforehand. All processes of one run of the tests share a seed of hashes.
"""

import atexit
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

LOADED = (
    "attrs",
    "dj_database_url",
    "yaml",
    "django.core.management",
    "django.core.management.commands.migrate",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.autodetector",
    "django.db.migrations.executor",
    "django.db.models",
    "django.template",
    "django.test.utils",
)
# Variables that an interpreter reads when it starts.
READ_AT_START = ("PYTHON", "LANG", "LC_", "TZ")

_lock = threading.Lock()
_server: tuple[socket.socket, dict[str, str]] | None = None


def run(
    args: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int | None,
    timeout: float = 300,
    fresh: bool = False,
) -> subprocess.CompletedProcess[str]:
    """
    Run Python as ``subprocess.run([sys.executable, *args])`` would, and return what came of it, failed or not.

    Args:
        args: A script and its arguments, or ``-c`` and a program; anything else gets an interpreter of its own.
        cwd: The working directory.
        env: All variables; those that an interpreter reads when it starts get one of its own if they are not as usual.
        stdin: A file descriptor, or ``subprocess.DEVNULL``.
        timeout: Seconds.
        fresh: Give it an interpreter of its own, with nothing loaded.
    """
    special = fresh or (args[0].startswith("-") and args[0] != "-c")
    if special or stdin is None or not hasattr(os, "fork") or not _suits(env):
        return subprocess.run(
            [sys.executable, *args],
            cwd=cwd,
            env=env,
            stdin=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        open(os.devnull, "rb") as nothing,  # noqa: PTH123
    ):
        heard, told = os.pipe()
        try:
            source = nothing.fileno() if stdin == subprocess.DEVNULL else stdin
            _ask({"args": list(args), "cwd": str(cwd), "env": dict(env)}, [source, out.fileno(), err.fileno(), told])
        finally:
            os.close(told)
        with open(heard, encoding="ascii") as answers:  # noqa: PTH123
            pid = int(answers.readline())
            try:
                if not select.select([answers], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired([sys.executable, *args], timeout)
            except BaseException:
                os.kill(pid, signal.SIGKILL)
                raise
            code = int(answers.readline())
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8").replace("\r\n", "\n"))
    return subprocess.CompletedProcess([sys.executable, *args], code, *texts)


def _suits(env: Mapping[str, str]) -> bool:
    """Return whether a process with these variables would start as the server did; start it first if need be."""
    global _server
    with _lock:
        if _server is None:
            ours, theirs = socket.socketpair()
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, __file__, str(theirs.fileno())],
                    env=env,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            atexit.register(process.wait)
            atexit.register(ours.close)  # called first
            _server = ours, _read_at_start(env)
    return _read_at_start(env) == _server[1]


def _read_at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


def _ask(request: Mapping[str, Any], files: list[int]) -> None:
    assert _server is not None
    data = json.dumps(request).encode()
    with _lock:
        socket.send_fds(_server[0], [len(data).to_bytes(4)], files)
        _server[0].sendall(data)


def _serve(server: socket.socket) -> dict[str, Any]:
    """Fork a process for each request; return the request in that process."""
    while True:
        head, files, _, _ = socket.recv_fds(server, 4, 4)
        if not head:
            os._exit(0)  # the tests are over
        with server.makefile("rb", buffering=0) as stream:
            data = b""
            size = int.from_bytes(head)
            while len(data) < size:
                data += stream.read(size - len(data)) or b""
        *standard, told = files
        if not os.fork():
            server.close()
            pid = os.fork()
            if not pid:
                os.close(told)
                for number, file in enumerate(standard):
                    os.dup2(file, number)
                    os.close(file)
                request: dict[str, Any] = json.loads(data)
                return request
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.write(told, f"{pid}\n".encode())
            os.write(told, f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())
            os._exit(0)
        for file in files:
            os.close(file)
        while True:  # those that have ended
            try:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    break
            except ChildProcessError:
                break


def _become(request: Mapping[str, Any]) -> None:
    """Be the process that was asked for."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    script, *rest = request["args"]
    if script == "-c":
        sys.path[0], sys.argv = "", ["-c", *rest[1:]]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), main.__dict__)
    else:
        path = os.path.abspath(script)  # noqa: PTH100
        sys.path[0], sys.argv = os.path.dirname(path), [script, *rest]  # noqa: PTH120
        runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    for _name in LOADED:
        import_module(_name)
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
