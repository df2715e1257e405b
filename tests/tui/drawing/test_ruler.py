"""The ruler of last, best and reported accuracy."""

import math

import pytest

from engine.analysis.stats import wilson
from tests.tui.reading import fits, text_of
from tui.drawing.ruler import Ruled, ruler

INTERVAL = wilson(0.9626, 10_000)


def test_each_figure_stands_at_its_tick_and_the_interval_reaches_as_far_as_it_is():
    drawn, ticks = text_of(ruler(Ruled(0.96, wilson(0.96, 10_000), 0.965, 0.962), 70)).splitlines()
    low, high = float(ticks.split()[0]), float(ticks.split()[-1])

    def at(value):
        return round((value - low) / (high - low) * 69)

    assert (drawn[at(96)], drawn[at(96.5)], drawn[at(96.2)]) == ("●", "○", "┊")
    assert drawn.index("━") == at(100 * wilson(0.96, 10_000).low)
    assert abs(ticks.index("96 ") - at(96)) <= 1


def test_the_last_epoch_is_seen_where_marks_share_a_cell():
    drawn = text_of(ruler(Ruled(0.9, None, 0.9, 0.9), 40)).splitlines()[0]
    assert drawn.count("●") == 1 and "○" not in drawn and "┊" not in drawn


@pytest.mark.parametrize("cells", [20, 40, 77, 180])
@pytest.mark.parametrize("last", [0.0, 0.0995, 0.5, 0.99999, 1.0])
@pytest.mark.parametrize("reported", [math.nan, 0.0, 0.9647])
def test_any_figures_fit(cells, last, reported):
    lines = ruler(Ruled(last, wilson(last, 1000), math.nan, reported), cells)
    assert fits(lines, cells, 2) and "●" in text_of(lines)
