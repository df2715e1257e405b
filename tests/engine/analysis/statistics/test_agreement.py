"""Churn, ensembles and suspects, computed by hand on a few images and by simulation."""

import math

import numpy as np
import pytest
from scipy.special import softmax as scipy_softmax

from engine.analysis.statistics.agreement import churn, ensemble, softmax, suspects
from tests.engine.analysis.predicting import spoiled

LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1])


def test_churn_and_its_references_by_hand():
    one, other = np.array([0, 0, 0, 1, 1, 1, 1, 0]), np.array([0, 0, 1, 1, 1, 1, 1, 1])
    found = churn(one, other, LABELS)
    assert found.share == 2 / 8
    # of class 0, one answers 0 for 3 in 4 and the other for 2 in 4; of class 1, one answers 1 for 3 in 4, the other always
    agree_0, agree_1 = 3 / 4 * 2 / 4 + 1 / 4 * 2 / 4, 3 / 4
    assert found.independent == pytest.approx(1 - (agree_0 + agree_1) / 2)
    assert math.isnan(found.two_seeds) and found.pairs == 0


def test_models_with_independent_errors_have_the_independent_churn():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 40_000)
    one, other = spoiled(rng, labels, 0.1), spoiled(rng, labels, 0.2)
    found = churn(one, other, labels)
    assert found.share == pytest.approx(found.independent, abs=0.005)
    assert churn(one, one, labels).share == 0


def test_the_churn_of_two_seeds_is_the_mean_over_the_pairs_of_each_recipe():
    runs = [np.array([0, 0, 0, 0]), np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1])]
    other = [np.array([1, 1, 1, 1]), np.array([0, 0, 0, 0])]
    found = churn(runs[0], other[0], np.zeros(4, int), [runs, other, runs[:1]])
    assert (found.two_seeds, found.pairs) == ((0.25 + 0.5 + 0.25 + 1.0) / 4, 4)


def test_probabilities_are_those_of_scipy():
    logits = np.random.default_rng(0).normal(0, 5, (50, 10)).astype(np.float16)
    assert softmax(logits) == pytest.approx(scipy_softmax(logits.astype(np.float64), axis=1))


def test_an_ensemble_averages_probabilities_and_not_votes():
    sure, unsure = [0.1, 0.9], [0.6, 0.4]
    found = ensemble([np.array([sure]), np.array([unsure]), np.array([unsure])], np.array([1]))
    assert (found.runs, found.accuracy, found.alone) == (3, 1.0, pytest.approx(1 / 3))  # two votes of three say 0


def test_a_suspect_is_what_all_runs_of_several_recipes_take_for_the_same_other_class():
    labels = np.array([0, 0, 0, 1])
    one = np.array([[0.02, 0.98], [0.02, 0.98], [0.3, 0.7], [0.0, 1.0]])
    other = np.array([[0.05, 0.95], [0.9, 0.1], [0.2, 0.8], [0.0, 1.0]])
    third = np.array([[0.10, 0.90], [0.02, 0.98], [0.2, 0.8], [0.0, 1.0]])
    (found,) = suspects([one, other, third], ["a", "a", "b"], labels)
    assert (found.image, found.label, found.predicted) == (0, 0, 1)
    assert found.probability == pytest.approx((0.98 + 0.95 + 0.90) / 3)
    assert suspects([one, other, third], ["a", "a", "a"], labels) == []
    assert suspects([one, other], ["a", "b"], labels) == []


def test_suspects_are_listed_by_how_sure_the_runs_are():
    labels = np.zeros(3, int)
    runs = [np.array([[0.08, 0.92], [0.01, 0.99], [0.2, 0.8]])] * 3
    assert [one.image for one in suspects(runs, ["a", "b", "c"], labels)] == [1, 0]
