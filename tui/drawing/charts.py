"""What a chart shows, as plain values: curves, axes and words. `tui.drawing.plot` draws them at any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from engine.analysis.series import Array
from tui.drawing.axes import LARGEST, Axis
from tui.drawing.format import Glyphs, number
from tui.drawing.lines import Line

Kind = Literal["run", "plain", "level", "points"]


@dataclass(frozen=True)
class Curve:
    """One curve: x (ascending) and y of equal length, NaN where nothing was measured."""

    label: str
    x: npt.ArrayLike
    y: npt.ArrayLike
    value: tuple[str, ...] = ()
    """Lines below the label in the gutter; the last ones go first when space is short."""
    role: str = "test"
    """One of the roles of `tui.drawing.lines`."""
    mark: str = ""
    """Stands before the label and, for a run, at the last point. Its hollow twin stands at the best point."""
    kind: Kind = "run"
    """A run, a plain joined line, a dotted level, or single points. The last two are what runs are compared with."""
    faint: str = ""
    """The role of the raw points, which are drawn behind the line; "" draws none."""
    weight: float = 0.0
    """Of the smoothing of the line. Marks and readings are never smoothed."""
    best: float = math.nan
    """x of the best point; NaN for none."""
    slot: int = 0
    """Of the run: tells its marks apart where there is no color."""
    note: str = ""
    """Written at the right of the last point."""

    @cached_property
    def points(self) -> tuple[Array, Array]:
        """The measured points: x and y, both finite."""
        xs, ys = np.asarray(self.x, dtype=np.float64), np.asarray(self.y, dtype=np.float64)
        seen = np.isfinite(xs) & np.isfinite(ys)
        return xs[seen], np.clip(ys[seen], -LARGEST, LARGEST)

    def read(self, x: float) -> tuple[float, float]:
        """(x, y) of the last point at or before `x`, never between two points; NaN, NaN before the first."""
        xs, ys = self.points
        at = int(np.searchsorted(xs, x, side="right")) - 1
        return (float(xs[at]), float(ys[at])) if at >= 0 else (math.nan, math.nan)


@dataclass(frozen=True)
class Chart:
    """What a chart shows, whatever its size. Panes draw it, and exports read its numbers."""

    title: str | Line
    series: tuple[Curve, ...]
    """Faint ones first, because later ones are drawn over them: the last is the run in question."""
    x: Axis
    y: Axis
    x_name: str = ""
    write: Callable[[float], str] = number
    """How a value of y is written."""
    cursor: float = math.nan
    """x of the cursor; NaN for none."""
    rights: tuple[str | Line, ...] = ()
    """What may stand at the right end of the heading: the first that fits."""
    right_role: str = "dim"
    keeps_rights: bool = False
    """Whether the right end stays beside what the cursor reads, where there is room for both."""
    empty: str = ""
    """Written in the middle of the plot while there is nothing to plot."""


@dataclass(frozen=True, slots=True)
class ChartStyle:
    """Everything about a chart except its contents."""

    gutter: int = 11
    """Width of the label gutter at the right, in cells."""
    tick_width: int = 0
    """Width of the y labels in cells; 0 for as wide as they are. Charts with one x axis need the same width."""
    x_axis: bool = True
    glyphs: Glyphs = "braille"
    color: bool = True


def marked(series: Sequence[Curve]) -> list[Curve]:
    """The series that a cursor reads: the runs, in the order in which they are drawn."""
    return [one for one in series if one.kind == "run" and one.label]
