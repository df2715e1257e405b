"""The number of seeds that an experiment needs, against statsmodels and simulated experiments."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.power import TTestIndPower

from engine.analysis.statistics.planning import FEWEST, runs_for_improvement, seeds_needed


@pytest.mark.parametrize(("sd", "expected"), [(0.15, [37, 10, 6, 3]), (0.20, [64, 17, 9, 4])])
def test_known_numbers(sd, expected):
    assert [seeds_needed(difference, sd) for difference in (0.1, 0.2, 0.3, 0.5)] == expected


@pytest.mark.parametrize("effect", [0.05, 0.1, 0.37, 1.0, 1.7])
def test_it_is_the_next_whole_number_above_that_of_statsmodels(effect):
    assert seeds_needed(effect, 1.0) == math.ceil(TTestIndPower().solve_power(effect, power=0.8, alpha=0.05))


def test_that_many_seeds_see_the_difference_four_times_in_five():
    n = seeds_needed(0.2, 0.15)
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.2, 0.15, (4000, n)), rng.normal(0.0, 0.15, (4000, n))
    seen = scipy_stats.ttest_ind(one, other, axis=1).pvalue < 0.05
    assert 0.78 < seen.mean() < 0.86  # with n - 1 seeds it would be below 0.8


def test_a_plan_has_at_least_three_seeds_and_is_none_where_it_cannot_be_made():
    assert seeds_needed(5.0, 0.1) == seeds_needed(0.2, 0.0) == FEWEST == 3
    assert seeds_needed(0.2, math.nan) == seeds_needed(0.0, 0.1) == seeds_needed(0.0001, 0.2) == 0


def test_the_number_of_runs_for_a_probability_of_improvement_is_that_of_the_paper():
    assert runs_for_improvement(0.75) == 29
    assert runs_for_improvement(0.6) > runs_for_improvement(0.9)
