"""A run's accuracy against the figure that its preset reports: whether the two may be compared, and what follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.analysis.statistics.student import quantile
from engine.analysis.stats import Interval, Spread, wilson
from engine.contract.recipe.schema import Promise

ENOUGH_SEEDS: Final = 3
"""Seeds from which a figure can be called reproduced."""
Outcome = Literal["reproduced", "within", "below", "above", "not alike"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run measured, as far as a comparison with a reported figure needs it. Accuracies are 0..1."""

    last: float
    """Test accuracy of the last epoch; NaN without a test."""
    best: float
    """Test accuracy of the best epoch; NaN if none is picked."""
    best_on: str
    """What the best epoch was picked on: "test", "holdout" or ""."""
    test_images: int
    train_images: int
    holdout_images: int = 0
    unchanged: bool = True
    """Whether the recipe is exactly its preset's."""


@dataclass(frozen=True, slots=True)
class LikeForLike:
    """A measured and a reported accuracy, picked alike. `words` is the conclusion."""

    measured: float
    reported: float
    n: int
    """Number of seeds behind `measured`."""
    outcome: Outcome
    words: str

    @property
    def difference(self) -> float:
        """Measured minus reported, -1..1; NaN where they are not alike."""
        return math.nan if self.outcome == "not alike" else self.measured - self.reported

    def to_json(self) -> dict[str, Any]:
        """The object of `runs show --json`."""
        return {
            "measured": self.measured, "reported": self.reported, "difference": self.difference, "n": self.n,
            "outcome": self.outcome, "words": self.words,
        }  # fmt: skip


def like_for_like(promise: Promise | None, run: Measured, last: Spread, best: Spread) -> LikeForLike | None:
    """Compare a run, or the seeds of its recipe, with the reported figure; None if nothing is reported or measured.

    The comparison needs the same recipe, the same choice of epoch and the same training images. A single run is within
    what one run can tell if the reported figure differs by no more than the half-width of the 95 % interval of its test
    set. "Reproduced" takes three seeds, and a reported figure inside the 95 % interval of one new run.

    Args:
        last: the last accuracy over the finished seeds of the recipe.
        best: the accuracy of the best epoch over the same seeds.
    """
    if promise is None or not promise.runs or math.isnan(run.last):
        return None
    value, seeds = (run.last, last) if promise.selection == "last" else (run.best, best)
    if why := _unlike(promise, run):
        return LikeForLike(run.last, promise.accuracy, 1, "not alike", f"not like for like: {why}")
    if seeds.n >= ENOUGH_SEEDS:
        spread = _new_run(seeds)
        inside = spread.low <= promise.accuracy <= spread.high
        return _judged(seeds.mean, promise.accuracy, seeds.n, inside, "reproduced", f"reproduced (n = {seeds.n})")
    inside = abs(value - promise.accuracy) <= wilson(value, max(run.test_images, 1)).half
    return _judged(value, promise.accuracy, 1, inside, "within", "within what one run can tell")


def _unlike(promise: Promise, run: Measured) -> str:
    """Why a run and the figure must not be compared; "" if they may be."""
    if not run.unchanged:
        return "the recipe was changed"
    if promise.selection == "unknown":
        return "the source does not say which epoch it reports"
    if promise.selection != "last" and promise.selection != f"best_on_{run.best_on}":
        picked = f"picked its epoch on {run.best_on}" if run.best_on else "was tested only at its end"
        return f"the source picked the best epoch on {promise.selection.removeprefix('best_on_')}, this run {picked}"
    if run.holdout_images and promise.source != "measured":
        there = run.train_images + run.holdout_images
        return f"{run.train_images:,} training images here, {there:,} there"
    return ""


def _judged(value: float, reported: float, n: int, inside: bool, good: Outcome, words: str) -> LikeForLike:
    if inside:
        return LikeForLike(value, reported, n, good, words)
    side: Outcome = "below" if value < reported else "above"
    return LikeForLike(value, reported, n, side, f"{side} by {100 * abs(value - reported):.2f}")


def _new_run(seeds: Spread) -> Interval:
    """95 % interval of the accuracy of one new run: mean ± t(n - 1) sd sqrt(1 + 1 / n)."""
    half = quantile(0.975, seeds.n - 1) * seeds.sd * math.sqrt(1 + 1 / seeds.n)
    return Interval(seeds.mean - half, seeds.mean + half)
