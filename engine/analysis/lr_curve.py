"""Evaluate a sweep over the learning rate: when to end it, its curve, and the rates that two rules suggest.

Smith 2015, arXiv:1506.01186, section 3.3: the rate is increased at every step until the loss explodes. A good rate is
well below the largest one at which the loss is still low. The other common rule takes the rate at which the loss falls
fastest; but in a sweep of a few hundred steps that point depends more on how long a net takes to start learning than on
the rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

WEIGHT: Final = 0.8
"""Weight of the past in the moving average of a sweep of `USUAL` steps; longer ones average over the same fraction."""
USUAL: Final = 100
EXPLODED: Final = 4.0
"""The sweep ends when the smoothed loss is this many times its minimum."""
LOW: Final = 0.2
"""The smoothed loss is low if it is above its minimum by at most this fraction of its total fall."""
EDGE: Final = "a tenth of the largest rate at which the loss stays low"
STEEPEST: Final = "where the loss falls fastest"
NONE: Final = "the loss never clearly fell"
GUESSING: Final = "the loss never clearly fell below that of guessing"
SIGMAS: Final = 2.0
"""The smoothed loss must fall by this many standard deviations of single losses."""
LOWEST_RATE: Final = 1e-9
HIGHEST_RATE: Final = 1e3
"""The range of learning rates that a sweep may try."""
FEWEST_STEPS: Final = 20
"""The fewest steps of a sweep, and the fewest points for a suggestion."""
MOST_STEPS: Final = 10_000

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Span:
    """The learning rates of a sweep: from `low` to `high` by equal factors, one per step."""

    low: float
    high: float
    steps: int = 0
    """0: as many as fit into a minute, which `engine.lr_find` measures."""


class Watch:
    """Follows a running sweep by the bias-corrected moving average m = w m + (1 - w) loss."""

    def __init__(self) -> None:
        self._sum = self._mass = 0.0
        self._best = math.inf

    def ended(self, loss: float) -> str:
        """Why the sweep should end with this loss; "" if it should continue."""
        if not math.isfinite(loss):
            return f"the loss became {loss}"
        self._sum = WEIGHT * self._sum + (1.0 - WEIGHT) * loss
        self._mass = WEIGHT * self._mass + (1.0 - WEIGHT)
        now = self._sum / self._mass
        self._best = min(self._best, now)
        return f"the smoothed loss is {now / self._best:.1f} times its minimum" if now > EXPLODED * self._best else ""


@dataclass(frozen=True, slots=True)
class LrCurve:
    """A sweep that has ended, or the part of it done so far."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    """The loss of the step after the one taken with the rate."""
    smoothed: tuple[float, ...]
    """NaN from the point at which the loss explodes."""
    steepest: float
    """The rate at which the smoothed loss falls fastest; NaN if it never clearly falls."""
    lowest: float
    """The rate with the lowest smoothed loss; NaN if it never clearly falls."""
    edge: float
    """The largest rate at which the smoothed loss is low; NaN if it never clearly falls."""
    guessed: bool
    """Whether the loss fell, but only to that of a net that guesses."""

    @property
    def found(self) -> bool:
        """Whether there is a rate to suggest."""
        return math.isfinite(self.steepest)

    @property
    def suggestion(self) -> float:
        """The suggested rate, to two digits; NaN if there is none."""
        return float(f"{self.edge / 10.0:.1e}")

    @property
    def second(self) -> float:
        """The rate by the other rule, the steepest fall, to two digits; NaN if there is none."""
        return float(f"{self.steepest:.1e}")

    @property
    def rule(self) -> str:
        """The rule behind the suggestion, or why there is none."""
        return EDGE if self.found else GUESSING if self.guessed else NONE


def fold(rates: Sequence[float], losses: Sequence[float], guessing: float = math.inf) -> LrCurve:
    """The curve of a sweep: rates that increase by equal factors, and their losses.

    The steepest fall is searched up to the lowest smoothed loss and after the first tenth of the points, where the
    average has few points. Single batches whose loss jumps up and comes back are left out of the average.

    Args:
        guessing: the loss of a net that gives all classes the same probability. A new net often starts above it; the
            fall to that level only undoes the initialization, at rates that have no meaning for training.
    """
    x, y = np.asarray(rates, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    smoothed = np.full_like(y, math.nan)
    steepest = lowest = edge = math.nan
    guessed = False
    if len(y):
        head = y[: max(len(y) // 4, 5)]
        level = float(np.median(head[np.isfinite(head)])) if np.isfinite(head).any() else math.nan
        calm, noise = _despiked(y), _noise(y)
        end = _explosion(y, calm, level, noise)
        smoothed[:end] = smooth(calm[:end])
        at, first = int(smoothed[:end].argmin()) if end else 0, max(end // 10, 1)
        if end >= FEWEST_STEPS and at > first and level - smoothed[at] > SIGMAS * noise:
            guessed = guessing - smoothed[at] <= SIGMAS * noise
            if not guessed:
                slope = np.where(smoothed[:end] < guessing, _slope(np.log(x[:end]), smoothed[:end]), math.inf)
                steepest, lowest = float(x[first + int(slope[first : at + 1].argmin())]), float(x[at])
                low = smoothed[:end] <= smoothed[at] + LOW * (min(guessing, level) - smoothed[at])
                edge = float(x[int(np.flatnonzero(low)[-1])])
    return LrCurve(tuple(x.tolist()), tuple(y.tolist()), tuple(smoothed.tolist()), steepest, lowest, edge, guessed)


def smooth(losses: Array) -> Array:
    """The bias-corrected moving average, computed forward and backward and averaged.

    In one direction it lags by 1 / (1 - w) steps, nearly half a decade of learning rates in a sweep of a hundred steps,
    so that every rule would suggest too large a rate.
    """
    return 0.5 * (_average(losses) + _average(losses[::-1])[::-1])


def _slope(x: Array, y: Array) -> Array:
    """The slope at each point of a line through the surrounding fifth of all points, which evens out noise."""
    reach = max(len(x) // 10, 1)
    windows = (slice(max(i - reach, 0), i + reach + 1) for i in range(len(x)))
    return np.asarray([_line(x[window], y[window]) for window in windows])


def _line(x: Array, y: Array) -> float:
    """The slope of the least-squares line."""
    offset = x - x.mean()
    return float(offset @ y / (offset @ offset))


def _average(values: Array) -> Array:
    weight = WEIGHT ** min(USUAL / max(len(values), 1), 1.0)
    total, mass, found = 0.0, 0.0, []
    for value in values.tolist():
        total, mass = weight * total + (1.0 - weight) * value, weight * mass + (1.0 - weight)
        found.append(total / mass)
    return np.asarray(found, dtype=np.float64)


def _despiked(losses: Array) -> Array:
    """The median of each loss and its two neighbors on either side; a loss that is not finite counts as infinite."""
    known = np.where(np.isfinite(losses), losses, math.inf)
    return np.asarray([np.median(known[max(i - 2, 0) : i + 3]) for i in range(len(known))], dtype=np.float64)


def _explosion(losses: Array, calm: Array, level: float, noise: float) -> int:
    """The first point that is clearly above the level at the smallest rates and from which the loss never recovers.

    A net with batch norm may explode in a single step and then stay at the loss of guessing, which an average over many
    steps does not show. Its loss may also jump for a batch or two while it continues to learn, which is no explosion:
    the loss then returns to the lower half of the range by which it had fallen.
    """
    limit = level + max(4.0 * noise, 0.1 * level)
    best = np.minimum.accumulate(calm)
    for i, loss in enumerate(losses.tolist()):
        if not loss <= limit and not (calm[i:] < 0.5 * (level + min(best[max(i - 1, 0)], level))).any():
            return i
    return len(losses)


def _noise(losses: Array) -> float:
    """Standard deviation of single losses, from differences of neighbors: robust against the fall and the explosion."""
    steps = np.abs(np.diff(losses[np.isfinite(losses)]))
    return float(1.4826 * np.median(steps) / math.sqrt(2.0)) if len(steps) else 0.0
