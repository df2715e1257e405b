"""Smoothing against its definition, written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.drawing.smoothing import smooth

NAN = math.nan


@given(st.lists(st.floats(-1e3, 1e3) | st.just(NAN), max_size=600), st.sampled_from([0.6, 0.85, 0.95]))
def test_smoothing_is_the_mean_of_an_average_forwards_and_one_backwards(values, weight):
    def average(measured):
        total, mass, out = 0.0, 0.0, []
        for value in measured:
            total, mass = weight * total + value, weight * mass + 1
            out.append(total / mass)
        return np.array(out)

    measured = [value for value in values if not math.isnan(value)]
    expected = np.full(len(values), NAN)
    both = (average(measured) + average(measured[::-1])[::-1]) / 2
    expected[~np.isnan(values)] = both
    np.testing.assert_allclose(smooth(values, weight), expected, rtol=1e-9, atol=1e-9)


def test_a_straight_line_does_not_lag():
    """Far from both ends, the one-sided average of a slope of 1 would be w / (1 - w) = 5.7 too low."""
    assert smooth(np.arange(401.0), 0.85)[200] == pytest.approx(200.0, abs=1e-6)


def test_the_newest_point_is_half_raw():
    assert smooth([0.0] * 500 + [1.0], 0.6)[-1] == pytest.approx((1.0 + 0.4) / 2)


def test_without_weight_nothing_changes():
    np.testing.assert_array_equal(smooth([1.0, NAN, 3.0], 0.0), [1.0, NAN, 3.0])
