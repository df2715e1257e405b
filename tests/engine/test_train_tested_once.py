"""A run with `evaluate.every = 0` is tested once, after its last step, and has no best epoch."""

import math

import numpy as np
import pytest

from engine.contract.recipe.schema import Placement
from engine.contract.run import predictions
from engine.contract.run.checkpoints import BEST, STATE, committed, read_meta
from engine.contract.run.events import Checkpoint, Epoch, Finished, Phase, Resumed, RunStarted
from engine.contract.run.prune import prunable, prune
from engine.contract.run.records import ExitRecord

ONCE = {"evaluate": {"every": 0}}


def epochs_tested(events) -> list[int]:
    """The epochs whose events have a test accuracy."""
    return [event.epoch for event in events if isinstance(event, Epoch) and math.isfinite(event.test_accuracy)]


@pytest.mark.parametrize("averaging", ["off", "ema", {"name": "swa", "start": 0.4, "every": 1}])
def test_the_only_test_equals_the_last_one_of_a_run_tested_every_epoch(make, averaging):
    once, always = make(averaging=averaging, **ONCE), make(averaging=averaging)
    mine, theirs = once.go(), always.go()
    assert epochs_tested(mine) == [3] and epochs_tested(theirs) == [1, 2, 3]
    assert once.epochs()[-1] == always.epochs()[-1], "averaged and raw accuracy, per class, and all else"
    assert once.ends_as(always)
    found, other = predictions.read(once.run.predictions), predictions.read(always.run.predictions)
    assert found.last.tobytes() == other.last.tobytes() and found.last_epoch == 3
    assert (found.best.shape, found.best_epoch) == ((0, 10), 0)
    assert np.array_equal(found.labels, other.labels)


def test_it_has_no_best_epoch_and_no_best_weights(make):
    trial = make(**ONCE)
    events = trial.go()
    started, finished = events[1], events[-1]
    assert isinstance(started, RunStarted) and isinstance(finished, Finished)
    assert started.best_on == finished.best_on == ""
    assert (math.isnan(finished.best_accuracy), finished.best_epoch) == (True, 0)
    assert finished.last_accuracy == next(e.test_accuracy for e in events if isinstance(e, Epoch) and e.epoch == 3)
    (path,) = committed(trial.run.checkpoints)
    assert BEST not in read_meta(path)["files"] and not (path / BEST).exists()
    assert trial.weights() and read_meta(path)["best_epoch"] == 0
    with pytest.raises(FileNotFoundError, match="holds no best weights"):
        trial.weights("best")


def test_pruning_keeps_the_final_weights(make):
    trial = make(**ONCE)
    trial.go(placement=Placement(threads=1, keep="all"), interval=0)
    ExitRecord(state="finished", ended=1.0).write(trial.run.exit)
    before = trial.weights()
    assert len(committed(trial.run.checkpoints)) > 1
    assert len(prunable(trial.run, "weights").kept) == 1 and prune(trial.run, "weights") > 0
    (path,) = committed(trial.run.checkpoints)
    assert not (path / STATE).exists() and trial.weights().keys() == before.keys()


@pytest.mark.parametrize("averaging", ["off", "ema"])
def test_stopped_every_third_step_it_ends_with_the_same_bits(twice, averaging):
    whole, pieces = twice(averaging=averaging, **ONCE)
    while not isinstance(pieces.go(stop_after=3)[-1], Finished):
        assert pieces.attempts < 30
    assert pieces.attempts > 5
    assert pieces.ends_as(whole) and pieces.epochs() == whole.epochs()
    assert epochs_tested(pieces.events) == [3]
    assert pieces.run.predictions.read_bytes() == whole.run.predictions.read_bytes()


def test_a_stop_before_the_end_leaves_no_test(make):
    trial = make(**ONCE)
    trial.go(stop_after=12)
    assert [event.epoch for event in trial.events if isinstance(event, Epoch)] == [1, 2][: len(trial.epochs())]
    assert epochs_tested(trial.events) == [] and not trial.run.predictions.exists()


def test_a_run_stopped_after_its_last_step_is_tested_once_when_it_goes_on(make, finished):
    """The loop asks before each of five steps and once after the last one of an epoch."""
    whole, pieces = finished(**ONCE), make(**ONCE)
    stopped = pieces.go(stop_after=3 * 6 - 1)[-1]
    assert (stopped.epoch, stopped.step) == (2, 5), "after all steps of the last epoch, before its test"
    assert epochs_tested(pieces.events) == [] and not pieces.run.predictions.exists()
    events = pieces.go()
    assert [(e.epoch, e.step) for e in events if isinstance(e, Resumed)] == [(2, 5)]
    assert epochs_tested(events) == [3] and isinstance(events[-1], Finished)
    assert pieces.ends_as(whole) and pieces.epochs() == whole.epochs()


def test_a_run_stopped_in_the_middle_of_its_test_is_tested_once_when_it_goes_on(make, finished):
    whole, pieces = finished(**ONCE), make(**ONCE)
    events = pieces.go(stop_after=3 * 6)
    assert [event.name for event in events if isinstance(event, Phase)][-2:] == ["evaluating", "saving"]
    assert epochs_tested(events) == []
    assert epochs_tested(pieces.go()) == [3] and pieces.ends_as(whole)


def test_a_run_killed_after_its_last_checkpoint_keeps_its_accuracy(make, finished):
    whole, killed = finished(**ONCE), make(**ONCE)
    first = whole.events[-1]
    stream = killed.start()
    next(event for event in stream if isinstance(event, Checkpoint) and event.why == "end")
    stream.close()
    again = killed.go()[-1]
    assert (again.last_accuracy, again.best_epoch, again.best_on) == (first.last_accuracy, 0, "")
    assert math.isnan(again.best_accuracy) and killed.ends_as(whole)
    assert killed.run.predictions.read_bytes() == whole.run.predictions.read_bytes()


def test_a_killed_run_goes_on_from_its_newest_checkpoint(make, finished):
    whole, killed = finished(**ONCE), make(**ONCE)
    stream = killed.start(interval=0)
    next(event for event in stream if isinstance(event, Epoch) and event.epoch == 2)
    stream.close()
    events = killed.go()
    assert (0, 0) < next((e.epoch, e.step) for e in events if isinstance(e, Resumed)) <= (2, 0)
    assert epochs_tested(killed.events) == [3] and killed.ends_as(whole) and killed.epochs() == whole.epochs()


def test_the_training_images_are_still_evaluated_when_due(make):
    trial = make(epochs=4, evaluate={"every": 0, "train_every": 2})
    clean = [math.isfinite(event.clean_train_accuracy) for event in trial.go() if isinstance(event, Epoch)]
    assert clean == [False, True, False, True] and epochs_tested(trial.events) == [4]
