"""A run whose loss or output is no longer finite ends as diverged, with events that can be read."""

import itertools
import json
import math

import pytest
import torch

from engine.contract.run.event_file import encode, read_event
from engine.contract.run.events import Epoch, Finished, Step
from engine.data.load import DataSet, Split
from engine.loop.observe import Diverged

CPU = torch.device("cpu")


@pytest.mark.parametrize("above", [0.0, 40.0])
def test_a_loss_that_is_no_number_ends_the_run(make, above):
    trial = make(loss={"name": "explodes", "above": above}, optimizer={"name": "sgd", "lr": 5.0}, schedule="constant")
    with pytest.raises(Diverged, match=r"the loss became nan in epoch \d+, step \d+, at a learning rate of 5"):
        trial.go()


def test_one_bad_loss_between_two_live_ones_is_noticed(make, monkeypatch):
    monkeypatch.setattr("engine.loop.observe.EVERY", 1e9)
    trial = make(loss={"name": "explodes", "above": 0.0})
    with pytest.raises(Diverged):
        trial.go()
    assert sum(isinstance(event, Step) for event in trial.events) <= 1


@pytest.mark.parametrize("averaging", ["off", "ema"])
def test_weights_that_the_very_last_step_blows_up_end_the_run_as_diverged(make, averaging):
    last_step = {"batch_size": 320, "epochs": 1, "schedule": "constant", "optimizer": {"name": "sgd", "lr": 1e30}}
    trial = make(**last_step, averaging=averaging)
    with pytest.raises(Diverged, match=r"after epoch 1 the model's output is not finite for 105 of 105 test"):
        trial.go()
    assert not any(isinstance(event, Epoch | Finished) for event in trial.events)


def test_no_value_of_a_run_that_blows_up_is_taken_for_garbage(make):
    """A rate of 1e30 is a mistake, but it is what the run was told, and the reader of its events has to show it."""
    trial = make(batch_size=320, epochs=1, schedule="constant", optimizer={"name": "sgd", "lr": 1e30})
    with pytest.raises(Diverged):
        trial.go()
    assert [event.lr for event in trial.events if isinstance(event, Step)] == [1e30]
    for event in trial.events:
        assert read_event(json.loads(encode(event))) == (event, 0)


@pytest.mark.parametrize("which", ["test", "holdout", "clean", "raw", "tta"])
def test_any_evaluation_that_meets_logits_that_are_not_finite_ends_the_run_and_its_epoch_is_never_best(
    make, tiny, monkeypatch, which
):
    from engine.loop import judge

    changes = {"evaluate": {"train_every": 1}, "averaging": "ema", "epochs": 2}
    at = {"clean": 0, "test": 1, "holdout": 2, "raw": 3, "tta": 1}[which]
    if which == "tta":
        changes["evaluate"] |= {"tta": "flip"}
    held_out = Split(tiny.test.images[:50], tiny.test.labels[:50])
    trial, asked = make(DataSet(**(vars(tiny) | {"holdout": held_out})), **changes), itertools.count()

    def predict(*arguments):
        found = predicted(*arguments)
        if next(asked) == 4 + at:  # in the second epoch
            found[-1][3] = math.nan  # of the last view alone, for one image
        return found

    predicted = judge.predict_views
    monkeypatch.setattr(judge, "predict_views", predict)
    with pytest.raises(Diverged, match="after epoch 2 the model's output is not finite for 1 of"):
        trial.go()
    assert [event.epoch for event in trial.events if isinstance(event, Epoch)] == [1]
    trial.go(attempt=2)
    assert [event for event in trial.events if isinstance(event, Finished)], "the same run goes on from before"
