"""Where a run's points, its axis and the cursor are, in each unit of the x axis."""

import math

import pytest

from engine.analysis.marked import mark, read_run
from presets.loader import Edits
from tests.tui.dashboard.reading import view_of
from tests.tui.demo import Demo, write_run
from tui.dashboard.curves import rate_curve
from tui.dashboard.options import Options
from tui.dashboard.overlay import positions
from tui.dashboard.positions import cursor_at, epoch_positions, step_positions, x_axis_for
from tui.screens.preview_reader import curve_of


@pytest.fixture
def view(root):
    return view_of(write_run(root, Demo(epochs_done=40, step=0, seconds=30.0)))


@pytest.mark.parametrize(("unit", "at"), [("epoch", 20.0), ("step", 20 * 390.0), ("time", 10.0)])
def test_the_cursor_is_at_the_end_of_its_epoch(view, unit, at):
    assert cursor_at(view, Options(x=unit, cursor=20)) == pytest.approx(at)
    assert math.isnan(cursor_at(view, Options(x=unit)))


@pytest.mark.parametrize(("shown", "low", "high"), [("whole", 0, 50), ("last half", 20, 40), ("last fifth", 32, 40)])
def test_the_axis_shows_the_whole_run_or_its_end(view, shown, low, high):
    axis = x_axis_for(view, Options(x_range=shown))
    assert (axis.low, axis.high) == (low, high)


def test_steps_are_counted_over_all_epochs(view):
    assert step_positions(view)[-1] == 40 * 390
    assert epoch_positions(view, Options(x="step"))[-1] == 40 * 390


@pytest.mark.parametrize(("unit", "ends"), [("epoch", [1, 2, 2.6]), ("step", [390, 780, 1014])])
def test_a_short_last_epoch_ends_where_the_training_does(root, unit, ends):
    view = view_of(write_run(root, Demo(epochs_done=3, state="finished", edits=Edits(sets=("epochs=2.6",)))))
    options = Options(x=unit, cursor=3)
    assert epoch_positions(view, options).tolist() == pytest.approx(ends)
    assert cursor_at(view, options) == pytest.approx(ends[-1])
    assert x_axis_for(view, options).high == pytest.approx(ends[-1])
    (run,) = mark([read_run(view.run)], view.run.id)
    assert positions(run, unit).tolist() == pytest.approx(ends)
    assert positions(run, "schedule").tolist() == pytest.approx([100 / 2.6, 200 / 2.6, 100.0])
    assert curve_of(view).epochs.tolist() == pytest.approx([1, 2, 2.6])
    assert rate_curve(view, [0.1, 0.0]).x.high == pytest.approx(2.6)
