"""The columns of Results: which of them fit, what a difference to the baseline looks like, and when it is colored."""

import math

import pytest

from engine.analysis.against import Against
from engine.analysis.stats import Interval, Spread
from tests.tui.demo import summary
from tui.drawing.interval_cells import Scale
from tui.drawing.lines import width_of
from tui.drawing.run_columns import ALWAYS, COLUMNS, DEFAULT, Cell, Marks, against_of, layout

BASE = summary(id="20261122-101530-base", folder="/nowhere/base", last_accuracy=0.96)
RUN = summary(last_accuracy=0.97)
SEEDS = Spread(0.96, 0.001, 3)


def keys(width, chosen=DEFAULT, baseline=True):
    return [column.key for column, _ in layout(width, chosen, baseline=baseline).columns]


def draw(key, run, marks, width=0):
    return COLUMNS[key].draw(Cell(run, width or COLUMNS[key].width, marks, "", 0.0))


@pytest.mark.parametrize("width", [60, 80, 100, 105, 120, 132, 160, 200])
def test_name_and_the_essential_columns_are_there_at_every_width(width):
    for baseline in (True, False):
        found = keys(width, baseline=baseline)
        assert {*ALWAYS} <= set(found) and (width < 80 or {"name", "changes", "epoch"} <= set(found))
        assert found == [key for key in COLUMNS if key in found], "in the order of the screen"


def test_what_drops_first_comes_back_last_as_the_list_grows():
    before = set()
    for width in range(60, 240):
        now = set(keys(width))
        gap_grew = width == 100  # where two blanks instead of one stand between columns
        assert before <= now or gap_grew, width
        before = now
    assert keys(80)[-3:] == ["last", "delta", "state"] and "interval" in keys(132) and "interval" not in keys(120)


def test_the_columns_of_the_baseline_need_one_and_hidden_columns_stay_hidden():
    assert not {"delta", "interval"} & set(keys(200, baseline=False))
    assert "seed" not in keys(200, DEFAULT - {"seed"})
    assert {"took", "size", "device", "host"} <= set(keys(300, COLUMNS))
    assert set(ALWAYS) <= set(keys(200, ()))


def test_every_cell_has_the_width_of_its_column():
    found = Against(0.01, Interval(0.005, 0.015), 150, 50, 10_000)
    for run in (RUN, BASE, summary(status="running", last_accuracy=None, best_accuracy=None, name="x" * 90)):
        for marks in (Marks(), Marks({RUN.id: 6}, BASE, SEEDS, {RUN.folder: found}, Scale(-0.01, 0.02))):
            for key, column in COLUMNS.items():
                assert width_of(draw(key, run, marks)) == column.width, key


def test_a_difference_needs_two_finished_runs_on_the_same_data():
    marks = Marks(baseline=BASE)
    assert against_of(RUN, marks) == pytest.approx(0.01)
    for other in (BASE, summary(status="running"), summary(data="cifar100"), summary(last_accuracy=None)):
        assert math.isnan(against_of(other, marks))
    assert math.isnan(against_of(RUN, Marks())) and draw("delta", BASE, marks)[0][0].strip() == "base"


@pytest.mark.parametrize(
    ("difference", "interval", "seeds", "role"),
    [
        (0.01, Interval(0.005, 0.015), SEEDS, "ok"),
        (-0.01, Interval(-0.015, -0.005), SEEDS, "warn"),
        (0.01, Interval(-0.001, 0.021), SEEDS, "dim"),  # the interval contains 0
        (0.0028, Interval(0.001, 0.005), SEEDS, "dim"),  # other seeds differ by as much: below 2 sqrt(2) sd
        (0.0029, Interval(0.001, 0.005), SEEDS, "ok"),
        (0.01, Interval(0.005, 0.015), Spread(0.96, 0.001, 2), "dim"),  # the spread of two seeds says nothing
        (0.01, None, SEEDS, "dim"),  # not paired
    ],
)
def test_a_difference_is_colored_only_if_images_and_seeds_leave_no_doubt(difference, interval, seeds, role):
    run = summary(last_accuracy=0.96 + difference)
    marks = Marks({}, BASE, seeds, {run.folder: Against(difference, interval)})
    assert draw("delta", run, marks)[0][1] == role


def test_a_name_that_does_not_fit_loses_its_tags_first():
    run = summary(name="paper v2", tags=("paper", "night"))
    assert draw("name", run, Marks(), 12)[0][0] == "paper v2    "
    assert draw("name", run, Marks(), 24)[0][0].strip() == "paper v2 #paper #night"
