"""Remove files and folders without ever following a link out of their folder.

A path is resolved anew at every use, and a folder in it may have become a link meanwhile. So entries are removed by
name relative to an open folder, which is opened with O_NOFOLLOW.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path


@contextlib.contextmanager
def opened(folder: Path | str, inside: int | None = None) -> Iterator[int]:
    """An open folder, for use as `dir_fd`.

    Args:
        inside: an open folder; `folder` is then the name of an entry in it.

    Raises:
        OSError: it is missing, a link, or not a folder.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=inside)
    try:
        yield fd
    finally:
        os.close(fd)


def erase(name: str, folder: int) -> None:
    """Remove an entry of an open folder with everything in it. Links are removed, but not their targets.

    Raises:
        OSError: it is missing, or part of it cannot be removed.
    """
    if is_folder(name, folder):
        shutil.rmtree(name, dir_fd=folder)
    else:
        os.unlink(name, dir_fd=folder)


def is_folder(name: str, folder: int) -> bool:
    """Whether an entry of an open folder is a folder, and not a link to one. OSError if it is missing."""
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def files_in(folder: Path | str) -> Iterator[os.stat_result]:
    """The `lstat` result of every file below a folder. Links are not followed; unreadable entries are left out."""
    try:
        entries = list(os.scandir(folder))
    except OSError:  # vanished or forbidden
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from files_in(entry.path)
            else:
                yield entry.stat(follow_symlinks=False)
        except OSError:
            continue


def used_bytes(files: Iterable[os.stat_result]) -> int:
    """The bytes that files take on disk; a file with several hard links counts once."""
    return sum({(status.st_dev, status.st_ino): status.st_size for status in files}.values())


def freed_bytes(files: Iterable[os.stat_result]) -> int:
    """The bytes that removing these files frees; a file with further hard links elsewhere frees nothing."""
    seen: dict[tuple[int, int], int] = {}
    total = 0
    for status in files:
        key = (status.st_dev, status.st_ino)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] == status.st_nlink:
            total += status.st_size
    return total
