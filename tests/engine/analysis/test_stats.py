"""Intervals and spreads against scipy."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from engine.analysis.stats import spread, wilson


@pytest.mark.parametrize(("right", "n"), [(0, 10), (10, 10), (7, 10), (9626, 10_000), (9_999, 10_000), (1, 1)])
@pytest.mark.parametrize("confidence", [0.68, 0.95, 0.99])
def test_the_interval_is_wilsons(right, n, confidence):
    expected = scipy_stats.binomtest(right, n).proportion_ci(confidence, method="wilson")
    found = wilson(right / n, n, confidence)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_one_run_on_cifar_is_known_to_a_third_of_a_percent():
    assert 100 * wilson(0.9626, 10_000).half == pytest.approx(0.37, abs=0.005)


@pytest.mark.parametrize(("accuracy", "n"), [(-0.1, 10), (1.1, 10), (0.5, 0), (math.nan, 10)])
def test_nonsense_has_no_interval(accuracy, n):
    with pytest.raises(ValueError, match="no interval"):
        wilson(accuracy, n)


def test_the_spread_divides_by_n_minus_one_and_skips_what_was_not_measured():
    values = [0.9626, 0.9635, 0.9611, math.nan]
    found = spread(values)
    assert found.n == 3
    assert found.mean == pytest.approx(np.nanmean(values))
    assert found.sd == pytest.approx(np.nanstd(values, ddof=1))


def test_one_value_has_no_spread_and_none_has_no_mean():
    assert math.isnan(spread([0.5]).sd) and spread([0.5]).n == 1
    assert math.isnan(spread([]).mean) and spread([math.nan]).n == 0
