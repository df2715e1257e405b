"""Runs with parameter groups: what a group that ends early does in the loop, and a resume before, at and after its end."""

from functools import partial
from itertools import pairwise

import pytest
import torch

from engine import train
from engine.contract.errors import BadInput
from engine.contract.run.events import Checkpoint, Finished, Phase, Resumed
from engine.loop import setup as loop_setup
from engine.loop.steps import EAGER_STEPS, Recorded
from engine.schedules import plan
from tests.engine.loop.test_steps import Recorder

FIRST = [{"match": "features.0.*", "lr": 2.0, "until": 0.45}]  # 7 of 15 steps, so it ends inside the second epoch
SGD = {"name": "sgd", "lr": 0.05, "nesterov": True, "groups": FIRST}
KINDS = {
    "plain": {"optimizer": SGD},
    "ema": {"optimizer": SGD, "averaging": "ema"},
    "swa": {"optimizer": SGD, "averaging": {"name": "swa", "start": 0.3}},
    "lookahead": {"optimizer": SGD | {"lookahead": 4}},
    "sam": {"optimizer": SGD | {"sharpness": "sam"}},
    "clipped": {"optimizer": SGD | {"clip_norm": 0.5}},
    "accumulated": {"optimizer": SGD, "compute": {"precision": "fp32", "accumulate": 4}},
    "bf16": {"optimizer": SGD, "compute": {"precision": "bf16"}},
    "muon": {"optimizer": {"name": "muon", "groups": FIRST, "other_weight_decay": 1e-3, "independent_decay": True}},
    "adamw": {"optimizer": {"name": "adamw", "groups": FIRST}},
    "momentum that moves": {"optimizer": SGD, "schedule": {"name": "one_cycle", "momentum_low": 0.8}},
    "short last epoch": {"optimizer": SGD, "epochs": 2.6},
}


def watch(trial, monkeypatch) -> list[dict[str, object]]:
    """The state of the ended parameters and of their group at every step of a run, as the step sees it."""
    seen = []

    def spy(setup, *rest, **options):
        outcome = step(setup, *rest, **options)
        group = setup.optimizer.param_groups[-1]
        seen.append(
            {
                "lr": group["lr"],
                "others": setup.optimizer.param_groups[0]["lr"],
                "graded": [p.grad is not None for p in group["params"]],
                "weights": [p.detach().clone() for p in group["params"]],
                "moved": [p in setup.optimizer.state for p in group["params"]],
            }
        )
        return outcome

    step = train.train_step
    with monkeypatch.context() as patch:
        patch.setattr(train, "train_step", spy)
        trial.go()
    return seen


def test_a_group_is_trained_for_its_part_and_then_left_as_it_is(make, monkeypatch):
    seen = watch(make(optimizer=SGD, schedule="linear"), monkeypatch)
    assert len(seen) == 15
    assert [all(step["graded"]) and all(step["moved"]) for step in seen] == [True] * 7 + [False] * 8
    assert [any(step["graded"]) or any(step["moved"]) for step in seen] == [True] * 7 + [False] * 8
    for before, after in pairwise(seen[6:]):
        assert all(map(torch.equal, before["weights"], after["weights"]))
    for before, after in pairwise(seen[:7]):
        assert not any(map(torch.equal, before["weights"], after["weights"]))


@pytest.mark.parametrize("schedule", ["linear", {"name": "cosine", "warmup": 1.0}, {"name": "linear", "by": "epoch"}])
def test_its_schedule_is_compressed_and_that_of_the_others_is_not(make, monkeypatch, schedule):
    trial = make(optimizer=SGD, schedule=schedule)
    seen, at = watch(trial, monkeypatch), plan(trial.recipe.schedule, 3)
    assert [step["others"] for step in seen] == pytest.approx([0.05 * at(i / 15).factor for i in range(15)])
    compressed = [2.0 * 0.05 * at(min(i / 15 / 0.45, 1.0)).factor for i in range(7)]
    assert [step["lr"] for step in seen[:7]] == pytest.approx(compressed)


