"""Write runs as event files after they have been trained, for `tensorboard --logdir`."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from engine.analysis.history import History
from engine.contract.errors import BadInput
from engine.contract.files import make_folder
from engine.contract.run.folder import RunFolder
from engine.exchange.tensorboard.event_files import MARK, EventFile
from engine.exchange.tensorboard.needed import require_tensorboard
from engine.exchange.tensorboard.summaries import confusion, hyperparameters, scalars

LONGEST: Final = 80  # characters of a run's name in the name of its folder
_UNFIT: Final = re.compile(r"[^\w.+-]+")


def folder_name(run: RunFolder) -> str:
    """The name that TensorBoard shows for a run: its own name, else its preset or model, and the end of its id."""
    info = run.info()
    name = run.labels().name or f"{info.recipe_name or 'run'}-s{info.seed}"
    plain = _UNFIT.sub("_", name).strip("._")[:LONGEST]
    return f"{plain or 'run'}-{run.id[-4:]}"


def write_event_files(run: RunFolder, out: Path) -> Path:
    """Write a run as one event file in a new folder below `out`, and return that folder.

    Epochs that a resume has repeated are written once, so that no curve runs backward. Steps are epochs, and the wall
    times are those of the run.

    Raises:
        BadInput: TensorBoard's package is missing, the run is damaged or has no epoch yet, or the folder holds event
            files already, which TensorBoard would draw as part of the same run.
        OSError: the folder cannot be written.
    """
    require_tensorboard("--format tensorboard")
    info, history = run.info(), History(run.events)
    history.poll()
    epochs, started = history.epochs, history.started
    if not epochs:
        raise BadInput(f"run {run.id} has finished no epoch yet, so there is nothing to export")
    folder = out / folder_name(run)
    if any(MARK in path.name for path in (folder.iterdir() if folder.is_dir() else ())):
        raise BadInput(f"{folder} already holds event files; choose another folder with --out, or delete them")
    with _staging(out, folder.name) as staging:
        begun = history.course.begun or info.created
        file = EventFile(staging, begun)
        try:
            file.summary(hyperparameters(_recipe(run), info, started, epochs), 0, begun)
            classes = started.classes if started else []
            for epoch in epochs:
                file.summary(scalars(epoch, classes), epoch.epoch, epoch.t)
            tested = next((epoch for epoch in reversed(epochs) if epoch.confused), None)
            if tested and (picture := confusion(tested)):
                file.summary(picture, tested.epoch, tested.t)
        finally:
            file.close()
        make_folder(folder, exist_ok=True)
        file.path.rename(folder / file.path.name)
    return folder


@contextlib.contextmanager
def _staging(out: Path, name: str) -> Iterator[Path]:
    """A folder in `out` for a file that is not complete yet. After a failure, nothing is left of what was created."""
    staging, is_new = out / f".{name}-{os.getpid()}", not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        make_folder(staging)
        yield staging
    except BaseException:
        shutil.rmtree(out if is_new else staging, ignore_errors=True)
        raise
    staging.rmdir()


def _recipe(run: RunFolder) -> dict[str, object]:
    """The recipe as a table; empty if it cannot be read, as of an imported run."""
    try:
        return run.recipe_table()
    except BadInput:
        return {}
