"""What a chart shows: its points, and what a cursor reads from them."""

import math

import pytest

from tui.drawing.charts import Curve, marked

NAN = math.nan


@pytest.mark.parametrize("x", [0.5, 1, 2.9, 3, 7, 99])
def test_the_cursor_reads_the_last_recorded_epoch_at_or_before_it(x):
    one = Curve("", [1, 2, 3, 5, 8], [10, 20, NAN, 50, 80])
    recorded = [(epoch, value) for epoch, value in zip(one.x, one.y, strict=True) if epoch <= x and value == value]
    assert one.read(x) == (recorded[-1] if recorded else pytest.approx((NAN, NAN), nan_ok=True))


def test_only_what_was_measured_is_a_point():
    xs, ys = Curve("", [1, 2, 3, NAN], [0.1, NAN, math.inf, 0.4]).points
    assert (xs.tolist(), ys.tolist()) == ([1.0], [0.1])
    assert Curve("", [0], [1e308]).points[1].tolist() == [1e200]


def test_a_cursor_reads_the_runs_and_not_what_they_are_compared_with():
    runs = [Curve(name, [0], [0]) for name in ("a", "b")]
    assert marked([Curve("reported", [0], [0], kind="level"), *runs, Curve("", [0], [0])]) == runs
