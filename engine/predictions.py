"""predictions.npz: what the model said about every test image, so that later analyses need neither model nor torch.

labels            (N,) int64, in the order of the data set's test images
classes           (C,) names
last, best        (N, C) float16 logits of the last evaluated epoch and of the best one
last_epoch, best_epoch   1-based
weights           "raw" or "ema": whose logits they are
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.contract.files import write_atomic


@dataclass(frozen=True, slots=True)
class Predictions:
    """The contents of a predictions file."""

    labels: NDArray[np.int64]
    classes: Sequence[str]
    last: NDArray[np.float16]
    last_epoch: int
    best: NDArray[np.float16]
    best_epoch: int
    weights: str


def write(path: Path, predictions: Predictions) -> None:
    """Write the file whole or not at all. OSError on a full disk."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        labels=predictions.labels,
        classes=np.array(predictions.classes),
        last=predictions.last,
        last_epoch=np.int64(predictions.last_epoch),
        best=predictions.best,
        best_epoch=np.int64(predictions.best_epoch),
        weights=np.array(predictions.weights),
    )
    write_atomic(path, buffer.getvalue())


def read(path: Path) -> Predictions:
    """Read a predictions file. Raises OSError, ValueError or KeyError where it is missing or damaged."""
    with np.load(path, allow_pickle=False) as file:
        return Predictions(
            labels=file["labels"],
            classes=file["classes"].tolist(),
            last=file["last"],
            last_epoch=int(file["last_epoch"]),
            best=file["best"],
            best_epoch=int(file["best_epoch"]),
            weights=str(file["weights"]),
        )
