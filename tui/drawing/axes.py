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

LARGEST: Final = 1e200
"""Largest value drawn, so that widening a range and summing values cannot overflow."""
_SMALLEST: Final = 1e-300
"""Smallest tick step: below it, neighboring ticks would round to the same float."""
Scale = Literal["linear", "log", "log error"]


@dataclass(frozen=True, slots=True)
class Axis:
    """A visible range in data units, and its labeled ticks (value, label). Without ticks, the drawing chooses them."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()
    scale: Scale = "linear"

    def position(self, values: npt.ArrayLike, *, clamp: bool = True) -> Array:
        """Positions of values along the axis: 0 at its low end, 1 at its high end.

        Args:
            clamp: put values outside at the nearer end.
        """
        held = np.asarray(values, dtype=np.float64)
        if clamp:
            held = np.clip(held, self.low, self.high)
        low, high = scaled(np.array([self.low, self.high]), self.scale)
        with np.errstate(over="ignore"):
            span = high - low
            if not 0 < span < math.inf:
                return np.full_like(held, 0.5)
            position: Array = (scaled(held, self.scale) - low) / span
        return position


def scaled(values: Array, scale: Scale) -> Array:
    """Values in the units in which the scale is even."""
    if scale == "log":
        return np.log10(np.maximum(values, 1e-9))
    if scale == "log error":  # in percent: halving the error is the same distance everywhere
        return -np.log10(np.maximum(100.0 - values, 0.01))
    return values


def unscaled(value: float, scale: Scale) -> float:
    """The inverse of `scaled`."""
    if scale == "log":
        return float(10.0**value)
    return float(100.0 - 10.0**-value) if scale == "log error" else value


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


def x_axis(last: float, planned: float = math.inf) -> Axis:
    """An axis from 0 to the next round number after `last`, at most `planned`."""
    return Axis(0.0, axis_end(last, planned))


def x_ticks(axis: Axis, columns: int) -> tuple[tuple[float, str], ...]:
    """The ticks of an x axis: its own, or round ones, at most one per 7 columns.

    They are whole numbers, because they count epochs, steps or minutes.
    """
    if axis.ticks:
        return axis.ticks
    ticks = [tick for tick in round_steps(axis.low, axis.high, max(columns // 7, 2) + 1) if tick == round(tick)]
    if ticks and axis.high > 1.5 * ticks[-1]:
        ticks.append(axis.high)
    return _labeled(ticks)


def round_step(largest: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most `largest`."""
    largest = max(largest, _SMALLEST)
    power = 10.0 ** math.floor(math.log10(largest) + 1e-9)
    return max(factor * power for factor in (1, 2, 5) if factor * power <= largest * (1 + 1e-9))


_BY_IMPORTANCE: Final = (
    95, 90, 80, 96, 93, 97, 85, 70, 96.5, 94, 98, 60, 50, 99, 92, 88, 97.5, 99.5, 98.5, 91, 82, 75, 65,
    40, 30, 20, 10, 0, 55, 45, 35, 25, 15, 5, 99.8, 99.9,
)  # fmt: skip
"""Accuracies in the order in which they become ticks of a log-error axis."""
_FEW: Final = 3
"""With fewer ticks than this, round steps of the range become ticks as well."""
_FAR_APART: Final = 6
"""Two ticks further apart than so many rows get round steps of the range between them, coarse ones first."""


def y_ticks(axis: Axis, rows: int) -> tuple[tuple[float, str], ...]:
    """The ticks of a y axis in a plot of so many rows, in ascending order: the axis's own, or round values.

    Each chosen tick has its row and the rows above and below to itself.
    """
    if axis.ticks:
        return axis.ticks
    steps = round_steps(axis.low, axis.high, max(rows // 2, 2))
    if axis.scale == "log error":
        wanted: Sequence[float] = [tick for tick in _BY_IMPORTANCE if axis.low <= tick <= axis.high]
        kept = _spaced(wanted, axis, rows)
        if len(kept) < _FEW:
            kept = _spaced([*kept, *steps], axis, rows)
        for count in (rows // 4, rows // 2):
            if _widest_gap(kept, axis, rows) > _FAR_APART:
                kept = _spaced([*kept, *round_steps(axis.low, axis.high, count)], axis, rows)
        return _labeled(kept)
    if axis.scale == "log":
        powers = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
        wanted = [factor * 10.0**power for factor in (1, 5, 2, 3) for power in powers]
        return _labeled(_spaced([tick for tick in wanted if axis.low <= tick <= axis.high], axis, rows))
    return _labeled(_spaced(steps, axis, rows))


def cell_of(position: float, cells: int, dots: int = 4) -> int:
    """The cell, counted from 0, of a position 0..1 among cells of so many dots each."""
    return round(position * (cells * dots - 1)) // dots


def _spaced(wanted: Sequence[float], axis: Axis, rows: int) -> list[float]:
    """The ticks whose row and the rows above and below are free; earlier ones take precedence."""
    taken: dict[int, float] = {}
    for tick in wanted:
        row = cell_of(1.0 - float(axis.position(tick)), rows)
        if not taken.keys() & {row - 1, row, row + 1}:
            taken[row] = float(tick)
    return list(taken.values())


def _widest_gap(ticks: Sequence[float], axis: Axis, rows: int) -> int:
    """The most rows from one tick, or edge of the plot, to the next."""
    taken = sorted(cell_of(1.0 - float(axis.position(tick)), rows) for tick in ticks)
    return max(after - before for before, after in zip([-1, *taken], [*taken, rows], strict=True))


def _labeled(ticks: Sequence[float]) -> tuple[tuple[float, str], ...]:
    return tuple((tick, tick_label(tick)) for tick in sorted(ticks))


def rate_axis(values: npt.ArrayLike, rows: int) -> Axis:
    """An axis from 0 for a planned quantity that is never negative, such as a learning rate."""
    seen = finite([values])
    high = float(seen.max()) if len(seen) and seen.max() > 0 else 1.0
    ticks = round_steps(0.0, high, max(rows // 2, 2))
    return Axis(0.0, 1.02 * high, _labeled(ticks))


def finite(values: Sequence[npt.ArrayLike]) -> Array:
    """All finite numbers of several arrays as one array."""
    arrays = [np.asarray(value, dtype=np.float64).ravel() for value in values]
    joined = np.concatenate(arrays) if arrays else np.empty(0)
    return joined[np.isfinite(joined)]
