"""Where a run's points, its axis and the cursor are, in each unit of the x axis."""

import math

import pytest

from tests.tui.dashboard.reading import view_of
from tests.tui.demo import Demo, write_run
from tui.dashboard.options import Options
from tui.dashboard.positions import cursor_at, epoch_positions, step_positions, x_axis_for


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
