"""Free disk space of finished runs: the state to resume from, older checkpoints, and optionally the weights."""

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
class Prunable:
    """What can be removed from a run: checkpoints, the optimizer state of those that stay, and how much that frees."""

    kept: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    stripped: tuple[str, ...] = ()
    bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.gone or self.stripped)


def prunable(run: RunFolder, keep: Keep) -> Prunable:
    """What can be removed from a finished run.

    With "weights", final and best weights stay, each in the newest checkpoint that holds them undamaged: the files that
    the engine itself leaves with `keep = "weights"`. If no checkpoint is intact, nothing can be removed.

    Raises:
        BadInput: the run has not finished, a folder in it is a link, a newer version wrote it in a layout of its own,
            or its checkpoints cannot be read.
    """
    refuse_links(run.path)
    run.refuse_newer()
    run.refuse_newer_checkpoints()
    state = run.status().state
    if state != "finished":
        raise BadInput(f"cannot prune run {run.id}: it is {state}")
    with _name_in_errors(run):
        return _prunable(run, keep)


def _prunable(run: RunFolder, keep: Keep) -> Prunable:
    names = sorted(path.name for path in _entries(run.checkpoints))
    kept = worth_keeping(run.checkpoints) if keep == "weights" else ()
    if keep == "weights" and not kept:
        return Prunable()
    gone = tuple(name for name in names if name not in kept)
    stripped = tuple(name for name in kept if (run.checkpoints / name / STATE).exists())
    return Prunable(kept, gone, stripped, freed_bytes(_files(run.checkpoints, gone, stripped)))


def prune(run: RunFolder, keep: Keep) -> int:
    """Remove what `prunable` names, under the run's lock; returns the number of bytes freed.

    Raises:
        BadInput: as for `prunable`, or another process holds the run, or a file cannot be removed.
    """
    with _name_in_errors(run), run.hold():
        found = prunable(run, keep)
        if found.gone:  # first, as it frees the space for the rest
            keep_only(run.checkpoints, found.kept)
        for name in found.stripped:
            _strip(run.checkpoints / name)
    return found.bytes


def _strip(path: Path) -> None:
    """Remove the optimizer state, even if the disk is too full for a new meta.json beside it."""
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
def _name_in_errors(run: RunFolder) -> Iterator[None]:
    """Name the run in errors that keep it from being pruned."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"cannot prune run {run.id}: {error.strerror} ({error.filename})") from error


def _entries(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if is_ours(path.name) and path.is_dir())


def worth_keeping(folder: Path) -> tuple[str, ...]:
    """The names of the checkpoints with the final and the best weights. Checksums are computed only for a choice."""
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
    """Whether a file of a checkpoint matches its meta.json."""
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
