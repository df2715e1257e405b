"""Resampling: intervals that include the choice of the seeds. The generator starts at 0, so all views agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from engine.analysis.stats import Interval

RESAMPLES: Final = 2000
MEANINGFUL: Final = 0.75
"""Threshold of P(A > B) that Bouthillier et al. recommend, with 29 runs of each recipe for 5 % errors of both kinds."""
_BLOCK: Final = 100
"""Resamples computed at once: 4 MB of weights for 10,000 images."""

Hits = npt.NDArray[np.bool_]


def recipes_interval(hits: Hits, baseline: Hits, resamples: int = RESAMPLES, confidence: float = 0.95) -> Interval:
    """Percentile bootstrap interval for the difference of the mean accuracies of two recipes.

    Seeds are resampled within each recipe, and images jointly for all runs, because all classify the same ones.
    Resampling images alone would understate the interval. With fewer than about five seeds it is too short by up to
    sqrt((R - 1) / R), for which Welch's interval corrects.

    Args:
        hits: (R, N) whether each of R runs of the recipe classifies each of N common images correctly.
        baseline: (S, N) the same for S runs of the baseline.
    """
    rng = np.random.default_rng(0)
    images, runs = hits.shape[1], np.concatenate([hits, baseline]).astype(np.float32)
    found = []
    for start in range(0, resamples, _BLOCK):
        size = min(_BLOCK, resamples - start)
        drawn = rng.integers(0, images, (size, images))
        weights = np.stack([np.bincount(row, minlength=images) for row in drawn]).astype(np.float32)
        accuracy = runs @ weights.T / images
        mine = _resampled(rng, len(hits), size)
        theirs = _resampled(rng, len(baseline), size)
        found.append((accuracy[: len(hits)].T * mine).sum(1) - (accuracy[len(hits) :].T * theirs).sum(1))
    return _percentiles(np.concatenate(found), confidence)


def _resampled(rng: np.random.Generator, runs: int, size: int) -> npt.NDArray[np.float64]:
    """(size, runs) the share of each run among `runs` draws with replacement."""
    return rng.multinomial(runs, np.full(runs, 1 / runs), size) / runs


def _percentiles(values: npt.NDArray[np.float64], confidence: float) -> Interval:
    low, high = np.quantile(values, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return Interval(float(low), float(high))


@dataclass(frozen=True, slots=True)
class Improvement:
    """How likely a run of a recipe is better than a run of the baseline."""

    probability: float
    """P(A > B), 0..1; equal accuracies count half."""
    interval: Interval
    """95 % percentile bootstrap interval of `probability` over the seeds of both."""
    n: tuple[int, int]

    @property
    def conclusion(self) -> Literal["not significant", "not meaningful", "meaningful"]:
        """By Bouthillier et al.: significant above 1/2, meaningful if it may exceed `MEANINGFUL`."""
        if self.interval.low <= 0.5:
            return "not significant"
        return "meaningful" if self.interval.high > MEANINGFUL else "not meaningful"


def improvement(values: Sequence[float], baseline: Sequence[float], resamples: int = RESAMPLES) -> Improvement:
    """P(A > B) of Bouthillier et al. 2021, "Accounting for variance in machine learning benchmarks", arXiv:2103.03098.

    Args:
        values: accuracies of the runs of a recipe, one a seed, at least one.
        baseline: the same for the baseline.
    """
    rng = np.random.default_rng(0)
    one, other = np.asarray(values, float), np.asarray(baseline, float)
    wins = (one[:, None] > other) + 0.5 * (one[:, None] == other)
    mine, theirs = _resampled(rng, len(one), resamples), _resampled(rng, len(other), resamples)
    drawn = ((mine @ wins) * theirs).sum(1)
    return Improvement(float(wins.mean()), _percentiles(drawn, 0.95), (len(one), len(other)))
