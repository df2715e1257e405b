"""How many seeds an experiment needs."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from engine.analysis.statistics.student import power

FEWEST: Final = 3
"""No plan has fewer seeds of each recipe."""
MOST: Final = 10_000
"""A plan with more seeds is no plan."""


def seeds_needed(difference: float, sd: float, wanted: float = 0.8, alpha: float = 0.05) -> int:
    """Seeds of each of two recipes that detect a true difference with a power of `wanted`; 0 if over `MOST` or unknown.

    For the two-sided t test at level `alpha`, by the noncentral t distribution. The difference is the smallest one that
    matters, chosen before the runs: with the one that was observed, the answer would only restate the p value.

    Args:
        difference: in the unit of `sd`, above 0.
        sd: standard deviation of a run over seeds; NaN if unknown.
    """
    if math.isnan(sd) or difference <= 0:
        return 0
    if sd == 0:
        return FEWEST
    low, high = FEWEST - 1, FEWEST
    while power(difference / sd, high, alpha) < wanted:
        low, high = high, 2 * high
        if high > 2 * MOST:
            return 0
    while high - low > 1:
        middle = (low + high) // 2
        if power(difference / sd, middle, alpha) < wanted:
            low = middle
        else:
            high = middle
    return high if high <= MOST else 0


def runs_for_improvement(probability: float, alpha: float = 0.05, beta: float = 0.05) -> int:
    """Runs of each of two recipes that tell P(A > B) = `probability` from 1/2, with errors of both kinds bounded.

    Noether 1987, "Sample size determination for some common nonparametric tests", as used by Bouthillier et al. 2021
    (arXiv:2103.03098): 29 for 0.75.
    """
    normal = NormalDist()
    shift = (normal.inv_cdf(1 - alpha) - normal.inv_cdf(beta)) / (math.sqrt(6) * (0.5 - probability))
    return math.ceil(shift**2)
