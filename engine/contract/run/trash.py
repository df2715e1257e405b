"""The trash of a runs folder: deleted runs lie there until they are restored, or removed for good.

The trash is a folder inside the runs folder, so a deletion is a rename on one file system: it needs no space, is over
at once and can be undone. It holds run folders under their own names, as a runs folder does; whatever finds, lists or
reads runs can be pointed at it.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.run.erase import erase, files_in, opened, used_bytes
from engine.contract.run.folder import RUN_ID, RunFolder
from engine.contract.run.roots import check_writable, is_run, run_paths

TRASH: Final = ".trash"
DOOMED: Final = re.compile(rf"\.removed-{RUN_ID.pattern}-[0-9a-f]{{8}}")
"""A run that is being removed for good. Where that was cut short, `empty` takes the rest."""


def trash_of(root: Path) -> Path:
    """The folder that deleted runs of a runs folder lie in; it may not exist yet."""
    return root / TRASH


def in_trash(root: Path) -> list[RunFolder]:
    """The deleted runs of a runs folder, oldest first. BadInput where its trash is a link."""
    _refuse_link(root)
    return [RunFolder(Path(path)) for path in sorted(run_paths(trash_of(root)))]


def trash_bytes(root: Path) -> int:
    """What emptying the trash would free. BadInput where the trash is a link."""
    _refuse_link(root)
    return used_bytes(status for path in (trash_of(root), *_doomed(root)) for status in files_in(path))


def remove(run: RunFolder, roots: Sequence[Path]) -> None:
    """Move a run into the trash, all of it or nothing.

    Args:
        roots: the runs folders; only a run that lies directly in the first one (the writable one) is removed.

    Raises:
        BadInput: the run is alive or in use, is a link, lies elsewhere, or may not be moved.
    """
    root = _root_of(run, roots)
    _refuse_link(root)
    with _said(run, "removed"), run.hold(), opened(root) as folder:
        with contextlib.suppress(FileExistsError):
            os.mkdir(TRASH, 0o700, dir_fd=folder)
            trash_of(root).chmod(stat.S_IMODE(root.stat().st_mode))  # as open as the folder that it lies in
        with opened(TRASH, folder) as trash:
            _move(run.id, folder, trash, "the trash holds a run of this name already: remove that one with --purge")


def restore(run: RunFolder, roots: Sequence[Path]) -> RunFolder:
    """Bring a run back from the trash of the first runs folder; it is as it was.

    Raises:
        BadInput: it does not lie there, its place is taken, or it may not be moved.
    """
    root = roots[0].resolve()
    _refuse_link(root)
    if run.path.parent.resolve() != trash_of(root) or not is_run(run.path):
        raise BadInput(f"run {run.id} is not restored: it does not lie in {trash_of(root)}")
    with _said(run, "restored"), run.hold(), opened(root) as folder, opened(TRASH, folder) as trash:
        _move(run.id, trash, folder, f"there is a run of this name in {root}")
    return RunFolder(root / run.id)


def purge(run: RunFolder, roots: Sequence[Path]) -> None:
    """Remove a run for good, from the first runs folder or from its trash.

    It is renamed first, so a listing sees all of it or nothing, and a removal cut short never looks like a run.

    Raises:
        BadInput: as `remove`; what could not be removed is left for `empty`.
    """
    _refuse_link(roots[0])
    place = [trash_of(roots[0].resolve())] if run.path.parent.name == TRASH else roots
    root = _root_of(run, place)
    doomed = f".removed-{run.id}-{secrets.token_hex(4)}"
    with _said(run, "removed"), opened(root) as folder:
        with run.hold():
            os.rename(run.id, doomed, src_dir_fd=folder, dst_dir_fd=folder)
        erase(doomed, folder)
        os.fsync(folder)


def empty(root: Path) -> tuple[list[str], int]:
    """Remove everything in the trash for good, and what is left of removals that were cut short.

    Returns:
        The ids of the runs, and how many bytes are free again.

    Raises:
        BadInput: with every run that could not be removed; the others are.
    """
    found, size = in_trash(root), trash_bytes(root)
    problems: list[str] = []
    for run in found:
        try:
            purge(run, [root])
        except BadInput as error:
            problems += error.problems
    for path in _doomed(root):
        try:
            with opened(path.parent) as folder:
                erase(path.name, folder)
        except OSError as error:
            problems.append(f"{path} is not removed: {error.strerror} ({error.filename})")
    if problems:
        raise BadInput(problems)
    return [run.id for run in found], size


def _refuse_link(root: Path) -> None:
    trash = trash_of(root)
    if trash.is_symlink():
        raise BadInput(f"the trash {trash} is a link: put a folder in its place, or remove it")


def _root_of(run: RunFolder, roots: Sequence[Path]) -> Path:
    """The writable folder that a run lies in. BadInput where it may not be removed from there."""
    check_writable(run.path, roots)
    if not is_run(run.path):
        raise BadInput(f"run {run.id} is not removed: {run.path} is no run folder of its own")
    run.refuse_newer()
    state = run.status()
    if state.live:
        raise BadInput(f"run {run.id} is not removed: it is {state.state}; stop it first")
    return roots[0].resolve()


def _move(name: str, source: int, target: int, taken: str) -> None:
    """Rename an entry from one open folder into another. OSError, saying `taken`, where the target exists."""
    try:
        os.stat(name, dir_fd=target, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
        os.fsync(target)
        os.fsync(source)
    else:
        raise BadInput(taken)


def _doomed(root: Path) -> Iterator[Path]:
    """What removals that were cut short have left: of runs in the root, and of runs in its trash."""
    for folder in (root, trash_of(root)):
        try:
            with os.scandir(folder) as entries:
                yield from [Path(entry.path) for entry in entries if DOOMED.fullmatch(entry.name)]
        except OSError:  # there is no such folder
            continue


@contextlib.contextmanager
def _said(run: RunFolder, done: str) -> Iterator[None]:
    """Name the run in whatever keeps it from being moved."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"run {run.id} is not {done}: {error.strerror} ({error.filename or run.path})") from error
    except BadInput as error:
        if run.id in str(error):
            raise
        raise BadInput(f"run {run.id} is not {done}: {error}") from error
