"""Waiting for a file lock, but not for ever: a process that was stopped (Ctrl-Z, a debugger) keeps what it holds."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.text import one_line

SLOWEST_LOOK: Final = 0.05  # seconds between two tries


class Busy(BadInput):
    """A lock was not to be had in time; the message names who holds it."""


def lock_within(fd: int, path: Path, seconds: float) -> None:
    """Take the exclusive lock of an open file, waiting no longer than `seconds`.

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
        pause = min(2 * pause, SLOWEST_LOOK)


def holder(fd: int) -> int:
    """The process that locked an open file; 0 where that cannot be known.

    Linux lists every lock. Elsewhere the file itself may say it, as the queue's mutex does.
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
        said = os.pread(fd, 16, 0).strip()
    except OSError:  # opened for writing only
        return 0
    return int(said) if said.isdigit() else 0


def describe(pid: int) -> str:
    """A process in words; one that was stopped with what lets it go on."""
    if pid <= 0:
        return "another process"
    name, stopped = _look_at(pid)
    known = f" ({one_line(name, 40)})" if name else ""
    return f"process {pid}{known}" + (f", which is stopped: `kill -CONT {pid}` lets it go on" if stopped else "")


def is_stopped(pid: int) -> bool:
    """Whether a process stands still on a signal."""
    return pid > 0 and _look_at(pid)[1]


def _look_at(pid: int) -> tuple[str, bool]:
    """The name of a process, and whether it stands still; "" and False for one that cannot be seen."""
    import psutil  # 20 ms that no command should pay which has to wait for nobody

    try:
        process = psutil.Process(pid)
        return process.name(), process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except (psutil.Error, OverflowError):
        return "", False
