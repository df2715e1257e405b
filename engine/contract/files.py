"""Small JSON files that appear whole or not at all, and are read with suspicion."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.lines import file_mode, open_regular
from engine.contract.values import parse

MAX_FILE: Final = 4 << 20  # bytes; none of our small files comes near


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write beside and rename. `durable` also waits for the disk: not needed for what is written every second."""
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, file_mode(path.parent))
            file.write(data)
            file.flush()
            if durable:
                os.fsync(fd)
        os.replace(temporary, path)  # noqa: PTH105  # mkstemp gives a string
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder last through a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_file(path: Path, limit: int = MAX_FILE, *, follow: bool = False) -> bytes:
    """The content of a regular file: the one way to read a file that somebody may have put in our way.

    Args:
        limit: bytes beyond which it is refused.
        follow: let symbolic links lead to it, for a path that the user named.

    Raises:
        OSError: it is missing, forbidden, no regular file, or too large; `strerror` says which.
    """
    with os.fdopen(open_regular(path, follow=follow), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit >> 10:,} KiB", str(path))
    return data


def read_bytes(path: Path) -> bytes | None:
    """A regular file of sane size, or None: missing, a link, a FIFO, unreadable, too large."""
    try:
        return read_file(path)
    except OSError:
        return None


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None for anything else. Never raises."""
    data = read_bytes(path)
    return None if data is None else parse(data)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool, refusal: str = "") -> Iterator[int]:
    """Hold an exclusive lock on a file (made when missing), yielding its descriptor; released at the end or at death.

    Raises:
        BadInput: `refusal`, when another process holds it and `wait` is false; or the file cannot be opened.
    """
    try:
        fd = open_regular(path, os.O_RDWR | os.O_CREAT, file_mode(path.parent))
    except OSError as error:
        raise BadInput(f"cannot open {path} for writing: {error.strerror}") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise BadInput(refusal) from error
        yield fd
    finally:
        os.close(fd)
