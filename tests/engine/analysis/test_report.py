"""Reported against measured: which epoch counts, how seeds are put together, and what does not count."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from engine.analysis.report import outcome, reproduce
from engine.contract.recipe.catalog import catalog
from engine.contract.run.event_file import EventWriter
from engine.contract.run.events import Epoch, Resumed, RunStarted, System
from engine.contract.run.store import summarize
from presets.loader import Edits
from presets.references import recipe_of

RECIPE = recipe_of("quickstart", catalog(), Edits(fields={"epochs": 3}, sets=["schedule.warmup=0"]))
CURVES = {0: (0.50, 0.92, 0.91), 1: (0.60, 0.95, 0.93), 2: (0.55, 0.90, 0.90)}


@pytest.fixture
def runs(ended_run):
    return [summarize(ended_run(RECIPE, seed, curve, device_name="a card")) for seed, curve in CURVES.items()]


@pytest.mark.parametrize(
    ("selection", "values"),
    [("last", (0.91, 0.93, 0.90)), ("best_on_test", (0.92, 0.95, 0.90)), ("unknown", (0.91, 0.93, 0.90))],
)
def test_measured_is_taken_under_the_selection_of_the_source(runs, selection, values):
    found = reproduce("row", RECIPE.recipe_id, selection, 0.9, runs)
    assert found.measured.n == 3
    assert found.measured.mean == pytest.approx(np.mean(values))
    assert found.measured.sd == pytest.approx(np.std(values, ddof=1))
    assert found.difference == pytest.approx(np.mean(values) - 0.9)


def test_the_last_epoch_and_the_best_one_stand_beside_it(runs):
    found = reproduce("row", RECIPE.recipe_id, "best_on_test", 0.9, runs)
    assert found.last.mean == pytest.approx(np.mean((0.91, 0.93, 0.90)))
    assert found.best.mean == pytest.approx(np.mean((0.92, 0.95, 0.90)))
    assert found.at(lambda epoch: epoch.test_loss).mean == pytest.approx(np.mean((0.08, 0.05, 0.10)))
    assert reproduce("row", RECIPE.recipe_id, "last", 0.9, runs).at(
        lambda epoch: epoch.test_loss
    ).mean == pytest.approx(np.mean((0.09, 0.07, 0.10)))


def test_the_interval_is_that_of_the_test_set(runs):
    interval = reproduce("row", RECIPE.recipe_id, "last", 0.9, runs[:1]).interval
    oracle = stats.binomtest(910, 1000).proportion_ci(0.95, "wilson")
    assert interval is not None
    assert (interval.low, interval.high) == (pytest.approx(oracle.low), pytest.approx(oracle.high))


def test_other_recipes_and_runs_without_an_end_do_not_count(runs, ended_run):
    other = recipe_of(
        "quickstart", catalog(), Edits(fields={"epochs": 3, "batch_size": 64}, sets=["schedule.warmup=0"])
    )
    strangers = [summarize(ended_run(other, 7, (0.1, 0.1, 0.1)))]
    failed = [summarize(ended_run(RECIPE, 8, (0.3,), state="failed"))]
    again = [summarize(ended_run(RECIPE, 1, (0.3,), state="stopped"))]
    found = reproduce("row", RECIPE.recipe_id, "last", None, [*runs, *strangers, *failed, *again])
    assert [run.seed for run in found.outcomes] == [0, 1, 2]
    assert [(run.seed, run.status) for run in found.unfinished] == [(8, "failed")], "seed 1 has a finished run"
    assert math.isnan(found.difference)


def test_of_two_finished_runs_of_a_seed_the_newer_one_counts(ended_run):
    old = summarize(ended_run(RECIPE, 0, (0.1, 0.2, 0.3)))
    new = summarize(ended_run(RECIPE, 0, (0.1, 0.2, 0.4)))
    found = reproduce("row", RECIPE.recipe_id, "last", 0.5, [new, old])
    assert (found.measured.n, found.measured.mean) == (1, 0.4)
    assert math.isnan(found.measured.sd)


def test_seeds_with_several_finished_runs_are_named(ended_run, runs):
    again = [summarize(ended_run(RECIPE, 1, (0.1, 0.2, 0.4))) for _ in range(2)]
    found = reproduce("row", RECIPE.recipe_id, "last", 0.5, [*runs, *again])
    assert found.measured.n == 3 and found.repeated == "seed 1 is listed 3 times and counts once"
    assert reproduce("row", RECIPE.recipe_id, "last", 0.5, runs).repeated == ""
    mirrored = reproduce("row", RECIPE.recipe_id, "last", 0.5, [runs[0], runs[0]])
    assert (mirrored.measured.n, mirrored.repeated) == (1, "seed 0 is listed twice and counts once")


def test_the_best_epoch_is_the_one_that_the_run_picked(ended_run):
    run = ended_run(RECIPE, 0, ())
    with EventWriter(run.events) as events:
        for number, (test, held) in enumerate(((0.9, 0.5), (0.8, 0.7), (0.7, 0.6)), 1):
            events.write(Epoch(number, test_accuracy=test, holdout_accuracy=held))
    found = reproduce("row", RECIPE.recipe_id, "best_on_test", 0.9, [summarize(run)])
    assert (found.measured.mean, found.best_on) == (0.8, "holdout")


def test_a_row_without_runs_measures_nothing():
    found = reproduce("row", RECIPE.recipe_id, "last", 0.9, [])
    assert (found.measured.n, found.interval, found.device) == (0, None, "")
    assert math.isnan(found.measured.mean) and math.isnan(found.difference) and math.isnan(found.seconds)


def test_epochs_after_a_checkpoint_count_as_they_were_trained_again(ended_run):
    run = ended_run(RECIPE, 0, (0.1, 0.9))
    with EventWriter(run.events) as events:
        events.write(RunStarted(epochs=3, test_images=1000))
        events.write(Resumed(1))
        for number, accuracy in ((2, 0.5), (3, 0.4)):
            events.write(Epoch(number, test_accuracy=accuracy))
    found = outcome(summarize(run))
    assert found is not None
    assert (found.best.epoch, found.best.test_accuracy, found.last.epoch) == (2, 0.5, 3)


def test_of_equal_epochs_the_first_is_the_best(ended_run):
    found = outcome(summarize(ended_run(RECIPE, 0, (0.4, 0.9, 0.9))))
    assert found is not None and found.best.epoch == 2


def test_memory_is_the_highest_of_all_samples_over_the_cards(ended_run):
    run = ended_run(RECIPE, 0, (0.4, 0.5, 0.6))
    with EventWriter(run.events) as events:
        for ours in (2, 5, "nan"):
            events.write(System([{"memory_ours": ours if ours == "nan" else ours * 2**30}, {"memory_ours": 2**30}, {}]))
    found = outcome(summarize(run))
    assert found is not None and found.gpu_bytes == 6 * 2**30


def test_a_run_that_was_never_tested_has_no_outcome(ended_run):
    assert outcome(summarize(ended_run(RECIPE, 0, ()))) is None


def test_a_run_tested_only_at_its_end_counts_for_its_last_epoch_and_not_as_a_best_one(ended_run):
    once = summarize(ended_run(RECIPE, 0, (math.nan, math.nan, 0.8), best_on=""))
    assert outcome(once).best is None
    best = reproduce("row", RECIPE.recipe_id, "best_on_test", 0.9, [once])
    assert (best.measured.n, best.best.n, best.last.mean, best.interval) == (0, 0, 0.8, None)
    assert math.isnan(best.difference) and math.isnan(best.at(lambda epoch: epoch.test_loss).mean)
    last = reproduce("row", RECIPE.recipe_id, "last", 0.9, [once])
    assert (last.measured.n, last.measured.mean) == (1, 0.8)
    both = reproduce("row", RECIPE.recipe_id, "best_on_test", 0.9, [once, summarize(ended_run(RECIPE, 1, CURVES[1]))])
    assert (both.measured.n, both.measured.mean, both.best_on) == (1, 0.95, "test")


def test_a_run_that_is_left_out_is_neither_measured_nor_unfinished(runs):
    """The first of the finished runs drops out of the mean, and the report says why."""
    known = list(runs)
    counted = reproduce("row", known[0].recipe_id, "last", 0.9, known)
    without = reproduce("row", known[0].recipe_id, "last", 0.9, [replace(known[0], excluded="wrong crop"), *known[1:]])
    assert counted.left_out == "" and without.left_out == "1 left out: wrong crop"
    assert {run.run for run in counted.outcomes} - {run.run for run in without.outcomes} == {known[0].id}
    assert without.last.n == counted.last.n - 1 and without.unfinished == counted.unfinished
