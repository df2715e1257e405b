"""How much of the spread over seeds a finite test set explains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

FEWEST_RUNS: Final = 10
"""Below this number of runs the estimate is noise itself."""


@dataclass(frozen=True, slots=True)
class Variance:
    """The variance of the test accuracy over seeds, split in two."""

    runs: int
    observed: float
    """Variance of the accuracies of the runs on the test set."""
    distribution: float
    """Estimated variance of the accuracies on unlimited images, which is what training with another seed changes. An
    unbiased estimate, so it may be slightly below 0."""

    @property
    def distribution_sd(self) -> float:
        """Standard deviation on unlimited images, at least 0."""
        return math.sqrt(max(self.distribution, 0.0))


def variance_over_seeds(hits: npt.NDArray[np.bool_]) -> Variance | None:
    """Split the variance over seeds of one recipe; None for fewer than `FEWEST_RUNS` runs.

    Jordan 2023, "On the variance of neural network training with respect to test sets and distributions",
    arXiv:2304.01910: distribution = Var(accuracy) - R / (R - 1) sum p (1 - p) / N^2, with p the share of the R runs
    that classify an image correctly. The last term is what runs would show if they erred independently of each other.

    Args:
        hits: (R, N) whether each run classifies each image correctly.
    """
    runs, images = hits.shape
    if runs < FEWEST_RUNS:
        return None
    observed = float(hits.mean(1).var(ddof=1))
    p = hits.mean(0)
    independent = float((p * (1 - p)).sum()) / images**2 * runs / (runs - 1)
    return Variance(runs, observed, observed - independent)
