"""Answers on a further test set in the form that those on the test set have."""

import numpy as np
import pytest

from engine.analysis.judged_images import JudgedImages
from engine.analysis.on_set import classes_of, on_same_set, read_set
from engine.analysis.pairing import Unpaired
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.run import predicted
from engine.contract.run.store import RunFolder, summarize
from tests.engine.analysis.predicting import CLASSES
from tests.tui.further import IMAGES, put_results


@pytest.fixture
def runs(ended_run):
    table = {"model": "lenet", "epochs": 1, "batch_size": 8, "optimizer": {"name": "sgd", "lr": 0.1}}
    recipe = resolve(table, catalog())
    made = [ended_run(recipe, seed, [0.5], classes=list(CLASSES)) for seed in range(2)]
    put_results(made[0])
    put_results(made[1], seed=1)
    return [summarize(run) for run in made]


def entry(run, name):
    return next(one for one in predicted.entries(RunFolder(run.folder)) if one.name == name)


def test_a_plain_set_has_a_matrix_and_single_images(runs):
    one = entry(runs[0], "newer")
    table, judged = read_set(runs[0], one)
    found = predicted.answered(RunFolder(runs[0].folder), one)
    guesses = found.logits.argmax(1)
    for label in range(10):
        expected = np.bincount(guesses[found.labels == label], minlength=10)
        assert (table.matrix[label] == expected).all()
    assert table.accuracy == one.accuracy and isinstance(judged, JudgedImages)
    powers = np.exp(found.logits.astype(float))
    assert np.allclose(judged.probabilities, powers / powers.sum(1, keepdims=True))


def test_a_corruption_set_has_a_matrix_of_all_versions_of_the_standard_corruptions(runs):
    one = entry(runs[0], "cifar10-c")
    table, judged = read_set(runs[0], one)
    assert table.matrix.sum() == 3 * 5 * IMAGES and table.accuracy == pytest.approx(one.accuracy)
    assert isinstance(judged, Unpaired)
    recalls = [row.recall for row in classes_of(table)]
    assert recalls == sorted(table.recall)


def test_other_runs_are_found_by_their_files(runs):
    one = entry(runs[0], "newer")
    assert on_same_set(runs[1], one).run == runs[1].id
    (RunFolder(runs[1].folder).predicted / "newer.json").unlink()
    assert on_same_set(runs[1], one).reason == "it was not tested on them"


def test_sets_without_labels_or_files_say_so(runs):
    assert read_set(runs[0], entry(runs[0], "unknown"))[1].reason == "these images have no labels"
    one = entry(runs[0], "newer")
    (RunFolder(runs[0].folder).predicted / "newer.npz").unlink()
    table, why = read_set(runs[0], one)
    assert table is None and "newer.npz" in why.reason
