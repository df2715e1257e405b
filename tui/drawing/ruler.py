"""A ruler of accuracy: the last epoch with its interval, the best one, and the reported figure on one scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from engine.analysis.stats import Interval
from tui.drawing.bars import merged
from tui.drawing.lines import Line

_STEPS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
APART: Final = 7
"""Cells between two ticks at least."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """What stands on the ruler. Accuracies are 0..1; NaN for what there is not."""

    last: float
    interval: Interval | None
    best: float = math.nan
    reported: float = math.nan
    role: str = "run-0"
    marks: str = "●○"
    """The marks of the last and of the best epoch."""


def ruler(ruled: Ruled, cells: int) -> list[Line]:
    """The ruler and its ticks in percent, two lines of `cells` cells.

    The reported figure `┊` never hides the last epoch; where marks share a cell, the last epoch is seen.
    """
    low, high, step = _range(ruled, cells)

    def column(value: float) -> int:
        return min(max(round((100 * value - low) / (high - low) * (cells - 1)), 0), cells - 1)

    letters, roles = ["┈"] * cells, ["grid"] * cells
    if ruled.interval:
        for at in range(column(ruled.interval.low), column(ruled.interval.high) + 1):
            letters[at], roles[at] = "━", ruled.role
    for value, letter, role in (
        (ruled.reported, "┊", "reported"),
        (ruled.best, ruled.marks[1], ruled.role),
        (ruled.last, ruled.marks[0], ruled.role),
    ):
        if math.isfinite(value):
            letters[column(value)], roles[column(value)] = letter, role
    return [merged("".join(letters), roles), [(_ticks(low, high, step, cells), "dim")]]


def _range(ruled: Ruled, cells: int) -> tuple[float, float, float]:
    """The ends of the ruler and the step of its ticks, in percent; both ends are ticks."""
    ends = [ruled.interval.low, ruled.interval.high] if ruled.interval else []
    values = [100 * value for value in (ruled.last, ruled.best, ruled.reported, *ends) if math.isfinite(value)]
    low, high = min(values), max(values)
    for step in _STEPS:
        first, last = math.floor(low / step - 1e-9) * step, math.ceil(high / step + 1e-9) * step
        first, last = max(first, 0.0), min(max(last, first + step), 100.0)
        if (last - first) / step * APART <= cells:
            return first, last, step
    return 0.0, 100.0, 50.0


def _ticks(low: float, high: float, step: float, cells: int) -> str:
    text = [" "] * cells
    free = 0
    for i in range(round((high - low) / step) + 1):
        label = f"{low + i * step:.2f}".rstrip("0").rstrip(".")
        at = round(i * step / (high - low) * (cells - 1)) - len(label) // 2
        at = min(max(at, 0), cells - len(label))
        if at >= free:
            text[at : at + len(label)] = label
            free = at + len(label) + 1
    return "".join(text)
