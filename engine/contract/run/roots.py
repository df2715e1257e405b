"""The folders that hold runs. The first one is written to, further ones are read-only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import platformdirs

from engine.contract.errors import BadInput
from engine.contract.files import owned_by
from engine.contract.run.folder import RUN_ID

VARIABLE: Final = "CIFAR_TUI_RUNS"


def runs_root(flag: str = "") -> Path:
    """The folder for new runs: `--runs-dir`, else $CIFAR_TUI_RUNS, else the platform's data folder."""
    return runs_roots([flag] if flag else [])[0]


def runs_roots(flags: Sequence[str] = ()) -> list[Path]:
    """All runs folders, absolute and without duplicates; the first is the one to write to.

    Raises:
        BadInput: a root is a file or cannot be read by this user, or the user in `~user` does not exist.
    """
    origin = "--runs-dir" if flags else f"${VARIABLE}"
    given = list(flags) or [os.environ.get(VARIABLE) or str(platformdirs.user_data_path("cifar-tui") / "runs")]
    roots: dict[Path, None] = {}
    for text in given:
        try:
            root = Path(text).expanduser().absolute()
            if problem := _problem(root):
                raise BadInput(f"runs folder {text!r} (from {origin}): {problem}")
            roots[root.resolve()] = None
        except RuntimeError as error:
            raise BadInput(f"runs folder {text!r} (from {origin}): no such user, or a link to itself") from error
        except OSError as error:  # a name that is too long
            raise BadInput(f"runs folder {text!r} (from {origin}): {error.strerror}") from error
    return list(roots)


def _problem(root: Path) -> str:
    """Why a folder cannot be used as a runs folder, "" if it can. It need not exist yet."""
    try:
        if root.exists() and not root.is_dir():
            return "not a folder"
        if root.exists():
            os.scandir(root).close()
    except PermissionError:
        return f"permission denied{owned_by(root)}"
    except OSError as error:  # a name that is too long, a stale network folder
        return str(error.strerror)
    return ""


def make_root(root: Path, *, shared: bool = False) -> None:
    """Create the root if it is missing. It is private, or open to the group if `shared`, also if it exists already.

    Raises:
        BadInput: it cannot be created or written, or its permissions cannot be changed.
    """
    try:
        if not root.is_dir():
            _make(root)
        mode = stat.S_IMODE(root.stat().st_mode)
        # Private runs in it stay private. A colleague's folder that is open already is left as it is.
        if shared and mode & 0o2070 != 0o2070 and (mode & 0o070 != 0o070 or root.stat().st_uid == os.geteuid()):
            root.chmod(mode | 0o2070)
    except OSError as error:
        raise BadInput(f"cannot create or open the runs folder {root}: {error.strerror}") from error
    if not os.access(root, os.W_OK | os.X_OK):
        raise BadInput(f"cannot write to the runs folder {root}: choose another one with --runs-dir or ${VARIABLE}")


def check_writable(run: Path, roots: Sequence[Path]) -> None:
    """BadInput if a run is not in the first root, since all others are read-only."""
    if run.parent.resolve() != roots[0].resolve():
        raise BadInput(f"run {run.name} is in {run.parent}, which is read-only: only runs in {roots[0]} can be changed")


def run_paths(root: Path) -> Iterator[str]:
    """The run folders of a root in no particular order, as strings, since there may be ten thousand.

    Links and entries that are not named like a run are left out.
    """
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if RUN_ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                    yield entry.path
    except OSError:  # the root is missing or cannot be read: there are no runs to show
        return


def is_run(path: Path) -> bool:
    """Whether a path is a run folder: named like one, and a real folder rather than a link to one."""
    try:
        return bool(RUN_ID.fullmatch(path.name)) and stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _make(root: Path) -> None:
    """Create a private folder. OSError if something else has its name."""
    try:
        root.mkdir(parents=True)
        root.chmod(0o700)
    except FileExistsError:
        if not root.is_dir():  # else another process was faster
            raise
