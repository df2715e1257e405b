"""A measured figure: the median of its rounds and their spread, as a table and a JSON file show it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

Row = dict[str, Any]
"""One line of a table. The first value names the row and is unique within its area; a `Figure` is what was measured,
and any other value describes the row."""


@dataclass(frozen=True)
class Figure:
    """The median of `rounds` measurements and their quartiles `low` and `high`; half of the rounds lie between them."""

    median: float
    low: float
    high: float
    rounds: int

    def __str__(self) -> str:
        """The median, and the quartiles in parentheses if there was more than one round."""
        if self.rounds == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(self.low)}-{number(self.high)})"


def figure(values: Sequence[float]) -> Figure:
    """Summarize the measurements of all rounds. Quartiles are interpolated between measurements, as numpy does."""
    if len(values) == 1:
        return Figure(values[0], values[0], values[0], rounds=1)
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Figure(median, low, high, len(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Ours divided by theirs, round by round: what slows down a whole round does not change its ratio."""
    return figure([one / two for one, two in zip(ours, theirs, strict=True)])


def number(value: float) -> str:
    """A number with three significant digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def cell(value: Any) -> str:
    """A value of a row as text."""
    return number(value) if isinstance(value, float) else str(value)


def plain(value: Any) -> Any:
    """A value of a row as JSON; a number that is not one becomes null."""
    if isinstance(value, Figure):
        return asdict(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value
