"""The variance over seeds that is not test-set noise, recovered from simulated runs."""

import numpy as np
import pytest

from engine.analysis.statistics.variance import variance_over_seeds


def observed(rng, runs, images, sd):
    """Hits of runs whose true accuracies have this standard deviation; given the run, images are independent."""
    hard = rng.beta(8, 1, images)
    shift = rng.normal(0, sd, (runs, 1))
    return rng.random((runs, images)) < np.clip(hard + shift * (hard < 0.95) / (hard < 0.95).mean(), 0, 1)


@pytest.mark.parametrize("sd", [0.0, 0.01])
def test_it_recovers_the_true_variance(sd):
    rng = np.random.default_rng(0)
    found = [variance_over_seeds(observed(rng, 12, 1000, sd)) for _ in range(400)]
    mean = np.mean([one.distribution for one in found])
    error = np.std([one.distribution for one in found]) / 20
    assert mean == pytest.approx(sd**2, abs=4 * error + 4e-6)
    assert np.mean([one.observed for one in found]) > mean


def test_runs_that_differ_only_by_chance_have_no_variance_of_their_own():
    rng = np.random.default_rng(0)
    found = variance_over_seeds(rng.random((50, 4000)) < 0.9)
    assert abs(found.distribution) < found.observed / 2
    assert found.distribution_sd >= 0 and found.runs == 50


def test_the_observed_variance_is_that_of_the_accuracies():
    hits = np.random.default_rng(1).random((10, 300)) < 0.7
    assert variance_over_seeds(hits).observed == pytest.approx(np.var(hits.mean(1), ddof=1))


def test_fewer_than_ten_runs_are_not_enough():
    hits = np.random.default_rng(1).random((9, 300)) < 0.7
    assert variance_over_seeds(hits) is None
