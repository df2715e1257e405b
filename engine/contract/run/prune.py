"""What a finished run can do without: the state to go on from, older checkpoints, and on demand its weights."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from os import stat_result
from pathlib import Path
from typing import Final, Literal

from engine.contract.errors import BadInput
from engine.contract.files import read_file
from engine.contract.run.checkpoints import (
    BEST,
    STATE,
    UNREADABLE,
    WEIGHTS,
    committed,
    digest,
    drop_state,
    is_ours,
    keep_only,
    read_meta,
)
from engine.contract.run.erase import files_in, freed_bytes, opened
from engine.contract.run.folder import RunFolder
from engine.contract.run.links import refuse_links

Keep = Literal["weights", "none"]
KEEP: Final[tuple[Keep, ...]] = ("weights", "none")


@dataclass(frozen=True, slots=True)
class Spare:
    """What can go from a run: whole checkpoints, the optimizer state of those that stay, and how much that frees."""

    kept: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    stripped: tuple[str, ...] = ()
    bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.gone or self.stripped)


def spare(run: RunFolder, keep: Keep) -> Spare:
    """What can go from a finished run.

    With "weights", final and best weights stay, each in the newest checkpoint that holds them undamaged: the same files
    that the engine leaves under `keep = "weights"`. Where no checkpoint is whole, nothing can go.

    Raises:
        BadInput: the run has not finished, a folder in it is a link, a newer version wrote it in a layout of its own,
            or its checkpoints cannot be read.
    """
    refuse_links(run.path)
    run.refuse_newer()
    run.refuse_newer_checkpoints()
    state = run.status().state
    if state != "finished":
        raise BadInput(f"run {run.id} is not pruned: it is {state}")
    with _said(run):
        return _spare(run, keep)


def _spare(run: RunFolder, keep: Keep) -> Spare:
    names = sorted(path.name for path in _entries(run.checkpoints))
    kept = _worth_keeping(run.checkpoints) if keep == "weights" else ()
    if keep == "weights" and not kept:
        return Spare()
    gone = tuple(name for name in names if name not in kept)
    stripped = tuple(name for name in kept if (run.checkpoints / name / STATE).exists())
    return Spare(kept, gone, stripped, freed_bytes(_files(run.checkpoints, gone, stripped)))


def prune(run: RunFolder, keep: Keep) -> int:
    """Remove what `spare` names, while nobody else changes the run; the bytes that are free again.

    Raises:
        BadInput: as `spare`, or another process works on the run, or a file cannot be removed.
    """
    with _said(run), run.hold():
        found = spare(run, keep)
        if found.gone:  # first, as it makes room for what comes next
            keep_only(run.checkpoints, found.kept)
        for name in found.stripped:
            _strip(run.checkpoints / name)
    return found.bytes


def _strip(path: Path) -> None:
    """Drop the optimizer state, also where the disk is too full for the new meta.json beside it."""
    try:
        drop_state(path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        with opened(path) as folder:
            state = os.open(STATE, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(state)
        drop_state(path)


@contextlib.contextmanager
def _said(run: RunFolder) -> Iterator[None]:
    """Name the run in whatever keeps it from being pruned."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"run {run.id} is not pruned: {error.strerror} ({error.filename})") from error


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if is_ours(path.name) and path.is_dir())


def _worth_keeping(folder: Path) -> tuple[str, ...]:
    """The checkpoints with the final and the best weights. Checksums are only computed where there is a choice."""
    newest_first = committed(folder)[::-1]
    if len(newest_first) == 1:
        return tuple(path.name for path in newest_first if _lists(path, WEIGHTS))
    found = [next((path for path in newest_first if _is_whole(path, name)), None) for name in (WEIGHTS, BEST)]
    if found[0] is None:
        return ()
    return tuple(dict.fromkeys(path.name for path in found if path is not None))


def _lists(path: Path, name: str) -> bool:
    try:
        return name in read_meta(path)["files"] and (path / name).is_file()
    except UNREADABLE:
        return False


def _is_whole(path: Path, name: str) -> bool:
    """Whether a file of a checkpoint is what its meta.json says."""
    try:
        entry = read_meta(path)["files"][name]
        return bool(digest(read_file(path / name, entry["bytes"])) == entry["sha256"])
    except UNREADABLE:
        return False


def _files(folder: Path, gone: tuple[str, ...], stripped: tuple[str, ...]) -> Iterator[stat_result]:
    for name in gone:
        yield from files_in(folder / name)
    for name in stripped:
        yield (folder / name / STATE).lstat()
