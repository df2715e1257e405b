"""Ranges and ticks of charts: which range of values is shown, and which ticks are labeled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from engine.analysis.series import Array
from tui.drawing.format import number

_LARGEST: Final = 1e300
"""Largest value drawn, so that measuring or widening a range cannot overflow."""
_SMALLEST: Final = 1e-300
"""Smallest tick step: below it, neighboring ticks would round to the same float."""
Scale = Literal["linear", "log", "log error"]


@dataclass(frozen=True, slots=True)
class Axis:
    """A visible range and its labeled ticks (value, label), both in data units."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()
    scale: Scale = "linear"

    def position(self, values: npt.ArrayLike) -> Array:
        """Positions of values along the axis: 0 at its low end, 1 at its high end. Values outside are clamped."""
        held = np.clip(np.asarray(values, dtype=np.float64), self.low, self.high)
        low, high = _scaled(np.array([self.low, self.high]), self.scale)
        with np.errstate(over="ignore"):
            span = high - low
        if not 0 < span < math.inf:
            return np.full_like(held, 0.5)
        position: Array = (_scaled(held, self.scale) - low) / span
        return position


def _scaled(values: Array, scale: Scale) -> Array:
    if scale == "log":
        return np.log10(np.maximum(values, 1e-9))
    if scale == "log error":  # in percent: halving the error is the same distance everywhere
        return -np.log10(np.maximum(100.0 - values, 0.01))
    return values


def axis_end(last: float, planned: float = math.inf) -> float:
    """The end of an x axis whose data reach `last`: the next of 10, 20, 50, 100, 200 ..., at most `planned`."""
    end = 10.0
    while end < last:
        for factor in (2.0, 5.0, 10.0):
            if end * factor >= last or factor == 10.0:
                end *= factor
                break
    return max(min(end, planned), 1.0) if planned >= last else end


def round_steps(low: float, high: float, count: int) -> list[float]:
    """At most `count` round values in low..high, at steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not math.isfinite(span) or span / max(count, 1) < _SMALLEST:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / max(count, 1)))
    for factor in (1, 2, 5, 10, 20, 50):
        step = power * factor
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= max(count, 2):
            return [round(i * step, 12) for i in range(first, last + 1)]
    return [low, high]


def tick_label(value: float) -> str:
    """A tick's label: 50, 1.5, .005, 2k."""
    if value >= 10_000 and value % 500 == 0:
        return f"{value / 1000:g}k"
    text = f"{value:.6g}"
    if "e" in text:
        return number(value)
    return text[1:] if text.startswith("0.") else text


def x_axis(last: float, planned: float = math.inf, columns: int = 40) -> Axis:
    """An axis from 0 to the next round number after `last`, with at most one tick per 7 columns.

    Ticks are whole numbers, because they count epochs, steps or minutes.
    """
    end = axis_end(last, planned)
    ticks = [tick for tick in round_steps(0.0, end, max(columns // 7, 2) + 1) if tick == round(tick)]
    if end > 1.5 * ticks[-1]:
        ticks.append(end)
    return Axis(0.0, end, tuple((tick, tick_label(tick)) for tick in ticks))


_ROUND_PERCENT = (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5)
_BY_IMPORTANCE = (95, 90, 80, 60, 70, 98, 99, 40, 50, 20, 30, 10, 99.5, 97, 96, 94, 92, 85, 93, 91, 99.8, 99.9)


def accuracy_axis(values: Sequence[npt.ArrayLike], rows: int, scale: Scale = "log error") -> Axis:
    """An axis in percent that covers all `values` (percent); its lowest row is a round number."""
    seen = finite(values)
    if not len(seen):
        return Axis(0.0, 100.0, _spaced_ticks([0, 20, 40, 60, 80, 95], 0.0, 100.0, rows, "linear"), "linear")
    least, most = float(seen.min()), float(seen.max())
    if scale != "log error":
        low = 10.0 * math.floor(min(least, 99.0) / 10)
        high = min(max(most + 0.06 * (most - low), low + 10.0), 100.0)
        ticks = round_steps(low, high, max(rows // 2, 2))
        return Axis(low, high, tuple((tick, tick_label(tick)) for tick in ticks))
    low = float(max((tick for tick in _ROUND_PERCENT if tick <= least), default=0))
    error_low = 100.0 - low
    error_high = max(100.0 - most, 0.02)
    error_high = min(error_high * (error_high / error_low) ** 0.08, error_low / 2.5)
    high = 100.0 - error_high
    wanted = [low, *(tick for tick in _BY_IMPORTANCE if low < tick < high)]
    return Axis(low, high, _spaced_ticks(wanted, low, high, rows, "log error"), "log error")


def value_axis(values: Sequence[npt.ArrayLike], rows: int, scale: Scale = "linear") -> Axis:
    """An axis for losses and other quantities. A single spike far above the rest is clamped to the upper edge."""
    seen = np.clip(finite(values), -_LARGEST, _LARGEST)
    if not len(seen):
        return Axis(0.0, 1.0, ((0.0, "0"), (1.0, "1")))
    least, most = float(seen.min()), float(seen.max())
    most = min(most, 4.0 * float(np.percentile(seen, 98)) or most)
    if scale == "log" and most > 0:
        least = float(seen[seen > 0].min())
        low, high = max(least, most * 1e-6) * 0.95, most * 1.05
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        wanted = [factor * 10.0**power for factor in (1, 5, 2, 3) for power in powers]
        return Axis(low, high, _spaced_ticks([w for w in wanted if low <= w <= high], low, high, rows, "log"), "log")
    low = min(least, 0.0)
    high = most if most > low else low + max(1.0, 1e-6 * abs(low))
    high += 0.02 * (high - low)
    ticks = round_steps(low, high, rows // 2 + 1)
    return Axis(low, high, tuple((tick, tick_label(tick)) for tick in ticks))


def finite(values: Sequence[npt.ArrayLike]) -> Array:
    """All finite numbers of several arrays as one array."""
    arrays = [np.asarray(value, dtype=np.float64).ravel() for value in values]
    joined = np.concatenate(arrays) if arrays else np.empty(0)
    return joined[np.isfinite(joined)]


def _spaced_ticks(
    wanted: Sequence[float], low: float, high: float, rows: int, scale: Scale
) -> tuple[tuple[float, str], ...]:
    """The wanted ticks that fit, one per two rows at most, in ascending order. Earlier ones take precedence."""
    axis = Axis(low, high, scale=scale)
    taken: dict[int, float] = {}
    for tick in wanted:
        taken.setdefault(round(float(axis.position(tick)) * (rows - 1)), float(tick))
        if len(taken) > rows // 2:
            break
    return tuple((tick, tick_label(tick)) for tick in sorted(taken.values()))
