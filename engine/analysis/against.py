"""A run against a baseline on the images that both were tested on, and whether their difference is worth a color."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.analysis.chosen import by_recipe
from engine.analysis.stats import Interval, Spread, spread
from engine.contract.run.summary import Summary

CLEAR: Final = 2 * math.sqrt(2)
"""How many standard deviations of the baseline's seeds a difference must exceed: two standard deviations of the
difference of two single runs."""
LEAST_SEEDS: Final = 3
"""From how many seeds on their standard deviation is worth anything."""


@dataclass(frozen=True, slots=True)
class Against:
    """A run against the baseline on the same test images; `why` says why there is no such comparison."""

    difference: float = math.nan
    """Accuracy minus the baseline's, -1..1; NaN without a pairing."""
    interval: Interval | None = None
    """95 % confidence interval of the difference for the size of the test set alone (Newcombe's paired method)."""
    won: int = 0
    """Images that only this run classifies correctly."""
    lost: int = 0
    """Images that only the baseline classifies correctly."""
    images: int = 0
    why: str = ""

    def is_clear(self, seeds: Spread) -> bool:
        """Whether the difference may be colored: the interval excludes 0 and other seeds would not explain it.

        Args:
            seeds: accuracies of the finished seeds of the baseline's recipe; below three of them nothing is clear.
        """
        if self.interval is None or seeds.n < LEAST_SEEDS:
            return False
        excludes_zero = self.interval.low > 0 or self.interval.high < 0
        return excludes_zero and abs(self.difference) > CLEAR * seeds.sd


def seeds_of(recipe_id: str, runs: Iterable[Summary]) -> Spread:
    """Mean and spread of the last accuracy over the seeds of a recipe that count."""
    found = by_recipe(run for run in runs if run.recipe_id == recipe_id)
    return found[0].last if found else spread(())
