"""Which runs are paired image by image, on which images, and what is said of those that are not."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from engine.analysis.pairing import BY_LABELS, Pair, Unpaired, answers, common_images, pair, predictions_of
from engine.analysis.statistics.mcnemar import PairedCounts
from engine.contract.recipe.catalog import catalog
from engine.contract.run.event_file import EventWriter
from engine.contract.run.records import ExitRecord
from engine.contract.run.store import summarize
from presets import loader, references
from tests.engine.analysis.predicting import logits_of, predicted_run, spoiled

LABELS = np.random.default_rng(1).integers(0, 10, 400)


@pytest.fixture
def recipe():
    sets = ["epochs=3", "schedule.warmup=0"]
    return references.recipe_of("quickstart", catalog(), loader.Edits(sets=sets))


@pytest.fixture
def run(ended_run, recipe):
    """Makes a finished run with these predictions."""

    def make(predicted, labels=LABELS, seed=0, **options):
        return predicted_run(ended_run, recipe, seed, labels, predicted, **options)

    return make


@pytest.fixture
def two():
    """Predictions of two models that err on different images."""
    rng = np.random.default_rng(0)
    return spoiled(rng, LABELS, 0.1), spoiled(rng, LABELS, 0.2)


def by_hand(one, base, labels=LABELS):
    right, base_right = one == labels, base == labels
    return PairedCounts(
        int((right & base_right).sum()), int((~right & base_right).sum()),
        int((right & ~base_right).sum()), int((~right & ~base_right).sum()),
    )  # fmt: skip


def test_two_runs_on_the_same_images_are_paired(run, two):
    mine, theirs = run(two[0]), run(two[1], weights="ema")
    found = pair(answers(mine), answers(theirs))
    assert isinstance(found, Pair)
    assert found.counts == by_hand(*two)
    assert (found.run, found.baseline, found.weights, found.note) == (mine.id, theirs.id, ("raw", "ema"), "")
    for number, counts in enumerate(found.per_class):
        members = number == LABELS
        assert counts == by_hand(two[0][members], two[1][members], LABELS[members])


def test_the_pair_has_the_difference_of_the_two_accuracies(run, two):
    mine, theirs = run(two[0]), run(two[1])
    found = pair(answers(mine), answers(theirs))
    assert found.counts.difference == pytest.approx(mine.last_accuracy - theirs.last_accuracy)


def test_the_shorter_test_slice_is_compared(run, two):
    whole, part = run(two[0]), run(two[1][:150], LABELS[:150])
    assert pair(answers(whole), answers(part)).counts == by_hand(two[0][:150], two[1][:150], LABELS[:150])
    other = run(two[1][150:], LABELS[150:], test_index=np.arange(150, 400))
    assert pair(answers(whole), answers(other)).counts == by_hand(two[0][150:], two[1][150:], LABELS[150:])
    assert pair(answers(part), answers(other)) == Unpaired("no test image in common", other_data=True)


def test_runs_on_other_data_are_not_paired(run, two):
    mine = answers(run(two[0]))
    assert pair(mine, answers(run(two[1], data="0" * 64))) == Unpaired("tested on other data", other_data=True)
    other_names = answers(run(two[1], classes=tuple("ABCDEFGHIJ")))
    assert pair(mine, other_names) == Unpaired("tested on other data", other_data=True)


@pytest.mark.parametrize("first", [True, False])
def test_files_of_version_1_are_paired_by_their_labels_and_that_is_said(run, two, first):
    old, other = run(two[0], first_version=True), run(two[1][:300], LABELS[:300], first_version=first)
    found = pair(answers(old), answers(other))
    assert (found.counts, found.note) == (by_hand(two[0][:300], two[1][:300], LABELS[:300]), BY_LABELS)
    shuffled = run(two[1][::-1], LABELS[::-1], first_version=first)
    assert pair(answers(old), answers(shuffled)) == Unpaired("the labels of their test images differ", other_data=True)


def test_only_finished_runs_have_answers(run, two):
    finished = run(two[0])
    for status in ("running", "stopped", "failed", "lost", "queued"):
        assert answers(dataclasses.replace(finished, status=status)) == Unpaired("not finished")


def test_runs_without_readable_predictions_say_why(run, two, ended_run, recipe):
    assert answers(summarize(ended_run(recipe, 0, (0.1, 0.2, 0.3)))) == Unpaired("no predictions")
    broken = run(two[0])
    path = Path(broken.folder) / "predictions.npz"
    path.write_bytes(path.read_bytes()[:500])
    assert answers(broken) == Unpaired("its predictions cannot be read")
    short = run(two[0], last=logits_of(two[0])[:10])
    assert answers(short) == Unpaired("its predictions are damaged")
    beyond = run(two[0], labels=np.where(LABELS == 3, 10, LABELS))
    assert answers(beyond) == Unpaired("its predictions are damaged")
    unordered = run(two[0], test_index=np.arange(400)[::-1])
    assert answers(unordered) == Unpaired("its predictions are damaged")


def test_predictions_of_another_epoch_are_refused(run, two):
    """As of a run that was resumed and whose file could not be written in the end."""
    stale = run(two[0], last=logits_of(two[1]))
    reason = answers(stale).reason
    assert f"({int((two[1] == LABELS).sum())} correct)" in reason and "not those of its last epoch" in reason


def test_equal_logits_in_a_file_of_version_1_are_no_other_epoch(run, two):
    """The largest two of some images were different as float32 and are equal as float16: another argmax."""
    logits = logits_of(two[0])
    wrong = np.flatnonzero(two[0] > LABELS)[:3]  # of equals, argmax takes the first
    logits[wrong, LABELS[wrong]] = logits[wrong, two[0][wrong]]
    old = run(two[0], last=logits, first_version=True)
    assert (predictions_of(old).last.argmax(1) == LABELS).sum() != (two[0] == LABELS).sum()
    assert not isinstance(answers(old), Unpaired)


def test_several_runs_share_the_images_of_the_shortest(run, two):
    found = [answers(run(two[0])), answers(run(two[1][:150], LABELS[:150])), answers(run(two[1][:200], LABELS[:200]))]
    assert [place.tolist() for place in common_images(found)] == [list(range(150))] * 3


def test_the_trainers_own_files_pair(make):
    """Two seeds through the real loop: b and c are those of their own confusion with the labels."""
    rows = []
    for seed in (1, 2):
        trial = make(epochs=1, seed=seed)
        trial.go()
        with EventWriter(trial.run.events) as events:
            for event in trial.events:
                events.write(event)
        ExitRecord(state="finished").write(trial.run.exit)
        rows.append(summarize(trial.run))
    found = pair(*map(answers, rows))
    assert found.counts.difference == pytest.approx(rows[0].last_accuracy - rows[1].last_accuracy)
    assert found.counts.images == len(predictions_of(rows[0]).labels)
