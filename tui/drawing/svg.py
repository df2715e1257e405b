"""Charts, tables and whole pages of styled text as SVG, for papers, slides and web pages.

A chart is drawn from the same `Chart` value as in the terminal: the same range, ticks, labels and colors, with lines in
place of dots. A table and a page are set in a monospaced font. The files need nothing else and hold no scripts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from engine.contract.text import clean
from tui.drawing.axes import x_ticks, y_ticks
from tui.drawing.charts import Chart, Curve
from tui.drawing.gutter import pooled
from tui.drawing.lines import Line, width_of
from tui.drawing.palette import DARK, FAINT, INK, LIGHT, PAPER, Palette, hex_of, looks
from tui.drawing.smoothing import smooth
from tui.drawing.typeset import Table, text

WIDTH: Final = 760
"""Of a chart, in pixels."""
CHART_HEIGHT: Final = 300
GUTTER: Final = 170
"""Pixels at the right for the labels of the curves."""
LEFT, TOP, BOTTOM = 56, 34, 34
"""Pixels around a plot: the labels of y, the title, and the labels of x."""
FONT: Final = 12
CELL: Final = (7.22, 16)
"""Width and height of a letter of the monospaced font, in pixels."""
LETTERS: Final = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
COLUMNS: Final = 160
"""Letters in a line of a table."""
_ROWS: Final = 14
"""Rows of text beside a plot, for which its ticks are chosen."""

_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

Part = tuple[str, float, float]
"""Elements of SVG with their width and height."""


def page(parts: Sequence[Part], palette: Palette | None = None) -> str:
    """The parts below each other, as a whole SVG file.

    Args:
        palette: whose background is painted; by default that of paper.
    """
    gap = 12
    width = max([part[1] for part in parts], default=1) + 2 * gap
    height = sum(part[2] + gap for part in parts) + gap
    paper = hex_of(palette.background) if palette else PAPER
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-size="{FONT}" font-family="{LETTERS}">',
        f'<rect width="100%" height="100%" fill="{paper}"/>',
    ]
    y = float(gap)
    for body, _, tall in parts:
        lines += [f'<g transform="translate({gap} {y:.1f})">', body, "</g>"]
        y += tall + gap
    return "\n".join([*lines, "</svg>"]) + "\n"


def chart_part(chart: Chart, palette: Palette = LIGHT, width: int = WIDTH, height: int = CHART_HEIGHT) -> Part:
    """A chart with its title, axes, curves and their labels."""
    plot = _Plot(chart, palette, width - LEFT - GUTTER, height - TOP - BOTTOM)
    title = "".join(part for part, _ in chart.title) if isinstance(chart.title, list) else chart.title
    body = [write(0, 16, title, plot.ink, bold=True), *plot.axes(), *plot.curves(), *plot.labels()]
    if chart.empty:
        body.append(write(LEFT + 8, TOP + plot.height / 2, chart.empty, plot.quiet))
    return "\n".join(body), float(width), float(height)


class _Plot:
    """A chart while it is drawn, `width` times `height` pixels without what stands around it."""

    def __init__(self, chart: Chart, palette: Palette, width: float, height: float) -> None:
        self._chart, self._palette, self.width, self.height = chart, palette, width, height
        self.ink, self.quiet = _ink(palette), _quiet(palette)

    def axes(self) -> Iterator[str]:
        """Grid, ticks, and the name of x."""
        right, bottom = LEFT + self.width, TOP + self.height
        for value, label in y_ticks(self._chart.y, _ROWS):
            y = self._y(value)
            yield line(LEFT, y, right, y, hex_of(self._palette.grid))
            yield write(LEFT - 6, y + 4, label, self.quiet, anchor="end")
        for value, label in x_ticks(self._chart.x, round(self.width / CELL[0])):
            x = self._x(value)
            yield line(x, bottom, x, bottom + 4, hex_of(self._palette.rule))
            yield write(x, bottom + 18, label, self.quiet, anchor="middle")
        yield line(LEFT, TOP, LEFT, bottom, hex_of(self._palette.rule))
        yield line(LEFT, bottom, right, bottom, hex_of(self._palette.rule))
        yield write(right + 18, bottom + 18, self._chart.x_name, self.quiet)

    def curves(self) -> Iterator[str]:
        """The curves in their order: raw points behind smoothed lines, levels dashed, and the marks of runs."""
        for one in self._chart.series:
            color = self._color(one.role)
            xs, ys = one.points
            inside = (xs >= self._chart.x.low) & (xs <= self._chart.x.high)
            points = [(self._x(x), self._y(y)) for x, y in zip(xs[inside], ys[inside], strict=True)]
            if one.faint:
                faint = self._color(one.faint)
                yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="1.2" fill="{faint}"/>' for x, y in points)
            if one.kind == "points":
                yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{color}"/>' for x, y in points)
                continue
            drawn = smooth(ys, one.weight)[inside] if one.weight else ys[inside]
            path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in zip(xs[inside], drawn, strict=True))
            dashes = ' stroke-dasharray="2 4"' if one.kind == "level" else ""
            if len(points) > 1:
                yield f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.5"{dashes}/>'
            if one.kind == "run" and points:
                yield f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="3" fill="{color}"/>'
            if one.kind == "run" and np.isfinite(one.best) and np.isfinite(one.read(one.best)[1]):
                best = (self._x(one.best), self._y(one.read(one.best)[1]))
                yield f'<circle cx="{best[0]:.1f}" cy="{best[1]:.1f}" r="4" fill="none" stroke="{color}"/>'

    def labels(self) -> Iterator[str]:
        """The label of each curve with its value, near to its end and none over another."""
        named = [one for one in self._chart.series if one.label and len(one.points[1])]
        named.sort(key=lambda one: self._y(float(one.points[1][-1])))
        places = pooled([self._y(float(one.points[1][-1])) for one in named], [CELL[1]] * len(named))
        for one, y in zip(named, places, strict=True):
            yield write(LEFT + self.width + 8, y + 4, _label(one), self._color(one.role))

    def _x(self, value: float) -> float:
        return LEFT + self.width * float(self._chart.x.position(value))

    def _y(self, value: float) -> float:
        return TOP + self.height * (1.0 - float(self._chart.y.position(value)))

    def _color(self, role: str) -> str:
        return _color_of(role, self._palette)


def _label(one: Curve) -> str:
    words = " ".join(filter(None, (one.mark, one.label, *one.value)))
    most = int((GUTTER - 8) / CELL[0])
    return words if len(words) <= most else words[: most - 1] + "…"


def table_part(table: Table, palette: Palette = LIGHT, columns: int = COLUMNS) -> Part:
    """A table as it is printed, with its title in bold."""
    lines = text(table, columns).rstrip("\n").split("\n")
    return lines_part([[(line, "strong" if i == 0 and table.title else "")] for i, line in enumerate(lines)], palette)


def lines_part(lines: Sequence[Line], palette: Palette = DARK) -> Part:
    """Lines of styled text, as the terminal shows them: letters, colors and backgrounds, cell by cell."""
    body: list[str] = []
    width = 0.0
    for row, styled in enumerate(lines):
        column = 0
        for words, role in styled:
            cells = width_of([(words, role)])
            body += _letters(words, role, column, row, cells, palette)
            column += cells
        width = max(width, column * CELL[0])
    return "\n".join(body), width, len(lines) * float(CELL[1])


def _letters(words: str, role: str, column: int, row: int, cells: int, palette: Palette) -> Iterator[str]:
    """One piece of a line; blanks are drawn only where they have a background."""
    found = [looks(palette)[name] for name in role.split()]
    behind = next((look.behind for look in reversed(found) if look.behind >= 0), -1)
    x, y = column * CELL[0], row * CELL[1]
    if behind >= 0:
        yield (
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{cells * CELL[0]:.1f}" height="{CELL[1]}" fill="{hex_of(behind)}"/>'
        )
    if words.strip():
        bold = any(look.bold for look in found)
        length = f' textLength="{cells * CELL[0]:.1f}" lengthAdjust="spacingAndGlyphs"'
        yield write(x, y + 12, words, _color_of(role, palette), bold=bold, more=length)


def write(x: float, y: float, words: str, color: str, *, anchor: str = "", bold: bool = False, more: str = "") -> str:
    """Text at a place; whatever it holds, it is only text."""
    where = f' text-anchor="{anchor}"' if anchor else ""
    weight = ' font-weight="bold"' if bold else ""
    shown = clean(words).translate(_ESCAPES)
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" xml:space="preserve"{where}{weight}{more}>{shown}</text>'


def line(x1: float, y1: float, x2: float, y2: float, color: str, width: float = 1.0) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" stroke-width="{width}"/>'


def _color_of(role: str, palette: Palette) -> str:
    """The color of a role's letters; that of plain text where it has none."""
    found = [looks(palette)[name].color for name in role.split()]
    return next((hex_of(color) for color in reversed(found) if color >= 0), _ink(palette))


def _ink(palette: Palette) -> str:
    return hex_of(palette.text) if palette.dark else INK


def _quiet(palette: Palette) -> str:
    return hex_of(palette.quiet) if palette.dark else FAINT
