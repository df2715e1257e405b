"""Charts, tables and pages as SVG: the numbers are in the right places, and text stays text."""

import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tui.drawing.axes import Axis
from tui.drawing.charts import Chart, Curve
from tui.drawing.palette import DARK, LIGHT, PALETTES, hex_of
from tui.drawing.svg import CELL, chart_part, lines_part, page, table_part
from tui.drawing.typeset import Column, Table, text

SVG = "{http://www.w3.org/2000/svg}"


def parsed(parts, palette=None):
    return ET.fromstring(page(parts, palette))


def texts(root):
    return [element.text for element in root.iter(f"{SVG}text")]


def chart(**changes):
    values = {
        "title": "accuracy %",
        "series": (
            Curve("test", [1, 2, 3, 4], [10.0, math.nan, 30.0, 40.0], ("40.00",), "test", "●", best=3),
            Curve("reported", [0, 10], [35.0, 35.0], ("35.00",), "reported", kind="level"),
        ),
        "x": Axis(0.0, 10.0),
        "y": Axis(0.0, 50.0, ((0.0, "0"), (50.0, "50"))),
        "x_name": "epoch",
    }
    return Chart(**values | changes)


def test_a_curve_goes_through_its_points():
    root = parsed([chart_part(chart())])
    left, bottom = (
        float(v) for v in next(e for e in root.iter(f"{SVG}polyline")).get("points").split(" ")[0].split(",")
    )
    curve, level = root.iter(f"{SVG}polyline")
    xs, ys = zip(*(map(float, point.split(",")) for point in curve.get("points").split()), strict=True)
    assert len(xs) == 3, "what was not measured is left out"
    assert (xs[1] - xs[0]) / (xs[2] - xs[1]) == pytest.approx(2, abs=0.05), "epochs 1, 3 and 4"
    assert (ys[0] - ys[1]) / (ys[1] - ys[2]) == pytest.approx(2, abs=0.05), "10, 30 and 40 %"
    assert curve.get("stroke") == hex_of(LIGHT.runs[0]) and level.get("stroke-dasharray")
    marks = list(root.iter(f"{SVG}circle"))
    assert [float(marks[0].get("cx")), float(marks[0].get("cy"))] == [xs[2], ys[2]], "the last point"
    assert marks[1].get("fill") == "none" and float(marks[1].get("cx")) == xs[1], "the best one"
    assert left > 0 and bottom > 0


def test_title_ticks_and_labels_are_text():
    shown = texts(parsed([chart_part(chart())]))
    assert {"accuracy %", "0", "50", "epoch", "● test 40.00", "reported 35.00"} <= set(shown)


def test_labels_of_near_curves_do_not_overlap():
    near = tuple(Curve(f"run {i}", [0, 10], [20 + i / 10] * 2) for i in range(6))
    part, *_ = chart_part(chart(series=near))
    places = sorted(float(y) for y, words in re.findall(r'y="([\d.]+)"[^>]*>(run \d)', part))
    assert len(places) == 6 and min(np.diff(places)) >= CELL[1] - 0.2


def test_an_empty_chart_says_why():
    assert "no test yet" in texts(parsed([chart_part(chart(series=(), empty="no test yet"))]))


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_every_palette_draws_and_paints_its_background(palette):
    root = parsed([chart_part(chart(), palette)], palette)
    assert root.find(f"{SVG}rect").get("fill") == hex_of(palette.background)


def test_smoothed_curves_keep_their_raw_points_behind_them():
    one = Curve("test", np.arange(1, 9), np.arange(8.0) * 5, faint="faint-0", weight=0.6)
    root = parsed([chart_part(chart(series=(one,)))])
    assert sum(mark.get("r") == "1.2" for mark in root.iter(f"{SVG}circle")) == 8


def test_a_table_is_what_is_printed():
    table = Table("Runs", (Column("a"), Column("b", right=True)), (("x", "1"), ("y", "20")), legend=("* picked",))
    assert texts(parsed([table_part(table)])) == [line for line in text(table, 160).splitlines() if line]


def test_text_of_runs_is_never_markup():
    evil = '</text><script>alert(1)</script> & \x1b[2J "'
    table = Table(evil, (Column("a"),), ((evil,),))
    root = parsed([table_part(table), lines_part([[(evil, "strong")]]), chart_part(chart(title=evil))])
    assert not list(root.iter(f"{SVG}script"))
    assert all("\x1b" not in words for words in texts(root))
    assert any("<script>" in words for words in texts(root))


def test_lines_keep_columns_colors_and_backgrounds():
    root = parsed([lines_part([[("ab", "strong"), ("  ", ""), ("cd", "right")]], DARK)], DARK)
    first, second = root.iter(f"{SVG}text")
    assert float(second.get("x")) - float(first.get("x")) == pytest.approx(4 * CELL[0], abs=0.1)
    behind = root.findall(f".//{SVG}g/{SVG}rect")
    assert [box.get("fill") for box in behind] == [hex_of(DARK.right)]
