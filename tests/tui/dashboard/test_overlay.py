"""The overlay of Compare: where points are on each x axis, who is drawn last, what the heading says."""

import math

import numpy as np
import pytest

from engine.analysis.marked import mark, read_run
from tests.tui.dashboard.reading import leave_the_last_test
from tests.tui.demo import Demo, write_run
from tests.tui.reading import line_of
from tui.dashboard.compare_layout import compare_layout
from tui.dashboard.options import Options
from tui.dashboard.overlay import Overlay, overlay_chart, positions
from tui.drawing.ranges import Ranges


@pytest.fixture
def marked(root):
    runs = [write_run(root, Demo(epochs_done=done, step=0, name="", seed=done, seconds=30.0)) for done in (40, 20)]
    return mark([read_run(run) for run in runs], runs[0].id)


@pytest.mark.parametrize(("unit", "last"), [("epoch", 20.0), ("step", 7800.0), ("time", 10.0), ("schedule", 4.0)])
def test_each_unit_has_its_positions_and_the_cursor_is_at_the_end_of_its_epoch(marked, unit, last):
    assert positions(marked[1], unit)[-1] == pytest.approx(last)
    shown = Overlay(marked, [0, 1], marked[0].run.id)
    chart = overlay_chart(shown, Options(x=unit, cursor=20), Ranges(), wide=True)
    assert chart.cursor == pytest.approx(last)
    assert math.isnan(overlay_chart(shown, Options(x=unit), Ranges(), wide=True).cursor)
    assert chart.x.high >= positions(marked[0], unit)[-1]


def test_the_chosen_run_is_drawn_last_and_each_keeps_its_slot(marked):
    shown = Overlay(marked, [0, 5], marked[0].run.id, chosen=marked[0].run.id)
    chart = overlay_chart(shown, Options(), Ranges(), wide=True)
    assert [one.role for one in chart.series] == ["run-5", "run-0"]
    assert chart.series[-1].value == ("baseline",) and np.isfinite(chart.series[0].best)
    loss = overlay_chart(Overlay(marked, [0, None], marked[0].run.id, loss=True), Options(zoom=2), Ranges(), wide=False)
    assert len(loss.series) == 1 and loss.title == "test loss"
    assert "first 1 of 2 drawn" in line_of(loss.rights[0]) and "y zoom +2" in line_of(loss.rights[0])


@pytest.mark.parametrize(("loss", "unit"), [(False, "accuracy %"), (True, "loss")])
def test_runs_that_were_tested_once_show_their_training(root, loss, unit):
    runs = [write_run(root, Demo(epochs_done=40, step=0, name="", seed=seed)) for seed in range(3)]
    for run in runs[:2]:
        leave_the_last_test(run)
    *once, often = mark([read_run(run) for run in runs], runs[0].id)
    chart = overlay_chart(Overlay(once, [0, 1], "", loss=loss), Options(), Ranges(), wide=True)
    assert chart.title == f"train {unit}, tested at the end"
    for drawn, one in zip(reversed(chart.series), once, strict=True):
        epochs = one.course.epochs
        expected = [epoch.train_loss if loss else 100 * epoch.train_accuracy for epoch in epochs]
        np.testing.assert_array_equal(drawn.points[1], expected)
        assert math.isnan(drawn.best) and float(drawn.label.split()[-1]) == pytest.approx(expected[-1], rel=0.01)
    mixed = overlay_chart(Overlay([often, once[0]], [0, 1], "", loss=loss), Options(), Ranges(), wide=True)
    assert mixed.title == f"test {unit}"


@pytest.mark.parametrize("size", [(80, 24), (80, 40), (100, 30), (120, 40), (160, 45), (200, 50), (60, 18)])
@pytest.mark.parametrize("runs", [1, 2, 4, 8])
def test_the_panes_fill_the_screen_and_none_is_lost(size, runs):
    found = compare_layout(*size, runs)
    used = found.chart + 1 + found.rows + found.verdict + found.lower + found.column
    assert used == size[1] - 2 and found.chart >= 5 and found.rows >= 1
    assert (found.left + 2 + found.right if found.column else found.left) == size[0]
