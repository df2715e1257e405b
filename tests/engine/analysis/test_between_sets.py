"""Runs on the same further test set: McNemar's test by image, and a t test by original image."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.contingency_tables import mcnemar

from engine.analysis.between_sets import compare_on_sets
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.run import predicted
from engine.contract.run.predicted import Answered, Predicted
from engine.contract.run.store import RunFolder, summarize
from tests.engine.analysis.predicting import CLASSES, logits_of, spoiled

RNG = np.random.default_rng(5)
LABELS = RNG.integers(0, 10, 500)


@pytest.fixture
def runs(ended_run):
    recipe = resolve(
        {"model": "lenet", "epochs": 1, "batch_size": 8, "optimizer": {"name": "sgd", "lr": 0.1}}, catalog()
    )
    return [summarize(ended_run(recipe, seed, [0.5])) for seed in range(3)]


def put(run, guesses, name="mine", data="d" * 64, **changes):
    entry = Predicted(name=name, images=len(guesses), accuracy=float((guesses == LABELS).mean()), data=data)
    entry = dataclasses.replace(entry, arrays={}, **changes)
    predicted.write(RunFolder(run.folder), entry, Answered(CLASSES, LABELS, logits_of(guesses)))


def test_plain_sets_are_paired_by_image(runs):
    one, other = spoiled(RNG, LABELS, 0.1), spoiled(RNG, LABELS, 0.2)
    put(runs[0], one)
    put(runs[1], other, name="called-otherwise")
    (found,) = compare_on_sets(runs, runs[0].id)
    assert found.name == "mine" and [row.run for row in found.rows] == [runs[0].id, runs[1].id] and found.size == 1
    base, row = found.rows
    lost, won = int(((one == LABELS) & (other != LABELS)).sum()), int(((one != LABELS) & (other == LABELS)).sum())
    exact = mcnemar([[0, lost], [won, 0]], exact=True).pvalue
    point = scipy.stats.binom.pmf(min(lost, won), lost + won, 0.5)
    assert row.p == pytest.approx(exact - point, rel=1e-9) and row.adjusted == row.p
    assert row.difference == pytest.approx((won - lost) / 500) and row.outcome == "worse"
    assert np.isnan(base.difference) and base.reason == ""


def test_p_values_are_corrected_within_a_set(runs):
    for run, share in zip(runs, (0.1, 0.14, 0.15), strict=True):
        put(run, spoiled(RNG, LABELS, share))
    (found,) = compare_on_sets(runs, runs[0].id)
    p = [row.p for row in found.rows[1:]]
    assert found.size == 2 and min(row.adjusted for row in found.rows[1:]) == pytest.approx(2 * min(p))


def test_other_files_are_another_set_and_best_weights_enter_none(runs):
    put(runs[0], LABELS)
    put(runs[1], LABELS, data="e" * 64)
    put(runs[2], LABELS, which="best")
    found = compare_on_sets(runs, runs[0].id)
    assert [len(one.rows) for one in found] == [1, 1]
    assert found[1].rows[0].reason == "the baseline was not tested on it"


def test_answers_that_are_gone_are_named(runs):
    for run in runs[:2]:
        put(run, LABELS)
    (RunFolder(runs[1].folder).predicted / "mine.npz").unlink()
    (found,) = compare_on_sets(runs, runs[0].id)
    assert found.rows[1].reason == "its answers cannot be read" and found.rows[1].outcome == "untested"


def corrupted(run, right):
    """`right` (K, 5, n): whether each version is classified correctly."""
    labels = np.tile(LABELS[: right.shape[2]], (5, 1))
    rows = [
        {"name": name, "standard": name != "spatter", "accuracy": hits.mean(1).tolist(), "tta_accuracy": []}
        for name, hits in zip(("fog", "snow", "spatter"), right, strict=True)
    ]
    entry = Predicted(
        name="c", layout="corruptions", images=right.size, accuracy=float(right[:2].mean()), data="c" * 64,
        corruptions=rows,
    )  # fmt: skip
    guesses = np.where(right, labels, (labels + 1) % 10).astype(np.int16)
    none = np.zeros((0, 10), np.float16)
    answers = Answered(CLASSES, labels, none, (), ("fog", "snow", "spatter"), guesses, right.astype(np.float16))
    predicted.write(RunFolder(run.folder), entry, answers)


def test_a_corruption_set_is_paired_by_original_image(runs):
    easy = RNG.random(80) < 0.7  # an image is easy at all severities, or at none
    right = [(RNG.random((3, 5, 80)) < np.where(easy, high, 0.2)) for high in (0.9, 0.8)]
    for run, hits in zip(runs, right, strict=False):
        corrupted(run, hits)
    (found,) = compare_on_sets(runs, runs[0].id)
    row = found.rows[1]
    shares = [hits[:2].mean((0, 1)) for hits in right]  # the standard corruptions only
    test = scipy.stats.ttest_rel(shares[1], shares[0])
    assert row.p == pytest.approx(test.pvalue) and row.difference == pytest.approx((shares[1] - shares[0]).mean())
    told = test.confidence_interval()
    assert (row.interval.low, row.interval.high) == pytest.approx((told.low, told.high))


def test_corruption_sets_without_any_difference_are_not_tested(runs):
    for run in runs[:2]:
        corrupted(run, np.ones((3, 5, 30), bool))
    (found,) = compare_on_sets(runs, runs[0].id)
    assert found.rows[1].difference == 0 and found.rows[1].reason == "no original image tells them apart"
