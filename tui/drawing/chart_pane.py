"""A chart pane: a heading that names what is plotted, and the chart."""

from __future__ import annotations

import math

from rich.cells import cell_len

from tui.drawing.axes import tick_label
from tui.drawing.charts import Chart, ChartStyle, marked
from tui.drawing.lines import Line, fit, heading, wrap
from tui.drawing.plot import plot, tick_width


def chart_pane(chart: Chart, style: ChartStyle, width: int, height: int) -> list[Line]:
    """The heading and the plot in `height` lines. With a cursor, the heading reads the runs there."""
    lines = plot(chart, width, height - 1, style)
    if chart.empty:
        _write_empty(lines, chart, style, width, height - 1)
    if math.isfinite(chart.cursor):
        reading = cursor_reading(chart)
        settings = [right if isinstance(right, list) else [(right, chart.right_role)] for right in chart.rights]
        both: list[str | Line] = [[*reading, ("   ", ""), *right] for right in settings if chart.keeps_rights]
        return [heading(chart.title, width, [*both, reading, *chart.rights]), *lines]
    return [heading(chart.title, width, chart.rights, chart.right_role), *lines]


def cursor_reading(chart: Chart) -> Line:
    """What the cursor reads: `at 310  ● 95.88  ▲ 96.60 @ 305`.

    Each run is read at its last recorded point at or before the cursor, which is named where it is another one.
    """
    line: Line = [("at ", "dim"), (tick_label(chart.cursor), "strong")]
    for one in reversed(marked(chart.series)):
        at, value = one.read(chart.cursor)
        text = chart.write(value) if math.isfinite(value) else "-"
        line += [(f"  {one.mark} ", one.role), (text, one.role)]
        if math.isfinite(at) and at != chart.cursor:
            line.append((f" @ {tick_label(at)}", "dim"))
    return line


def _write_empty(lines: list[Line], chart: Chart, style: ChartStyle, width: int, height: int) -> None:
    """Write in the middle of the plot why it is empty."""
    start = (style.tick_width or tick_width(chart, height, style)) + 1
    inside = max(width - style.gutter - start, 0)
    text = _wrapped(chart.empty, max(inside - 1, 1))
    middle = (height - style.x_axis) // 2
    for row, part in enumerate(text, middle - (len(text) - 1) // 2):
        if 0 <= row < len(lines):
            lines[row] = [("│".rjust(start), "rule"), (fit(f" {part}", inside), "dim")]


def _wrapped(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells, broken at its colon first."""
    if cell_len(text) <= width:
        return [text]
    head, colon, rest = text.partition(": ")
    return [*wrap(f"{head}:" if colon else head, width), *wrap(rest, width)]
