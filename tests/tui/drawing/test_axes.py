"""Axes: where values lie, and which ticks are labeled."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.drawing.axes import Axis, axis_end, cell_of, round_step, round_steps, tick_label, x_axis, x_ticks, y_ticks


def labels(ticks):
    return [label for _, label in ticks]


@pytest.mark.parametrize(
    ("last", "planned", "end"),
    [
        (0, 500, 10),
        (10, 500, 10),
        (11, 500, 20),
        (112, 500, 200),
        (201, 500, 500),
        (51, 64, 64),
        (3, 2, 10),
        (501, math.inf, 1000),
    ],
)
def test_the_x_range_is_the_next_round_number_but_never_past_the_plan(last, planned, end):
    assert axis_end(last, planned) == end


def test_a_plan_of_three_epochs_fills_the_axis_and_has_no_half_epochs():
    axis = x_axis(2, 3)
    assert axis.high == 3 and labels(x_ticks(axis, 40)) == ["0", "1", "2", "3"]


@given(st.floats(0, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
def test_ticks_are_inside_the_range_and_not_too_many(low, span, count):
    ticks = round_steps(low, low + span, count)
    assert 1 <= len(ticks) <= count
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


@given(st.floats(1e-9, 1e9))
def test_a_round_step_is_one_two_or_five_times_a_power_of_ten(largest):
    step = round_step(largest)
    assert step <= largest * (1 + 1e-9) < 2.51 * step
    assert any(math.isclose(step, factor * 10.0**power) for factor in (1, 2, 5) for power in range(-10, 10))


def test_equal_factors_of_the_error_are_equal_steps_on_the_log_error_axis():
    axis = Axis(0, 99.9, scale="log error")
    at_90, at_99, at_0 = axis.position([90, 99, 0])
    assert at_99 - at_90 == pytest.approx(at_90 - at_0)
    assert (at_0, at_99) == pytest.approx((0, 2 / 3))


def test_the_ticks_of_the_error_are_the_figures_that_matter():
    axis = Axis(72.0, 96.8, scale="log error")
    assert labels(y_ticks(axis, 14)) == ["75", "80", "85", "90", "93", "95", "96.5"]
    assert labels(y_ticks(axis, 9)) == ["80", "90", "95"]


def test_a_narrow_range_of_errors_has_round_steps():
    assert len(y_ticks(Axis(96.05, 96.45, scale="log error"), 14)) >= 3


@given(st.floats(0, 99), st.floats(0.4, 100), st.integers(2, 40), st.sampled_from(["linear", "log error", "log"]))
def test_a_tick_has_its_row_and_the_rows_beside_it_to_itself(low, span, rows, scale):
    axis = Axis(max(low, 0.01), min(low + span, 99.99), scale=scale)
    places = sorted(cell_of(1 - float(axis.position(tick)), rows) for tick, _ in y_ticks(axis, rows))
    assert all(b - a >= 2 for a, b in itertools.pairwise(places))


@pytest.mark.parametrize(("value", "label"), [(0.5, ".5"), (50, "50"), (0.005, ".005"), (20000, "20k"), (1.5, "1.5")])
def test_tick_labels_are_short(value, label):
    assert tick_label(value) == label
