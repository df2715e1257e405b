"""A 95 % interval of a difference as a row of cells around a zero line, on one scale for all rows of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from engine.analysis.stats import Interval
from tui.drawing.lines import Line

FAR: Final = 3.0
"""Rows further from zero than this many median half-widths do not widen the scale."""
STEP: Final = 0.005
"""The ends of the scale are whole multiples of half a point, so that it rarely changes while rows scroll by."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The range of differences, -1..1, that a column of intervals shows; it always contains 0."""

    low: float = -STEP
    high: float = STEP

    def column(self, value: float, cells: int) -> int:
        """The cell of a value, from 0; values outside go to the ends."""
        share = (value - self.low) / (self.high - self.low)
        return min(max(int(share * cells + 1e-9), 0), cells - 1)

    def head(self, cells: int) -> str:
        """The ends of the scale in points and the zero above its line: `-1.5   0   +1`."""
        low, high = _points(self.low), _points(self.high)
        zero = self.column(0.0, cells)
        text = list(" " * cells)
        for start, word in ((zero, "0"), (0, low), (cells - len(high), high)):
            if start >= 0 and all(letter == " " for letter in text[max(start - 1, 0) : start + len(word) + 1]):
                text[start : start + len(word)] = word
        return "".join(text)


SMALLEST: Final = Scale()
"""The scale without any interval."""


def scale_of(intervals: Iterable[Interval | None]) -> Scale:
    """The scale that holds these intervals, but for those that lie far outside of the others."""
    known = [one for one in intervals if one is not None]
    if not known:
        return SMALLEST
    far = FAR * median(one.half for one in known)
    near = [one for one in known if abs(one.low + one.high) / 2 <= far] or known
    low = min(0.0, *(one.low for one in near))
    high = max(0.0, *(one.high for one in near))
    return Scale(min(math.floor(low / STEP), -1) * STEP, max(math.ceil(high / STEP), 1) * STEP)


def interval_cells(
    interval: Interval | None, value: float, scale: Scale, cells: int, *, mark: str, roles: Sequence[str]
) -> Line:
    """The interval in exactly `cells` cells; only the zero line without one.

    `━` from low to high, the run's mark at the value, `┿` where it crosses zero, `◂╌╌` where it is off the scale.

    Args:
        mark: one character.
        roles: of the interval and of the mark.
    """
    zero = scale.column(0.0, cells)
    letters, parts = list("┈" * cells), ["grid"] * cells
    letters[zero], parts[zero] = "│", "rule"
    if interval is not None:
        bar, point = roles
        if interval.high < scale.low or interval.low > scale.high:
            left = interval.high < scale.low
            arrow, at = ("◂╌╌", 0) if left else ("╌╌▸", cells - 3)
            letters[at : at + 3], parts[at : at + 3] = arrow, [point] * 3
        else:
            first, last = scale.column(interval.low, cells), scale.column(interval.high, cells)
            for at in range(first, last + 1):
                letters[at], parts[at] = "┿" if at == zero else "━", bar
            at = scale.column(value, cells)
            letters[at], parts[at] = mark, point
    line: Line = []
    for letter, role in zip(letters, parts, strict=True):
        if line and line[-1][1] == role:
            line[-1] = line[-1][0] + letter, role
        else:
            line.append((letter, role))
    return line


def _points(difference: float) -> str:
    """A difference in points, without needless digits: "-1.5", "+1"."""
    return f"{100 * difference:+.1f}".removesuffix(".0")
