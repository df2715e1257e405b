"""Histories and predictions as arrays."""

import sys

import numpy as np
import pytest

from engine import api
from engine.contract.run import predictions as stored
from engine.contract.run.fold import RunFold


def test_a_history_has_the_values_of_the_events(finished_run):
    run = finished_run()
    found = api.history(run.path)
    epochs = RunFold(run.events).poll().course.epochs
    assert found.keys() == {*api.EPOCH_COLUMNS, "per_class"}
    for name in api.EPOCH_COLUMNS:
        np.testing.assert_array_equal(found[name], [float(getattr(epoch, name)) for epoch in epochs])
    np.testing.assert_array_equal(found["per_class"], [epoch.per_class for epoch in epochs])
    steps = api.history(run.id, per="step")
    assert len(steps["loss"]) > 0 and all(len(column) == len(steps["t"]) for column in steps.values())


def test_a_frame_has_a_column_for_each_class_where_pandas_is_installed(finished_run, monkeypatch):
    pytest.importorskip("pandas")
    run = finished_run()
    frame = api.history(run.id, frame=True)
    assert len(frame) == 2 and frame["test_accuracy"].iloc[-1] == api.load(run.id).last_accuracy
    assert sum(column.startswith("class ") for column in frame.columns) == 10
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError):
        api.history(run.id, frame=True)
    assert api.history(run.id)["epoch"].tolist() == [1, 2], "arrays need no pandas"


def test_predictions_are_those_of_the_file(finished_run):
    run = finished_run()
    found, file = api.predictions(run.id), stored.read(run.predictions)
    np.testing.assert_array_equal(found.logits, file.last.astype(np.float32))
    assert (found.epoch, found.weights, found.classes) == (file.last_epoch, file.weights, tuple(file.classes))
    assert found.accuracy == pytest.approx(api.load(run.id).last_accuracy, abs=0.5 / len(found.labels))
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    best = api.predictions(run.id, "best")
    assert best.epoch == file.best_epoch and best.index.tolist() == found.index.tolist()


def test_missing_and_damaged_predictions_are_mistakes(finished_run):
    run = finished_run()
    run.predictions.write_bytes(run.predictions.read_bytes()[:500])
    with pytest.raises(api.BadInput, match="damaged"):
        api.predictions(run.id)
    run.predictions.unlink()
    with pytest.raises(api.BadInput, match="has no predictions"):
        api.predictions(run.id)


def test_a_run_that_was_tested_only_at_its_end_has_no_best_epoch(finished_run):
    import dataclasses

    run = finished_run()
    file = stored.read(run.predictions)
    stored.write(run.predictions, dataclasses.replace(file, best=file.best[:0], best_epoch=0))
    with pytest.raises(api.BadInput, match="no best epoch"):
        api.predictions(run.id, "best")
