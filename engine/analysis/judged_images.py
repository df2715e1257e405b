"""What a finished run predicts for each test image, with probabilities: for looking at single images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.analysis.pairing import Answers, Unpaired, answers_of, predictions_of
from engine.analysis.statistics.agreement import Probabilities, softmax
from engine.contract.run.summary import Summary

Places = npt.NDArray[np.int64]
TOP: Final = 5
"""How many classes are listed for an image."""


@dataclass(frozen=True, slots=True, eq=False)
class JudgedImages:
    """The predictions of a run for N test images of C classes."""

    answers: Answers
    probabilities: Probabilities = field(repr=False)
    """(N, C)."""

    @property
    def run(self) -> str:
        return self.answers.run

    @property
    def classes(self) -> tuple[str, ...]:
        return self.answers.classes

    def probability(self, place: int) -> float:
        """The probability of the class that is predicted."""
        return float(self.probabilities[place, self.answers.predicted[place]])

    def place(self, index: int) -> int | None:
        """Where the image with this index of the test set stands; None if the run was not tested on it."""
        at = int(np.searchsorted(self.answers.index, index))
        return at if at < len(self.answers.index) and self.answers.index[at] == index else None

    def cell(self, label: int, predicted: int) -> Places:
        """The places of the images of a class that are given another, the surest first."""
        found = np.flatnonzero((self.answers.labels == label) & (self.answers.predicted == predicted))
        return self.surest_first(found)

    def surest_first(self, places: Places) -> Places:
        """The places by falling probability of the predicted class; equal ones by index."""
        sure = self.probabilities[places, self.answers.predicted[places]]
        return places[np.argsort(-sure, kind="stable")]

    def top(self, place: int, most: int = TOP) -> list[tuple[int, float]]:
        """(class, probability) of the most probable classes, the first being the one predicted."""
        order = np.argsort(-self.probabilities[place], kind="stable")[:most]
        return [(int(one), float(self.probabilities[place, one])) for one in order]


def judged(run: Summary) -> JudgedImages | Unpaired:
    """The predictions of a finished run; else why there are none to look at."""
    found = predictions_of(run)
    if isinstance(found, Unpaired):
        return found
    return JudgedImages(answers_of(run.id, found), softmax(found.last))
