"""What a difference and its interval allow to be said: the rules that models and recipes share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.analysis.statistics.corrections import benjamini_hochberg, holm
from engine.analysis.stats import Interval

Correction = Literal["holm", "bh"]
Outcome = Literal["better", "worse", "same", "not after correction", "open", "untested"]
"""better, worse: the corrected p value is at most `alpha`. same: the whole interval lies within the smallest difference
that matters. not after correction: the unadjusted interval excludes 0, but the corrected p value is above `alpha`.
open: the data allow both signs. untested: there is no p value, and the row says why."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How differences are judged."""

    smallest: float = 0.002
    """The smallest difference of accuracies that matters, 0..1."""
    correction: Correction = "holm"
    """Holm bounds the chance of any false positive, Benjamini-Hochberg ("bh") their share among the positives."""
    alpha: float = 0.05
    paired: bool = False
    """Pair the runs of two recipes by seed where the recipes share order and draws, and have runs of the same seeds.

    Off by default: training is chaotic, so that runs of a seed have little in common, and the paired test pays for that
    with half of the degrees of freedom (three seeds each: an interval 1.5 times as long)."""

    def corrected(self, p: Sequence[float]) -> list[float]:
        """The p values adjusted as one family; NaN stands for a comparison without a test, which does not count."""
        tested = [value for value in p if not math.isnan(value)]
        adjusted = iter((holm if self.correction == "holm" else benjamini_hochberg)(tested))
        return [value if math.isnan(value) else next(adjusted) for value in p]

    def judge(self, interval: Interval | None, adjusted: float) -> Outcome:
        """What may be said of a difference.

        "same" comes first: a difference may be shown to exist and, by the same interval, to be too small to matter.

        Args:
            interval: unadjusted interval of the difference; None if there is none.
            adjusted: its corrected p value; NaN if it was not tested.
        """
        if interval is None or math.isnan(adjusted):
            return "untested"
        if -self.smallest <= interval.low and interval.high <= self.smallest:
            return "same"
        if adjusted <= self.alpha:
            return "better" if interval.low + interval.high > 0 else "worse"
        return "not after correction" if interval.low > 0 or interval.high < 0 else "open"


def family_size(p: Sequence[float]) -> int:
    """Number of comparisons that were tested."""
    return sum(not math.isnan(value) for value in p)
