"""The folder of an imported run: where it stands, how it is recognized, and that it appears whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from engine.contract.errors import BadInput
from engine.contract.files import read_json
from engine.contract.run.create import LETTERS
from engine.contract.run.folder import RunFolder
from engine.contract.run.roots import make_root, run_paths

STAGING: Final = ".importing-"
"""Start of the name of a folder that is not a run yet."""


def run_of(sha256: str, root: Path) -> str:
    """The id of the run that was imported with this hash; "" if there is none.

    The end of the id of an imported run follows from the hash, so only few folders have to be read.
    """
    end = _letters(sha256)
    for path in run_paths(root):
        if path.endswith(end):
            imported = (read_json(Path(path) / "run.json") or {}).get("imported")
            if isinstance(imported, dict) and imported.get("sha256") == sha256:
                return Path(path).name
    return ""


def make(root: Path, begun: float, sha256: str, name: str, fill: Callable[[RunFolder, str], object]) -> RunFolder:
    """Make the run folder. It appears complete or not at all.

    Args:
        begun: seconds since 1970, for the id.
        sha256: what the run is recognized by.
        name: for messages.
        fill: writes the files of the run, given a folder for them and the id that the run will have.

    Raises:
        BadInput: the folder cannot be written, or a run has its id already.
    """
    make_root(root)
    path = root / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(begun))}-{_letters(sha256)}"
    if path.exists():
        raise BadInput(f"cannot import {name}: there is a run {path.name}, of other files")
    staged = Path(tempfile.mkdtemp(prefix=STAGING, dir=root))
    try:
        fill(RunFolder(staged), path.name)
        staged.rename(path)
    except BaseException as error:
        shutil.rmtree(staged, ignore_errors=True)
        if isinstance(error, OSError):
            raise BadInput(f"cannot write a run in {root}: {error.strerror}") from error
        raise
    return RunFolder(path)


def take_back(runs: Iterable[RunFolder]) -> None:
    """Remove runs that this import has just made, because another one of it failed."""
    for run in runs:
        shutil.rmtree(run.path)


def _letters(sha256: str) -> str:
    """The four characters at the end of the run's id."""
    number = int(hashlib.sha256(sha256.encode()).hexdigest()[:12], 16)
    letters = []
    for _ in range(4):
        number, place = divmod(number, len(LETTERS))
        letters.append(LETTERS[place])
    return "".join(letters)
