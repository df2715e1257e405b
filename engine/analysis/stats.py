"""The uncertainty of a figure: the confidence interval of one run's accuracy, mean and spread over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of a proportion, 0..1, or of the difference of two, -1..1."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """Half its width: the figure after a plus-minus sign."""
        return (self.high - self.low) / 2


def wilson(accuracy: float, n: int, confidence: float = 0.95) -> Interval:
    """Confidence interval for the accuracy of this model on unlimited test images, given its accuracy on `n` of them.

    It covers only the finite size of the test set, not the variation between seeds. Wilson 1927, "Probable inference,
    the law of succession, and statistical inference": unlike the textbook interval it stays inside 0..1.

    Args:
        accuracy: fraction of correctly classified images, 0..1.
        n: number of images, at least 1.

    Raises:
        ValueError: for an accuracy outside 0..1 or n below 1.
    """
    if not 0.0 <= accuracy <= 1.0 or n < 1 or not 0.0 < confidence < 1.0:
        raise ValueError(f"no interval for accuracy {accuracy} of {n} images at confidence {confidence}")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    shrunk = 1.0 / (1.0 + z * z / n)
    center = (accuracy + z * z / (2 * n)) * shrunk
    half = z * shrunk * math.sqrt(accuracy * (1 - accuracy) / n + z * z / (4 * n * n))
    return Interval(max(center - half, 0.0), min(center + half, 1.0))


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean, standard deviation (n - 1 in the denominator; NaN below two values) and number of values."""

    mean: float
    sd: float
    n: int


def spread(values: Iterable[float]) -> Spread:
    """Mean and spread of the finite values."""
    seen = [value for value in values if math.isfinite(value)]
    if not seen:
        return Spread(math.nan, math.nan, 0)
    return Spread(fmean(seen), stdev(seen) if len(seen) > 1 else math.nan, len(seen))
