"""Two models on the same images: the images on which only one of them is correct, McNemar's test and the interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from engine.analysis.stats import Interval, wilson


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """Images by whether a baseline and a run classify them correctly: the four cells of a two-by-two table."""

    both: int
    """Images that both classify correctly."""
    lost: int
    """b of McNemar's test: images that only the baseline classifies correctly."""
    won: int
    """c of McNemar's test: images that only the run classifies correctly."""
    neither: int
    """Images that both misclassify."""

    @property
    def images(self) -> int:
        """Number of images."""
        return self.both + self.lost + self.won + self.neither

    @property
    def difference(self) -> float:
        """Accuracy of the run minus that of the baseline on these images, -1..1; NaN without images."""
        return (self.won - self.lost) / self.images if self.images else math.nan

    @property
    def exact_p(self) -> float:
        """Two-sided p value of McNemar's exact test: 2 F(min(b, c); b + c, 1/2), at most 1.

        Conditional on b + c images with one correct answer, b is binomial with probability 1/2 if both models have the
        same accuracy (McNemar 1947, Psychometrika 12:153).
        """
        tail, _ = self._binomial()
        return min(2 * tail, 1.0)

    @property
    def mid_p(self) -> float:
        """Two-sided mid-p value: the exact one minus the probability of the observed table.

        The exact test is conservative, since b takes whole values only (Fagerland, Lydersen and Laake 2013, BMC Medical
        Research Methodology 13:91).
        """
        tail, point = self._binomial()
        return 2 * tail - point

    def _binomial(self) -> tuple[float, float]:
        """F(k; n, 1/2) and the probability of k itself, for k = min(b, c) and n = b + c; exact to the last bit."""
        k, n = min(self.lost, self.won), self.lost + self.won
        term = total = 1
        for i in range(k):  # whole numbers of any size, so that nothing underflows before the division
            term = term * (n - i) // (i + 1)
            total += term
        return total / (1 << n), term / (1 << n)

    def interval(self, confidence: float = 0.95) -> Interval:
        """Confidence interval of `difference` on unlimited images, for the size of the test set alone.

        Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on paired
        data", Statistics in Medicine 17:2635, method 10: the Wilson intervals of both accuracies, combined with their
        correlation.

        Raises:
            ValueError: without images.
        """
        right = self.both + self.won, self.both + self.lost
        return _combined(right[0], self.images, right[1], self.images, self._correlation(), confidence)

    def _correlation(self) -> float:
        """Correlation of the two models' correctness with Newcombe's correction for continuity; 0 if undefined."""
        run, base = self.both + self.won, self.both + self.lost
        margins = run * (self.images - run) * base * (self.images - base)
        product = self.both * self.neither - self.lost * self.won
        corrected = max(product - self.images / 2, 0.0) if product > 0 else product
        return corrected / math.sqrt(margins) if margins else 0.0


def unpaired_interval(right: int, images: int, base_right: int, base_images: int, confidence: float = 0.95) -> Interval:
    """Confidence interval for the difference of two accuracies on images that are not known to be the same.

    It is wider than the paired one, because two models mostly agree on which images are difficult. Newcombe 1998,
    "Interval estimation for the difference between independent proportions", Statistics in Medicine 17:873, method 10.

    Args:
        right: number of images that the run classifies correctly, of `images`.
        base_right: the same for the baseline, of `base_images`.

    Raises:
        ValueError: without images.
    """
    return _combined(right, images, base_right, base_images, 0.0, confidence)


def _combined(
    right: int, images: int, base_right: int, base_images: int, correlation: float, confidence: float
) -> Interval:
    """Newcombe's combination of the Wilson intervals of two proportions, the run's minus the baseline's."""
    if images < 1 or base_images < 1:
        raise ValueError("no interval for the difference without images")
    p, q = right / images, base_right / base_images
    one, other = wilson(p, images, confidence), wilson(q, base_images, confidence)

    def width(a: float, b: float) -> float:
        return math.sqrt(max(a * a - 2 * correlation * a * b + b * b, 0.0))

    low = p - q - width(p - one.low, other.high - q)
    high = p - q + width(one.high - p, q - other.low)
    return Interval(max(low, -1.0), min(high, 1.0))
