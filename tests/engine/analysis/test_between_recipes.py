"""Recipes by their seeds: the test against scipy, what enters it, and what is said where there is none."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from engine.analysis.between_recipes import DRAWN, compare_recipes, shares_draws
from engine.analysis.chosen import by_recipe
from engine.analysis.verdict import Rules
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Recipe
from engine.contract.run.store import summarize
from presets import loader, references
from tests.engine.analysis.predicting import predicted_run

LABELS = np.random.default_rng(1).integers(0, 10, 1000)
BASE, OTHER = (0.900, 0.912, 0.906), (0.951, 0.949, 0.955)


def recipe(*sets, **edits):
    return references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=3", *sets], **edits))


@pytest.fixture
def compared(ended_run):
    """Compares recipes, each given with the last accuracies of its seeds; the first one is the baseline."""

    def compare(*groups, rules=None, seeds=range(100)):
        rows, recipes = [], {}
        for one, accuracies in groups:
            recipes[one.recipe_id] = one
            rows += [
                summarize(ended_run(one, seed, (0.1, 0.99, accuracy)))
                for seed, accuracy in zip(seeds, accuracies, strict=False)
            ]
        return compare_recipes(by_recipe(rows), recipes, groups[0][0].recipe_id, rules)

    return compare


def test_two_recipes_are_compared_by_welch_at_their_last_epochs(compared):
    found = compared((recipe(), BASE), (recipe("optimizer.lr=0.1"), OTHER))
    expected = scipy_stats.ttest_ind(OTHER, BASE, equal_var=False)
    (row,) = found.rows
    assert (row.difference.p, row.adjusted) == (pytest.approx(expected.pvalue), pytest.approx(expected.pvalue))
    assert row.difference.difference == pytest.approx(np.mean(OTHER) - np.mean(BASE))  # no 0.99 of the best epoch
    assert (row.outcome, row.difference.method, found.size) == ("better", "welch", 1)
    assert found.baseline.recipe.last.n == 3 and found.baseline.difference is None
    low, high = scipy_stats.t.interval(0.95, 2, np.mean(OTHER), scipy_stats.sem(OTHER))
    assert (row.mean_interval.low, row.mean_interval.high) == pytest.approx((low, high))


def test_seeds_are_paired_where_asked_for_and_draws_are_shared(compared):
    rules = Rules(paired=True)
    (row,) = compared((recipe(), BASE), (recipe("optimizer.lr=0.1"), OTHER), rules=rules).rows
    assert row.difference.p == pytest.approx(scipy_stats.ttest_rel(OTHER, BASE).pvalue)
    assert row.difference.method == "paired by seed"
    (row,) = compared((recipe("batch_size=64"), BASE), (recipe("batch_size=32"), OTHER), rules=rules).rows
    assert row.difference.method == "welch"
    (row,) = compared((recipe("epochs=5"), BASE), (recipe("epochs=5", "optimizer.lr=0.1"), OTHER[:2]), rules=rules).rows
    assert row.difference.method == "welch"  # not the same seeds


@pytest.mark.parametrize(
    ("sets", "shared"),
    [
        (("optimizer.lr=0.1",), True), (("optimizer.weight_decay=0.1",), True), (("loss.label_smoothing=0.1",), True),
        (("batch_size=64",), False), (("last_batch=keep",), False), (("data.fraction=0.5",), False),
        (("augmentation.random_crop.padding=2",), False), (("epochs=4",), False), (("resizing.start=16",), False),
        (("init_from=/x/best.pth",), False),
    ],
)  # fmt: skip
def test_what_two_recipes_share_of_a_seed(sets, shared):
    assert shares_draws(recipe(), recipe(*sets)) is shared
    assert not shares_draws(recipe(), recipe(drop_ops=("horizontal_flip",)))


def test_every_field_of_a_recipe_is_known_to_change_the_draws_or_not_to():
    harmless = {"optimizer", "schedule", "loss", "averaging", "compute", "evaluate", "title", "description", "promise"}
    assert {field.partition(".")[0] for field in DRAWN} | harmless == set(Recipe.model_fields)


def test_one_seed_has_no_test_and_asks_for_the_fewest_that_show_the_spread(compared):
    (row,) = compared((recipe(), BASE), (recipe("optimizer.lr=0.1"), OTHER[:1])).rows
    assert (row.difference, row.outcome, row.improvement) == (None, "untested", None)
    assert row.reason == "n = 1 and 3: a test needs at least 2 seeds of each"
    assert (row.seeds_needed, row.at_least) == (3, True), "fewer do not show the spread"
    assert math.isnan(row.adjusted)


def test_the_seeds_needed_are_for_the_smallest_difference_and_not_for_the_observed_one(compared):
    (near,) = compared((recipe(), BASE), (recipe("optimizer.lr=0.1"), BASE)).rows
    (far,) = compared((recipe("epochs=4"), BASE), (recipe("epochs=4", "optimizer.lr=0.1"), np.add(BASE, 0.05))).rows
    assert near.seeds_needed == far.seeds_needed > 3
    (row,) = compared(
        (recipe("epochs=5"), BASE), (recipe("epochs=5", "optimizer.lr=0.1"), BASE), rules=Rules(smallest=0.02)
    ).rows
    assert row.seeds_needed < near.seeds_needed


def test_the_family_is_all_recipes_against_the_baseline(compared):
    found = compared(
        (recipe(), BASE), (recipe("optimizer.lr=0.1"), OTHER), (recipe("optimizer.lr=0.3"), np.add(BASE, 0.004))
    )
    p = [row.difference.p for row in found.rows]
    assert found.size == 2 and found.rows[0].adjusted == pytest.approx(2 * min(p))
    assert found.rows[1].outcome == "open"


def test_recipes_tested_on_other_data_are_left_out(compared):
    other = recipe("data.test_slice=first:0.5")
    found = compared((recipe(), BASE), (other, OTHER))
    assert (found.rows, found.left_out) == ((), ((other.recipe_id, "tested on other data"),))


def test_predictions_of_all_runs_give_an_interval_over_seeds_and_images(ended_run):
    rng = np.random.default_rng(0)
    hard = rng.random(1000)
    rows, recipes = [], {}
    for one, share, number in ((recipe(), 0.15, 3), (recipe("optimizer.lr=0.1"), 0.05, 10)):
        recipes[one.recipe_id] = one
        for seed in range(number):
            noise = hard + 0.1 * rng.standard_normal(1000)
            wrong = noise < np.quantile(noise, share + 0.004 * rng.standard_normal())
            predicted = np.where(wrong, (LABELS + 1) % 10, LABELS)
            rows.append(predicted_run(ended_run, one, seed, LABELS, predicted))
    found = compare_recipes(by_recipe(rows), recipes, rows[0].recipe_id)
    (row,) = found.rows
    assert 0 < row.bootstrap.low < row.difference.difference < row.bootstrap.high
    assert (row.improvement.probability, row.improvement.conclusion) == (1.0, "meaningful")
    assert row.variance.runs == 10 and found.baseline.variance is None, "3 are not enough"


def test_without_predictions_there_is_no_such_interval(compared):
    (row,) = compared((recipe(), BASE), (recipe("optimizer.lr=0.1"), OTHER)).rows
    assert (row.bootstrap, row.variance) == (None, None) and row.improvement.probability == 1.0
