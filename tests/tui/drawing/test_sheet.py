"""A sheet says the same as text and as SVG."""

import xml.etree.ElementTree as ET

from tui.drawing.axes import Axis
from tui.drawing.charts import Chart, Series
from tui.drawing.sheet import Sheet
from tui.drawing.typeset import Column, Table

CHART = Chart("accuracy %", (Series("test", [1, 2], [10, 20], ("20.00",)),), Axis(0, 10), Axis(0, 50), "epoch")
EMPTY = Chart("loss", (), Axis(0, 10), Axis(0, 1), empty="no test yet")
TABLE = Table("Runs", (Column("id"),), (("k3f9",),))


def test_both_forms_have_every_chart_and_table():
    sheet = Sheet("x", [CHART, EMPTY], [TABLE], [[("a line", "strong")]])
    svg, text = sheet.written("svg", "braille"), sheet.written("txt", "ascii")
    assert ET.fromstring(svg).tag.endswith("svg")
    for words in ("accuracy %", "20.00", "Runs", "k3f9", "a line"):
        assert words in svg and words in text, words
    assert "no test yet" not in svg + text, "a chart without a point is left out"
    assert text.isascii()
