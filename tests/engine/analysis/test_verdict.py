"""What is said of a difference, by its interval and its corrected p value."""

import math

import pytest

from engine.analysis.stats import Interval
from engine.analysis.verdict import Rules, family_size

RULES = Rules()


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (0.0031, 0.0091, 1e-4, "better"),
        (-0.0306, -0.0216, 1e-9, "worse"),
        (-0.0044, 0.0014, 0.31, "open"),
        (-0.0019, 0.0014, 0.7, "same"),
        (0.0002, 0.0019, 0.01, "same"),  # shown to exist, and to be too small to matter
        (0.0002, 0.0041, 0.06, "not after correction"),
        (-0.0041, -0.0002, 0.06, "not after correction"),
        (-0.0021, 0.0, 0.2, "open"),
        (0.0031, 0.0091, math.nan, "untested"),
    ],
)
def test_outcomes(low, high, p, expected):
    assert RULES.judge(Interval(low, high), p) == expected


def test_same_depends_on_the_smallest_difference_that_matters():
    interval = Interval(-0.004, 0.003)
    assert RULES.judge(interval, 0.8) == "open"
    assert Rules(smallest=0.005).judge(interval, 0.8) == "same"


def test_a_difference_without_an_interval_is_not_judged():
    assert RULES.judge(None, 0.001) == "untested"


def test_only_comparisons_with_a_p_value_belong_to_the_family():
    p = [0.01, math.nan, 0.04]
    adjusted = RULES.corrected(p)
    assert (adjusted[0], adjusted[2]) == (0.02, 0.04) and math.isnan(adjusted[1])
    assert Rules(correction="bh").corrected(p)[0] == 0.02
    assert family_size(p) == 2
