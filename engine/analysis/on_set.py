"""What a run answers on a further test set, in the form that its answers on the test set have: for looking at it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np

from engine.analysis.between_sets import answers_on
from engine.analysis.confused import Confused
from engine.analysis.further import averaged
from engine.analysis.judged_images import JudgedImages
from engine.analysis.overview import ByClass
from engine.analysis.pairing import Unpaired
from engine.analysis.statistics.agreement import softmax
from engine.contract.run import predicted
from engine.contract.run.folder import RunFolder
from engine.contract.run.predicted import Answered, Predicted
from engine.contract.run.summary import Summary

MATRIX_UP_TO: Final = 20
"""Classes up to which a confusion matrix is shown, as on the test set."""
_NO_LABELS: Final = "these images have no labels"


def read_set(run: Summary, entry: Predicted) -> tuple[Confused | None, JudgedImages | Unpaired]:
    """The confusion matrix and the answers to single images; else why these are not known.

    Of a corruption set the matrix counts every version of an image, over the corruptions that its accuracy is of.
    """
    try:
        found = predicted.answered(RunFolder(Path(run.folder)), entry)
    except (OSError, ValueError) as error:
        return None, Unpaired(str(error))
    if not entry.labeled:
        return None, Unpaired(_NO_LABELS)
    if entry.corrupted:
        chosen = [at for at, row in enumerate(entry.corruptions) if row in averaged(entry)]
        guesses = found.predicted[chosen]
        labels = np.broadcast_to(found.labels, guesses.shape)
        why = Unpaired("of a corruption set only the class and its probability are kept for each image")
        return _matrix(entry, found, labels.ravel(), guesses.ravel()), why
    answers = answers_on(run.id, entry, found)
    return _matrix(entry, found, answers.labels, answers.predicted), JudgedImages(answers, softmax(found.logits))


def _matrix(entry: Predicted, found: Answered, labels: np.ndarray, guesses: np.ndarray) -> Confused:
    n = len(found.classes)
    counts = np.bincount(labels.astype(np.int64) * n + guesses, minlength=n * n).reshape(n, n)
    return Confused(entry.epoch, tuple(found.classes), counts)


def on_same_set(run: Summary, entry: Predicted) -> JudgedImages | Unpaired:
    """What another run answers on the same files, with weights chosen in the same way."""
    entries = predicted.entries(RunFolder(Path(run.folder)))
    same = next((one for one in entries if (one.data, one.which) == (entry.data, entry.which)), None)
    return Unpaired("it was not tested on them") if same is None else read_set(run, same)[1]


def classes_of(table: Confused) -> tuple[ByClass, ...]:
    """Recall and precision by class, the lowest recall first; a class without images is last."""
    rows = (ByClass(*one) for one in zip(table.names, table.recall, table.precision, strict=True))
    return tuple(sorted(rows, key=lambda row: math.inf if math.isnan(row.recall) else row.recall))
