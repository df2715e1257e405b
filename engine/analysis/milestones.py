"""When a run reached an accuracy to stay, and what that took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.contract.run.events import Epoch

TARGETS: Final = (0.90, 0.94, 0.95, 0.96)
"""Accuracies that a comparison of CIFAR-10 runs asks for."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """The first epoch from which on a run stays at or above an accuracy."""

    target: float
    epoch: int
    """1-based; 0 if the run has not reached the target, or has fallen below it again."""
    seconds: float
    """Seconds of training, evaluation and saving up to the end of that epoch, without start-up, pauses or lost work;
    NaN if never reached or not measured."""


def milestones(epochs: Sequence[Epoch], targets: Sequence[float] = TARGETS) -> list[Milestone]:
    """One milestone per target, from the finished epochs of a run, ascending."""
    spent = np.cumsum([sum(epoch.seconds.values()) if epoch.seconds else math.nan for epoch in epochs])
    tested = [(at, epoch) for at, epoch in enumerate(epochs) if math.isfinite(epoch.test_accuracy)]
    smooth = median_of_three(np.array([epoch.test_accuracy for _, epoch in tested]))
    found = []
    for target in targets:
        first = first_to_stay(smooth, target)
        at, epoch = tested[first] if first >= 0 else (-1, None)
        found.append(Milestone(target, epoch.epoch if epoch else 0, float(spent[at]) if epoch else math.nan))
    return found


def median_of_three(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The median of each value (n,) and its two neighbors; the first and the last value stand for themselves.

    A single lucky epoch does not count, and a single bad one does not undo a milestone.
    """
    if len(values) < 3:
        return values
    middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], middle, values[-1:]])


def first_to_stay(values: npt.NDArray[np.float64], target: float) -> int:
    """The first position from which all values are at or above the target; -1 if the last one is below it."""
    below = np.flatnonzero(values < target)
    first = int(below[-1]) + 1 if len(below) else 0
    return first if first < len(values) else -1
