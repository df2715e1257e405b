"""How Compare divides the screen: a pure function of its size and of the number of runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GAP: Final = 2
"""Blank columns between panes."""
WIDE, AIRY = 160, 45
"""From this size on, verdicts and facts have a column of their own, and blank rows stand above headings."""
ROOMY, TALL = 110, 34
"""From this size on, classes and facts stand side by side below the verdict."""
_BARS: Final = 2  # rows of the top bar and the key line
_CLASSES: Final = 11  # a heading and ten classes
_LEAST_CHART: Final = 8


@dataclass(frozen=True, slots=True)
class CompareLayout:
    """Sizes in cells, headings included; 0 leaves a pane out."""

    left: int
    chart: int
    rows: int
    """Rows of the table, without its heads."""
    verdict: int
    """Height of the verdict pane below the table."""
    classes: int
    """Width of the class pane; 0 where the classes are one line of the verdict pane."""
    lower: int
    """Height of the panes below the verdict: classes and, at their right, facts."""
    right: int = 0
    """Width of the facts."""
    column: bool = False
    """Whether the facts are a column of full height at the right, with the verdicts in it."""


def compare_layout(width: int, height: int, runs: int, classes: int = 10) -> CompareLayout:
    """The layout for a terminal of this size, so many runs, and a data set with so many classes."""
    body = height - _BARS
    shown = max(runs, 1)
    lower = min(classes or 10, 10) + 1
    if width >= WIDE and height >= AIRY:
        right = max(round(width * 0.36), 66)
        rows = min(shown, max(body // 4, 4))
        lower += 2  # a blank row and a note
        return CompareLayout(
            width - right - GAP, body - rows - 2 - lower, rows, 0, width - right - GAP, lower, right, column=True
        )
    if width >= ROOMY and height >= TALL:
        rows = min(shown, 6)
        verdict = 2 + min(max(shown - 1, 0), 5) + 2 if runs > 1 else 0
        chart = body - rows - 1 - verdict - lower
        left = width // 2 + 2
        return CompareLayout(width, chart, rows, verdict, left, lower, width - left - GAP)
    rows = min(shown, 5)
    verdict = 1 + min(max(shown - 1, 0), 4) + 4 if runs > 1 else 1
    over = max(_LEAST_CHART - (body - rows - 1 - verdict), 0)
    rows, over = max(rows - over, 2), max(over - max(rows - 2, 0), 0)
    verdict = max(verdict - over, 0)
    return CompareLayout(width, body - rows - 1 - verdict, rows, verdict, 0, 0)
