"""The y range: fitted to what matters, in the scale that shows it, and still while points arrive."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.demo import EPOCHS, TEST_ACCURACY
from tui.drawing.axes import Axis, x_axis
from tui.drawing.ranges import Fit, Ranges, fit_accuracy, fit_values, settle, visible, zoomed

NAN = math.nan


def run(*ends):
    """Values of a run whose least and greatest are these."""
    return np.array([ends[0], *np.linspace(*ends, 40), ends[1]])


def cutmix(epochs, lowest):
    """ResNet-34 with CutMix over so many epochs, along the demo's curve, and at least `lowest` after the warm-up."""
    xs = np.arange(1.0, epochs + 1)
    ys = 100 * np.interp(xs, EPOCHS, TEST_ACCURACY)
    ys[5:] = np.maximum(ys[5:], lowest)
    return xs, ys


TABLE = {
    "two runs at 96.2 and 96.3": ([run(95.983, 96.35), run(96.0, 96.53)], [], 95.96, 96.57, 0.01, "log error"),
    "runs from 10 to 13 %": ([run(10.0, 13.0)], [], 9.88, 13.24, 0.01, "linear"),
    "a run at epoch 10": ([run(50.01, 79.4)], [96.26], 48.8, 81.8, 0.1, "linear"),
    "the whole of 500 epochs": ([run(87.28, 96.56)], [96.26], 86.6, 96.9, 0.05, "log error"),
    "four runs, last half": ([run(96.2, 97.01), run(93.23, 93.8)], [], 93.0, 97.2, 0.05, "log error"),
    "one flat run at 85.14": ([np.full(50, 85.14)], [], 84.9, 85.4, 0.05, "linear"),
}
"""Values in sight, references, the range to the accuracy that is known of it, and the scale."""


@pytest.mark.parametrize(("values", "references", "low", "high", "within", "scale"), TABLE.values(), ids=TABLE)
def test_the_range_fits_the_values_with_room_around_them(values, references, low, high, within, scale):
    axis = fit_accuracy(values, references).axis
    assert (axis.low, axis.high) == pytest.approx((low, high), abs=within)
    assert axis.scale == scale


def test_at_epoch_112_the_warm_up_is_left_out_and_the_near_reference_taken_in():
    curve = cutmix(112, lowest=74.67)
    curve[1][5] = 74.67
    axis = fit_accuracy([visible(curve, x_axis(112))], [96.26]).axis
    assert (axis.low, axis.high) == pytest.approx((72.6, 96.8), abs=0.1)
    assert axis.scale == "log error"


def test_the_whole_of_500_epochs_begins_where_its_first_25_end():
    curve = cutmix(500, lowest=0.0)
    seen = visible(curve, x_axis(500))
    assert len(seen) == 475 and seen[0] == curve[1][25]


def test_a_tenth_of_a_point_is_more_than_two_rows_of_fourteen_between_close_runs():
    axis = fit_accuracy([run(95.983, 96.53)]).axis
    rows = 14 * np.diff(axis.position([96.2, 96.3]))
    assert rows[0] == pytest.approx(2.3, abs=0.05)


def test_only_what_is_in_sight_counts_and_in_compare_only_its_last_half():
    xs, ys = np.arange(1.0, 41), np.arange(1.0, 41)
    assert list(visible((xs, ys), Axis(0, 10))) == list(ys[:10])
    assert list(visible((xs, ys), Axis(0, 40))) == list(ys[2:])
    assert list(visible((xs, ys), Axis(0, 40), last_half=True)) == list(ys[20:])
    assert list(visible((xs, np.where(ys < 30, NAN, ys)), Axis(0, 40))) == list(ys[29:])


def test_a_reference_is_taken_in_up_to_a_third_of_the_span_outside():
    values = [run(10.0, 20.0)]
    assert fit_accuracy(values, [23.4]).axis.high > 23.4
    assert fit_accuracy(values, [23.6]).axis.high == pytest.approx(20.8)


def test_a_lone_spike_leaves_the_plot_and_does_not_flatten_the_rest():
    assert fit_values([np.array([1.0] * 200 + [1e6])]).axis.high < 10
    assert fit_values([np.array([1.0, 2.0, 3.0])]).axis.high > 3
    assert fit_values([np.full(9, 0.5)]).axis.high - fit_values([np.full(9, 0.5)]).axis.low == pytest.approx(0.0112)


@given(st.lists(st.floats(1, 2), min_size=1, max_size=300))
def test_values_are_cut_off_at_four_times_their_98th_percentile(values):
    seen = np.array([*values, 1000.0])
    assert fit_values([seen]).high == min(4 * np.percentile(seen, 98), 1000.0)


def test_a_perfect_accuracy_has_a_place():
    axis = fit_accuracy([np.array([90.0, 100.0])]).axis
    assert axis.low < 90 and axis.high <= 100
    assert 0 < axis.position([90.0])[0] < axis.position([99.9])[0] < 1


@given(st.lists(st.floats(0, 100), min_size=1, max_size=60))
def test_a_settled_range_holds_all_that_was_fitted(values):
    fit = fit_accuracy([np.array(values)])
    axis = settle(fit)
    assert axis.low <= fit.axis.low + 1e-6 and axis.high >= fit.axis.high - 1e-6
    assert np.isfinite(axis.position([fit.low, fit.high])).all()


def test_no_accuracy_above_100_is_on_the_axis_nor_below_0():
    axis = settle(fit_accuracy([run(0.5, 97.0)], [96.26]))
    assert (axis.low, axis.high) == (0.0, 100.0)


def test_the_range_ends_on_round_values_of_the_error():
    axis = settle(fit_accuracy([np.array([75.4, 95.5])], [96.26]))
    assert (axis.low, axis.high) == pytest.approx((72.0, 96.8))
    assert settle(fit_accuracy([np.array([10.0, 13.0])])) == Axis(9.8, pytest.approx(13.4))


def test_the_range_moves_only_when_a_point_leaves_or_the_data_have_shrunk():
    before = Axis(0.0, 10.0)
    assert settle(Fit(Axis(1.0, 9.0), 1.5, 8.5), before) is before
    assert settle(Fit(Axis(1.0, 11.0), 1.5, 10.5), before).high == 11.0
    assert settle(Fit(Axis(2.0, 8.0), 2.5, 7.5), before) != before
    assert settle(Fit(Axis(70.0, 96.0, scale="log error"), 75.0, 95.0), before).scale == "log error"


def test_each_chart_keeps_a_range_of_its_own():
    ranges = Ranges()
    first = ranges.settle("accuracy", Fit(Axis(0.0, 10.0), 0.5, 9.5))
    assert ranges.settle("loss", Fit(Axis(2.0, 3.0), 2.1, 2.9)) == Axis(2.0, 3.0)
    assert ranges.settle("accuracy", Fit(Axis(1.0, 9.0), 1.5, 8.5)) is first


@pytest.mark.parametrize("scale", ["linear", "log error"])
def test_a_zoomed_axis_keeps_the_place_of_the_value_and_comes_back(scale):
    axis = Axis(72.0, 96.8, scale=scale)
    closer = zoomed(axis, 95.0, 2)
    assert closer.position([95.0])[0] == pytest.approx(axis.position([95.0])[0])
    assert closer.low > axis.low and closer.high < axis.high
    back = zoomed(closer, 95.0, -2)
    assert (back.low, back.high) == pytest.approx((axis.low, axis.high))
    assert zoomed(axis, NAN, 2) is axis and zoomed(axis, 95.0, 0) is axis
