"""Means over seeds: the interval of one, and the difference of two recipes.

All figures are accuracies of the last epoch. The best epoch on the test set enters none of them, since choosing it adds
a bias that differs from recipe to recipe.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.analysis.statistics.student import quantile, two_sided_p
from engine.analysis.stats import Interval, Spread, spread


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """The difference of the means of two recipes, with the t test that belongs to its interval."""

    difference: float
    """Mean of the recipe minus that of the baseline, -1..1."""
    interval: Interval
    """95 % confidence interval of `difference`."""
    p: float
    """Two-sided p value of "no difference"."""
    df: float
    """Degrees of freedom."""
    n: tuple[int, int]
    """Number of seeds of the recipe and of the baseline."""
    method: Literal["welch", "paired by seed"]


def mean_interval(values: Spread, confidence: float = 0.95) -> Interval | None:
    """t interval of a mean over seeds: mean ± t(n - 1) sd / sqrt(n); None below two values.

    The half-width is 2.48 sd for three seeds and 1.24 sd for five.
    """
    if values.n < 2:
        return None
    half = quantile(0.5 + confidence / 2, values.n - 1) * values.sd / math.sqrt(values.n)
    return Interval(values.mean - half, values.mean + half)


def welch(values: Sequence[float], baseline: Sequence[float], confidence: float = 0.95) -> MeanDifference | None:
    """Welch's t test on two groups of seeds, whose variances may differ; None below two values or without any spread.

    Welch 1947, Biometrika 34:28, with the degrees of freedom of Satterthwaite 1946.
    """
    one, other = spread(values), spread(baseline)
    if min(one.n, other.n) < 2:
        return None
    parts = [group.sd**2 / group.n for group in (one, other)]
    if not sum(parts):
        return None
    df = sum(parts) ** 2 / sum(part**2 / (group.n - 1) for part, group in zip(parts, (one, other), strict=True))
    gap = one.mean - other.mean
    return _tested(gap, math.sqrt(sum(parts)), df, (one.n, other.n), "welch", confidence)


def paired_by_seed(
    values: Mapping[int, float], baseline: Mapping[int, float], confidence: float = 0.95
) -> MeanDifference | None:
    """The t test on the differences of runs with equal seeds; None below two common seeds or without any spread.

    Only for recipes that share the order of the images and the random draws, so that the runs of a seed have something
    in common: see `engine.analysis.between_recipes.shares_draws`.

    Args:
        values: accuracy by seed.
    """
    common = values.keys() & baseline.keys()
    gaps = spread(values[seed] - baseline[seed] for seed in sorted(common))
    if gaps.n < 2 or not gaps.sd:
        return None
    error = gaps.sd / math.sqrt(gaps.n)
    return _tested(gaps.mean, error, gaps.n - 1, (gaps.n, gaps.n), "paired by seed", confidence)


def _tested(
    gap: float,
    error: float,
    df: float,
    n: tuple[int, int],
    method: Literal["welch", "paired by seed"],
    confidence: float,
) -> MeanDifference:
    half = quantile(0.5 + confidence / 2, df) * error
    return MeanDifference(gap, Interval(gap - half, gap + half), two_sided_p(gap / error, df), df, n, method)


def pooled_sd(groups: Sequence[Spread]) -> float:
    """Standard deviation of a run around the mean of its own recipe; NaN if no group has two values."""
    counted = [group for group in groups if group.n > 1]
    df = sum(group.n - 1 for group in counted)
    return math.sqrt(sum((group.n - 1) * group.sd**2 for group in counted) / df) if df else math.nan
