"""The estimate of GPU memory: its parts by hand, and the counted activations against autograd itself."""

import math

import pytest

from engine.analysis.memory import BF16, COUNTED, FP32, copies, counted, estimate_memory
from engine.contract.recipe.catalog import catalog
from presets.loader import Edits
from presets.references import recipe_of


def made(*sets: str, preset: str = "resnet34_cutmix"):
    return recipe_of(preset, catalog(), Edits(sets=sets))


def estimated(*sets: str, gpus: int = 1):
    return estimate_memory(made(*sets), catalog(), gpus)


def test_the_parts_follow_from_weights_batch_and_data_set():
    params = catalog().get("model", "resnet34").meta["params"]
    found = estimated()
    assert found is not None and found.complete
    assert found.weights == found.gradients == found.optimizer == FP32 * params and found.averages == 0
    assert found.activations == 128 * counted()["resnet34"][1] + BF16 * params
    assert found.data == 60_000 * 3 * 32 * 32
    assert found.total == 3 * FP32 * params + found.activations + found.data


@pytest.mark.parametrize(
    ("sets", "number"),
    [
        (("optimizer=sgd", "optimizer.momentum=0"), 0),
        (("optimizer=sgd",), 1),
        (("optimizer=adamw",), 2),
        (("optimizer=adabound", "optimizer.amsbound=true"), 3),
        (("optimizer=sgd", "optimizer.lookahead=5", "optimizer.sharpness=sam"), 3),
    ],
)
def test_an_optimizer_keeps_so_many_values_for_each_weight(sets, number):
    assert copies(made(*sets).optimizer) == number


def test_less_is_held_with_smaller_parts_of_a_batch_and_more_with_averages_and_fp32():
    whole = estimated()
    for smaller in (estimated("batch_size=64"), estimated("compute.accumulate=2"), estimated(gpus=2)):
        assert smaller.activations < whole.activations and smaller.weights == whole.weights
    assert estimated("averaging=ema").averages == whole.weights
    assert estimated("compute.precision=fp32").activations > 1.5 * whole.activations
    assert estimated("data.train_slice=first:0.5").data < estimated("data.holdout=0.1").data == whole.data


def test_a_model_of_another_size_has_no_estimate_and_one_that_was_not_counted_a_lower_bound(monkeypatch):
    assert estimate_memory(made("model=airbench94", "model.width=32", preset="quickstart"), catalog()) is None
    monkeypatch.setattr("engine.analysis.memory.counted", dict)
    found = estimated()
    assert not found.complete and math.isfinite(found.total) and found.total > 3 * found.weights


def test_every_model_was_counted():
    assert counted().keys() == set(catalog().names("model")), f"python -m tools.activations writes {COUNTED.name}"
    assert all(fp32 > bf16 * 0.9 > 0 for fp32, bf16 in counted().values())


@pytest.mark.parametrize("model", ["lenet", "resnet20", "vit"])
def test_the_file_has_what_autograd_saves(model):
    from tools.activations import bytes_per_image

    assert bytes_per_image(model) == list(counted()[model])
