"""Means over seeds and their differences against scipy.stats."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from engine.analysis.statistics.means import mean_interval, paired_by_seed, pooled_sd, welch
from engine.analysis.stats import spread

ONE, OTHER = [0.9685, 0.9692, 0.9678], [0.9626, 0.9635, 0.9611, 0.9629]


@pytest.mark.parametrize("values", [ONE, OTHER, [0.1, 0.9]])
def test_the_interval_of_a_mean_is_the_t_interval(values):
    expected = scipy_stats.t.interval(0.95, len(values) - 1, np.mean(values), scipy_stats.sem(values))
    found = mean_interval(spread(values))
    assert (found.low, found.high) == pytest.approx(expected)


def test_its_half_width_in_standard_deviations():
    for values, factor in (([1, 2, 3], 2.48), ([1, 2, 3, 4, 5], 1.24)):
        found = spread(values)
        assert mean_interval(found).half / found.sd == pytest.approx(factor, abs=0.005)


def test_one_seed_has_no_interval():
    assert mean_interval(spread([0.9])) is None and mean_interval(spread([])) is None


def test_two_recipes_are_compared_by_welch():
    expected = scipy_stats.ttest_ind(ONE, OTHER, equal_var=False)
    interval = expected.confidence_interval()
    found = welch(ONE, OTHER)
    assert (found.p, found.df) == pytest.approx((expected.pvalue, expected.df))
    assert (found.interval.low, found.interval.high) == pytest.approx((interval.low, interval.high))
    assert (found.difference, found.n, found.method) == (pytest.approx(np.mean(ONE) - np.mean(OTHER)), (3, 4), "welch")


def test_one_recipe_without_spread_is_still_compared():
    expected = scipy_stats.ttest_ind_from_stats(
        0.5, 0.0, 2, np.mean(OTHER), np.std(OTHER, ddof=1), len(OTHER), equal_var=False
    )
    assert welch([0.5, 0.5], OTHER).p == pytest.approx(expected.pvalue)


def test_seeds_are_paired_by_their_number():
    values, baseline = {0: 0.96, 1: 0.97, 2: 0.965, 7: 0.5}, {2: 0.961, 1: 0.964, 0: 0.957, 3: 0.1}
    common = [0, 1, 2]
    expected = scipy_stats.ttest_rel([values[s] for s in common], [baseline[s] for s in common])
    interval = expected.confidence_interval()
    found = paired_by_seed(values, baseline)
    assert (found.p, found.df, found.n) == (pytest.approx(expected.pvalue), 2, (3, 3))
    assert (found.interval.low, found.interval.high) == pytest.approx((interval.low, interval.high))
    assert found.method == "paired by seed"


def test_too_few_seeds_or_no_spread_at_all_give_no_test():
    assert welch([0.9], OTHER) is None and welch([0.9, 0.9], [0.8, 0.8]) is None
    assert paired_by_seed({0: 0.9}, {0: 0.8}) is None
    assert paired_by_seed({0: 0.9, 1: 0.8}, {2: 0.9, 3: 0.8}) is None
    assert paired_by_seed({0: 0.5, 1: 0.25}, {0: 0.25, 1: 0.0}) is None


def test_the_pooled_sd_weighs_recipes_by_their_degrees_of_freedom():
    pooled = pooled_sd([spread(ONE), spread(OTHER), spread([0.5])])
    expected = math.sqrt((2 * np.var(ONE, ddof=1) + 3 * np.var(OTHER, ddof=1)) / 5)
    assert pooled == pytest.approx(expected)
    assert math.isnan(pooled_sd([spread([0.5])]))
