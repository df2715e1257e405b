"""The part of a run's course that a comparison needs, as arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.contract.run.course import Course
from engine.contract.run.folder import RunInfo


@dataclass(frozen=True, slots=True)
class Standing:
    """What a comparison needs to know about one run. Accuracies are 0..1, NaN for epochs without a test."""

    id: str
    name: str
    recipe_id: str
    seed: int
    epochs: int
    epoch: npt.NDArray[np.float64] = field(compare=False)
    test_accuracy: npt.NDArray[np.float64] = field(compare=False)
    seconds: float = math.nan
    """Working time so far."""
    images_per_second: float = math.nan
    test_images: int = 0
    state: str = "finished"
    best_epoch: int = 0
    """The best epoch according to the course; 0 stands for the one with the highest test accuracy, if there is any
    selection."""
    best_on: str = "test"
    """What the best epoch was selected on: "test" or "holdout"; "" if no best epoch is selected."""
    data: str = ""
    """Name of the data set; "" if unknown."""
    estimated: bool = False
    """Whether `seconds` was estimated from the wall clock."""
    excluded: str = ""
    """Why the run does not count in means and verdicts; "" if it does."""

    @property
    def last_epoch(self) -> int:
        """The last epoch that was tested; 0 if there is none."""
        tested = self.epoch[np.isfinite(self.test_accuracy)]
        return int(tested[-1]) if len(tested) else 0

    @property
    def finished(self) -> bool:
        """Whether the run was tested at the end of its schedule."""
        return self.last_epoch == self.epochs > 0

    def accuracy_at(self, epoch: int) -> float:
        """Test accuracy of an epoch; NaN if it was not tested."""
        found = self.test_accuracy[self.epoch == epoch]
        return float(found[-1]) if len(found) else math.nan


def standing(run_id: str, info: RunInfo, course: Course, excluded: str = "") -> Standing:
    """The standing of a run, from its course and its `run.json`.

    Args:
        excluded: why the user has left the run out of means and verdicts; "" if it counts.
    """
    epochs = course.epochs
    return Standing(
        id=run_id,
        recipe_id=info.recipe_id,
        seed=info.seed,
        data=info.data,
        epoch=np.array([epoch.epoch for epoch in epochs], dtype=np.float64),
        test_accuracy=np.array([epoch.test_accuracy for epoch in epochs], dtype=np.float64),
        seconds=course.work.seconds,
        estimated=course.work.estimated,
        best_epoch=course.best.epoch if course.best else 0,
        best_on=course.best_on,
        name=info.recipe_name or "run",
        epochs=course.planned or info.epochs,
        test_images=course.started.test_images if course.started else 0,
        excluded=excluded,
    )
