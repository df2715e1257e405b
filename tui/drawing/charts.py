"""Numbers to rows of styled text, through plotext 5.3. Pure functions, no widget.

A chart is a plot with its own axes and, right of it, a gutter where every series writes its label and its
value, so no legend box is needed and nothing depends on colour. A series comes in as two equally long arrays;
it is cut to at most two points per column (the lowest and the highest) before plotext sees it, because
plotext pays about 5 us for each point.
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
_FIRST_COLOR = 16  # plotext's colours only carry which series drew a cell; the widget's style sheet says how it looks
_MARKERS: dict[Glyphs, str] = {"braille": "braille", "block": "hd", "ascii": "*"}
_BLOCK = 256  # 0.6 to this power is 1e-57, far from underflow
_PEN: dict[Glyphs, str] = {"braille": "⣀", "block": "▄", "ascii": "*"}
"""What a drawn line looks like in the gutter."""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve: x and y of equal length, NaN where nothing was measured."""

    label: str
    x: npt.ArrayLike
    y: npt.ArrayLike
    value: tuple[str, ...] = ()
    """Lines under the label; when room is short the last one stays longest."""
    role: str = "test"
    """Name of its style: a meaning, never a colour."""
    mark: str = ""
    """One character to draw with, or empty for the finest line the terminal has."""
    joined: bool = True
    """Whether its points are joined by lines."""


@dataclass(frozen=True, slots=True)
class Look:
    """Everything about a chart that is not data."""

    gutter: int = 11
    """Cells at the right for labels."""
    tick_width: int = 2
    """Cells for y labels, so that two charts above each other share their x axis."""
    x_axis: bool = True
    glyphs: Glyphs = "braille"
    x_name: str = ""
    """Written after the x labels where no series has its value there: "epoch"."""


def downsample(x: npt.ArrayLike, y: npt.ArrayLike, low: float, high: float, columns: int) -> tuple[Array, Array]:
    """At most two points for each of `columns` columns of low..high: the lowest and highest, in their order.

    x must rise; points outside the range and non-finite ones are dropped.
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
    """The first chosen index of every group; groups are numbered in their order."""
    places = np.flatnonzero(chosen)
    return places[np.flatnonzero(np.diff(group[places], prepend=-1))]


def smooth(y: npt.ArrayLike, weight: float) -> Array:
    """Exponential moving average without the bias of its start; NaN stays NaN and does not count.

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
    """s_i = weight * s_(i-1) + v_i, in blocks so short that no power of the weight overflows."""
    powers = weight ** np.arange(1, _BLOCK + 1)
    out = np.empty_like(values)
    carry = 0.0
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        scale = powers[: len(block)]
        out[start : start + _BLOCK] = scale * (carry + np.cumsum(block / scale))
        carry = float(out[min(start + _BLOCK, len(values)) - 1])
    return out


def chart(series: Sequence[Series], width: int, height: int, x: Axis, y: Axis, look: Look | None = None) -> list[Line]:
    """`height` lines of at most `width` cells. Series later in the list are drawn over earlier ones."""
    look = look or Look()
    inside = width - look.gutter
    if inside < 8 or height < 2:
        return [[] for _ in range(height)]
    rows = _plot(series, inside, height, x, y, look)
    notes = _gutter(series, height, height - 2 * look.x_axis, y, look)
    if look.x_name and look.x_axis and not notes[-1]:
        notes[-1] = [(f" {look.x_name}", "dim")]
    for row, note in zip(rows, notes, strict=True):
        if note:
            row.append((" " * max(inside - width_of(row), 0), ""))
            row.extend(note)
    return [clip(row, width) for row in rows]


def _plot(series: Sequence[Series], width: int, height: int, x: Axis, y: Axis, look: Look) -> list[Line]:
    """The plot alone, axes included."""
    figure: Any = plotext
    figure.clear_figure()  # plotext keeps one figure for the whole process
    figure.theme("clear")
    figure.plotsize(width, height)
    figure.scatter([0.0], [0.0], marker=" ")  # plotext draws no axes when there is no data
    for i, one in enumerate(series):
        xs, ys = downsample(one.x, one.y, x.low, x.high, width - look.tick_width - 1)
        if len(xs):
            draw = figure.plot if one.joined and len(xs) > 1 else figure.scatter
            marker = one.mark or _MARKERS[look.glyphs]
            draw(x.place(xs).tolist(), y.place(ys).tolist(), marker=marker, color=_FIRST_COLOR + i)
    figure.xlim(0.0, 1.0)
    figure.ylim(0.0, 1.0)
    figure.xaxes(look.x_axis, False)
    figure.yaxes(True, False)
    x_ticks = x.ticks if look.x_axis else ()
    figure.xticks(x.place([tick for tick, _ in x_ticks]).tolist(), [name for _, name in x_ticks])
    figure.yticks(y.place([tick for tick, _ in y.ticks]).tolist(), [name.rjust(look.tick_width) for _, name in y.ticks])
    rows = [_parse(line, series) for line in figure.build().rstrip("\n").split("\n")[:height]]
    figure.clear_figure()
    return rows + [[] for _ in range(height - len(rows))]


def _parse(line: str, series: Sequence[Series]) -> Line:
    """A line of plotext's output (its colours are the numbers of our series) as (text, role) pairs."""
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
    """Append text; tick labels among axis lines are told apart so that they can be lighter than the lines."""
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
class _Note:
    """A series' lines in the gutter and the row where they would like to begin."""

    lines: list[Line]
    row: int


def _note(one: Series, plot_height: int, y: Axis, look: Look) -> _Note:
    lines: list[Line] = [[(f" {one.mark or _PEN[look.glyphs]} {one.label}", one.role)]]
    lines += [[(f"    {line}", one.role)] for line in one.value]
    values = finite([one.y])
    if not len(values):
        return _Note(lines, 0)
    return _Note(lines, round((1.0 - float(y.place(values[-1]))) * (plot_height - 1)))


def _gutter(series: Sequence[Series], height: int, plot_height: int, y: Axis, look: Look) -> list[Line]:
    """One line per row: every series beside its last value, pushed apart where they would overlap."""
    rows: list[Line] = [[] for _ in range(height)]
    if look.gutter <= 0:
        return rows
    notes = sorted((_note(one, plot_height, y, look) for one in series if one.label), key=lambda note: note.row)
    notes = notes[-height:]
    while sum(len(note.lines) for note in notes) > height:
        longest = max(notes, key=lambda note: len(note.lines))
        del longest.lines[-2 if len(longest.lines) > 2 else -1]
    room = height - sum(len(note.lines) for note in notes)
    at = 0
    for i, note in enumerate(notes):
        wished = max(note.row - at, 1 if i and room >= len(notes) - i else 0)
        gap = min(wished, room)
        room -= gap
        at += gap
        for line in note.lines:
            rows[at] = clip(line, look.gutter)
            at += 1
    return rows
