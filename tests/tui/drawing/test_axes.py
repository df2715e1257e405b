"""Axes: which range is shown, and which ticks are labeled."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.drawing.axes import Axis, accuracy_axis, axis_end, round_steps, tick_label, value_axis, x_axis


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
    assert axis.high == 3 and [label for _, label in axis.ticks] == ["0", "1", "2", "3"]


@given(st.floats(0, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
def test_ticks_are_inside_the_range_and_not_too_many(low, span, count):
    ticks = round_steps(low, low + span, count)
    assert 1 <= len(ticks) <= count
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


def test_equal_factors_of_the_error_are_equal_steps_on_the_log_error_axis():
    axis = Axis(0, 99.9, scale="log error")
    at_90, at_99, at_0 = axis.position([90, 99, 0])
    assert at_99 - at_90 == pytest.approx(at_90 - at_0)
    assert (at_0, at_99) == pytest.approx((0, 2 / 3))


def test_the_accuracy_axis_marks_the_figures_that_matter():
    axis = accuracy_axis([[61.0, 93.6], [96.47]], 9)
    assert axis.low == 60
    assert [label for _, label in axis.ticks] == ["60", "70", "80", "90", "95"]
    assert 96.47 < axis.high < 100


def test_a_perfect_accuracy_has_a_place():
    axis = accuracy_axis([[90.0, 100.0]], 9)
    assert axis.high < 100.0
    assert np.isfinite(axis.position([100.0])).all()


def test_a_lone_spike_does_not_flatten_the_rest():
    calm = [1.0] * 200
    assert value_axis([[*calm, 1e6]], 9).high < 10
    assert value_axis([[1.0, 2.0, 3.0]], 9).high >= 3


@pytest.mark.parametrize(("value", "label"), [(0.5, ".5"), (50, "50"), (0.005, ".005"), (20000, "20k"), (1.5, "1.5")])
def test_tick_labels_are_short(value, label):
    assert tick_label(value) == label
