"""Small files that are written whole or not at all, and read without trusting what is there."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.flock import Busy, lock_within
from engine.contract.lines import file_mode, open_regular
from engine.contract.values import parse

MAX_FILE: Final = 4 << 20  # bytes; our own small files are far below this
PRIVATE: Final = 0o077
"""The umask of every process of a run. The files of a shared run get their group permissions one by one, so that
nothing else that such a process creates (caches, downloaded data, the queue) becomes accessible to the group."""
NO_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)
"""What `flock` answers on a file system without locks, such as Lustre mounted without them."""
PATIENCE: Final = 5.0  # seconds to wait for a lock that others hold only briefly


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a temporary file and rename it; if `durable`, sync it to disk (files written every second need not)."""
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


def make_folder(path: Path, *, exist_ok: bool = False) -> None:
    """Create a folder with the permissions of its parent, whatever the umask: private, or shared with the group.

    Raises:
        OSError: the parent is missing (it is never created), or the path exists and `exist_ok` is false.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not (exist_ok and path.is_dir()):
            raise
    else:
        path.chmod(path.parent.stat().st_mode & 0o2777)


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that renames and removals in it survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_file(path: Path, limit: int = MAX_FILE, *, follow: bool = False) -> bytes:
    """The content of a regular file: the one way to read a file that another user or program may have replaced.

    Args:
        limit: the largest size that is read, in bytes.
        follow: follow symbolic links, for a path that the user named.

    Raises:
        OSError: it is missing, forbidden, not a regular file, or too large; `strerror` says which.
    """
    with os.fdopen(open_regular(path, follow=follow), "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit >> 10:,} KiB", str(path))
    return data


def read_bytes(path: Path) -> bytes | None:
    """The content of a regular file, or None if it is missing, a link, a FIFO, unreadable or too large."""
    try:
        return read_file(path)
    except OSError:
        return None


def is_denied(path: Path) -> bool:
    """Whether this user lacks the permission to read the path (it may then not even exist)."""
    try:
        os.close(open_regular(path))
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def owned_by(path: Path) -> str:
    """The owner of a file, as the end of an error message: ", it belongs to ada"; "" if that is unknown."""
    try:
        return f", it belongs to {path.owner()}"
    except (OSError, KeyError):  # KeyError: a user id without a name
        return ""


def listed(folder: Path, suffix: str) -> list[Path]:
    """The entries of a folder whose names end in `suffix`, sorted; none if the folder is missing.

    Raises BadInput if it cannot be read, so that it is not mistaken for an empty one.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(suffix))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise BadInput(f"cannot read the folder {folder}: {str(error.strerror).lower()}{owned_by(folder)}") from error


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None for anything else. Never raises."""
    data = read_bytes(path)
    return None if data is None else parse(data)


@contextlib.contextmanager
def locked(
    path: Path, *, wait: bool, refusal: str = "", note: Callable[[str], object] = lambda text: None
) -> Iterator[int]:
    """Hold an exclusive lock on a file (created if missing), yielding its descriptor. The lock ends with the process.

    A file system without locks is no error: then nothing is locked.

    Args:
        note: receives a message where the file system has no locks.

    Raises:
        BadInput: another process holds it: at once with the message `refusal` if `wait` is false, else after PATIENCE
            seconds with the name of that process; or the file cannot be opened.
    """
    try:
        fd = open_regular(path, os.O_RDWR | os.O_CREAT, file_mode(path.parent))
    except OSError as error:
        raise BadInput(f"cannot open {path} for writing: {error.strerror}") from error
    try:
        found = os.fstat(fd)
        if not found.st_size and found.st_uid == os.geteuid():
            os.fchmod(fd, file_mode(path.parent))  # the umask may have removed the group permissions of a shared run
        try:
            lock_within(fd, path, PATIENCE if wait else 0.0)
        except Busy as error:
            raise BadInput(str(error) if wait else refusal) from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            note(f"{path} cannot be locked on this file system: {error.strerror}")
        yield fd
    finally:
        os.close(fd)
