"""A sheet says the same as text and as SVG."""

import json
import xml.etree.ElementTree as ET

from tui.drawing.axes import Axis
from tui.drawing.charts import Chart, Curve
from tui.drawing.sheet import Sheet
from tui.drawing.typeset import Column, Table

CHART = Chart("accuracy %", (Curve("test", [1, 2], [10, 20], ("20.00",)),), Axis(0, 10), Axis(0, 50), "epoch")
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


def test_tables_have_formats_of_their_own_and_json_has_the_points_of_curves():
    sheet = Sheet("x", [CHART], [TABLE, TABLE])
    assert sheet.written("md", "braille").count("### Runs") == 2 and "20.00" not in sheet.written("md", "braille")
    assert "\\label{tab:x-1}" in sheet.written("tex", "braille") and "\\label{tab:x-2}" in sheet.written(
        "tex", "braille"
    )
    assert sheet.written("csv", "braille") == "Runs\nid\nk3f9\n\nRuns\nid\nk3f9\n"
    found = json.loads(sheet.written("json", "braille"))
    assert found["charts"][0]["series"][0]["y"] == [10, 20] and found["tables"][1]["rows"] == [["k3f9"]]


def test_a_page_with_pictures_is_drawn_as_it_is_and_written_as_its_tables():
    sheet = Sheet("x", [CHART], [TABLE], picture=[[("a picture", "")]])
    svg, text = sheet.written("svg", "braille"), sheet.written("txt", "braille")
    assert "a picture" in svg and "k3f9" not in svg
    assert "a picture" not in text and "k3f9" in text and "accuracy %" in text
