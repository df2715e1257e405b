"""Charts and tables as plain data."""

import math

from tui.drawing.axes import Axis
from tui.drawing.charts import Chart, Curve
from tui.drawing.export_charts import chart_data, table_data
from tui.drawing.typeset import Column, Table


def test_a_chart_has_its_measured_points_and_the_words_beside_them():
    runs = Curve("test", [1, 2, 3], [90.0, math.nan, 93.5], ("93.50", "Δ +0.10"), best=3.0)
    level = Curve("reported", [0, 3], [96.0, 96.0], ("96.00",), kind="level")
    title = [("● k3f9", "run-0"), ("  resnet34", "strong")]
    chart = Chart(title, (level, runs), Axis(0, 3), Axis(90, 97), "epoch", rights=([("last ", "dim"), ("93.50", "")],))
    found = chart_data(chart)
    assert (found["title"], found["summary"], found["x_name"]) == ("● k3f9  resnet34", "last 93.50", "epoch")
    assert found["series"][1] == {
        "label": "test", "shown": ["93.50", "Δ +0.10"], "best_x": 3.0, "x": [1.0, 3.0], "y": [90.0, 93.5],
    }  # fmt: skip
    assert found["series"][0]["best_x"] is None


def test_a_chart_without_a_summary_or_a_curve_is_still_data():
    found = chart_data(Chart("loss", (), Axis(0, 1), Axis(0, 1)))
    assert found == {"title": "loss", "summary": "", "x_name": "", "series": []}


def test_a_table_has_its_heads_its_rows_and_the_lines_around_it():
    table = Table(
        "classes", (Column("class"), Column("last, %", right=True)), (("cat", "84.0"),), ("above",), ("below",)
    )
    assert table_data(table) == {
        "title": "classes", "columns": ["class", "last, %"], "rows": [["cat", "84.0"]], "lines": ["above", "below"],
    }  # fmt: skip
