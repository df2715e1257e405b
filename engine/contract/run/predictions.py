"""predictions.npz: the model's output for every test image, so that later analyses need neither the model nor torch.

version           2; a file without it is version 1, which lacks everything marked (2)
labels            (N,) int64, in the order of the data set's test images
classes           (C,) names
last, best        (N, C) float16 logits of the last and of the best evaluated epoch; (2) minus the largest of each row
                  if the run was tested only at its end, it has no best epoch: `best` is (0, C)
last_epoch, best_epoch   1-based; `best_epoch` is 0 if there is no best epoch
weights           "raw", "ema" or "swa": the weights that produced `last`
best_weights      (2) the same for `best`
test_index        (2) (N,) int64, indices of these images in the data set's full test set
holdout           (2) (M, C) float16 logits like `last` for the hold-out images; M is 0 without a hold-out
holdout_labels    (2) (M,) int64
data              (2) SHA-256 of the whole data set; equal hashes mean the same images in the same order
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.contract.files import write_atomic
from engine.contract.lines import open_regular

VERSION: Final = 2
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, TypeError, TokenError)
"""What `zipfile` and NumPy raise for damaged archives and arrays, beside OSError, ValueError and KeyError."""


@dataclass(frozen=True, slots=True)
class StoredPredictions:
    """The contents of a predictions file, described in the module's docstring; empty where version 1 has none."""

    labels: NDArray[np.int64]
    classes: Sequence[str]
    last: NDArray[np.float16]
    last_epoch: int
    best: NDArray[np.float16]
    best_epoch: int
    weights: str
    best_weights: str
    test_index: NDArray[np.int64]
    holdout: NDArray[np.float16]
    holdout_labels: NDArray[np.int64]
    data: str
    version: int = VERSION


def write(path: Path, predictions: StoredPredictions) -> None:
    """Write the file completely or not at all. Raises OSError, for example on a full disk."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        version=np.int64(VERSION),
        labels=predictions.labels,
        classes=np.array(predictions.classes),
        last=predictions.last,
        last_epoch=np.int64(predictions.last_epoch),
        best=predictions.best,
        best_epoch=np.int64(predictions.best_epoch),
        weights=np.array(predictions.weights),
        best_weights=np.array(predictions.best_weights),
        test_index=predictions.test_index,
        holdout=predictions.holdout,
        holdout_labels=predictions.holdout_labels,
        data=np.array(predictions.data),
    )
    write_atomic(path, buffer.getvalue())


def read(path: Path) -> StoredPredictions:
    """Read a predictions file. Raises OSError, ValueError or KeyError if it is missing or damaged."""
    try:
        return _read(path)
    except _DAMAGE as error:
        raise ValueError(f"{path} is damaged: {error or type(error).__name__}") from error


def _read(path: Path) -> StoredPredictions:
    with os.fdopen(open_regular(path), "rb") as opened, np.load(opened, allow_pickle=False) as file:
        first = "version" not in file
        labels, last, weights = file["labels"], file["last"], str(file["weights"])
        return StoredPredictions(
            labels=labels,
            classes=file["classes"].tolist(),
            last=last,
            last_epoch=int(file["last_epoch"]),
            best=file["best"],
            best_epoch=int(file["best_epoch"]),
            weights=weights,
            best_weights=weights if first else str(file["best_weights"]),
            test_index=np.zeros(0, np.int64) if first else file["test_index"],
            holdout=last[:0] if first else file["holdout"],
            holdout_labels=labels[:0] if first else file["holdout_labels"],
            data="" if first else str(file["data"]),
            version=1 if first else int(file["version"]),
        )
