"""The run folder as an open descriptor: whoever writes into it notices when it has been renamed or deleted.

A path says nothing about what lies there now. So a folder is known by device and inode, and a writer that keeps it
open compares before every write. On Linux the kernel tells where an open folder has gone.
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
    """The run folder was deleted, or moved to where it cannot be found."""


class Home:
    """One run folder, held open for as long as the object lives."""

    def __init__(self, path: Path) -> None:
        """Open it. OSError where there is no such folder, or a link in its place."""
        self.path = path
        """Where it was opened."""
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self.key = _key(os.fstat(self._fd))
        """What `folder_key` says of it."""

    def __del__(self) -> None:
        if hasattr(self, "_fd"):
            os.close(self._fd)

    def in_place(self) -> bool:
        """Whether it still lies where it was opened. Where that cannot be seen at the moment, it is taken to be so."""
        key = folder_key(self.path)
        return key == self.key or (not key and not is_gone(self.path))

    def now(self) -> Path:
        """Where it lies now: ask before every write that goes by a path.

        Raises:
            FolderLost: nobody can tell.
        """
        if self.in_place():
            return self.path
        if sys.platform == "linux":
            found = Path(os.readlink(f"/proc/self/fd/{self._fd}"))  # noqa: PTH115  # of a deleted one: "... (deleted)"
            if folder_key(found) == self.key:
                return found
        raise FolderLost(errno.ENOENT, "the run folder was moved or deleted", str(self.path))

    def write(self, act: Callable[[Path], T]) -> T:
        """What `act` returns for the folder as it lies now; done again where the folder was moved meanwhile.

        Raises:
            FolderLost: as for `now`.
            OSError: what `act` raises in a folder that stayed where it was.
        """
        while True:
            place = self.now()
            try:
                return act(place)
            except OSError as error:
                if error.errno not in GONE or self.now() == place:
                    raise


def folder_key(path: Path) -> str:
    """Device and inode as one word; "" where nothing is there or can be seen. The same word is the same folder."""
    try:
        return _key(os.stat(path, follow_symlinks=False))  # noqa: PTH116  # before every step: no objects
    except OSError:
        return ""


def is_gone(path: Path) -> bool:
    """Whether there is certainly nothing under this path; a disk or a network that fails proves nothing."""
    try:
        os.stat(path, follow_symlinks=False)  # noqa: PTH116
    except OSError as error:
        return error.errno in GONE
    return False


def _key(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}"
