"""Pair two runs on the test images that both were tested on, from their predictions.npz: no model, no torch.

Only finished runs are paired, with the predictions of their last epoch and of the weights that they report. Both must
have been tested on the same data, known by its fingerprint; files of version 1 have none, so that equal labels in the
same order count as the same images, which the result says. A test slice is the first part of the test set: of two
slices, the shorter one is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.analysis.statistics.mcnemar import PairedCounts
from engine.contract.run import predictions
from engine.contract.run.folder import RunFolder
from engine.contract.run.predictions import StoredPredictions
from engine.contract.run.summary import Summary

BY_LABELS = "the same images as far as their labels tell: a file of an earlier version has no fingerprint"
"""Said of a pair in which a file of version 1 takes part."""


@dataclass(frozen=True, slots=True)
class Unpaired:
    """Why two runs cannot be compared image by image, or why a run cannot be compared with any."""

    reason: str
    """As a phrase: "not finished", "no predictions"."""
    other_data: bool = False
    """Whether the runs were tested on different images, so that not even their accuracies are comparable."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The class that a finished run predicts for each of N test images at its last epoch."""

    run: str
    """Id of the run."""
    labels: npt.NDArray[np.int64] = field(compare=False)
    """(N,) the correct classes."""
    predicted: npt.NDArray[np.int64] = field(compare=False)
    """(N,) the classes with the largest logit; the first of equals."""
    index: npt.NDArray[np.int64] = field(compare=False)
    """(N,) indices of the images in the full test set, ascending; of a file of version 1, the first N."""
    classes: tuple[str, ...]
    data: str
    """Fingerprint (SHA-256) of the data set; "" in a file of version 1."""
    weights: str
    """The weights that predict: "raw", "ema" or "swa"."""
    epoch: int
    """1-based."""

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """(N,) whether each image is classified correctly."""
        right: npt.NDArray[np.bool_] = self.predicted == self.labels
        return right


@dataclass(frozen=True, slots=True)
class Pair:
    """A run and a baseline on the test images that both have."""

    run: str
    baseline: str
    classes: tuple[str, ...]
    per_class: tuple[PairedCounts, ...]
    """Counts of the images of each class, in the order of `classes`."""
    weights: tuple[str, str]
    """The weights of the run and of the baseline: "raw", "ema" or "swa"."""
    note: str = ""
    """What a reader must know about the pairing, as a sentence part: `BY_LABELS` or ""."""

    @property
    def counts(self) -> PairedCounts:
        """Counts of all images."""
        sums = np.sum([(one.both, one.lost, one.won, one.neither) for one in self.per_class], axis=0)
        return PairedCounts(*(int(value) for value in sums))


def predictions_of(run: Summary) -> StoredPredictions | Unpaired:
    """The predictions of a finished run, checked against its events; else why there are none to compare.

    The number of correct predictions must equal that of the run's last accuracy. Files of version 1 hold logits whose
    two largest values may be equal in float16: as many images may differ.
    """
    if run.status != "finished":
        return Unpaired("not finished")
    try:
        found = predictions.read(RunFolder(Path(run.folder)).predictions)
    except FileNotFoundError:
        return Unpaired("no predictions")
    except (OSError, ValueError, KeyError):
        return Unpaired("its predictions cannot be read")
    if not _is_whole(found):
        return Unpaired("its predictions are damaged")
    hits, recorded = _hits(found), (run.last_accuracy or 0.0) * len(found.labels)
    if abs(hits - recorded) >= 0.5 + _ties(found):
        return Unpaired(f"its predictions ({hits} correct) are not those of its last epoch ({recorded:.0f} correct)")
    return found


def _is_whole(found: StoredPredictions) -> bool:
    """Whether the arrays fit together, and the images are in the order of the test set."""
    labels, index = found.labels, found.test_index
    if labels.ndim != 1 or not len(labels) or found.last.shape != (len(labels), len(found.classes)):
        return False
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= len(found.classes):
        return False
    return found.version == 1 or (index.shape == labels.shape and bool(np.all(np.diff(index) > 0)))


def _hits(found: StoredPredictions) -> int:
    return int((found.last.argmax(1) == found.labels).sum())


def _ties(found: StoredPredictions) -> int:
    """Number of images whose largest logit occurs more than once."""
    return int(((found.last == found.last.max(1, keepdims=True)).sum(1) > 1).sum())


def answers(run: Summary) -> Answers | Unpaired:
    """What a finished run predicts for each test image; else why that is not known."""
    found = predictions_of(run)
    return found if isinstance(found, Unpaired) else answers_of(run.id, found)


def answers_of(run: str, found: StoredPredictions) -> Answers:
    """What predictions say about each test image."""
    index = found.test_index if found.version > 1 else np.arange(len(found.labels))
    return Answers(
        run=run,
        labels=found.labels,
        predicted=found.last.argmax(1),
        index=index,
        classes=tuple(found.classes),
        data=found.data,
        weights=found.weights,
        epoch=found.last_epoch,
    )


def pair(run: Answers, baseline: Answers) -> Pair | Unpaired:
    """Pair a run with a baseline on the images that both have; else why they cannot be paired."""
    places = common_images([run, baseline])
    if isinstance(places, Unpaired):
        return places
    mine, theirs = places
    labels, right, base_right = run.labels[mine], run.correct[mine], baseline.correct[theirs]
    number = len(run.classes)
    cells = [
        np.bincount(labels[one], minlength=number)
        for one in (right & base_right, ~right & base_right, right & ~base_right, ~right & ~base_right)
    ]
    return Pair(
        run=run.run,
        baseline=baseline.run,
        classes=run.classes,
        per_class=tuple(PairedCounts(*(int(value) for value in column)) for column in zip(*cells, strict=True)),
        weights=(run.weights, baseline.weights),
        note="" if run.data and baseline.data else BY_LABELS,
    )


def common_images(runs: Sequence[Answers]) -> list[npt.NDArray[np.int64]] | Unpaired:
    """The places (n,) of the images that all runs have, in each run's arrays; else why the runs cannot be paired."""
    if len({one.data for one in runs if one.data}) > 1 or len({one.classes for one in runs}) > 1:
        return Unpaired("tested on other data", other_data=True)
    shared = runs[0].index
    for one in runs[1:]:
        shared = np.intersect1d(shared, one.index, assume_unique=True)
    if not len(shared):
        return Unpaired("no test image in common", other_data=True)
    places = [np.searchsorted(one.index, shared) for one in runs]
    labels = [one.labels[place] for one, place in zip(runs, places, strict=True)]
    if any(not np.array_equal(labels[0], other) for other in labels[1:]):
        return Unpaired("the labels of their test images differ", other_data=True)
    return places
