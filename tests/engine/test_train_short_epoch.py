"""A run of a fractional number of epochs ends with a short epoch, which counts as one."""

import json
import math

import pytest

from engine.contract.run import predictions
from engine.contract.run.events import Checkpoint, Epoch, Finished, Resumed, RunStarted
from engine.loop import judge
from engine.optim.param_groups import follow
from engine.schedules import plan

SHORT = {"epochs": 2.6}  # 13 steps: five, five and three


def rates(trial, monkeypatch) -> list[float]:
    """The learning rate factor of every step of a run."""
    seen = []

    def spy(optimizer, scheduled, low):
        follow(optimizer, scheduled, low)
        (group,) = optimizer.param_groups
        seen.append(group["lr"] / group["initial_lr"])

    with monkeypatch.context() as patch:
        patch.setattr("engine.train.follow", spy)
        trial.go()
    return seen


@pytest.mark.parametrize(("epochs", "steps"), [(2.6, 13), (2.61, 13), (1.1, 6), (2.95, 15), (2.05, 10), (3, 15)])
def test_all_steps_are_the_epochs_times_the_steps_of_one_rounded(make, monkeypatch, epochs, steps):
    trial = make(epochs=epochs)
    assert len(rates(trial, monkeypatch)) == steps == round(epochs * 5)
    ended = [event.epoch for event in trial.events if isinstance(event, Epoch)]
    finished, started = trial.events[-1], trial.events[1]
    assert isinstance(finished, Finished) and isinstance(started, RunStarted)
    assert ended == list(range(1, math.ceil(steps / 5) + 1))
    assert started.epochs == finished.epochs == ended[-1] and started.steps_per_epoch == 5


def test_the_schedule_runs_over_all_steps(make, monkeypatch):
    options = {"name": "cosine", "warmup": 1.0}
    trial = make(schedule=options, **SHORT)
    at = plan(trial.recipe.schedule, 2.6)
    assert rates(trial, monkeypatch) == pytest.approx([at(step / 13).factor for step in range(13)])
    assert at(5 / 13).factor == pytest.approx(1.0), "the warm-up is one epoch"
    assert at(1.0).factor == pytest.approx(0.0)


def test_a_schedule_by_epoch_has_a_last_rate_of_its_own(make, monkeypatch):
    trial = make(schedule={"name": "linear", "by": "epoch"}, **SHORT)
    assert rates(trial, monkeypatch) == pytest.approx([1.0] * 5 + [1 - 1 / 2.6] * 5 + [1 - 2 / 2.6] * 3)


KINDS = {
    "plain": {},
    "last batch kept": {"last_batch": "keep", "epochs": 2.5},
    "swa": {"averaging": {"name": "swa", "start": 0.4, "every": 0.4}, "model": "dropout_net"},
    "momentum that moves": {"schedule": {"name": "one_cycle", "momentum_low": 0.8}},
    "tested once": {"evaluate": {"every": 0}},
}


def stopped_at(twice, step: int, **changes):
    """A run that has finished, and the same one stopped after so many steps of its short epoch, the third."""
    whole, pieces = twice(**changes)
    pieces.stop_at(2, step)
    return whole, pieces


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_stopped_inside_the_short_epoch_ends_with_the_same_bits(twice, kind):
    whole, pieces = stopped_at(twice, 2, **SHORT | KINDS[kind])
    events = pieces.go()
    assert [(e.epoch, e.step, e.exact) for e in events if isinstance(e, Resumed)] == [(2, 2, True)]
    assert pieces.ends_as(whole) and pieces.epochs() == whole.epochs()
    assert pieces.run.predictions.read_bytes() == whole.run.predictions.read_bytes()


def test_a_run_stopped_every_second_step_ends_with_the_same_bits(twice):
    whole, pieces = twice(**SHORT)
    while not isinstance(pieces.go(stop_after=2)[-1], Finished):
        assert pieces.attempts < 40
    assert pieces.attempts > 6 and pieces.ends_as(whole) and pieces.epochs() == whole.epochs()


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.usefixtures("written_at_once")  # a slow writer might have no checkpoint of such a short epoch
def test_a_run_killed_inside_the_short_epoch_goes_on_from_its_newest_checkpoint(twice, step):
    whole, killed = twice(**SHORT)
    stream = killed.start(interval=0)
    next(event for event in stream if isinstance(event, Checkpoint) and (event.epoch, event.step) == (2, step))
    stream.close()
    resumed = next(event for event in killed.go() if isinstance(event, Resumed))
    assert (resumed.epoch, resumed.step, resumed.exact) == (2, step, True)
    assert killed.ends_as(whole) and killed.epochs() == whole.epochs()


def test_a_run_stopped_after_the_last_step_of_the_short_epoch_is_tested_when_it_goes_on(twice):
    whole, pieces = stopped_at(twice, 3, **SHORT)
    assert predictions.read(pieces.run.predictions).last_epoch == 2
    assert isinstance(pieces.go()[-1], Finished)
    assert pieces.ends_as(whole) and pieces.epochs() == whole.epochs()


def test_an_average_takes_its_statistics_from_the_images_that_the_short_epoch_showed(make, monkeypatch):
    trial, shown = make(averaging={"name": "swa", "start": 0.0}, **SHORT), []
    method = judge.Judge._shown
    monkeypatch.setattr(judge.Judge, "_shown", lambda self, epoch: shown.append(list(method(self, epoch))) or shown[-1])
    trial.go()
    assert [len(batches) for batches in shown] == [5, 5, 3]


def test_whole_epochs_in_fractional_form_are_the_same_recipe_and_the_same_run(make):
    plain, dotted = make(epochs=2), make(epochs=2.0)
    assert dotted.recipe.recipe_id == plain.recipe.recipe_id
    assert type(dotted.recipe.epochs) is int and "epochs = 2\n" in dotted.recipe.to_toml()
    plain.go(), dotted.go()
    assert dotted.ends_as(plain)


def test_json_keeps_whole_numbers_whole_and_a_fraction_as_it_is(make):
    for epochs, text in ((3, '"epochs": 3,'), (3.0, '"epochs": 3,'), (2.6, '"epochs": 2.6,')):
        assert text in json.dumps(make(epochs=epochs).recipe.to_table())
    run = make(**SHORT).run
    assert run.info().epochs == 3, "the short epoch counts as one"
    assert run.recipe().epochs == 2.6
