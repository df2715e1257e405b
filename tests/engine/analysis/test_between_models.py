"""Marked runs against a baseline: paired where that is possible, one family, and never a p value otherwise."""

import math
from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from engine.analysis.between_models import compare_models
from engine.analysis.marked import read_marked
from engine.analysis.statistics.mcnemar import unpaired_interval
from engine.analysis.verdict import Rules
from engine.contract.recipe.catalog import catalog
from engine.contract.run.store import RunFolder, summarize
from presets import loader, references
from tests.engine.analysis.predicting import predicted_run, spoiled

LABELS = np.random.default_rng(1).integers(0, 10, 2000)


@pytest.fixture
def recipe():
    return references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=3", "schedule.warmup=0"]))


@pytest.fixture
def family(ended_run, recipe):
    """Makes runs with these shares of mistakes; the first one is the baseline."""
    rng = np.random.default_rng(0)
    hard = rng.random(2000)

    def make(*shares, seeds=None, **options):
        runs = []
        for number, share in enumerate(shares):
            noise = hard + 0.05 * rng.standard_normal(2000)
            predicted = np.where(noise < np.quantile(noise, share), (LABELS + 1) % 10, LABELS)
            seed = (seeds or range(len(shares)))[number]
            runs.append(predicted_run(ended_run, recipe, seed, LABELS, predicted, **options))
        return runs

    return make


def verdicts(runs, rules=None, baseline=None):
    marked = read_marked([RunFolder(Path(run.folder)) for run in runs], baseline or runs[0].id)
    return compare_models([one.row for one in marked], [one.run for one in marked], baseline or runs[0].id, rules)


def test_the_family_is_all_marked_runs_against_the_baseline(family):
    found = verdicts(family(0.10, 0.05, 0.104, 0.13))
    assert found.size == len(found.rows) == 3
    assert [row.adjusted for row in found.rows] == pytest.approx(
        multipletests([row.pair.counts.mid_p for row in found.rows], method="holm")[1]
    )
    assert [row.outcome for row in found.rows] == ["better", "open", "worse"]
    assert found.rows[0].difference == pytest.approx(0.05)


def test_the_correction_may_be_chosen(family):
    found = verdicts(family(0.10, 0.05, 0.104, 0.13), Rules(correction="bh"))
    assert [row.adjusted for row in found.rows] == pytest.approx(
        multipletests([row.p for row in found.rows], method="fdr_bh")[1]
    )


def test_a_run_without_predictions_has_a_wider_interval_and_no_p_value(family, ended_run, recipe):
    base, paired = family(0.10, 0.08)
    imported = summarize(ended_run(recipe, 5, (0.5, 0.6, 0.92), test_images=2000))
    found = verdicts([base, paired, imported])
    with_pair, without = found.rows
    assert (without.pair, without.reason, without.outcome) == (None, "no predictions", "untested")
    assert math.isnan(without.p) and math.isnan(without.adjusted)
    assert without.interval == unpaired_interval(1840, 2000, 1800, 2000)
    assert without.interval.half > with_pair.interval.half
    assert found.size == 1


def test_a_baseline_without_predictions_pairs_with_no_run(family, ended_run, recipe):
    imported = summarize(ended_run(recipe, 5, (0.5, 0.6, 0.92), test_images=2000))
    (row,) = verdicts([imported, *family(0.1)]).rows
    assert (row.reason, row.outcome) == ("of the baseline: no predictions", "untested")


def test_an_unfinished_run_never_has_a_p_value(family, ended_run, recipe):
    (base,) = family(0.10)
    stopped = summarize(ended_run(recipe, 1, (0.5, 0.6), state="stopped", test_images=2000, epochs=3))
    (row,) = verdicts([base, stopped]).rows
    assert (row.reason, row.outcome, row.pair) == ("not finished", "untested", None) and math.isnan(row.p)
    assert row.difference == pytest.approx(0.6 - 0.2)  # at the last epoch that both have tested
    assert row.interval == unpaired_interval(1200, 2000, 400, 2000)


def test_runs_on_other_data_have_no_row(family):
    base, other = family(0.1)[0], family(0.1, data="0" * 64)[0]
    found = verdicts([base, other])
    assert (found.rows, found.left_out, found.size) == ((), ((other.id, "tested on other data"),), 0)


def test_churn_stands_beside_that_of_two_seeds_which_the_pair_itself_does_not_count(family):
    runs = family(0.10, 0.11)
    assert verdicts(runs).rows[0].churn.pairs == 0
    runs = family(0.10, 0.11, 0.12)
    rows = verdicts(runs).rows
    assert [row.churn.pairs for row in rows] == [1, 1]
    assert rows[0].churn.share < rows[0].churn.independent


def test_the_same_run_as_another_baseline_has_the_opposite_difference(family):
    runs = family(0.10, 0.05)
    (one,), (other,) = verdicts(runs).rows, verdicts(runs, baseline=runs[1].id).rows
    assert one.difference == -other.difference and one.p == other.p
    assert (one.outcome, other.outcome) == ("better", "worse")


def test_equal_models_are_the_same_within_a_margin(ended_run, recipe):
    rng = np.random.default_rng(0)
    predicted = spoiled(rng, LABELS, 0.1)
    runs = [predicted_run(ended_run, recipe, seed, LABELS, predicted) for seed in (0, 1)]
    (row,) = verdicts(runs, Rules(smallest=0.01)).rows
    assert (row.difference, row.p, row.outcome) == (0, 1, "same")


def test_a_run_that_is_left_out_has_no_verdict_and_is_not_in_the_family(family):
    runs = family(0.10, 0.05, 0.104, 0.13)
    RunFolder(Path(runs[2].folder)).add_label(excluded="wrong crop")
    found = verdicts(runs)
    assert found.size == len(found.rows) == 2 and found.left_out == ((runs[2].id, "wrong crop"),)
    against_it = verdicts(runs, baseline=runs[2].id)
    assert against_it.rows == () and against_it.size == 0
    assert {why for _, why in against_it.left_out} == {"the baseline is left out: wrong crop"}
