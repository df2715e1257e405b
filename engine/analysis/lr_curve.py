"""What a sweep over the learning rate says: when to end it, the curve, and which rate it suggests by which rule.

Smith 2015, arXiv:1506.01186, section 3.3: the rate is raised at every step until the loss explodes. A good one lies
well below the largest with which the loss is still low. Where the loss falls fastest is the other rule in use; but in a
sweep of a few hundred steps that place says more of how long a net takes to begin than of its rates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

WEIGHT: Final = 0.8
"""Of the past in the moving average of a sweep of `USUAL` steps; a longer sweep averages over the same part of it."""
USUAL: Final = 100
EXPLODED: Final = 4.0
"""The sweep ends where the smoothed loss is this many times its best."""
LOW: Final = 0.2
"""The part of its whole fall by which the smoothed loss may lie above its lowest and still be low."""
EDGE: Final = "a tenth of the largest rate with which the loss stays low"
STEEPEST: Final = "where the loss falls fastest"
NONE: Final = "the loss never clearly fell"
GUESSING: Final = "the loss never fell clearly below that of guessing"
SIGMAS: Final = 2.0
"""How many times the noise of single losses the smoothed loss must fall."""
LOWEST_RATE: Final = 1e-9
HIGHEST_RATE: Final = 1e3
"""The learning rates that a sweep may try."""
FEWEST_STEPS: Final = 20
"""The shortest sweep; a suggestion needs as many points."""
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
    """Follows a sweep while it goes: the moving average m = w m + (1 - w) loss, without the bias of its start."""

    def __init__(self) -> None:
        self._sum = self._mass = 0.0
        self._best = math.inf

    def ended(self, loss: float) -> str:
        """Why the sweep should end with this loss; "" where it should go on."""
        if not math.isfinite(loss):
            return f"the loss became {loss}"
        self._sum = WEIGHT * self._sum + (1.0 - WEIGHT) * loss
        self._mass = WEIGHT * self._mass + (1.0 - WEIGHT)
        now = self._sum / self._mass
        self._best = min(self._best, now)
        return f"the smoothed loss is {now / self._best:.1f} times its best" if now > EXPLODED * self._best else ""


@dataclass(frozen=True, slots=True)
class Curve:
    """A sweep that has ended, or has come so far."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    """Of the step after the one that was taken with the rate."""
    smoothed: tuple[float, ...]
    """NaN from where the loss explodes."""
    steepest: float
    """The rate where the smoothed loss falls fastest; NaN where it never clearly falls."""
    lowest: float
    """The rate with the lowest smoothed loss; NaN where it never clearly falls."""
    edge: float
    """The largest rate with which the smoothed loss is low; NaN where it never clearly falls."""
    guessed: bool
    """Whether it fell, but only to where a net stands that tells nothing apart."""

    @property
    def found(self) -> bool:
        """Whether there is a rate to suggest."""
        return math.isfinite(self.steepest)

    @property
    def suggestion(self) -> float:
        """The rate to take, to two digits; NaN where there is none."""
        return float(f"{self.edge / 10.0:.1e}")

    @property
    def second(self) -> float:
        """The rate by the other rule, the steepest fall, to two digits; NaN where there is none."""
        return float(f"{self.steepest:.1e}")

    @property
    def rule(self) -> str:
        """What the suggestion is, or why there is none."""
        return EDGE if self.found else GUESSING if self.guessed else NONE


def fold(rates: Sequence[float], losses: Sequence[float], guessing: float = math.inf) -> Curve:
    """The curve of a sweep: rates that rise by equal factors, and their losses.

    The steepest fall is looked for up to the lowest smoothed loss and behind the first tenth of the points, where the
    average stands on few of them. Single batches whose loss jumps and comes back are left out of the average.

    Args:
        guessing: the loss of a net that finds all classes equally likely. A fresh net often begins above it, and the
            fall to there unlearns its start and learns nothing, at rates that say nothing of training.
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
    return Curve(tuple(x.tolist()), tuple(y.tolist()), tuple(smoothed.tolist()), steepest, lowest, edge, guessed)


def smooth(losses: Array) -> Array:
    """The moving average without the bias of its start, run forwards and backwards and averaged.

    Run one way it lags by 1 / (1 - w) steps, most of half a decade of learning rates in a sweep of a hundred steps, and
    every rule that reads it would suggest too large a rate.
    """
    return 0.5 * (_average(losses) + _average(losses[::-1])[::-1])


def _slope(x: Array, y: Array) -> Array:
    """Of the straight line through the points around each, a fifth of all: a dip of noise is not the steepest fall."""
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
    """The median of each loss and its two neighbours on either side; a loss that is not finite counts as infinite."""
    known = np.where(np.isfinite(losses), losses, math.inf)
    return np.asarray([np.median(known[max(i - 2, 0) : i + 3]) for i in range(len(known))], dtype=np.float64)


def _explosion(losses: Array, calm: Array, level: float, noise: float) -> int:
    """The first point that lies clearly above the level of the smallest rates, and from which the loss never recovers.

    A net with batch norm may explode in a single step and then stay at the loss of guessing, which no average of many
    steps would show. It may also jump for a batch or two and go on learning, which is no explosion: then the loss comes
    back to the lower half of what it had fallen by.
    """
    limit = level + max(4.0 * noise, 0.1 * level)
    best = np.minimum.accumulate(calm)
    for i, loss in enumerate(losses.tolist()):
        if not loss <= limit and not (calm[i:] < 0.5 * (level + min(best[max(i - 1, 0)], level))).any():
            return i
    return len(losses)


def _noise(losses: Array) -> float:
    """Standard deviation of single losses, from neighbours: robust against the fall and the explosion."""
    steps = np.abs(np.diff(losses[np.isfinite(losses)]))
    return float(1.4826 * np.median(steps) / math.sqrt(2.0)) if len(steps) else 0.0
