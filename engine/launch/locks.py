"""Advisory file locks (flock): held by a process and the children that inherit the descriptor, released by the kernel.

A lock here is an open file descriptor. Unlike a pid file it needs no clean-up after a crash.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.contract.flock import lock_within


def take(path: Path, *, create: bool = True) -> int | None:
    """The descriptor of an exclusive lock on a file, or None if another process holds it.

    Args:
        create: create the file if it is missing.

    Raises:
        OSError: the file cannot be opened, is a link or no regular file, or its file system has no locks.
    """
    fd = _open(path, create)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


@contextmanager
def held(path: Path, patience: float) -> Iterator[None]:
    """Hold a lock for the duration of the block. The file then contains the id of this process.

    Raises:
        Busy: another process still holds it after `patience` seconds.
        OSError: as for `take`.
    """
    while True:
        fd = _open(path, create=True)
        try:
            lock_within(fd, path, patience)
            if not leads_to(path, fd):  # removed meanwhile: others would lock the new file
                continue
            write(fd, str(os.getpid()))
            yield
            return
        finally:
            os.close(fd)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock; False for a missing file. OSError as for `take`."""
    try:
        fd = take(path, create=False)
    except FileNotFoundError:
        return False
    if fd is None:
        return True
    os.close(fd)
    return False


def leads_to(path: Path, fd: int) -> bool:
    """Whether the path still refers to the open file."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(fd))
    except OSError:
        return False


def write(fd: int, text: str) -> None:
    """Replace the content of a locked file in place (a rename would leave the lock behind)."""
    data = text.encode()
    os.pwrite(fd, data, 0)  # before truncating, so that a full disk loses nothing
    os.ftruncate(fd, len(data))


def _open(path: Path, create: bool) -> int:
    fd = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0) | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return fd
