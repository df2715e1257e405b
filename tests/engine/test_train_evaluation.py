"""Evaluation during training: when it is due, what it reports, and which epoch is the best."""

import math

import numpy as np
import pytest
import torch

from engine.augment.pipeline import Pipeline
from engine.contract.run import predictions
from engine.contract.run.events import (
    Epoch,
)
from engine.data.device import Resident
from engine.data.load import DataSet, Split
from engine.loop.evaluate import forward_views, plain, predict_views, score
from engine.models.build import build_model

CPU = torch.device("cpu")


def test_evaluation_is_made_when_due_and_always_at_the_end(make):
    trial = make(epochs=5, evaluate={"every": 2, "train_every": 3}, averaging="ema")
    events = [event for event in trial.go() if isinstance(event, Epoch)]
    assert [math.isnan(event.test_accuracy) for event in events] == [True, False, True, False, False]
    assert [math.isnan(event.raw_test_accuracy) for event in events] == [True, False, True, False, False]
    assert [math.isnan(event.clean_train_loss) for event in events] == [True, True, False, True, True]
    assert all(len(event.per_class) == (0 if math.isnan(event.test_accuracy) else 10) for event in events)


def test_views_stand_beside_the_plain_figure_and_only_when_asked_for(make):
    plain, seen = make(epochs=2), make(epochs=2, evaluate={"tta": "flip"})
    one, other = ([event for event in trial.go() if isinstance(event, Epoch)] for trial in (plain, seen))
    assert [event.test_accuracy for event in one] == [event.test_accuracy for event in other]
    assert all(event.tta == "off" and math.isnan(event.tta_accuracy) for event in one)
    assert all(event.tta == "flip" and 0 < event.tta_accuracy < 1 for event in other)
    assert all(math.isnan(event.test_top5) for event in one)
    assert seen.run.predictions.read_bytes() == plain.run.predictions.read_bytes()


def evaluate(trial, which, split):
    net = build_model(trial.recipe.model, num_classes=10, catalog=trial.parts).to(memory_format=torch.channels_last)
    net.load_state_dict(trial.weights(which))
    pipeline = Pipeline([], seed=0, mean=trial.data.mean, std=trial.data.std, num_classes=10)
    fp32 = torch.autocast("cpu", enabled=False)
    return predict_views(
        net, Resident(split, CPU), len(split), pipeline.normalize, forward_views(net, [plain], lambda: fp32)
    )[0]


@pytest.mark.parametrize("averaging", ["off", "ema"])
def test_predictions_equal_a_fresh_evaluation_of_the_saved_weights(make, tiny, averaging):
    trial = make(epochs=4, averaging=averaging, optimizer={"name": "sgd", "lr": 0.2}, schedule="constant")
    finished = trial.go()[-1]
    found = predictions.read(trial.run.predictions)
    for which, logits in (("last", found.last), ("best", found.best)):
        fresh = evaluate(trial, which, tiny.test)
        assert np.array_equal(logits, (fresh - fresh.amax(1, keepdim=True)).half().numpy()), which
    assert np.array_equal(found.labels, tiny.test.labels.numpy())
    assert tuple(found.classes) == tiny.classes
    assert (found.last_epoch, found.best_epoch) == (4, finished.best_epoch)
    assert found.weights == found.best_weights == ("raw" if averaging == "off" else "ema")
    assert (found.version, found.data, len(found.holdout)) == (2, tiny.fingerprint, 0)
    assert np.array_equal(found.test_index, np.arange(len(tiny.test)))
    epochs = {event.epoch: event for event in trial.events if isinstance(event, Epoch)}
    assert (found.last.argmax(1) == found.labels).mean() == epochs[4].test_accuracy == finished.last_accuracy
    assert (
        epochs[finished.best_epoch].test_accuracy
        == finished.best_accuracy
        == max(e.test_accuracy for e in epochs.values())
    )


def test_the_average_is_the_headline_and_the_raw_weights_stand_beside_it(make, tiny):
    trial = make(averaging={"name": "ema", "decay": 0.9, "warmup": False}, optimizer={"name": "sgd", "lr": 0.2})
    epochs = [event for event in trial.go() if isinstance(event, Epoch)]
    raw = make(optimizer={"name": "sgd", "lr": 0.2})
    plain = [event for event in raw.go() if isinstance(event, Epoch)]
    assert [event.raw_test_accuracy for event in epochs] == [event.test_accuracy for event in plain]
    assert [event.weights for event in epochs] == ["ema"] * 3
    assert [event.weights for event in plain] == ["raw"] * 3
    assert [event.test_loss for event in epochs] != [event.test_loss for event in plain]
    assert all(math.isnan(event.raw_test_accuracy) for event in plain)


def test_a_holdout_selects_the_best_epoch(make, tiny):
    part = Split(tiny.train.images[:60], tiny.train.labels[:60])
    trial = make(DataSet(**(vars(tiny) | {"holdout": part})), epochs=6, optimizer={"name": "sgd", "lr": 0.3})
    finished = trial.go()[-1]
    epochs = [event for event in trial.events if isinstance(event, Epoch)]
    best = max(epochs, key=lambda event: event.holdout_accuracy)
    assert finished.best_on == "holdout"
    assert (finished.best_epoch, finished.best_accuracy) == (best.epoch, best.test_accuracy)
    assert best.holdout_accuracy == score(evaluate(trial, "best", part), part.labels).accuracy


@pytest.mark.parametrize(
    "augmentation, mixed",
    [
        ([], False),
        (["random_crop"], False),
        (["random_crop", "cutmix"], True),
        ([{"name": "with_probability", "probability": 0.5, "of": ["mixup"]}], True),
    ],
)
def test_train_accuracy_under_mixed_labels_is_marked(make, augmentation, mixed):
    events = make(epochs=1, augmentation=augmentation).go()
    assert next(event for event in events if isinstance(event, Epoch)).train_mixed is mixed
