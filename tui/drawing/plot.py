"""Draws charts as lines of styled text: curves of dots, axes, and a gutter where each curve has its label.

There is no legend box, and nothing depends on color alone: each curve has a mark of its own. A cell shows one curve:
what is drawn later replaces what was there. The order is grid, cursor, dotted levels, raw points, curves in the order
given, marks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.analysis.series import Array
from tui.drawing.axes import Axis, cell_of, x_ticks, y_ticks
from tui.drawing.charts import Chart, ChartStyle, Curve
from tui.drawing.gutter import Label, place
from tui.drawing.lines import Line, clip, width_of
from tui.drawing.marks import BEST, LAST
from tui.drawing.raster import DOTS, Raster
from tui.drawing.smoothing import smooth

Indices = npt.NDArray[np.int64]

_HOLLOW: Final = dict(zip(LAST, BEST, strict=True))
_MARK_EVERY, _MARK_SHIFT = 14, 3
"""Without color, a run's mark stands on its line every so many columns, shifted by so many for each slot."""
_DOTTED: Final = 3
"""A dotted line has every third dot."""


def tick_width(chart: Chart, height: int, style: ChartStyle) -> int:
    """How wide the y labels of a chart of this height are, in cells."""
    labels = [label for _, label in y_ticks(chart.y, max(height - style.x_axis, 1))]
    return max([2, *map(len, labels)])


def plot(chart: Chart, width: int, height: int, style: ChartStyle | None = None) -> list[Line]:
    """The chart without its heading, in `height` lines of at most `width` cells."""
    style = style or ChartStyle()
    ticks = style.tick_width or tick_width(chart, height, style)
    inside, rows = width - style.gutter - ticks - 1, height - style.x_axis
    if inside < 4 or rows < 1:
        return [[] for _ in range(height)]
    lines = _Plot(chart, inside, rows, style).lines(ticks)
    gutter = place(list(_labels(chart, rows)), style.gutter, rows) if style.gutter else [[]] * rows
    if style.x_axis:
        lines.append([(" " * ticks, ""), *_x_axis(chart.x, inside)])
        gutter = [*gutter, [(f" {chart.x_name}", "dim")] if chart.x_name and style.gutter else []]
    return [clip([*line, *label], width) if label else line for line, label in zip(lines, gutter, strict=True)]


