"""What a run recorded, as NumPy arrays: its predictions, and its history per epoch or step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.analysis.history import History
from engine.analysis.rows import STEP_NAMES
from engine.api.run import Run, folder_of
from engine.contract.errors import BadInput
from engine.contract.run import predictions as stored

Array: TypeAlias = NDArray[np.float64]

EPOCH_COLUMNS: Final = (
    "epoch", "train_loss", "train_accuracy", "train_mixed", "test_loss", "test_accuracy", "holdout_loss",
    "holdout_accuracy", "clean_train_loss", "clean_train_accuracy", "lr", "images_per_second", "grad_norm",
    "update_ratio", "nonfinite", "raw_test_accuracy", "test_top5", "tta_accuracy", "t", "worked",
)  # fmt: skip
"""The columns of `history` with one row per epoch."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a run answers for each of N test images with C classes."""

    logits: NDArray[np.float32] = field(repr=False)
    """(N, C), minus the largest of each row; recorded with 16 bits."""
    labels: NDArray[np.int64] = field(repr=False)
    """(N,) the correct classes."""
    index: NDArray[np.int64] = field(repr=False)
    """(N,) the positions of these images in the full test set."""
    classes: tuple[str, ...]
    epoch: int
    """The epoch of the weights, from 1."""
    weights: str
    """raw, ema or swa."""
    data: str = field(repr=False)
    """SHA-256 of the whole data set; equal hashes mean the same images in the same order. "" in old files."""

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) the class with the largest logit; the first of equals."""
        found: NDArray[np.int64] = self.logits.argmax(axis=1)
        return found

    @property
    def accuracy(self) -> float:
        """The share of images that are classified correctly, 0..1; NaN without images."""
        return float((self.predicted == self.labels).mean()) if len(self.labels) else math.nan

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(N, C) the softmax of the logits."""
        powers = np.exp(self.logits - self.logits.max(axis=1, keepdims=True))
        shares: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
        return shares


def predictions(run: str | Path | Run, which: Literal["last", "best"] = "last", *, runs_dir: str = "") -> Predictions:
    """What a run answers for each test image, at its last or at its best epoch.

    Raises:
        BadInput: there is no such run, it has no predictions, or their file is damaged.
    """
    folder = folder_of(run, runs_dir)
    try:
        found = stored.read(folder.predictions)
    except FileNotFoundError:
        raise BadInput(f"run {folder.id} has no predictions: it has not finished an evaluation") from None
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(f"run {folder.id}: {error}") from error
    logits, epoch, weights = (
        (found.last, found.last_epoch, found.weights)
        if which == "last"
        else (found.best, found.best_epoch, found.best_weights)
    )
    if not len(logits):
        raise BadInput(f"run {folder.id} has no {which} epoch: it was tested only at its end")
    index = found.test_index if len(found.test_index) else np.arange(len(found.labels))
    return Predictions(logits.astype(np.float32), found.labels, index, tuple(found.classes), epoch, weights, found.data)


def history(
    run: str | Path | Run, per: Literal["epoch", "step"] = "epoch", *, frame: bool = False, runs_dir: str = ""
) -> Any:
    """What a run recorded per epoch or per step, as columns.

    Per epoch: the columns of `EPOCH_COLUMNS`, each (E,), and `per_class`, the test accuracy of each class (E, C). Per
    step: at most two a second are recorded. NaN stands for what was not measured. After a resume, everything behind the
    checkpoint is dropped, so that epochs and steps always rise.

    Args:
        frame: return a `pandas.DataFrame` instead of a dictionary of arrays; `per_class` becomes a column for each
            class, called "class NAME".

    Raises:
        BadInput: there is no such run.
        ImportError: `frame` is set and pandas is not installed.
    """
    found = History(folder_of(run, runs_dir).events)
    found.poll()
    if per == "step":
        columns: dict[str, Array] = {name: np.array(found.step(name)) for name in STEP_NAMES}
        return _frame(columns) if frame else columns
    columns = {name: found.epoch(name) for name in EPOCH_COLUMNS}
    by_class = found.per_class()
    if not frame:
        return columns | {"per_class": by_class}
    names = found.started.classes if found.started else []
    return _frame(columns | {f"class {name}": by_class[:, i] for i, name in enumerate(names)})


def _frame(columns: Mapping[str, Array]) -> Any:
    import pandas as pd  # never a dependency: only for those who have it

    return pd.DataFrame(columns)
