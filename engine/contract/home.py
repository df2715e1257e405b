"""The run folder as an open descriptor: its writer notices when it has been renamed or deleted.

A path may refer to another folder by now. So a folder is identified by device and inode, and a writer that keeps it
open compares before every write. On Linux the kernel reports the current path of an open folder.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ELOOP)


class FolderLost(OSError):
    """The run folder was deleted, or moved to a place that cannot be found."""


class Home:
    """One run folder, kept open for as long as the object lives."""

    def __init__(self, path: Path) -> None:
        """Open it. OSError if there is no such folder, or a link in its place."""
        self.path = path
        """The path at which it was opened."""
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self.key = _key(os.fstat(self._fd))
        """Its `folder_key`."""

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def in_place(self) -> bool:
        """Whether it is still at the path at which it was opened; also True while that cannot be determined."""
        key = folder_key(self.path)
        return key == self.key or (not key and not is_gone(self.path))

    def now(self) -> Path:
        """Its current path: to be asked for before every write that uses a path.

        Raises:
            FolderLost: it was deleted, or its path cannot be determined.
        """
        if self.in_place():
            return self.path
        if sys.platform == "linux":
            found = Path(os.readlink(f"/proc/self/fd/{self._fd}"))  # noqa: PTH115  # of a deleted one: "... (deleted)"
            if folder_key(found) == self.key:
                return found
        raise FolderLost(errno.ENOENT, "the run folder was moved or deleted", str(self.path))

    def write(self, action: Callable[[Path], T]) -> T:
        """Call `action` with the current path and return its result, trying again if the folder was moved meanwhile.

        Raises:
            FolderLost: as for `now`.
            OSError: raised by `action` while the folder stayed in place.
        """
        while True:
            place = self.now()
            try:
                return action(place)
            except OSError as error:
                if error.errno not in GONE or self.now() == place:
                    raise


def folder_key(path: Path) -> str:
    """Device and inode as one string, which identifies a folder; "" if nothing is there or it cannot be determined."""
    try:
        return _key(os.stat(path, follow_symlinks=False))  # noqa: PTH116  # before every step: no objects
    except OSError:
        return ""


def is_gone(path: Path) -> bool:
    """Whether there is certainly nothing at this path; a disk or network failure proves nothing."""
    try:
        os.stat(path, follow_symlinks=False)  # noqa: PTH116
    except OSError as error:
        return error.errno in GONE
    return False


def _key(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}"
