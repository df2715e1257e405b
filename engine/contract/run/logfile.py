"""The raw output of a run's processes, `log.txt`: reading its end, and keeping it from filling the disk.

Trainer and supervisor append to it directly, so that neither depends on the other. At MOST_BYTES the supervisor copies
the end to `log.1.txt` and truncates the file in place: the writers, which append, continue at its start. An offset
noted earlier may then be beyond the end of the file, and stands for its start.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.contract.files import write_atomic
from engine.contract.lines import open_regular

MOST_BYTES: Final = 50_000_000
KEPT_BYTES: Final = 1 << 20
EARLIER: Final = "log.1.txt"
BLOCK: Final = 1 << 16
LONGEST_LINE: Final = 1 << 20  # bytes; a longer line is returned in pieces


def size(path: Path) -> int:
    """Bytes of a regular file; 0 if there is none."""
    try:
        status = path.lstat()
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def unreadable(path: Path) -> str | None:
    """Why a log cannot be read: it is a link, a FIFO, a folder, forbidden. None if it can be read or is missing."""
    try:
        os.close(open_regular(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror
    return None


def tail(path: Path, most: int, start: int = 0) -> bytes:
    """The last `most` bytes of a regular file, none from before `start`; empty if there is no such file.

    A `start` beyond the end of the file stands for its beginning: the file was truncated since.
    """
    try:
        fd = open_regular(path)
    except OSError:
        return b""
    try:
        end = os.fstat(fd).st_size
        begin = max(start if start <= end else 0, end - most)
        return os.pread(fd, end - begin, begin)
    except OSError:  # a stale network file handle, a failing disk
        return b""
    finally:
        os.close(fd)


def last_lines(path: Path, count: int) -> list[str]:
    """The last `count` lines of a log, continued in `log.1.txt` if it is shorter. Reads only as much as needed."""
    found: list[str] = []
    for file in (path, path.with_name(EARLIER)):
        wanted = count - len(found)
        if wanted > 0:
            found = _last_lines_of(file, wanted) + found
    return found


def _last_lines_of(path: Path, count: int) -> list[str]:
    most = BLOCK
    while True:
        data = tail(path, most)
        whole = len(data) < most
        if whole or data.count(b"\n") > count:
            lines = data.decode(errors="replace").splitlines()
            return lines[-count:]
        most *= 2


def all_lines(path: Path) -> Iterator[str]:
    """Every line of a log, those in `log.1.txt` first, with one block in memory at a time."""
    for file in (path.with_name(EARLIER), path):
        try:
            fd = open_regular(file)
        except OSError:
            continue
        with os.fdopen(fd, "rb") as opened:
            while line := opened.readline(LONGEST_LINE):
                yield from line.decode(errors="replace").splitlines()


def rotate(path: Path, most: int = MOST_BYTES, kept: int = KEPT_BYTES) -> bool:
    """Truncate a log that is larger than `most` bytes, after copying its last `kept` bytes; whether that was done.

    Output written between the copy and the truncation is lost: an instant of a log of fifty megabytes.

    Raises:
        OSError: the log cannot be opened or truncated, or the copy cannot be written.
    """
    if size(path) <= most:
        return False
    fd = open_regular(path, os.O_RDWR)
    try:
        end = os.fstat(fd).st_size
        last = os.pread(fd, kept, max(end - kept, 0))
        last = last[last.find(b"\n") + 1 :]  # from the first whole line on
        try:
            write_atomic(path.with_name(EARLIER), last, durable=False)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            os.ftruncate(fd, 0)  # this frees the space that the copy lacked
            write_atomic(path.with_name(EARLIER), last, durable=False)
        else:
            os.ftruncate(fd, 0)
        return True
    finally:
        os.close(fd)
