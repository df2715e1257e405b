"""Wait for a file lock with a time limit: a process that is stopped (Ctrl-Z, a debugger) keeps its locks."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.text import one_line

SLOWEST_POLL: Final = 0.05  # seconds between two attempts


class Busy(BadInput):
    """A lock could not be taken in time; the message names the process that holds it."""


def lock_within(fd: int, path: Path, seconds: float) -> None:
    """Take the exclusive lock of an open file, waiting up to `seconds`.

    Raises:
        Busy: another process still holds it.
        OSError: its file system has no locks.
    """
    deadline = time.monotonic() + seconds
    pause = 0.001
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Busy(f"{path} is locked by {describe(holder(fd))}") from None
        time.sleep(pause)
        pause = min(2 * pause, SLOWEST_POLL)


def holder(fd: int) -> int:
    """The id of the process that holds the lock of an open file; 0 if unknown.

    Linux lists all locks. On other systems the file itself may contain the id, as the queue's mutex does.
    """
    inode = os.fstat(fd).st_ino
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        lines = []
    for words in (line.split() for line in lines):  # 1: FLOCK  ADVISORY  WRITE 4711 08:01:1311 0 EOF
        if words[1:2] == ["FLOCK"] and words[5].rpartition(":")[2] == str(inode):
            return int(words[4])
    try:
        content = os.pread(fd, 16, 0).strip()
    except OSError:  # opened for writing only
        return 0
    return int(content) if content.isdigit() else 0


def describe(pid: int) -> str:
    """A process for a message: its id and name, and how to continue it if it is stopped."""
    if pid <= 0:
        return "another process"
    name, stopped = _inspect(pid)
    known = f" ({one_line(name, 40)})" if name else ""
    return f"process {pid}{known}" + (f", which is stopped: `kill -CONT {pid}` continues it" if stopped else "")


def is_stopped(pid: int) -> bool:
    """Whether a process is stopped by a signal."""
    return pid > 0 and _inspect(pid)[1]


def _inspect(pid: int) -> tuple[str, bool]:
    """The name of a process, and whether it is stopped; "" and False if it cannot be inspected."""
    import psutil  # takes 20 ms, which a command that need not wait should not pay

    try:
        process = psutil.Process(pid)
        return process.name(), process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except (psutil.Error, OverflowError):
        return "", False
