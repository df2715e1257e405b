"""Conflicts between the fields of a recipe; what a batch is split into is compared with `torch.chunk` and a plain loop."""

from typing import Any

import pytest
import torch

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.conflicts import conflicts, lonely, ungraphable
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import ComputeConfig, Recipe

TABLE = {"epochs": 3, "batch_size": 8, "model": "lenet", "augmentation": [], "optimizer": "sgd"}


def recipe(**changes: Any) -> Recipe:
    return resolve(TABLE | changes, catalog())


def refusal(**changes: Any) -> str:
    with pytest.raises(BadInput) as refused:
        recipe(**changes)
    return str(refused.value)


def test_a_recipe_of_defaults_has_none():
    assert conflicts(recipe(), catalog()) == []


def smallest_pass(images: int, batch: int, parts: int, keep: bool) -> int:
    """The fewest images in one forward pass of an epoch."""
    batches = torch.arange(images).split(batch)
    batches = [one for one in batches if keep or len(one) == batch]
    return min(len(part) for one in batches for part in one.chunk(parts))


@pytest.mark.parametrize("last_batch", ["drop", "keep"])
@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_a_lonely_image_is_found_where_torch_would_leave_one(parts: int, last_batch: str):
    base = recipe(last_batch=last_batch)
    for batch in range(parts, 12):
        for images in range(batch, 40):
            one = base.model_copy(update={"batch_size": batch, "compute": ComputeConfig(accumulate=parts)})
            assert bool(lonely(one, images)) == (smallest_pass(images, batch, parts, last_batch == "keep") == 1)


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_ghost_batches_divide_every_part_of_an_accepted_batch(parts: int):
    for batch in range(parts, 17):
        for ghost in range(2, 8):
            changes = {"batch_size": batch, "model": {"name": "lenet", "ghost_batch": ghost}}
            try:
                recipe(**changes, compute={"accumulate": parts})
            except BadInput as refused:
                assert "model.ghost_batch" in str(refused) and batch % (parts * ghost)
            else:
                assert all(len(part) % ghost == 0 for part in torch.arange(batch).chunk(parts))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"compute": {"deterministic": True}}, "compute.deterministic is on"),
        ({"compute": {"accumulate": 2}}, "compute.accumulate splits"),
        ({"optimizer": {"name": "sgd", "sharpness": "sam"}}, "optimizer.sharpness = sam takes two passes per step"),
        ({"optimizer": {"name": "sgd", "lookahead": 5}}, "optimizer.lookahead does not do the same"),
        ({"schedule": {"name": "cosine", "momentum_low": 0.5}}, "schedule.momentum_low changes the momentum"),
    ],
)
def test_what_keeps_a_step_from_being_a_graph_is_named(changes: dict[str, Any], reason: str):
    assert ungraphable(recipe(**changes)).startswith(reason) and bool(ungraphable(recipe(**changes))) == bool(reason)
    graph = changes | {"compute": changes.get("compute", {}) | {"graph": "on"}}
    if reason:
        assert f"compute.graph: {reason}" in refusal(**graph)
    else:
        recipe(**graph)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": {"name": "cosine", "warmup": 3}}, "3 epochs of warm-up do not fit into 3 epochs"),
        ({"schedule": {"name": "cosine", "offset": 3}}, "schedule.offset: got 3, needs < 3"),
        ({"schedule": {"name": "cosine", "momentum_low": 0.95}}, "schedule.momentum_low: got 0.95, needs < 0.9"),
        ({"averaging": {"name": "swa", "start": 0.9, "every": 1}}, "nothing would be averaged"),
        ({"compute": {"accumulate": 9}}, "compute.accumulate: got 9, needs <= batch_size = 8"),
        ({"batch_size": 60000}, "only about 50,000 training images of cifar10 are left; use a smaller batch or more"),
        ({"data": {"mean": [0.5] * 3}}, "data.mean: only used with data.normalize = \"given\", not 'train'"),
    ],
)
def test_a_conflict_says_what_is_wrong_and_what_would_do(changes: dict[str, Any], message: str):
    assert message in refusal(**changes)


def test_a_hold_out_needs_tests_to_select_the_best_epoch():
    recipe(evaluate={"every": 0})
    recipe(data={"holdout": 0.1}, evaluate={"every": 3})
    message = refusal(data={"holdout": 0.1}, evaluate={"every": 0})
    assert "data.holdout: holds out images to select the best epoch on" in message
    assert "evaluate.every = 0 tests only after the last epoch and selects none" in message


def test_a_decay_is_independent_of_the_rate_only_where_a_step_multiplies_both():
    for name in catalog().names("optimizer"):
        changes = {"optimizer": {"name": name, "independent_decay": True}}
        if name in ("adam", "adabound", "lars", "larc"):
            text = f"optimizer.independent_decay: {name} rescales the decay with the gradient; choose another optimizer"
            assert refusal(**changes) == text
        else:
            assert recipe(**changes).optimizer.options["independent_decay"]


@pytest.mark.parametrize("key", ["start", "crop"])
@pytest.mark.parametrize(("data", "size"), [("cifar10", 32), ("cifar10", 40), ("mnist", 28)])
def test_smaller_images_are_smaller_than_those_of_the_data_set(data: str, size: int, key: str):
    width = {"cifar10": 32, "mnist": 28}[data]
    said = refusal(resizing={key: size}, data={"name": data})
    assert f"resizing.{key}: got {size}, needs < {width}, the width of the images of {data} in px" in said
    assert getattr(recipe(resizing={key: width - 4}, data={"name": data}).resizing, key) == width - 4


def test_cropping_ends_after_resizing():
    growing = {"start": 20, "until": 0.6, "crop": 28}
    said = refusal(resizing=growing | {"crop_until": 0.6})
    assert "resizing.crop_until: got 0.6, needs > 0.6 (resizing.until), since images are cropped only after" in said
    assert recipe(resizing=growing | {"crop_until": 0.7}).resizing.crop_until == 0.7
    assert recipe(resizing=growing | {"start": 0, "crop_until": 0.5}).resizing.crop == 28
