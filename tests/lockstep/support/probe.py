"""
Counts the statements and commits of a process and ends it, the hard way, before one of them.

Set ``PROBE_KILL_AT`` to the number of the statement before which the process is to die, or ``PROBE_COUNT_TO`` to a file
that shall receive how many there were.
"""

import atexit
import os
import signal
import threading

from django.db.backends.signals import connection_created

_lock = threading.Lock()
_count = 0


def install():
    """Watch every connection from now on, if the environment asks for it."""
    kill_at = int(os.environ.get("PROBE_KILL_AT") or 0)
    count_to = os.environ.get("PROBE_COUNT_TO")
    if not kill_at and not count_to:
        return

    def count():
        global _count
        with _lock:
            _count += 1
            if _count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(execute, sql, params, many, context):
        count()
        return execute(sql, params, many, context)

    def attach(sender, connection, **kwargs):
        if watch in connection.execute_wrappers:
            return
        connection.execute_wrappers.append(watch)
        commit = connection._commit

        def counted():
            count()
            return commit()

        connection._commit = counted

    connection_created.connect(attach, weak=False)
    _keep.append(attach)
    if count_to:
        atexit.register(_write, count_to)


_keep = []


def _write(file):
    with open(file, "w", encoding="utf-8") as stream:  # noqa: PTH123  pathlib may be half gone at exit
        stream.write(str(_count))
