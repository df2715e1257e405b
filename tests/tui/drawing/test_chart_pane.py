"""A chart pane: its heading, what the cursor reads, and what it says while there is nothing to plot."""

import math

import pytest

from tests.tui.reading import fits, line_of, text_of
from tui.drawing.axes import Axis
from tui.drawing.chart_pane import chart_pane, cursor_reading
from tui.drawing.charts import Chart, ChartStyle, Curve

X, Y = Axis(0, 10, ((0, "0"), (10, "10"))), Axis(0, 1, ((0, "0"), (1, "1")))
EMPTY = "no test yet: the first comes after epoch 1"


def pane(width, height, empty="", rights=("lr 0.1   w smooth 0", "lr 0.1"), **options):
    series = () if empty else (Curve("test", [0, 10], [0.2, 0.9], ("0.9",), mark="●"),)
    return chart_pane(Chart("loss", series, X, Y, rights=rights, empty=empty, **options), ChartStyle(), width, height)


def test_the_heading_names_the_plot_and_shows_what_fits():
    assert text_of(pane(50, 9)).splitlines()[0].endswith("lr 0.1   w smooth 0 ─")
    assert text_of(pane(24, 9)).splitlines()[0][1:] == " loss ──────── lr 0.1 ─"


@pytest.mark.parametrize(("width", "lines"), [(80, 1), (57, 1), (56, 2), (50, 2), (40, 3)])
def test_the_reason_for_an_empty_plot_is_never_truncated(width, lines):
    drawn = pane(width, 10, EMPTY)
    assert fits(drawn, width, 10)
    inside = [line.split("│", 1)[1].strip() for line in text_of(drawn).splitlines() if "│" in line]
    words = [line for line in inside if line]
    assert len(words) == lines and " ".join(words) == EMPTY


def test_the_cursor_reads_the_run_in_question_first_and_names_an_epoch_that_differs():
    series = (
        Curve("reported", [0, 500], [96.0, 96.0], kind="level"),
        Curve("a", [100, 305, 320], [90.0, 96.604, 97.0], mark="▲"),
        Curve("b", [310, 400], [95.88, 96.0], mark="●"),
        Curve("c", [400], [50.0], mark="■"),
    )
    chart = Chart("accuracy %", series, Axis(0, 500), Axis(0, 100), write="{:.2f}".format, cursor=310)
    assert line_of(cursor_reading(chart)) == "at 310  ■ -  ● 95.88  ▲ 96.60 @ 305"


def test_the_reading_stands_in_the_heading():
    assert "at 4  ● 0.200 @ 0" in text_of(pane(50, 9, cursor=4.0)).splitlines()[0]
    assert "at" not in text_of(pane(50, 9, cursor=math.nan)).splitlines()[0]
