"""A small key-value table in a SQLite file. The file may vanish, be damaged or be locked without any error."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

import psutil

T = TypeVar("T")

BUSY_SECONDS: Final = 2.0
_ELSEWHERE: Final = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    "SQLITE_FULL",
    "SQLITE_IOERR",
)
_REMOTE: Final = ("nfs", "cifs", "smb", "fuse", "lustre", "gpfs", "9p", "afs", "beegfs", "ceph", "gluster")


class RowCache:
    """Texts by key, kept on disk if possible. No method raises: what cannot be stored is not stored.

    A file that is not a database, is damaged or has another `version` is deleted and created anew. One that is busy,
    full or forbidden is left alone. A connection lives for one call, so any thread may call.
    """

    def __init__(self, path: Path | None, version: int) -> None:
        self._path = path
        self._version = version

    def load(self) -> dict[str, str]:
        """All stored rows."""
        return self._try(lambda db: dict(db.execute("SELECT key, text FROM rows")), {})

    def save(self, rows: Iterable[tuple[str, str]], gone: Iterable[str]) -> None:
        """Add or replace rows and remove others, all or nothing."""
        added = [row for row in rows if _is_text(row[0])]
        dropped = [(key,) for key in gone if _is_text(key)]

        def change(db: sqlite3.Connection) -> None:
            with db:
                db.executemany("DELETE FROM rows WHERE key = ?", dropped)
                db.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", added)

        self._try(change, None)

    def discard(self) -> None:
        """Delete the file. Programs that have it open continue to use it undisturbed."""
        if self._path:
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(OSError):
                    Path(f"{self._path}{suffix}").unlink()

    def _try(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        for _ in range(2):
            try:
                with contextlib.closing(self._open()) as db:
                    return work(db)
            except OSError:
                return otherwise
            except sqlite3.Error as error:
                if (getattr(error, "sqlite_errorname", None) or "").startswith(_ELSEWHERE):
                    return otherwise
                self.discard()  # not a database, damaged, or another table: try again with a new file
        return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._path is None:
            raise FileNotFoundError("kept in memory only")
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # SQLite would create it as 0644
        db = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
        try:
            if db.execute("PRAGMA user_version").fetchone()[0] != self._version:
                self._begin(db)
        except BaseException:
            db.close()
            raise
        return db

    def _begin(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")  # readers and a writer do not block each other
        with db:
            db.execute("DROP TABLE IF EXISTS rows")
            db.execute("CREATE TABLE rows (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID")
            db.execute(f"PRAGMA user_version = {self._version:d}")


def _is_text(key: str) -> bool:
    """Whether SQLite accepts the key: the path of a folder may contain bytes that are not UTF-8."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_remote(folder: Path) -> bool:
    """Whether a folder is on a network file system, where SQLite's locks cannot be trusted."""
    place = str(folder.absolute())
    mounts = [disk for disk in psutil.disk_partitions(all=True) if _within(place, disk.mountpoint)]
    kind = max(mounts, key=lambda disk: len(disk.mountpoint)).fstype if mounts else ""
    return kind.lower().startswith(_REMOTE)


def _within(place: str, mount: str) -> bool:
    return os.path.commonpath([place, mount]) == mount
