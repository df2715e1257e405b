"""Where runs live. The first root is written to, further ones are only looked at."""

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
    """The folder that new runs go to: `--runs-dir`, else $CIFAR_TUI_RUNS, else the platform's data folder."""
    return runs_roots([flag] if flag else [])[0]


def runs_roots(flags: Sequence[str] = ()) -> list[Path]:
    """All folders with runs, absolute and without repeats; the first is the one to write to.

    Raises:
        BadInput: a root is a file or forbidden to this user, or `~user` names nobody.
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
    """Why a folder cannot hold runs that are to be shown, "" where it can; it may be missing as yet."""
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
    """Make the root if it is missing, private or, for a shared run, open to the group; an existing one is opened too.

    Raises:
        BadInput: it cannot be made or written, or not opened.
    """
    try:
        if not root.is_dir():
            _make(root)
        mode = stat.S_IMODE(root.stat().st_mode)
        # Runs that are not shared stay closed in it. A colleague's folder that is open already is left as it is.
        if shared and mode & 0o2070 != 0o2070 and (mode & 0o070 != 0o070 or root.stat().st_uid == os.geteuid()):
            root.chmod(mode | 0o2070)
    except OSError as error:
        raise BadInput(f"cannot make or open the runs folder {root}: {error.strerror}") from error
    if not os.access(root, os.W_OK | os.X_OK):
        raise BadInput(f"cannot write to the runs folder {root}: choose another with --runs-dir or ${VARIABLE}")


def check_writable(run: Path, roots: Sequence[Path]) -> None:
    """BadInput when a run lies in a further root, which is only looked at."""
    if run.parent.resolve() != roots[0].resolve():
        raise BadInput(f"run {run.name} lies in {run.parent}, which is read-only: changes go to {roots[0]} alone")


def run_paths(root: Path) -> Iterator[str]:
    """The run folders of a root in no order, as text (there may be ten thousand). Links and anything
    not named like a run are left out."""
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if RUN_ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                    yield entry.path
    except OSError:  # the root is missing or forbidden: it has no runs to show
        return


def is_run(path: Path) -> bool:
    """Whether a path is a run folder: named like one, and a real folder rather than a link to one."""
    try:
        return bool(RUN_ID.fullmatch(path.name)) and stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _make(root: Path) -> None:
    """Make a private folder. OSError where something else has its name."""
    try:
        root.mkdir(parents=True)
        root.chmod(0o700)
    except FileExistsError:
        if not root.is_dir():  # else another process was faster
            raise
