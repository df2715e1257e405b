"""Which evaluations are made after which epoch, and that each figure is the one of its images and weights."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from engine.data.load import Split
from engine.loop.evaluate import Interrupted, score
from engine.loop.judge import HALF_MAX, Judge, as_kept
from engine.loop.observe import NonFiniteLogits
from engine.loop.setup import prepare
from tests.engine.conftest import CPU
from tests.engine.loop.test_steps import Recorder


@pytest.fixture
def judge(make, tmp_path, tiny) -> Any:
    """Makes a judge and its setup, on data with a hold-out."""

    def judge(stopping: Any = lambda: False, **changes: Any) -> Any:
        holdout = Split(tiny.train.images[:60], tiny.train.labels[:60])
        trial = make(replace(tiny, holdout=holdout), **changes)
        options = {"seed": 1, "device": CPU, "threads": 1, "parts": trial.parts}
        setup = prepare(trial.recipe, trial.data, tmp_path / "probe.json", **options)
        return Judge(trial.recipe, setup, 1, stopping), setup

    return judge


def logits(setup: Any, split: Any) -> torch.Tensor:
    with torch.no_grad():
        return setup.model.eval()(setup.clean(split.images))


def test_each_figure_belongs_to_its_images(judge):
    judged, setup = judge(evaluate={"train_every": 1})
    evaluation = judged.evaluate(1)
    for split, name in ((setup.test, "test"), (setup.holdout, "holdout"), (setup.train, "clean_train")):
        expected = score(logits(setup, split), split.labels)
        assert evaluation.fields[f"{name}_accuracy"] == expected.accuracy
        assert evaluation.fields[f"{name}_loss"] == pytest.approx(expected.loss, rel=1e-5)
    assert evaluation.selection == evaluation.fields["holdout_accuracy"]
    torch.testing.assert_close(evaluation.logits, as_kept(logits(setup, setup.test)), rtol=0, atol=1e-3)
    torch.testing.assert_close(evaluation.holdout, as_kept(logits(setup, setup.holdout)), rtol=0, atol=1e-3)


@pytest.mark.parametrize(("epoch", "tested"), [(1, False), (4, False), (5, True)])
def test_with_zero_the_only_test_is_after_the_last_epoch(judge, epoch, tested):
    judged, _ = judge(epochs=5, evaluate={"every": 0}, data={"name": "shapes"})
    assert ("test_accuracy" in judged.evaluate(epoch).fields) == tested


@pytest.mark.parametrize(
    ("epoch", "tested", "on_train"),
    [(1, False, False), (2, True, False), (3, False, True), (4, True, False), (5, True, False)],
)
def test_evaluations_are_made_when_they_are_due_and_a_test_at_the_end(judge, epoch, tested, on_train):
    judged, _ = judge(epochs=5, evaluate={"every": 2, "train_every": 3})
    evaluation = judged.evaluate(epoch)
    assert ("test_accuracy" in evaluation.fields, "clean_train_loss" in evaluation.fields) == (tested, on_train)
    assert (evaluation.logits is not None) == (evaluation.holdout is not None) == tested
    assert math.isnan(evaluation.selection) is not tested


def test_with_averaging_the_raw_model_is_tested_as_well(judge):
    judged, setup = judge(averaging="ema")
    with torch.no_grad():
        for parameter in setup.averaging.model.parameters():
            parameter.zero_()
    fields = judged.evaluate(1).fields
    assert fields["raw_test_accuracy"] == score(logits(setup, setup.test), setup.test.labels).accuracy
    assert fields["test_loss"] == pytest.approx(math.log(10))  # of weights that are all 0


def test_a_stop_interrupts(judge):
    judged, setup = judge(stopping=lambda: True)
    with pytest.raises(Interrupted):
        judged.evaluate(1)
    assert setup.model.training


def test_weights_that_are_not_finite_have_no_figures(judge):
    judged, setup = judge()
    with torch.no_grad():
        next(setup.model.parameters()).fill_(math.nan)
    with pytest.raises(
        NonFiniteLogits, match="after epoch 2 the model's output is not finite for 105 of 105 test images"
    ):
        judged.evaluate(2)


def test_logits_are_kept_so_that_their_softmax_and_order_stay():
    values = torch.tensor([[1000.0, 1000.25, 0.0], [-1e6, 1e6, 0.0]])
    kept = as_kept(values)
    assert kept.dtype == torch.float16
    assert kept.tolist() == [[-0.25, 0.0, -1000.0], [-HALF_MAX, 0.0, -HALF_MAX]]
    torch.testing.assert_close(kept.float().softmax(1), values.softmax(1))


@pytest.mark.parametrize("averaging", ["off", "ema"])
def test_where_steps_are_graphs_an_evaluation_is_recorded_once_and_follows_the_weights(judge, monkeypatch, averaging):
    """Recorded after one eager batch, for each model and set of views, and then used for all images and all epochs."""
    changes = {"averaging": averaging, "evaluate": {"tta": "flip", "train_every": 1}, "compute": {"precision": "bf16"}}
    recorder, (plain, setup) = Recorder(), judge(**changes)
    monkeypatch.setattr("engine.loop.judge.CudaRecorder", lambda device: recorder)
    setup.decisions = replace(setup.decisions, graph=True)
    recorded = Judge(plain._recipe, setup, 1, lambda: False)
    monkeypatch.setattr("engine.loop.judge.EVALUATION_BATCH", {"cpu": 20})
    for epoch in (1, 2, 3):
        ours, theirs = recorded.evaluate(epoch), plain.evaluate(epoch)
        assert repr(ours.fields) == repr(theirs.fields)
        assert torch.equal(ours.logits, theirs.logits) and torch.equal(ours.holdout, theirs.holdout)
        with torch.no_grad():
            for parameter in setup.averaging.model.parameters():
                parameter.mul_(1.1)
    forwards = 2 + (averaging == "ema")  # plain and flipped images; the raw weights beside the average
    assert (recorder.eager_steps, recorder.recorded) == (forwards, forwards)
    assert recorder.replayed > 3 * len(setup.train) // 20


def test_an_evaluation_that_cannot_be_recorded_says_so_and_gives_the_same(judge, monkeypatch):
    plain, setup = judge()
    monkeypatch.setattr("engine.loop.judge.CudaRecorder", lambda device: Recorder(problem="it waits for the device"))
    monkeypatch.setattr("engine.loop.judge.EVALUATION_BATCH", {"cpu": 20})
    setup.decisions = replace(setup.decisions, graph=True)
    recorded = Judge(plain._recipe, setup, 1, lambda: False)
    assert torch.equal(recorded.evaluate(1).logits, plain.evaluate(1).logits)
    assert setup.warnings == [
        "the evaluation cannot be recorded as a CUDA graph and runs eagerly: it waits for the device"
    ]
