"""McNemar's test against scipy and statsmodels; the intervals against published examples, statsmodels and resampling."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import confint_proportions_2indep

from engine.analysis.statistics.mcnemar import PairedCounts, unpaired_interval

DISAGREEMENTS = [(0, 1), (1, 0), (5, 5), (40, 61), (88, 149), (398, 137), (3, 0), (1500, 1600)]


@pytest.mark.parametrize(("lost", "won"), DISAGREEMENTS)
def test_the_exact_test_is_that_of_scipy_and_statsmodels(lost, won):
    found = PairedCounts(9000, lost, won, 100)
    table = [[found.both, lost], [won, found.neither]]
    assert found.exact_p == pytest.approx(scipy_stats.binomtest(lost, lost + won).pvalue, rel=1e-9)
    assert found.exact_p == pytest.approx(mcnemar(table, exact=True).pvalue, rel=1e-9)


@pytest.mark.parametrize(("lost", "won"), DISAGREEMENTS)
def test_the_mid_p_value_counts_the_observed_table_half_on_each_side(lost, won):
    least, n = min(lost, won), lost + won
    both_tails = 2 * (scipy_stats.binom.cdf(least - 1, n, 0.5) + scipy_stats.binom.pmf(least, n, 0.5) / 2)
    assert PairedCounts(0, lost, won, 0).mid_p == pytest.approx(both_tails, rel=1e-9)


def test_known_values():
    found = PairedCounts(9000, 40, 61, 899)
    assert (found.exact_p, found.mid_p) == (pytest.approx(0.0460, abs=5e-5), pytest.approx(0.0371, abs=5e-5))
    assert found.difference == pytest.approx(0.0021)


def test_models_that_agree_everywhere_do_not_differ():
    found = PairedCounts(9, 0, 0, 1)
    assert (found.difference, found.exact_p, found.mid_p) == (0, 1, 1)
    low, high = found.interval().low, found.interval().high
    assert low == -high < 0
    assert math.isnan(PairedCounts(0, 0, 0, 0).difference)
    with pytest.raises(ValueError, match="without images"):
        PairedCounts(0, 0, 0, 0).interval()


def test_a_p_value_too_small_for_a_float_is_0_and_no_error():
    assert PairedCounts(0, 0, 2000, 0).exact_p == 0.0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (PairedCounts(36, 2, 12, 0), (0.0569, 0.3404)),  # Newcombe 1998, the first of his examples
        (PairedCounts(1, 7, 1, 12), (-0.507, -0.026)),  # Fagerland, Lydersen and Laake 2014, doi 10.1002/sim.6148
        (PairedCounts(59, 16, 6, 80), (-0.1186, -0.0046)),  # their R package `contingencytables`, chapter 8
    ],
)
def test_the_paired_interval_is_that_of_published_examples(counts, expected):
    found = counts.interval()
    assert (found.low, found.high) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize("counts", [PairedCounts(9538, 88, 149, 225), PairedCounts(9000, 300, 310, 390)])
def test_the_paired_interval_is_that_of_a_bootstrap_over_images(counts):
    run = np.repeat([1.0, 0.0, 1.0, 0.0], [counts.both, counts.lost, counts.won, counts.neither])
    base = np.repeat([1.0, 1.0, 0.0, 0.0], [counts.both, counts.lost, counts.won, counts.neither])
    expected = scipy_stats.bootstrap(
        (run, base), lambda a, b, axis: (a - b).mean(axis), paired=True, n_resamples=3000, batch=100,
        method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    found = counts.interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=3e-4)


def test_the_paired_interval_covers_the_true_difference_as_often_as_it_says():
    rng = np.random.default_rng(0)
    chances = np.array([0.93, 0.015, 0.025, 0.03])
    samples = rng.multinomial(2000, chances, size=2000)
    covered = 0
    for both, lost, won, neither in samples.tolist():
        found = PairedCounts(both, lost, won, neither).interval()
        covered += found.low <= 0.010 <= found.high
    assert covered / len(samples) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    "counts", [(96, 100, 93, 100), (0, 10, 10, 10), (9626, 10_000, 9365, 10_000), (5, 7, 600, 900)]
)
def test_the_unpaired_interval_is_newcombes(counts):
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    found = unpaired_interval(*counts)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_the_intervals_stay_within_what_a_difference_can_be_and_swap_with_the_models():
    for both, lost, won, neither in product((0, 1, 30), repeat=4):
        if not both + lost + won + neither:
            continue
        found = PairedCounts(both, lost, won, neither).interval()
        swapped = PairedCounts(both, won, lost, neither).interval()
        difference = (won - lost) / (both + lost + won + neither)
        assert -1 <= found.low <= difference <= found.high <= 1
        assert (-swapped.high, -swapped.low) == pytest.approx((found.low, found.high))
