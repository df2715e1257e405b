"""The y range of a chart: fitted to what matters in it, and changed only when it has to be."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.analysis.series import Array
from tui.drawing.axes import LARGEST, Axis, Scale, finite, round_step, scaled, unscaled

_WARM_UP: Final = 0.05
"""The share of a run's points, from its first on, that the range leaves out ..."""
_LONG: Final = 20
"""... from this many points on."""
_LEAST_POINTS: Final = 0.4
"""Accuracies span at least this many percentage points ..."""
_LEAST_SHARE: Final = 0.02
"""... and other quantities at least this share of their value."""
_NEAR: Final = 0.35
"""A reference is taken in if it lies outside by at most this share of the span."""
_BELOW, _ABOVE = 0.04, 0.08
"""Room below and above, as shares of the span."""
_SPIKE: Final = 4.0
"""A quantity without an upper limit is cut off at this many times its 98th percentile."""
_STEPS: Final = 8
"""A range ends on the round steps of which it has at least this many."""
_ZOOM: Final = 0.7
"""A step of the zoom leaves this share of the range."""
_FILLED: Final = 0.6
"""A range is kept while the data fill at least this share of it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted range, and the data that it was fitted to: `low` and `high` in data units."""

    axis: Axis
    low: float
    high: float


Curve = tuple[npt.ArrayLike, npt.ArrayLike]
"""x and y of equal length, NaN where nothing was measured."""


def visible(curve: Curve, x: Axis, *, last_half: bool = False) -> Array:
    """The finite values of a curve that decide about the y range.

    Its first 5 % are left out if it has 20 points or more in sight, because a run starts far from where it ends.

    Args:
        last_half: only the second half of the points in sight.
    """
    xs, ys = np.asarray(curve[0], dtype=np.float64), np.asarray(curve[1], dtype=np.float64)
    seen = ys[np.isfinite(ys) & (xs >= x.low) & (xs <= x.high)]
    if last_half:
        return seen[len(seen) // 2 :]
    return seen[int(_WARM_UP * len(seen)) :] if len(seen) >= _LONG else seen


def fit_accuracy(values: Sequence[Array], references: Sequence[float] = (), scale: Scale | None = None) -> Fit:
    """The range of accuracies in percent.

    Args:
        values: of each curve, as `visible` picks them.
        references: levels that are drawn as well if they are near.
        scale: by default log error where all values are at least 50 and the highest at least 90, else linear.
    """
    seen = finite(values)
    if not len(seen):
        return Fit(Axis(0.0, 100.0), 0.0, 100.0)
    low, high = _apart(float(seen.min()), float(seen.max()), _LEAST_POINTS)
    if scale is None:
        scale = "log error" if low >= 50 and high >= 90 else "linear"
    axis = _with_room(low, high, references, scale)
    if scale == "linear":
        axis = Axis(max(axis.low, 0.0) if low >= 0 else axis.low, min(axis.high, 100.0) if high <= 100 else axis.high)
    return Fit(axis, low, high)


def fit_values(values: Sequence[Array], references: Sequence[float] = (), scale: Scale = "linear") -> Fit:
    """The range of losses and other quantities. A single spike far above the rest leaves the plot at the top."""
    seen = np.clip(finite(values), -LARGEST, LARGEST)
    if scale == "log":
        seen = seen[seen > 0]
    if not len(seen):
        return Fit(Axis(0.0, 1.0), 0.0, 1.0)
    low, most = float(seen.min()), float(seen.max())
    ceiling = _SPIKE * _quantile(seen, 0.98)
    high = min(most, ceiling) if ceiling > low else most
    low, high = _apart(low, high, _LEAST_SHARE * max(abs(low), abs(high)) or 1.0)
    return Fit(_with_room(low, high, references, scale), low, high)


def _quantile(values: Array, share: float) -> float:
    """What `np.quantile(values, share)` returns, which imports half a megabyte of numpy that nothing else needs."""
    at = share * (len(values) - 1)
    first, second = math.floor(at), math.ceil(at)
    parted = np.partition(values, (first, second))
    low, high, within = float(parted[first]), float(parted[second]), at - first
    return low + (high - low) * within if within < 0.5 else high - (high - low) * (1 - within)


def _apart(low: float, high: float, least: float) -> tuple[float, float]:
    """The same two values, moved apart evenly until they differ by `least`."""
    missing = max(least - (high - low), 0.0)
    return low - missing / 2, high + missing / 2


def _with_room(low: float, high: float, references: Sequence[float], scale: Scale) -> Axis:
    ends = scaled(np.array([low, high]), scale)
    span = float(ends[1] - ends[0])
    wanted = scaled(np.asarray(references, dtype=np.float64), scale)
    near = wanted[(wanted >= ends[0] - _NEAR * span) & (wanted <= ends[1] + _NEAR * span)]
    bottom, top = float(min([ends[0], *near])), float(max([ends[1], *near]))
    span = top - bottom
    return Axis(unscaled(bottom - _BELOW * span, scale), unscaled(top + _ABOVE * span, scale), scale=scale)


def settle(fit: Fit, before: Axis | None = None) -> Axis:
    """The range to draw: the one before while the data fit into it and fill it, else the fitted one with round ends.

    So a chart stands still while points arrive, and a terminal is sent only the cells of the new ones.
    """
    if before is not None and before.scale == fit.axis.scale and before.low <= fit.low and fit.high <= before.high:
        low, high = before.position([fit.low, fit.high])
        if high - low >= _FILLED:
            return before
    return _rounded(fit.axis)


def _rounded(axis: Axis) -> Axis:
    """The axis, its ends moved outward to round values: the error's where the error is the scale."""
    low, high, span = axis.low, axis.high, axis.high - axis.low
    if axis.scale == "log":
        return axis
    if axis.scale == "log error":
        high_step, low_step = (round_step(min(100.0 - end, span) / _STEPS) for end in (high, low))
        return Axis(100.0 - _up(100.0 - low, low_step), 100.0 - _down(100.0 - high, high_step), scale=axis.scale)
    step = round_step(span / _STEPS)
    return Axis(_down(low, step), _up(high, step), scale=axis.scale)


def _down(value: float, step: float) -> float:
    return math.floor(value / step + 1e-9) * step


def _up(value: float, step: float) -> float:
    return math.ceil(value / step - 1e-9) * step


class Ranges:
    """The y ranges of the charts of a screen, each kept while its data fit."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Axis] = {}

    def settle(self, key: Hashable, fit: Fit) -> Axis:
        """The range to draw now; `key` is equal as long as the chart shows the same thing."""
        axis = self._kept[key] = settle(fit, self._kept.get(key))
        return axis


def zoomed(axis: Axis, at: float, times: int) -> Axis:
    """The axis closer to a value by so many steps, further away for a negative number; the value keeps its place."""
    if not times or not math.isfinite(at):
        return axis
    low, high, middle = (float(value) for value in scaled(np.array([axis.low, axis.high, at]), axis.scale))
    factor = _ZOOM**times
    return Axis(
        unscaled(middle - factor * (middle - low), axis.scale),
        unscaled(middle + factor * (high - middle), axis.scale),
        scale=axis.scale,
    )
