"""Runs with progressive resizing: what the model sees when, resumes around a change of size, recordings, and ids."""

import pytest
import torch

from engine import train
from engine.contract.errors import BadInput
from engine.contract.run.events import Finished, Phase, Resumed
from engine.loop.steps import EAGER_STEPS
from tests.engine.test_train_groups import recorded, stopped_after

NET = {"name": "airbench94", "width": 12}
SGD = {"name": "sgd", "lr": 0.05, "nesterov": True, "groups": []}  # no group ends early
GROWING = {
    "model": NET,
    "optimizer": SGD,
    "resizing": {"start": 20, "until": 0.6, "increment": 6},
}  # 20, 26 and 32 px; 15 steps
CROPPED = GROWING | {"resizing": {"start": 20, "until": 0.4, "increment": 12, "crop": 28, "crop_until": 0.8}}


def test_training_sees_the_sizes_of_the_recipe_and_evaluation_the_full_one(make, monkeypatch):
    seen = {True: [], False: []}

    def spy(module, inputs):
        if type(module).__name__ == "AirbenchNet":
            seen[module.training].append(inputs[0].shape[-1])

    trial = make(**GROWING)
    handle = torch.nn.modules.module.register_module_forward_pre_hook(spy)
    try:
        trial.go()
    finally:
        handle.remove()
    steps = seen[True][-15:]  # before them come measurements
    assert steps == [20] * 5 + [26] * 4 + [32] * 6
    assert seen[False].count(20) == 1, "the check that the model accepts the first size"
    assert set(seen[False]) == {20, 32}


@pytest.mark.parametrize(
    ("table", "at"), [(GROWING, 4), (GROWING, 5), (GROWING, 9), (GROWING, 10), (CROPPED, 6), (CROPPED, 11)]
)
def test_a_run_stopped_around_a_change_of_size_ends_with_the_same_bits(twice, table, at):
    whole, pieces = stopped_after(twice, at, **table)
    assert isinstance(pieces.go()[-1], Finished)
    assert all(event.exact for event in pieces.events if isinstance(event, Resumed))
    assert pieces.ends_as(whole) and pieces.epochs() == whole.epochs()


def test_a_recorded_step_is_recorded_again_when_images_grow(make, finished, monkeypatch):
    growing = GROWING | {"epochs": 6, "resizing": {"start": 20, "until": 0.5, "increment": 12}}  # 15 of 30 steps
    whole, again = finished(**growing), make(**growing)
    recorder = recorded(monkeypatch)
    again.go()
    counted = [recorder.eager_steps, recorder.recorded, recorder.replayed]
    assert counted == [2 * EAGER_STEPS, 2, 30 - 6 - 2 * EAGER_STEPS], "the last step of each epoch is never recorded"
    assert again.ends_as(whole) and again.epochs() == whole.epochs()


def test_a_compiled_run_says_that_it_compiles_again(make, monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, mode=None: function)
    events = make(**GROWING, compute={"precision": "fp32", "compile": "default"}).go()
    assert [event.name for event in events if isinstance(event, Phase)].count("compiling") == 3


def test_a_model_with_a_fixed_size_is_refused_before_anything_is_measured(make, monkeypatch):
    monkeypatch.setattr(train, "Session", None)
    with pytest.raises(BadInput, match=r"resizing\.start = 20: the model does not accept images of 20 px"):
        make(resizing={"start": 20}).go()  # lenet


def test_only_a_recipe_that_resizes_or_crops_has_another_id(make):
    plain, *idle = (
        make(model=NET, optimizer=SGD, resizing=table).recipe.recipe_id
        for table in ({}, {"until": 0.7}, {"crop_until": 0.7})
    )
    assert idle == [plain, plain]
    growing, cropped = make(**GROWING).recipe.recipe_id, make(**CROPPED).recipe.recipe_id
    only_cropped = make(model=NET, optimizer=SGD, resizing={"crop": 28}).recipe.recipe_id
    assert len({plain, growing, cropped, only_cropped}) == 4
    still = GROWING | {"resizing": GROWING["resizing"] | {"crop_until": 0.95}}
    assert make(**still).recipe.recipe_id == growing, "without a crop its end means nothing"
