"""Charts as lines of styled text, drawn by plotext 5.3.

A chart is a plot with axes and a gutter to its right, where every series writes its label and value beside its last
point. There is no legend box, and nothing depends on color. A series is two arrays of equal length. It is reduced to at
most two points per column (the lowest and the highest) before plotext sees it, because plotext takes about 5 us per
point.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import plotext

from engine.analysis.series import Array
from tui.drawing.axes import Axis, finite
from tui.drawing.format import Glyphs
from tui.drawing.lines import Line, clip, width_of

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
_LABEL = re.compile(r"[\d.]*\d[\dk.]*")
_FIRST_COLOR = 16  # plotext's colors only encode which series drew a cell; style sheets map roles to real colors
_MARKERS: dict[Glyphs, str] = {"braille": "braille", "block": "hd", "ascii": "*"}
_BLOCK = 256  # 0.6 to this power is 1e-57, far from underflow
_PEN: dict[Glyphs, str] = {"braille": "⣀", "block": "▄", "ascii": "*"}
"""Stands for a line in the gutter."""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve: x and y of equal length, NaN where nothing was measured."""

    label: str
    x: npt.ArrayLike
    y: npt.ArrayLike
    value: tuple[str, ...] = ()
    """Lines below the label; the last one is dropped last when space is short."""
    role: str = "test"
    """One of the roles of `tui.drawing.lines`."""
    mark: str = ""
    """The character to draw with; empty for the finest line the terminal can show."""
    joined: bool = True
    """Whether lines connect the points."""


@dataclass(frozen=True, slots=True)
class ChartStyle:
    """Everything about a chart except its data."""

    gutter: int = 11
    """Width of the label gutter at the right, in cells."""
    tick_width: int = 2
    """Width of the y labels in cells. Charts stacked on one x axis need the same width."""
    x_axis: bool = True
    glyphs: Glyphs = "braille"
    x_name: str = ""
    """Name of the x axis, such as "epoch"; written in the last row of the gutter if it is free."""


def downsample(x: npt.ArrayLike, y: npt.ArrayLike, low: float, high: float, columns: int) -> tuple[Array, Array]:
    """At most two points for each of `columns` columns of low..high: the lowest and the highest, in order of x.

    x must be ascending. Non-finite points and points outside the range are dropped.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    seen = np.isfinite(xs) & np.isfinite(ys) & (xs >= low) & (xs <= high)
    xs, ys = xs[seen], ys[seen]
    if len(xs) <= 2:
        return xs, ys
    column = np.minimum(((xs - low) / max(high - low, 1e-12) * columns).astype(np.int64), columns - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(xs)))
    lowest = _first_of_each(group, ys == np.minimum.reduceat(ys, starts)[group])
    highest = _first_of_each(group, ys == np.maximum.reduceat(ys, starts)[group])
    keep = np.unique(np.concatenate((lowest, highest)))
    return xs[keep], ys[keep]


def _first_of_each(group: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The index of the first chosen element of every group; groups are numbered in order."""
    indices = np.flatnonzero(chosen)
    return indices[np.flatnonzero(np.diff(group[indices], prepend=-1))]


def smooth(y: npt.ArrayLike, weight: float) -> Array:
    """Bias-corrected exponential moving average. NaN stays NaN and is skipped.

    s_i = sum_j w^(i-j) y_j / sum_j w^(i-j) over the measured j <= i (as in Adam, arXiv:1412.6980, section 3).
    """
    values = np.asarray(y, dtype=np.float64)
    if weight <= 0 or not len(values):
        return values
    seen = np.isfinite(values)
    total = _decayed_sum(values[seen], weight)
    mass = _decayed_sum(np.ones(int(seen.sum())), weight)
    out = np.full_like(values, np.nan)
    out[seen] = total / mass
    return out


def _decayed_sum(values: Array, weight: float) -> Array:
    """s_i = weight * s_(i-1) + v_i, in blocks short enough that no power of the weight underflows."""
    powers = weight ** np.arange(1, _BLOCK + 1)
    out = np.empty_like(values)
    carry = 0.0
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        scale = powers[: len(block)]
        out[start : start + _BLOCK] = scale * (carry + np.cumsum(block / scale))
        carry = float(out[min(start + _BLOCK, len(values)) - 1])
    return out