def stopped_after(twice, step: int, **changes):
    """A run that has finished, and the same one stopped after so many steps of all, five of which are an epoch."""
    whole, pieces = twice(**changes)
    pieces.stop_at((step - 1) // 5, (step - 1) % 5 + 1)
    return whole, pieces


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_stopped_around_the_end_of_a_group_ends_with_the_same_bits(twice, kind):
    """Before it, exactly at it (the checkpoint still has the group's momentum) and after it, in one run."""
    whole, pieces = stopped_after(twice, 6, **KINDS[kind])
    assert [pieces.go(stop_after=1)[-1].step for _ in range(2)] == [2, 3], "of the second epoch"
    assert isinstance(pieces.go()[-1], Finished)
    assert all(event.exact for event in pieces.events if isinstance(event, Resumed))
    assert pieces.ends_as(whole) and pieces.epochs() == whole.epochs()
    assert pieces.run.predictions.read_bytes() == whole.run.predictions.read_bytes()


@pytest.mark.parametrize("at", [6, 7, 8, 10])
@pytest.mark.usefixtures("written_at_once")
def test_a_run_killed_around_the_end_of_a_group_ends_with_the_same_bits(twice, at):
    whole, killed = twice(optimizer=SGD)
    stream = killed.start(interval=0)
    next(event for event in stream if isinstance(event, Checkpoint) and event.epoch * 5 + event.step == at)
    stream.close()
    resumed = next(event for event in killed.go() if isinstance(event, Resumed))
    assert resumed.epoch * 5 + resumed.step == at
    assert killed.ends_as(whole) and killed.epochs() == whole.epochs()


def test_a_run_whose_group_ends_is_not_the_run_without_the_rule(make):
    ends = [make(optimizer=SGD | {"groups": groups}) for groups in ([], FIRST)]
    for trial in ends:
        trial.go()
    assert not ends[0].ends_as(ends[1])
    assert ends[0].recipe.recipe_id != ends[1].recipe.recipe_id


def test_an_average_goes_on_towards_the_weights_of_an_ended_group(make):
    trial = make(optimizer=SGD, averaging={"name": "ema", "decay": 0.5, "warmup": False}, epochs=6)
    trial.go()  # 13 of 30 steps
    averaged = trial.weights()["features.0.weight"]
    plain = make(optimizer=SGD, epochs=6)
    plain.go()
    torch.testing.assert_close(averaged, plain.weights()["features.0.weight"], rtol=1e-4, atol=1e-5)


def test_a_rule_that_matches_nothing_ends_the_run_before_anything_is_measured(make, monkeypatch):
    monkeypatch.setattr(loop_setup, "decide", None)
    trial = make(optimizer=SGD | {"groups": [{"match": "stem.*"}]})
    with pytest.raises(BadInput, match=r"optimizer\.groups: no trainable parameter matches 'stem\.\*'; this model has"):
        trial.go()


def recorded(monkeypatch) -> Recorder:
    """Runs take their steps from a fake recording from now on."""
    recorder = Recorder()

    def make_steps(setup, recipe, lap):
        step = partial(train.train_step, setup, accumulate=1, clip_norm=0.0)
        return step, Recorded(step, recorder, setup.warnings.append)

    monkeypatch.setattr(train, "make_steps", make_steps)
    return recorder


def test_a_recorded_step_is_recorded_again_when_a_group_ends(make, finished, monkeypatch):
    rules = SGD | {"groups": [FIRST[0] | {"until": 0.5}]}  # 15 of 30 steps, after the third epoch
    whole, again = finished(optimizer=rules, epochs=6), make(optimizer=rules, epochs=6)
    recorder = recorded(monkeypatch)
    again.go()
    eager = [recorder.eager_steps, recorder.recorded, recorder.replayed]
    assert eager == [2 * EAGER_STEPS, 2, 30 - 6 - 2 * EAGER_STEPS], "the last step of each epoch is never recorded"
    assert again.ends_as(whole) and again.epochs() == whole.epochs()


def test_a_compiled_run_says_that_it_compiles_again(make, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, mode=None: function)
    trial = make(optimizer=SGD, compute={"precision": "fp32", "compile": "default"})
    events = trial.go()
    assert [event.name for event in events if isinstance(event, Phase)].count("compiling") == 2
