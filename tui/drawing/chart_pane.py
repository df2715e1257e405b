"""A chart pane: a heading that says what is plotted, the curves, and their labels at the right."""

from __future__ import annotations

from dataclasses import dataclass

from tui.drawing.axes import Axis
from tui.drawing.charts import Look, Series, chart
from tui.drawing.lines import Line, fit, heading


@dataclass(frozen=True, slots=True)
class Curves:
    """What a chart pane shows. The right part of the heading is the first of `rights` that fits."""

    title: str
    series: tuple[Series, ...]
    x: Axis
    y: Axis
    look: Look
    rights: tuple[str, ...] = ()
    right_role: str = "dim"
    empty: str = ""
    """Said in the middle of the plot while there is nothing to plot."""


def curves(values: Curves, width: int, height: int) -> list[Line]:
    """Heading and plot in `height` lines."""
    lines = chart(values.series, width, height - 1, values.x, values.y, values.look)
    if values.empty:
        middle = (height - 1 - 2 * values.look.x_axis) // 2
        start = values.look.tick_width + 1
        inside = max(width - values.look.gutter - start, 0)
        if middle < len(lines):
            lines[middle] = [("│".rjust(start), "rule"), (fit(f" {values.empty}", inside), "dim")]
    return [heading(values.title, width, values.rights, values.right_role), *lines]
