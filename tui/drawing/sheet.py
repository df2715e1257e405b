"""What a screen shows, as a sheet that leaves it: its charts and tables in the formats of files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tui.drawing.chart_pane import chart_pane
from tui.drawing.charts import Chart, ChartStyle
from tui.drawing.export_charts import chart_data, table_data
from tui.drawing.format import Glyphs, to_ascii
from tui.drawing.lines import Line
from tui.drawing.palette import LIGHT
from tui.drawing.svg import Part, chart_part, lines_part, page, table_part
from tui.drawing.table_files import written
from tui.drawing.typeset import Table

WIDTH: Final = 120
"""Cells of charts as text."""
CHART_HEIGHT: Final = 20
GUTTER: Final = 16
"""Cells for the labels of curves, which are worded for a chart of this width."""
TABLE_WIDTH: Final = 160
_FORMS: Final = {"md": "md", "tex": "latex", "csv": "csv"}
"""The formats of tables alone, by how their files end."""


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
    picture: Sequence[Line] = ()
    """The page with its pictures as the screen shows it: what SVG has in place of charts and tables."""

    def written(self, ending: str, glyphs: Glyphs, width: int = TABLE_WIDTH) -> str:
        """The sheet as the file with this ending holds it: svg, md, tex, csv, json, or else text.

        Markdown, LaTeX and CSV have the tables alone; JSON has the points of the curves as well.

        Args:
            width: cells of a line of tables as text.
        """
        match ending:
            case "svg":
                return page(self.drawn(), LIGHT)
            case "json":
                charts = [chart_data(chart) for chart in self.charts]
                return json.dumps({"charts": charts, "tables": [table_data(table) for table in self.tables]}) + "\n"
            case "md" | "tex" | "csv":
                labels = [f"{self.name}-{number}" for number in range(1, len(self.tables) + 1)]
                return written(self.tables, _FORMS[ending], width, labels)
            case _:
                return self._text(glyphs, width)

    def drawn(self) -> list[Part]:
        """What an SVG file has, on light paper."""
        if self.picture:
            return [lines_part(self.picture, LIGHT)]
        drawn = [*self.parts, *(chart_part(chart) for chart in self.charts if not chart.empty)]
        drawn += [table_part(table) for table in self.tables]
        return [*drawn, lines_part(self.lines, LIGHT)] if self.lines else drawn

    def _text(self, glyphs: Glyphs, width: int) -> str:
        style = ChartStyle(GUTTER, glyphs=glyphs, color=False)
        charts = [chart_pane(chart, style, WIDTH, CHART_HEIGHT) for chart in self.charts if not chart.empty]
        blocks = [_plain(lines) for lines in (*charts, self.lines) if lines]
        blocks += [written([table], "text", width).rstrip("\n") for table in self.tables]
        whole = "\n\n".join(blocks) + "\n"
        return to_ascii(whole) if glyphs == "ascii" else whole


def _plain(lines: Sequence[Line]) -> str:
    return "\n".join("".join(words for words, _ in line).rstrip() for line in lines)
