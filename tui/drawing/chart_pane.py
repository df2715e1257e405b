"""A chart pane: a heading that names what is plotted, the curves, and their labels at the right."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from tui.drawing.axes import Axis
from tui.drawing.charts import ChartStyle, Series, chart
from tui.drawing.lines import Line, Right, fit, heading, wrap


@dataclass(frozen=True, slots=True)
class ChartPane:
    """What a chart pane shows. The right end of its heading is the first of `rights` that fits."""

    title: str
    series: tuple[Series, ...]
    x: Axis
    y: Axis
    style: ChartStyle
    rights: tuple[Right, ...] = ()
    right_role: str = "dim"
    empty: str = ""
    """Written in the middle of the plot while there is nothing to plot."""


def chart_pane(values: ChartPane, width: int, height: int) -> list[Line]:
    """The heading and the plot in `height` lines."""
    lines = chart(values.series, width, height - 1, values.x, values.y, values.style)
    if values.empty:
        middle = (height - 1 - 2 * values.style.x_axis) // 2
        start = values.style.tick_width + 1
        inside = max(width - values.style.gutter - start, 0)
        text = _wrapped(values.empty, max(inside - 1, 1))
        for row, part in enumerate(text, middle - (len(text) - 1) // 2):
            if 0 <= row < len(lines):
                lines[row] = [("│".rjust(start), "rule"), (fit(f" {part}", inside), "dim")]
    return [heading(values.title, width, values.rights, values.right_role), *lines]


def _wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken at its colon first."""
    if cell_len(text) <= width:
        return [text]
    head, colon, rest = text.partition(": ")
    return [*wrap(f"{head}:" if colon else head, width), *wrap(rest, width)]
