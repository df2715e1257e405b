"""Advisory file locks (flock): held by a process and by the children that inherit the descriptor, freed by the kernel.

A lock here is an open file descriptor. It needs no clean-up after a crash, which no pid file can promise.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def take(path: Path, *, wait: bool = False, create: bool = True) -> int | None:
    """The descriptor of an exclusive lock on a file, or None where another process holds it.

    Args:
        wait: wait until it is free instead.
        create: make the file where it is missing.

    Raises:
        OSError: the file cannot be opened, or its file system has no locks.
    """
    fd = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0) | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Wait for a lock and hold it for the length of the block."""
    fd = take(path, wait=True)
    assert fd is not None  # take() only answers None when it does not wait
    try:
        yield
    finally:
        os.close(fd)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock; a missing file is held by nobody."""
    try:
        fd = take(path, create=False)
    except FileNotFoundError:
        return False
    if fd is None:
        return True
    os.close(fd)
    return False


def write(fd: int, text: str) -> None:
    """Replace what a locked file says, keeping the file (a rename would leave the lock behind)."""
    os.ftruncate(fd, 0)
    os.pwrite(fd, text.encode(), 0)
