"""What panes show as plain data: a chart as the points of its series, a table as its rows of text."""

from __future__ import annotations

import math
from typing import Any

from tui.drawing.charts import Chart
from tui.drawing.lines import Line
from tui.drawing.typeset import Table


def chart_data(chart: Chart) -> dict[str, Any]:
    """A chart as data: each series with its measured points, and the texts that its pane prints beside them."""
    return {
        "title": _text(chart.title),
        "summary": _text(chart.rights[0]) if chart.rights else "",
        "x_name": chart.x_name,
        "series": [
            {
                "label": one.label,
                "shown": list(one.value),
                "best_x": one.best if math.isfinite(one.best) else None,
                "x": one.points[0].tolist(),
                "y": one.points[1].tolist(),
            }
            for one in chart.series
        ],
    }


def table_data(table: Table) -> dict[str, Any]:
    """A table as data: the heads of its columns, its rows as they are printed, and the lines around it."""
    return {
        "title": table.title,
        "columns": [column.head for column in table.columns],
        "rows": [list(row) for row in table.rows],
        "lines": [*table.lead, *table.legend],
    }


def _text(words: str | Line) -> str:
    return words if isinstance(words, str) else "".join(text for text, _ in words)
