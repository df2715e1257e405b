"""Append-only files of lines: a writer that keeps lines whole, and a reader that copes with any content."""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

MAX_LINE = 1 << 20  # bytes read at once; a longer line counts as garbage instead of filling the memory
SYNC_SECONDS = 5.0


def file_mode(folder: Path) -> int:
    """The mode of a new file, from the permissions of its folder, so that private runs stay private: 0600 or 0660."""
    return folder.stat().st_mode & 0o666


def open_regular(path: Path, flags: int = os.O_RDONLY, mode: int = 0o600, *, follow: bool = False) -> int:
    """Open a regular file and nothing else: a FIFO would block, a device may never end, a link may lead anywhere.

    Args:
        mode: of a file created by O_CREAT.
        follow: follow symbolic links, for a path that the user named.

    Raises:
        OSError: it is missing, forbidden, or not a regular file; `strerror` says which.
    """
    refuse_links = 0 if follow else os.O_NOFOLLOW
    try:
        fd = os.open(path, flags | refuse_links | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except ValueError as error:  # a NUL in the path
        raise OSError(errno.EINVAL, "not a valid path", str(path)) from error
    except OSError as error:
        if error.errno == errno.ELOOP and not follow and path.is_symlink():
            raise OSError(errno.ELOOP, "a symbolic link, which is not followed here", str(path)) from error
        if error.errno == errno.EISDIR:
            raise OSError(errno.EISDIR, "a folder", str(path)) from error
        if error.errno == errno.ENXIO:  # a FIFO without a reader, a socket, a device without a driver
            raise OSError(errno.ENXIO, "not a regular file", str(path)) from error
        raise
    kind = os.fstat(fd).st_mode
    if not stat.S_ISREG(kind):
        os.close(fd)
        what = (errno.EISDIR, "a folder") if stat.S_ISDIR(kind) else (errno.EINVAL, "not a regular file")
        raise OSError(*what, str(path))
    return fd


def pieces(block: bytes, size: int) -> Iterator[bytes]:
    """A block of whole lines in pieces of whole lines, each of about `size` bytes, or of one line if that is longer."""
    start = 0
    while start < len(block):
        end = block.find(b"\n", start + size - 1) + 1 or len(block)
        yield block[start:end]
        start = end


class LineWriter:
    """Appends whole lines with one unbuffered write each. Threads may share it; only one process may write a file."""

    def __init__(self, path: Path) -> None:
        mode = file_mode(path.parent)
        self._fd = open_regular(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode)
        self._lock = threading.Lock()
        size = os.fstat(self._fd).st_size
        if size == 0:
            os.fchmod(self._fd, mode)  # the umask may have removed the group permissions of a shared folder
        # a writer killed in the middle of a line left half of it: end that line first, so only it is lost
        self._torn = size > 0 and os.pread(self._fd, 1, size - 1) != b"\n"
        self._synced = time.monotonic()

    def write(self, line: str) -> None:
        """Append one line (given without its newline). OSError if the disk is full or the file is gone."""
        with self._lock:
            data = (b"\n" if self._torn else b"") + line.encode() + b"\n"
            self._torn = True  # until the whole line is known to be written
            if os.write(self._fd, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "events")  # the meaning of a short write
            self._torn = False
            if time.monotonic() - self._synced >= SYNC_SECONDS:
                self._sync()

    def _sync(self) -> None:
        os.fsync(self._fd)
        self._synced = time.monotonic()

    def close(self) -> None:
        """Sync to disk and close; calling it again does nothing."""
        with self._lock:
            if self._fd < 0:
                return
            try:
                self._sync()
            finally:
                os.close(self._fd)
                self._fd = -1

    def __enter__(self) -> LineWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LineReader:
    """Follows a growing file by byte offset. Never raises, whatever the file contains or is.

    `garbage` counts lines of MAX_LINE bytes or more; `restarts` counts how often the file was truncated or replaced,
    after which reading starts over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0  # bytes returned or skipped
        self.garbage = 0
        self.restarts = 0
        self._file: tuple[int, int] | None = None  # device and inode
        self._skipping = False  # the offset is inside a line that will not be returned

    def poll(self, limit: int = 0) -> bytes:
        """The whole lines since the last call, each with its newline; an incomplete line is left for a later call.

        A `limit` > 0 stops after about that many bytes (rounded up to a MiB), for readers that must not block.
        """
        blocks: list[bytes] = []
        taken = 0
        try:
            fd = open_regular(self.path)
        except OSError:
            return b""
        try:
            self._notice_replacement(fd)
            while (not limit or taken < limit) and (data := os.pread(fd, MAX_LINE, self.offset)):
                if not (cut := data.rfind(b"\n") + 1):
                    if not self._skip_part(data):
                        break
                    continue
                self.offset += cut
                taken += cut
                blocks.append(data[data.index(b"\n") + 1 : cut] if self._skipping else data[:cut])
                self._skipping = False
        except OSError:  # a stale network file handle or a failing disk: return what was read, the rest comes later
            pass
        finally:
            os.close(fd)
        return b"".join(blocks)

    def seek_tail(self, size: int) -> None:
        """Continue from the first whole line within the last `size` bytes."""
        try:
            end = self.path.lstat().st_size
        except OSError:
            return
        self.offset = max(end - size - 1, 0)
        self._skipping = self.offset > 0

    def _skip_part(self, data: bytes) -> bool:
        """Skip data without a newline if it belongs to an over-long line; False if more of the line may still come."""
        if not self._skipping and len(data) < MAX_LINE:
            return False
        self.garbage += not self._skipping
        self._skipping = True
        self.offset += len(data)
        return True

    def _notice_replacement(self, fd: int) -> None:
        status = os.fstat(fd)
        file = (status.st_dev, status.st_ino)
        if self._file not in (None, file) or status.st_size < self.offset:
            self.offset, self._skipping = 0, False
            self.restarts += 1
        self._file = file
