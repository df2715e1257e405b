"""The checkpoints in a run folder, as far as they can be handled without torch: names, meta.json, removal.

The content of their `.pt` files, and how they are written, is in `engine.loop.checkpoint_files`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from engine.contract.files import read_file, write_atomic
from engine.contract.run.erase import erase, is_folder, opened

Meta = dict[str, Any]

CHECKPOINT_SCHEMA: Final = 1
META: Final = "meta.json"
WEIGHTS, BEST, STATE = "weights.pt", "best.pt", "state.pt"
NAME: Final = re.compile(r"epoch-\d{4,}(-step-\d{5,})?")
"""The name of a complete checkpoint."""
HALF: Final = ".tmp-"
"""Prefix of the name while it is being written."""
UNREADABLE: Final = (OSError, ValueError, KeyError, TypeError, RecursionError)
"""The exceptions that reading a damaged meta.json may raise."""


def name_of(epoch: int, step: int) -> str:
    """The name of a checkpoint taken after `epoch` whole epochs and `step` steps of the next one."""
    return f"epoch-{epoch:04d}" + (f"-step-{step:05d}" if step else "")


def is_ours(name: str) -> bool:
    """Whether a name in the folder is that of a checkpoint, complete or partly written."""
    return NAME.fullmatch(name.removeprefix(HALF)) is not None


def committed(folder: Path) -> list[Path]:
    """Every complete checkpoint in the folder, earliest position first; those with a damaged meta.json last.

    Links and folders with other names are ignored.
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
    """Epochs and further steps done at the newest checkpoint with a readable meta.json; (0, 0) without one."""
    found = [position for path in committed(folder) if (position := _position(path))[0] < math.inf]
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


def read_meta(path: Path) -> Meta:
    """The checkpoint's meta.json. Raises ValueError if it does not match its own checksum."""
    envelope = json.loads(read_file(path / META))
    meta: Meta = envelope["checkpoint"]
    if envelope["sha256"] != digest(_canonical(meta)):
        raise ValueError(f"{META}: SHA-256 differs")
    return meta


def write_meta(folder: Path, meta: Meta) -> None:
    """Write a checkpoint's meta.json with its own checksum. OSError on a full disk."""
    write_atomic(folder / META, encode_meta(meta))


def encode_meta(meta: Meta) -> bytes:
    """The content of a meta.json, with its own checksum."""
    return json.dumps({"sha256": digest(_canonical(meta)), "checkpoint": meta}, indent=1).encode()


def newer_checkpoint(name: str, meta: Mapping[str, Any]) -> str:
    """Why a checkpoint with a newer layout cannot be resumed."""
    return (
        f"checkpoint {name} has layout {meta['schema']}, newer than {CHECKPOINT_SCHEMA}, the latest that this version "
        f"knows; it was written by {meta.get('made_by') or 'a later version'}"
    )


def drop_state(path: Path) -> None:
    """Remove the optimizer state from a checkpoint, which stays valid at every moment."""
    meta = read_meta(path)
    meta["files"].pop(STATE, None)
    write_meta(path, meta)
    with opened(path) as folder, contextlib.suppress(FileNotFoundError):
        erase(STATE, folder)


def keep_only(folder: Path, names: Collection[str]) -> None:
    """Remove all checkpoints except those named, whether older, damaged or partly written. Other files stay."""
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
