"""Options that each slow a training down, all together: the run stays at chance for a while, and then it learns."""

from __future__ import annotations

import math

import pytest

from engine.contract.run.events import Epoch, Finished
from tests.engine.conftest import shapes_of

CHANCE = 0.1


@pytest.mark.slow
def test_sam_and_an_average_and_mixup_learn_together(make):
    """Under all three, a net of three convolutions stays at 10 % for about eight epochs of 46 steps; it ends above 40 %
    after sixty. Both the weights in training and their average must be far beyond what chance gives 500 images."""
    trial = make(
        shapes_of(3000, 500), seed=0, epochs=40, batch_size=64, model="three_convs",
        augmentation=["random_crop", "horizontal_flip", "mixup"],
        optimizer={"name": "sgd", "lr": 0.1, "nesterov": True, "weight_decay": 5e-4, "sharpness": "sam"},
        schedule={"name": "cosine", "warmup": 1.0, "warmup_start": 0.1},
        averaging={"name": "ema", "decay": 0.99},
    )  # fmt: skip
    events = trial.go()
    assert isinstance(events[-1], Finished)
    epochs = [event for event in events if isinstance(event, Epoch)]
    chance = 6 * math.sqrt(CHANCE * (1 - CHANCE) / 500)
    assert epochs[2].test_accuracy < CHANCE + chance, "a run of three epochs is too short to tell"
    assert min(epochs[-1].test_accuracy, epochs[-1].raw_test_accuracy) > 0.3 > CHANCE + chance
    assert epochs[-1].train_loss < 2.1 < math.log(10), "of mixed labels, so far above the loss of whole ones"
