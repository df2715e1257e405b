"""What a screen shows, as a sheet that leaves it: its charts and tables as text or as an SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tui.drawing.chart_pane import chart_pane
from tui.drawing.charts import Chart, ChartStyle
from tui.drawing.format import Glyphs, to_ascii
from tui.drawing.lines import Line
from tui.drawing.palette import LIGHT
from tui.drawing.svg import Part, chart_part, lines_part, page, table_part
from tui.drawing.typeset import Table, text

WIDTH: Final = 120
"""Cells of charts as text."""
CHART_HEIGHT: Final = 20
TABLE_WIDTH: Final = 160


@dataclass(frozen=True, slots=True)
class Sheet:
    """Charts and tables, or lines as the screen shows them; each part below the one before."""

    name: str
    """Of its file, without the ending."""
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    lines: Sequence[Line] = ()
    parts: Sequence[Part] = ()
    """Further drawings, of which there is no text."""

    def written(self, ending: str, glyphs: Glyphs) -> str:
        """The sheet as SVG if a file with this ending holds it ("svg"), else as text."""
        return self._svg() if ending == "svg" else self._text(glyphs)

    def _svg(self) -> str:
        drawn = [*self.parts, *(chart_part(chart) for chart in self.charts if not chart.empty)]
        drawn += [table_part(table) for table in self.tables]
        if self.lines:
            drawn.append(lines_part(self.lines, LIGHT))
        return page(drawn, LIGHT)

    def _text(self, glyphs: Glyphs) -> str:
        style = ChartStyle(glyphs=glyphs, color=False)
        charts = [chart_pane(chart, style, WIDTH, CHART_HEIGHT) for chart in self.charts if not chart.empty]
        blocks = [_plain(lines) for lines in (*charts, self.lines) if lines]
        blocks += [text(table, TABLE_WIDTH).rstrip("\n") for table in self.tables]
        whole = "\n\n".join(blocks) + "\n"
        return to_ascii(whole) if glyphs == "ascii" else whole


def _plain(lines: Sequence[Line]) -> str:
    return "\n".join("".join(words for words, _ in line).rstrip() for line in lines)
