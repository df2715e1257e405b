"""The checkpoints in a run folder, as far as they can be handled without torch: names, meta.json, what may go.

What is in their `.pt` files, and how they are written, is in `engine.loop.checkpoint_files`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from engine.contract.files import read_file, write_atomic
from engine.contract.run.erase import erase, is_folder, opened

Meta = dict[str, Any]

META: Final = "meta.json"
WEIGHTS, BEST, STATE = "weights.pt", "best.pt", "state.pt"
NAME: Final = re.compile(r"epoch-\d{4,}(-step-\d{5,})?")
"""A whole checkpoint."""
HALF: Final = ".tmp-"
"""In front of the name of one that is being written."""
UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError, RecursionError)
"""What reading a damaged meta.json may raise."""


def name_of(epoch: int, step: int) -> str:
    """The name of the checkpoint after so many whole epochs and so many steps of the epoch after them."""
    return f"epoch-{epoch:04d}" + (f"-step-{step:05d}" if step else "")


def is_ours(name: str) -> bool:
    """Whether an entry of the folder has a name that only our writer gives: whole or half written."""
    return NAME.fullmatch(name.removeprefix(HALF)) is not None


def committed(folder: Path) -> list[Path]:
    """Every whole checkpoint in the folder, oldest position first; those with a damaged meta.json last.

    Only real folders with a name of ours count.
    """
    try:
        with os.scandir(folder) as entries:
            found = [
                Path(entry.path)
                for entry in entries
                if NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(found, key=_position)


def newest_position(folder: Path) -> tuple[int, int]:
    """Whole epochs done, and steps after them, of the newest checkpoint that seems whole; (0, 0) without one."""
    found = [position for path in committed(folder) if (position := _position(path))[0] < math.inf]
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


def read_meta(path: Path) -> Meta:
    """The checkpoint's meta.json. Raises ValueError where it does not match its own checksum."""
    envelope = json.loads(read_file(path / META))
    meta: Meta = envelope["checkpoint"]
    if envelope["sha256"] != digest(_canonical(meta)):
        raise ValueError(f"{META}: SHA-256 differs")
    return meta


def write_meta(folder: Path, meta: Meta) -> None:
    """Write a checkpoint's meta.json with its own checksum. OSError on a full disk."""
    envelope = {"sha256": digest(_canonical(meta)), "checkpoint": meta}
    write_atomic(folder / META, json.dumps(envelope, indent=1).encode())


def drop_state(path: Path) -> None:
    """Take the optimizer state out of a checkpoint; what stays is valid at every moment."""
    meta = read_meta(path)
    meta["files"].pop(STATE, None)
    write_meta(path, meta)
    with opened(path) as folder, contextlib.suppress(FileNotFoundError):
        erase(STATE, folder)


def keep_only(folder: Path, names: Collection[str]) -> None:
    """Remove all checkpoints but those named: older, damaged, half written. Whatever is not ours stays."""
    try:
        with opened(folder) as fd:
            for name in os.listdir(fd):  # noqa: PTH208  # of the open folder
                if is_ours(name) and name not in names and is_folder(name, fd):
                    erase(name, fd)
    except FileNotFoundError:  # no checkpoint was ever written
        return


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _position(path: Path) -> tuple[float, float]:
    try:
        meta = read_meta(path)
        return meta["epoch"], meta["step"]
    except UNREADABLE:
        return math.inf, math.inf


def _canonical(meta: Meta) -> bytes:
    return json.dumps(meta, sort_keys=True, allow_nan=False).encode()
