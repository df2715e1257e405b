"""Differences to a baseline from the predictions on disk: read once, read again when a file changes."""

import os

import numpy as np
import pytest

from engine.analysis import against_files
from engine.analysis.against_files import AgainstBaseline
from engine.contract.recipe.catalog import catalog
from engine.contract.run import predictions
from engine.contract.run.store import RunFolder, summarize
from presets.loader import Edits
from presets.references import recipe_of
from tests.engine.analysis.predicting import contents, predicted_run

RECIPE = recipe_of("quickstart", catalog(), Edits(fields={"epochs": 3}, sets=["schedule.warmup=0"]))


@pytest.fixture
def pairs(ended_run):
    """A baseline that misses the first 100 of 1,000 images, and a run that misses images 50 to 129."""
    labels = np.arange(1000) % 10
    base, better = labels.copy(), labels.copy()
    base[:100] = (base[:100] + 1) % 10
    better[50:130] = (better[50:130] + 1) % 10
    return [predicted_run(ended_run, RECIPE, seed, labels, one) for seed, one in enumerate((base, better))]


def test_the_difference_is_that_on_the_same_images(pairs):
    base, run = pairs
    found = AgainstBaseline().read(run, base)
    assert (found.won, found.lost, found.images, found.why) == (50, 30, 1000, "")
    assert found.difference == pytest.approx(0.02)
    assert found.interval is not None and found.interval.low < 0.02 < found.interval.high


def test_a_file_is_read_once_until_it_or_the_baseline_changes(pairs, monkeypatch):
    base, run = pairs
    read = []
    real = against_files.answers
    monkeypatch.setattr(against_files, "answers", lambda row: read.append(row.id) or real(row))
    files = AgainstBaseline()
    for _ in range(3):
        files.read(run, base)
    assert read == [base.id, run.id]
    labels = np.arange(1000) % 10
    path = RunFolder(run.folder).predictions
    predictions.write(path, contents(labels, np.where(np.arange(1000) < 80, (labels + 1) % 10, labels)))
    os.utime(path, ns=(1, 1))
    assert files.read(run, base).won == 20 and read == [base.id, run.id, run.id]
    assert files.read(base, run).lost == 20 and read[3:] == [run.id, base.id]


def test_without_predictions_the_reason_is_said(pairs, ended_run):
    base, run = pairs
    files = AgainstBaseline()
    plain = summarize(ended_run(RECIPE, 7, (0.1, 0.2, 0.3)))
    assert files.read(plain, base).why == "no predictions"
    assert files.read(run, plain).why == "the baseline: no predictions"
    assert files.read(plain, base).interval is None
