"""Stochastic weight averaging in a run: what is judged, what is kept, and that it only ever looks on."""

import math

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.run import predictions
from engine.contract.run.events import Epoch, Finished
from engine.data.split import epoch_order
from engine.loop.checkpoint_files import load_weights
from engine.models.build import build_model

SWA = {"epochs": 4, "model": "dropout_net", "averaging": {"name": "swa", "start": 0.5, "every": 1.0}}


def epochs(trial) -> list[Epoch]:
    return [event for event in trial.events if isinstance(event, Epoch)]


def test_the_average_is_the_headline_once_there_is_one_and_the_raw_model_stands_beside_it(make):
    trial, plain = make(**SWA), make(**SWA | {"averaging": "off"})
    trial.go()
    plain.go()
    assert [event.weights for event in epochs(trial)] == ["raw", "swa", "swa", "swa"]
    raw = [event.test_accuracy if event.weights == "raw" else event.raw_test_accuracy for event in epochs(trial)]
    assert raw == [event.test_accuracy for event in epochs(plain)], "averaging only looks on"
    assert math.isnan(epochs(trial)[0].raw_test_accuracy)
    assert trial.events[-1].weights == load_weights(trial.run.checkpoints)["weights"] == "swa"
    assert predictions.read(trial.run.predictions).weights == "swa"


def test_the_kept_statistics_are_those_of_the_augmented_training_images(make):
    trial = make(**SWA)
    trial.go()
    net = build_model(trial.recipe.model, num_classes=10, catalog=trial.parts)
    net.load_state_dict(trial.weights())
    order = torch.from_numpy(epoch_order(trial.seed, 3, 330))[:320]
    means = torch.stack([trial.data.train.images[chosen].float().mean((0, 2, 3)) / 255 for chosen in order.split(64)])
    unshifted = (means.mean(0) - torch.tensor(trial.data.mean)) / torch.tensor(trial.data.std)
    assert int(net[0].num_batches_tracked) == 5
    torch.testing.assert_close(net[0].running_mean, unshifted, rtol=0, atol=0.5)  # the crop brings in some padding
    assert not torch.equal(net[0].running_mean, unshifted)


def test_looking_less_often_changes_no_weight(make):
    often, seldom = make(**SWA), make(**SWA, evaluate={"every": 3, "train_every": 4})
    often.go()
    seldom.go()
    assert often.ends_as(seldom)


@pytest.mark.parametrize("asked", [8, 9, 12])
def test_a_run_stopped_again_and_again_ends_with_the_same_bits(twice, asked):
    """Also while the statistics are being taken, which a stop cuts short."""
    whole, pieces = twice(**SWA)
    while not isinstance(pieces.go(stop_after=asked)[-1], Finished):
        assert pieces.attempts < 20
    assert pieces.attempts > 2
    assert pieces.ends_as(whole) and pieces.ends_as(whole, "best")
    assert pieces.epochs() == whole.epochs()


def test_a_span_too_short_to_average_in_is_refused(make):
    with pytest.raises(BadInput, match=r"averaging\.every: got 3, more than the last 2 of 4 epochs"):
        make(**SWA | {"averaging": {"name": "swa", "start": 0.5, "every": 3.0}})
