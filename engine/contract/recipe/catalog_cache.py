"""A small cache of what was read from source files, as JSON in the user's cache folder.

An entry belongs to the exact contents of all files that it was made from, so it is never out of date, and a file that
is missing, damaged, a link or another user's is as good as none. It holds data only: where code is imported from is
decided by the caller, never by the cache. A cache folder that cannot be written to changes nothing but the time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import platformdirs

from engine.contract.files import read_file, write_atomic
from engine.contract.lines import open_regular

LARGEST: Final = 8 << 20  # bytes
FOREIGN: Final = stat.S_IWGRP | stat.S_IWOTH


def digest(files: Iterable[Path]) -> str:
    """SHA-256 over paths and contents, and the version of Python, whose parser reads them. Raises OSError."""
    sums = hashlib.sha256(sys.version.encode())
    for path in files:
        data = read_file(path, follow=True)
        sums.update(f"\n{path} {len(data)}\n".encode(errors="surrogateescape"))
        sums.update(data)
    return sums.hexdigest()


def load(name: str, key: str) -> Any:
    """What `save` stored under this name with this key, with tuples in place of lists; None if there is nothing."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        head, _, body = _own(_file(name)).partition(b"\n")
        if head.decode() == _head(key, body):
            return tuples(json.loads(body))
    return None


def save(name: str, key: str, value: Any) -> None:
    """Store JSON data, for this user alone. What would not come back equal is not stored, nor reported."""
    with contextlib.suppress(OSError):
        file = _file(name)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        body = json.dumps(value, separators=(",", ":")).encode()
        if tuples(json.loads(body)) == tuples(value, strict=True):
            write_atomic(file, _head(key, body).encode() + b"\n" + body, durable=False)


def tuples(value: Any, *, strict: bool = False) -> Any:
    """JSON data with tuples in place of lists; if `strict`, lists stay, as they would come back as tuples."""
    if isinstance(value, dict):
        return {name: tuples(item, strict=strict) for name, item in value.items()}
    if isinstance(value, tuple) or (isinstance(value, list) and not strict):
        return tuple([tuples(item, strict=strict) for item in value])
    return value


def _file(name: str) -> Path:
    """Raises FileNotFoundError for a user without a home folder, for whom the path would be `~` in the current one."""
    folder = platformdirs.user_cache_path("cifar-tui")
    if not folder.is_absolute():
        raise FileNotFoundError(folder)
    return folder / "catalog" / f"{name}.json"


def _head(key: str, body: bytes) -> str:
    """The first line: the key, and the checksum of the rest, so that a damaged file is noticed."""
    return f"{key} {hashlib.sha256(body).hexdigest()}"


def _own(path: Path) -> bytes:
    """The content of a file that belongs to this user, and that nobody else may write. Raises OSError."""
    with os.fdopen(open_regular(path), "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or found.st_mode & FOREIGN:
            raise PermissionError(f"{path} may be another user's")
        return file.read(LARGEST)
