"""A chart pane: its heading, and what it says while there is nothing to plot."""

import pytest

from tests.tui.reading import fits, text_of
from tui.drawing.axes import Axis
from tui.drawing.chart_pane import ChartPane, chart_pane
from tui.drawing.charts import ChartStyle, Series

X, Y = Axis(0, 10, ((0, "0"), (10, "10"))), Axis(0, 1, ((0, "0"), (1, "1")))
EMPTY = "no test yet: the first comes after epoch 1"


def pane(width, height, empty="", rights=("lr 0.1   w smooth 0", "lr 0.1")):
    series = () if empty else (Series("test", [0, 10], [0.2, 0.9], ("0.9",)),)
    return chart_pane(ChartPane("loss", series, X, Y, ChartStyle(), rights, empty=empty), width, height)


def test_the_heading_names_the_plot_and_shows_what_fits():
    assert text_of(pane(50, 9)).splitlines()[0].endswith("lr 0.1   w smooth 0 ─")
    assert text_of(pane(24, 9)).splitlines()[0] == "━ loss ──────── lr 0.1 ─"


@pytest.mark.parametrize(("width", "lines"), [(80, 1), (57, 1), (56, 2), (50, 2), (40, 3)])
def test_the_reason_for_an_empty_plot_is_never_truncated(width, lines):
    drawn = pane(width, 10, EMPTY)
    assert fits(drawn, width, 10)
    inside = [line.split("│", 1)[1].strip() for line in text_of(drawn).splitlines() if "│" in line]
    words = [line for line in inside if line]
    assert len(words) == lines and " ".join(words) == EMPTY
