"""The SHA-256 of the files of a further test set, and of all of them together. No torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Any, Final

from engine.contract.errors import BadInput
from engine.contract.lines import open_regular
from engine.data.given.layouts import Given

BLOCK: Final = 1 << 22
"""Bytes that are in memory at once."""


def hashed(given: Given, progress: Callable[[int, int], None] = lambda done, total: None) -> list[dict[str, Any]]:
    """The name, role, size and SHA-256 of every file.

    Args:
        progress: called with the bytes read so far and those of all files.

    Raises:
        BadInput: a file cannot be read.
    """
    rows: list[dict[str, Any]] = []
    done, total = 0, sum(file.path.stat().st_size for file in given.files)
    for file in given.files:
        digest, size = hashlib.sha256(), 0
        try:
            with os.fdopen(open_regular(file.path, follow=True), "rb") as opened:
                while block := opened.read(BLOCK):
                    digest.update(block)
                    size += len(block)
                    progress(done + size, total)
        except OSError as error:
            raise BadInput(f"{file.path}: {error.strerror}") from None
        done += size
        rows.append({"name": file.path.name, "role": file.role, "bytes": size, "sha256": digest.hexdigest()})
    return rows


def identity(rows: Sequence[dict[str, Any]]) -> str:
    """SHA-256 of what `hashed` returns, whatever the files are called."""
    lines = "".join(f"{role} {sha256}\n" for role, sha256 in sorted((row["role"], row["sha256"]) for row in rows))
    return hashlib.sha256(lines.encode()).hexdigest()
