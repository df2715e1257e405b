"""What `verify` reports of a file, and the check of a hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from engine.exchange.pack.contents import blocks

Result = Literal["ok", "bad", "not checked"]

TOLERANCE: Final = 0.5
"""Test images by which the accuracy of `predictions.npz` may differ from the one in the events: rounding."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked: a file or a hash, with the result and what was found."""

    what: str
    result: Result
    note: str = ""


def hash_of(what: str, path: Path, recorded: str, size: int | None = None) -> Check:
    """Whether a file has the SHA-256 and, if that is recorded, the size that it had when it was written."""
    digest, found = hashlib.sha256(), 0
    try:
        for block in blocks(path):
            digest.update(block)
            found += len(block)
    except FileNotFoundError:
        return Check(what, "bad", "missing")
    except OSError as error:
        return Check(what, "bad", f"cannot be read: {error.strerror}")
    if size is not None and found != size:
        return Check(what, "bad", f"{found} bytes, {size} when it was written")
    if digest.hexdigest() != recorded:
        return Check(what, "bad", f"SHA-256 {digest.hexdigest()[:12]}, {recorded[:12]} when it was written")
    return Check(what, "ok", f"SHA-256 {recorded[:12]}")