@dataclass
class _Plot:
    """A chart while it is drawn: its cells, and where its values are on them."""

    chart: Chart
    width: int
    height: int
    style: ChartStyle
    raster: Raster = field(init=False)

    def __post_init__(self) -> None:
        self.raster = Raster(self.width, self.height, self.style.glyphs)

    def lines(self, ticks: int) -> list[Line]:
        """The plot with its y axis; `ticks` is the width of the labels."""
        named = {self._row(tick): label for tick, label in y_ticks(self.chart.y, self.height)}
        for row in named:
            self.raster.put(0, row, "┈" * self.width, "grid")
        self._draw_cursor()
        self._draw_curves()
        axis: list[Line] = [
            [(named[row].rjust(ticks)[:ticks], "dim"), ("┤", "rule")]
            if row in named
            else [("│".rjust(ticks + 1), "rule")]
            for row in range(self.height)
        ]
        return [[*left, *cells] for left, cells in zip(axis, self.raster.lines(), strict=True)]

    def _draw_cursor(self) -> None:
        if math.isfinite(self.chart.cursor):
            for row in range(self.height):
                self.raster.put(self._column(self.chart.cursor), row, "│", "dim")

    def _draw_curves(self) -> None:
        series = self.chart.series
        for one in series:
            if one.kind == "level":
                self._draw_dotted(one)
        for one in series:
            if one.faint and self.style.color:
                self._draw_raw(one)
        for one in series:
            if one.kind == "points":
                self._draw_points(one)
        for one in series:
            if one.kind == "plain" and not self.style.color:
                self._draw_dotted(one)
            elif one.kind in ("plain", "run"):
                self._draw_line(one)
        for one in series:
            if one.kind == "run" and math.isfinite(one.best):
                self._draw_mark(one, one.best, hollow=True)
        for one in series:
            if one.kind == "run" and len(one.points[0]):
                self._draw_mark(one, float(one.points[0][-1]))

    # --- positions ------------------------------------------------------------------------------------------------

    def _row(self, value: float) -> int:
        """The cell row of a value, from the top."""
        return cell_of(1.0 - float(self.chart.y.position(value)), self.height, DOTS[self.style.glyphs][1])

    def _column(self, x: float) -> int:
        """The cell column of an x."""
        return cell_of(float(self.chart.x.position(x)), self.width, DOTS[self.style.glyphs][0])

    def _dots(self, values: Array) -> Array:
        """The dot row of each value, from the top; outside the plot for values outside the range."""
        return np.asarray((1.0 - self.chart.y.position(values, clamp=False)) * (self.raster.rows - 1))

    def _by_column(self, xs: Array, ys: Array) -> tuple[Indices, Indices, Array]:
        """The dot columns with points, where the values of each begin, and the values of all columns in one array."""
        inside = (xs >= self.chart.x.low) & (xs <= self.chart.x.high)
        columns = np.rint(self.chart.x.position(xs[inside]) * (self.raster.columns - 1)).astype(np.int64)
        starts = np.flatnonzero(np.diff(columns, prepend=-1))
        return columns[starts], starts, ys[inside]

    def _line(self, one: Curve) -> list[tuple[int, float]]:
        """The smoothed line: for each dot column with points, the row of their mean."""
        xs, ys = one.points
        columns, starts, values = self._by_column(xs, smooth(ys, one.weight))
        if not len(columns):
            return []
        means = np.add.reduceat(values, starts) / np.diff(starts, append=len(values))
        rows = np.clip(self._dots(means), -1e9, 1e9)
        return list(zip(columns.tolist(), rows.tolist(), strict=True))

    # --- what is drawn --------------------------------------------------------------------------------------------

    def _draw_line(self, one: Curve) -> None:
        line = self._line(one)
        self.raster.join(line, one.role, one)
        if not self.style.color and one.kind == "run" and one.mark and line:
            across, down = DOTS[self.style.glyphs]
            columns = [column / across for column, _ in line]
            for column in range(_MARK_SHIFT * one.slot % _MARK_EVERY, self.width, _MARK_EVERY):
                row = float(np.interp(column, columns, [row / down for _, row in line]))
                if columns[0] <= column <= columns[-1] and 0 <= row < self.height:
                    self.raster.put(column, int(row), one.mark[:1], one.role)

    def _draw_raw(self, one: Curve) -> None:
        """The raw points; of several in a column, the lowest and the highest."""
        columns, starts, values = self._by_column(*one.points)
        if len(columns):
            ends = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
            self._draw_dots(np.repeat(columns, 2), np.stack(ends, axis=1).ravel(), one.faint, object())

    def _draw_points(self, one: Curve) -> None:
        columns, starts, values = self._by_column(*one.points)
        if len(columns):
            self._draw_dots(np.repeat(columns, np.diff(starts, append=len(values))), values, one.role, one)

    def _draw_dots(self, columns: Indices, values: Array, role: str, owner: object) -> None:
        """A dot in each column at its value, where that is in sight."""
        for column, row in zip(columns.tolist(), self._dots(values).tolist(), strict=True):
            if -1 < row < self.raster.rows:
                self.raster.dot(column, round(row), role, owner)

    def _draw_dotted(self, one: Curve) -> None:
        """Every third dot of the line."""
        line = self._line(one)
        if not line:
            return
        columns, rows = zip(*line, strict=True)
        every = _DOTTED if self.style.glyphs != "ascii" else 2
        for column in range(columns[0], columns[-1] + 1):
            row = float(np.interp(column, columns, rows))
            if column % every == 0 and -0.5 <= row <= self.raster.rows - 0.5:
                self.raster.dot(column, round(row), one.role, one)

    def _draw_mark(self, one: Curve, x: float, *, hollow: bool = False) -> None:
        """The run's mark at the true value of the point at x."""
        at, value = one.read(x)
        if not one.mark or not (self.chart.x.low <= at <= self.chart.x.high):
            return
        if not self.chart.y.low <= value <= self.chart.y.high:
            return
        mark = _HOLLOW.get(one.mark[:1], "") if hollow else one.mark[:1]
        column, row = self._column(at), self._row(value)
        self.raster.put(column, row, mark, one.role)
        if one.note and not hollow:
            self.raster.put(column + 2, row, one.note, one.role)


def _labels(chart: Chart, rows: int) -> Iterator[Label]:
    """The label of each series that has one, at the row of its last value in sight."""
    for i, one in enumerate(chart.series):
        xs, ys = one.points
        seen = ys[xs <= chart.x.high]
        if not one.label or not len(ys):
            continue
        value = float(seen[-1]) if len(seen) else float(ys[-1])
        mark = one.mark or "─"
        if one.kind == "level":
            mark = "↑" if value > chart.y.high else "↓" if value < chart.y.low else mark
        lines: list[Line] = [[(f" {mark} {one.label}", one.role)]]
        lines += [[(f"   {text}", one.role)] for text in one.value]
        row = cell_of(1.0 - float(chart.y.position(value)), rows)
        last = i == len(chart.series) - 1
        yield Label(tuple(lines), row, value, 2 if last else 1 if one.kind == "run" else 0)


def _x_axis(x: Axis, width: int) -> Line:
    """The x axis in one row: `└0 ──── 50 ──── 100`."""
    line: Line = [("└", "rule")]
    used = 0
    for tick, label in x_ticks(x, width):
        middle = float(x.position(tick)) * width
        start = min(max(round(middle - len(label) / 2), 0), width - len(label))
        if used and start < used + 3:
            continue
        if start:
            line.append((f" {'─' * (start - used - 2)} " if used else f"{'─' * (start - 1)} ", "rule"))
        line.append((label, "dim"))
        used = start + len(label)
    if used < width:
        line.append((f" {'─' * (width - used - 1)}" if used else "─" * width, "rule"))
    assert width_of(line) == width + 1
    return line
