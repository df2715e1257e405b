"""Resampled intervals against scipy's bootstrap and simulation; P(A > B) against the Mann-Whitney statistic."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from engine.analysis.statistics.bootstrap import improvement, recipes_interval


def simulated(rng, runs, images, accuracy, sd):
    """Hits of runs whose accuracies vary with the seed, on images that are equally hard for all of them."""
    hard = rng.random(images)
    chances = accuracy + sd * rng.standard_normal(runs)
    return hard[None] + 0.15 * rng.standard_normal((runs, images)) < np.quantile(hard, chances)[:, None]


def test_with_one_run_each_it_is_scipys_paired_bootstrap_over_images():
    rng = np.random.default_rng(1)
    base = rng.random(2000) < 0.9
    run = base ^ (rng.random(2000) < 0.05)
    expected = scipy_stats.bootstrap(
        (run.astype(float), base.astype(float)), lambda a, b, axis: (a - b).mean(axis), paired=True, n_resamples=4000,
        batch=100, method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    found = recipes_interval(run[None], base[None], resamples=4000)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=8e-4)


def test_with_images_of_no_influence_it_is_scipys_bootstrap_over_seeds():
    """Runs that are right on the same number of images in every resample: all or none of them."""
    one, other = np.array([1, 1, 1, 0, 1, 0], bool), np.array([0, 1, 0, 0, 1], bool)
    expected = scipy_stats.bootstrap(
        (one.astype(float), other.astype(float)), lambda a, b, axis: a.mean(axis) - b.mean(axis), n_resamples=20_000,
        method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    found = recipes_interval(np.repeat(one[:, None], 50, 1), np.repeat(other[:, None], 50, 1), resamples=20_000)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01)


def test_it_says_the_same_every_time_and_images_alone_would_understate_it():
    rng = np.random.default_rng(0)
    one, other = simulated(rng, 6, 1000, 0.9, 0.01), simulated(rng, 6, 1000, 0.88, 0.01)
    found = recipes_interval(one, other, resamples=500)
    assert found == recipes_interval(one, other, resamples=500)
    assert found.low < one.mean() - other.mean() < found.high
    images = rng.integers(0, 1000, (500, 1000))
    gaps = one.mean(0)[images].mean(1) - other.mean(0)[images].mean(1)
    assert found.half > np.subtract(*np.quantile(gaps, [0.975, 0.025])) / 2


def test_it_covers_the_true_difference_over_seeds_and_images():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(150):
        hard = rng.random(600)  # another test set and other seeds each time
        runs = []
        for accuracy in (0.80, 0.76):
            chances = accuracy + 0.02 * rng.standard_normal(12)
            runs.append(hard[None] < chances[:, None])
        found = recipes_interval(*runs, resamples=300)
        covered += found.low <= 0.04 <= found.high
    assert 0.87 < covered / 150 <= 1.0


@pytest.mark.parametrize("values", [([0.9, 0.8, 0.7], [0.85, 0.6]), ([0.5, 0.5], [0.5, 0.4]), ([0.1], [0.2])])
def test_the_probability_of_improvement_is_the_mann_whitney_statistic(values):
    one, other = values
    expected = scipy_stats.mannwhitneyu(one, other).statistic / (len(one) * len(other))
    assert improvement(one, other).probability == pytest.approx(expected)


def test_its_interval_is_scipys_bootstrap_over_seeds():
    rng = np.random.default_rng(0)
    one, other = rng.normal(0.5, 1, 12), rng.normal(0, 1, 15)

    def superiority(a, b, axis):
        return (a[..., :, None] > b[..., None, :]).mean((-1, -2))

    expected = scipy_stats.bootstrap(
        (one, other), superiority, n_resamples=5000, method="percentile", vectorized=True, rng=rng
    ).confidence_interval
    found = improvement(one, other, resamples=5000).interval
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_the_conclusions_of_bouthillier():
    rng = np.random.default_rng(0)
    same, near, far = rng.normal(0, 1, 29), rng.normal(0.8, 1, 29), rng.normal(3, 1, 29)
    assert improvement(same, rng.normal(0, 1, 29)).conclusion == "not significant"
    assert improvement(far, same).conclusion == "meaningful"
    many = rng.normal(0.35, 1, 500)
    assert improvement(many, rng.normal(0, 1, 500)).conclusion == "not meaningful"
    assert improvement(near, same).interval.low > 0.5
