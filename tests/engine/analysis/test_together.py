"""Several runs together: ensembles and suspects, on the images that all of them have."""

import dataclasses

import numpy as np
import pytest

from engine.analysis.together import ensemble_of, suspects_of
from engine.contract.recipe.catalog import catalog
from presets import loader, references
from tests.engine.analysis.predicting import logits_of, predicted_run

LABELS = np.random.default_rng(1).integers(0, 10, 200)


def recipe(*sets):
    return references.recipe_of("quickstart", catalog(), loader.Edits(sets=["epochs=3", "schedule.warmup=0", *sets]))


@pytest.fixture
def run(ended_run):
    """Makes a run that errs on these images, by one class, as sure as said (the difference of logits)."""

    def make(wrong, sure=8.0, sets=(), seed=0, images=200, **options):
        labels = LABELS[:images]
        predicted = labels.copy()
        predicted[wrong] = (labels[wrong] + 1) % 10
        last = logits_of(predicted, sure)
        return predicted_run(ended_run, recipe(*sets), seed, labels, predicted, last=last, **options)

    return make


def test_an_ensemble_of_seeds_outvotes_single_mistakes(run):
    found = ensemble_of([run([1, 2]), run([3, 4], seed=1), run([1, 5], seed=2)])
    assert (found.runs, found.accuracy, found.alone) == (3, 199 / 200, pytest.approx(198 / 200))


def test_an_ensemble_is_on_common_images_and_takes_two_runs(run):
    whole, part = run([1, 150]), run([1, 2], seed=1, images=100)
    assert ensemble_of([whole, part]).alone == pytest.approx((99 + 98) / 200)
    assert ensemble_of([whole]) is None
    assert ensemble_of([whole, dataclasses.replace(part, status="stopped")]) is None
    assert ensemble_of([whole, run([2], seed=2, data="0" * 64)]) is None


def test_suspects_are_named_by_their_index_in_the_test_set(run):
    runs = [run([7, 9]), run([7, 8], seed=1), run([7, 9, 10], sets=("optimizer.lr=0.1",))]
    found = suspects_of(runs)
    (one,) = found.images
    assert (one.image, one.label, one.predicted) == (7, LABELS[7], (LABELS[7] + 1) % 10)
    assert one.probability > 0.99 and found.recipes == 2 and len(found.runs) == 3
    late = [run([7], sets=(f"optimizer.lr={lr}",), test_index=np.arange(50, 250)) for lr in (0.1, 0.2, 0.3)]
    assert [one.image for one in suspects_of(late).images] == [57]


def test_runs_that_are_not_sure_of_it_suspect_nothing(run):
    runs = [run([7], sure=2.0, sets=(f"optimizer.lr={lr}",)) for lr in (0.1, 0.2, 0.3)]
    assert suspects_of(runs).images == ()


def test_runs_without_predictions_do_not_count(run):
    runs = [run([7], sets=(f"optimizer.lr={lr}",)) for lr in (0.1, 0.2, 0.3)]
    runs[0] = dataclasses.replace(runs[0], status="failed")
    assert suspects_of(runs).images == () and suspects_of(runs[:1]) is None
