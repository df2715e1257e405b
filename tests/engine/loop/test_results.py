"""The last and the best evaluation of a run, its predictions, and its last event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine.contract.run import predictions
from engine.contract.run.events import Finished
from engine.loop.judge import Evaluation
from engine.loop.results import EvaluationResults
from engine.loop.setup import prepare
from tests.engine.conftest import CPU


@pytest.fixture
def results(make, tmp_path) -> Any:
    def begin(**changes: Any) -> EvaluationResults:
        trial = make(**changes)
        setup = prepare(
            trial.recipe, trial.data, tmp_path / "probe.json", seed=trial.seed, device=CPU, threads=1, parts=trial.parts
        )
        return EvaluationResults(trial.recipe, setup, trial.data)

    return begin


def evaluation(images: int, right: float, picked: int) -> Evaluation:
    """Of so many images, each of which is taken for the class `picked`."""
    logits = torch.zeros(images, 10, dtype=torch.float16)
    logits[:, picked] = 1
    return Evaluation({"test_accuracy": right}, logits=logits, selection=right)


def test_the_best_evaluation_stays_with_its_weights_and_both_are_written(results, tmp_path, tiny):
    found, path, images = results(), tmp_path / "predictions.npz", len(tiny.test)
    found.write_predictions(path)
    assert not path.exists(), "there was no evaluation"
    for epoch, right in enumerate((0.2, 0.6, 0.4), start=1):
        with torch.no_grad():
            next(found._setup.model.parameters()).fill_(epoch)
        found.remember(evaluation(images, right, epoch), epoch)
    assert next(iter(found.best["model"].values())).unique().item() == 2
    found.write_predictions(path)
    written = predictions.read(path)
    assert (written.last_epoch, written.best_epoch, written.weights, written.data) == (3, 2, "raw", tiny.fingerprint)
    assert set(written.last.argmax(1)) == {3} and set(written.best.argmax(1)) == {2}
    ended = found.finished(3)
    assert (ended.epochs, ended.last_accuracy, ended.best_accuracy, ended.best_epoch) == (3, 0.4, 0.6, 2)
    assert ended.best_on == found.best_on == "test"


def test_a_run_that_is_tested_once_has_no_best_epoch(results, tmp_path: Path, tiny):
    found, path = results(evaluate={"every": 0}), tmp_path / "predictions.npz"
    found.remember(evaluation(len(tiny.test), 0.5, 1), 8)
    found.write_predictions(path)
    assert len(predictions.read(path).best) == 0 and found.best_on == ""
    ended = found.finished(8)
    assert isinstance(ended, Finished) and ended.best_epoch == 0 and ended.last_accuracy == 0.5
