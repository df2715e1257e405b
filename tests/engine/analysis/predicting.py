"""Finished runs with the predictions that a test wants them to have made."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.contract.recipe.schema import Recipe
from engine.contract.run import predictions
from engine.contract.run.predictions import StoredPredictions
from engine.contract.run.store import RunFolder, summarize
from engine.contract.run.summary import Summary
from engine.loop.judge import as_kept

CLASSES = tuple("abcdefghij")


def logits_of(predicted: np.ndarray, sure: float | np.ndarray = 4.0, classes: int = len(CLASSES)) -> np.ndarray:
    """Logits (N, classes) whose largest is that of the predicted class, larger than the others by `sure`."""
    import torch

    logits = np.zeros((len(predicted), classes), np.float32)
    logits[np.arange(len(predicted)), predicted] = sure
    return as_kept(torch.from_numpy(logits)).numpy()


def contents(labels: np.ndarray, predicted: np.ndarray, **changes: Any) -> StoredPredictions:
    logits = logits_of(predicted)
    fields: dict[str, Any] = {
        "labels": np.asarray(labels, np.int64), "classes": CLASSES, "last": logits, "last_epoch": 3,
        "best": logits, "best_epoch": 3, "weights": "raw", "best_weights": "raw",
        "test_index": np.arange(len(labels)), "holdout": np.zeros((0, len(CLASSES)), np.float16),
        "holdout_labels": np.zeros(0, np.int64), "data": "f" * 64,
    }  # fmt: skip
    return StoredPredictions(**(fields | changes))


def write_first_version(path: Path, found: StoredPredictions) -> None:
    """As version 0.1.0 wrote it."""
    np.savez_compressed(
        path, labels=found.labels, classes=np.array(found.classes), last=found.last, last_epoch=np.int64(3),
        best=found.best, best_epoch=np.int64(3), weights=np.array(found.weights),
    )  # fmt: skip


def predicted_run(
    ended_run: Callable[..., RunFolder],
    recipe: Recipe,
    seed: int,
    labels: np.ndarray,
    predicted: np.ndarray,
    *,
    before: Sequence[float] = (0.1, 0.2),
    first_version: bool = False,
    facts: dict[str, Any] | None = None,
    **changes: Any,
) -> Summary:
    """A finished run of three epochs that predicts these classes; its events say what that amounts to."""
    last = float((labels == predicted).mean())
    run = ended_run(recipe, seed, (*before, last), **({"test_images": len(labels)} | (facts or {})))
    found = contents(labels, predicted, **changes)
    (write_first_version if first_version else predictions.write)(run.predictions, found)
    return summarize(run)


def spoiled(rng: np.random.Generator, labels: np.ndarray, share: float) -> np.ndarray:
    """Predictions (N,) of which a share is wrong."""
    wrong = rng.random(len(labels)) < share
    return np.where(wrong, (labels + rng.integers(1, 10, len(labels))) % 10, labels)
