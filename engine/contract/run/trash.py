"""The trash of a runs folder: deleted runs stay there until they are restored or removed for good.

The trash is a folder inside the runs folder, so a deletion is a rename on one file system: it needs no space, is
immediate and can be undone. It holds run folders under their own names, like a runs folder, so all code that finds,
lists or reads runs works on it.
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
"""The name of a run that is being removed for good. `empty` removes what an interrupted removal has left."""


def trash_of(root: Path) -> Path:
    """The trash of a runs folder, which may not exist yet."""
    return root / TRASH


def in_trash(root: Path) -> list[RunFolder]:
    """The deleted runs of a runs folder, oldest first. BadInput if its trash is a link."""
    _refuse_link(root)
    return [RunFolder(Path(path)) for path in sorted(run_paths(trash_of(root)))]


def trash_bytes(root: Path) -> int:
    """How many bytes emptying the trash would free. BadInput if the trash is a link."""
    _refuse_link(root)
    return used_bytes(status for path in (trash_of(root), *_doomed(root)) for status in files_in(path))


def remove(run: RunFolder, roots: Sequence[Path]) -> None:
    """Move a run into the trash, in one step.

    Args:
        roots: the runs folders; only a run directly in the first one, which is writable, is removed.

    Raises:
        BadInput: the run is live or in use, is a link, is in another folder, or cannot be moved.
    """
    root = _root_of(run, roots)
    _refuse_link(root)
    with _name_in_errors(run, "remove"), run.hold(), opened(root) as folder:
        with contextlib.suppress(FileExistsError):
            os.mkdir(TRASH, 0o700, dir_fd=folder)
            trash_of(root).chmod(stat.S_IMODE(root.stat().st_mode))  # with the permissions of the runs folder
        with opened(TRASH, folder) as trash:
            _move(run.id, folder, trash, "the trash already holds a run with this name: remove that one with --purge")


def restore(run: RunFolder, roots: Sequence[Path]) -> RunFolder:
    """Move a run back from the trash of the first runs folder, unchanged.

    Raises:
        BadInput: it is not there, its name is taken, or it cannot be moved.
    """
    root = roots[0].resolve()
    _refuse_link(root)
    if run.path.parent.resolve() != trash_of(root) or not is_run(run.path):
        raise BadInput(f"cannot restore run {run.id}: it is not in {trash_of(root)}")
    with _name_in_errors(run, "restore"), run.hold(), opened(root) as folder, opened(TRASH, folder) as trash:
        _move(run.id, trash, folder, f"{root} already holds a run with this name")
    return RunFolder(root / run.id)


def purge(run: RunFolder, roots: Sequence[Path]) -> None:
    """Remove a run for good, from the first runs folder or from its trash.

    It is renamed first, so that a listing sees all of it or nothing, and a partly removed one never looks like a run.

    Raises:
        BadInput: as for `remove`; what could not be removed is left for `empty`.
    """
    _refuse_link(roots[0])
    places = [trash_of(roots[0].resolve())] if run.path.parent.name == TRASH else roots
    root = _root_of(run, places)
    doomed = f".removed-{run.id}-{secrets.token_hex(4)}"
    with _name_in_errors(run, "remove"), opened(root) as folder:
        with run.hold():
            os.rename(run.id, doomed, src_dir_fd=folder, dst_dir_fd=folder)
        erase(doomed, folder)
        os.fsync(folder)


def empty(root: Path) -> tuple[list[str], int]:
    """Remove everything in the trash for good, and the remains of interrupted removals.

    Returns:
        The ids of the removed runs, and how many bytes were freed.

    Raises:
        BadInput: lists every run that could not be removed; all others have been.
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
            problems.append(f"cannot remove {path}: {error.strerror} ({error.filename})")
    if problems:
        raise BadInput(problems)
    return [run.id for run in found], size


def _refuse_link(root: Path) -> None:
    trash = trash_of(root)
    if trash.is_symlink():
        raise BadInput(f"the trash {trash} is a link: replace it with a folder, or remove it")


def _root_of(run: RunFolder, roots: Sequence[Path]) -> Path:
    """The writable folder that a run is in. BadInput if it may not be removed from there."""
    check_writable(run.path, roots)
    if not is_run(run.path):
        raise BadInput(f"cannot remove run {run.id}: {run.path} is not a run folder")
    run.refuse_newer()
    state = run.status()
    if state.live:
        raise BadInput(f"cannot remove run {run.id}: it is {state.state}; stop it first")
    return roots[0].resolve()


def _move(name: str, source: int, target: int, taken: str) -> None:
    """Move an entry from one open folder to another. BadInput with the message `taken` if the target exists."""
    try:
        os.stat(name, dir_fd=target, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(name, name, src_dir_fd=source, dst_dir_fd=target)
        os.fsync(target)
        os.fsync(source)
    else:
        raise BadInput(taken)


def _doomed(root: Path) -> Iterator[Path]:
    """The remains of interrupted removals of runs in the root and in its trash."""
    for folder in (root, trash_of(root)):
        try:
            with os.scandir(folder) as entries:
                yield from [Path(entry.path) for entry in entries if DOOMED.fullmatch(entry.name)]
        except OSError:  # there is no such folder
            continue


@contextlib.contextmanager
def _name_in_errors(run: RunFolder, action: str) -> Iterator[None]:
    """Name the run in errors that keep it from being moved."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"cannot {action} run {run.id}: {error.strerror} ({error.filename or run.path})") from error
    except BadInput as error:
        if run.id in str(error):
            raise
        raise BadInput(f"cannot {action} run {run.id}: {error}") from error