def chart(
    series: Sequence[Series], width: int, height: int, x: Axis, y: Axis, style: ChartStyle | None = None
) -> list[Line]:
    """A chart in `height` lines of at most `width` cells. Later series are drawn over earlier ones."""
    style = style or ChartStyle()
    inside = width - style.gutter
    if inside < 8 or height < 2:
        return [[] for _ in range(height)]
    rows = _plot(series, inside, height, x, y, style)
    gutter = _gutter(series, height, height - 2 * style.x_axis, y, style)
    if style.x_name and style.x_axis and not gutter[-1]:
        gutter[-1] = [(f" {style.x_name}", "dim")]
    for row, label in zip(rows, gutter, strict=True):
        if label:
            row.append((" " * max(inside - width_of(row), 0), ""))
            row.extend(label)
    return [clip(row, width) for row in rows]


def _plot(series: Sequence[Series], width: int, height: int, x: Axis, y: Axis, style: ChartStyle) -> list[Line]:
    """The plot with its axes, without the gutter."""
    figure: Any = plotext
    figure.clear_figure()  # plotext keeps one figure for the whole process
    figure.limit_size(False, False)  # by default plotext draws no wider than the terminal it believes to run in
    figure.theme("clear")
    figure.plotsize(width, height)
    figure.scatter([0.0], [0.0], marker=" ")  # plotext draws no axes when there is no data
    for i, one in enumerate(series):
        xs, ys = downsample(one.x, one.y, x.low, x.high, width - style.tick_width - 1)
        if len(xs):
            draw = figure.plot if one.joined and len(xs) > 1 else figure.scatter
            marker = one.mark or _MARKERS[style.glyphs]
            draw(x.position(xs).tolist(), y.position(ys).tolist(), marker=marker, color=_FIRST_COLOR + i)
    figure.xlim(0.0, 1.0)
    figure.ylim(0.0, 1.0)
    figure.xaxes(style.x_axis, False)
    figure.yaxes(True, False)
    x_ticks = x.ticks if style.x_axis else ()
    figure.xticks(x.position([tick for tick, _ in x_ticks]).tolist(), [name for _, name in x_ticks])
    figure.yticks(
        y.position([tick for tick, _ in y.ticks]).tolist(), [name.rjust(style.tick_width) for _, name in y.ticks]
    )
    rows = [_parse(line, series) for line in figure.build().rstrip("\n").split("\n")[:height]]
    figure.clear_figure()
    return rows + [[] for _ in range(height - len(rows))]


def _parse(line: str, series: Sequence[Series]) -> Line:
    """A line of plotext's output, whose colors are series numbers, as (text, role) pairs."""
    row: Line = []
    role, at = "rule", 0
    for code in _ESCAPE.finditer(line):
        _push(row, line[at : code.start()], role)
        numbers = code.group(1).split(";")
        role = series[int(numbers[2]) - _FIRST_COLOR].role if numbers[:2] == ["38", "5"] else "rule"
        at = code.end()
    _push(row, line[at:], role)
    return row


def _push(row: Line, text: str, role: str) -> None:
    """Append text. Tick labels get a role of their own, so that they can be brighter than the axis lines."""
    if role != "rule":
        row.append((text, role))
        return
    at = 0
    for label in _LABEL.finditer(text):
        row += [(text[at : label.start()], "rule"), (label.group(), "dim")]
        at = label.end()
    if text[at:]:
        row.append((text[at:], "rule"))


@dataclass(slots=True)
class _Label:
    """The lines of a series in the gutter, and the row at which they would ideally start."""

    lines: list[Line]
    row: int


def _label(one: Series, plot_height: int, y: Axis, style: ChartStyle) -> _Label:
    lines: list[Line] = [[(f" {one.mark or _PEN[style.glyphs]} {one.label}", one.role)]]
    lines += [[(f"    {line}", one.role)] for line in one.value]
    values = finite([one.y])
    if not len(values):
        return _Label(lines, 0)
    return _Label(lines, round((1.0 - float(y.position(values[-1]))) * (plot_height - 1)))


def _gutter(series: Sequence[Series], height: int, plot_height: int, y: Axis, style: ChartStyle) -> list[Line]:
    """One line per row: every series is labeled beside its last value; labels that would overlap are moved apart."""
    rows: list[Line] = [[] for _ in range(height)]
    if style.gutter <= 0:
        return rows
    labels = sorted((_label(one, plot_height, y, style) for one in series if one.label), key=lambda label: label.row)
    labels = labels[-height:]
    while sum(len(label.lines) for label in labels) > height:
        longest = max(labels, key=lambda label: len(label.lines))
        del longest.lines[-2 if len(longest.lines) > 2 else -1]
    free = height - sum(len(label.lines) for label in labels)
    at = 0
    for i, label in enumerate(labels):
        wanted = max(label.row - at, 1 if i and free >= len(labels) - i else 0)
        gap = min(wanted, free)
        free -= gap
        at += gap
        for line in label.lines:
            rows[at] = clip(line, style.gutter)
            at += 1
    return rows
