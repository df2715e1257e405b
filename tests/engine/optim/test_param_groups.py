"""Who gets weight decay, and how rates are set."""

import pytest
import torch
from torch import nn

from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from engine.models.resnet import resnet20
from engine.optim.param_groups import kernel, param_groups, set_lr
from tests.engine.models.shapes import on_meta


class Mixed(nn.Module):
    """One of everything that a rule on names or shapes alone gets wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.LayerNorm((4, 2))  # a norm weight with two dimensions
        self.scale = nn.Parameter(torch.ones(4))
        self.temperature = nn.Parameter(torch.ones(()))
        self.table_bias = nn.Parameter(torch.ones(4, 4))
        self.position = nn.Parameter(torch.ones(1, 4, 4))
        self.frozen = nn.Parameter(torch.ones(2, 2), requires_grad=False)


def names(model: nn.Module, group: dict) -> set[str]:
    ids = {id(p) for p in group["params"]}
    return {name for name, p in model.named_parameters() if id(p) in ids}


def test_vectors_biases_and_norms_are_spared() -> None:
    model = Mixed()
    decayed, spared = param_groups(model, decay_norm_bias=False)
    assert names(model, decayed) == {"conv.weight", "position"}
    assert names(model, spared) == {"conv.bias", "norm.weight", "norm.bias", "scale", "temperature", "table_bias"}
    assert spared["weight_decay"] == 0.0
    assert "weight_decay" not in decayed


def test_every_trainable_parameter_is_in_exactly_one_group() -> None:
    for model in (Mixed(), resnet20()):
        want = {name for name, p in model.named_parameters() if p.requires_grad}
        for decay_norm_bias in (True, False):
            groups = param_groups(model, decay_norm_bias=decay_norm_bias)
            assert sum(len(group["params"]) for group in groups) == len(want)
            assert set().union(*(names(model, group) for group in groups)) == want
            assert len(groups) == (1 if decay_norm_bias else 2)


def test_a_shared_parameter_is_listed_once() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    (group,) = param_groups(model, decay_norm_bias=True)
    assert len(group["params"]) == 3


def test_a_model_with_nothing_to_train_is_refused() -> None:
    with pytest.raises(ValueError, match="no trainable parameters"):
        param_groups(nn.ReLU(), decay_norm_bias=True)


@pytest.mark.parametrize("lr", [0.5, torch.tensor(0.5)])
def test_the_rate_of_a_group_is_its_own_peak_times_the_factor(lr: float | torch.Tensor) -> None:
    optimizer = torch.optim.SGD([{"params": [nn.Parameter(torch.ones(1))], "initial_lr": 0.5}], lr)
    held = optimizer.param_groups[0]["lr"]
    for factor in (0.2, 0.6):
        set_lr(optimizer, factor)
        assert float(optimizer.param_groups[0]["lr"]) == pytest.approx(0.5 * factor)
    if isinstance(lr, torch.Tensor):
        assert optimizer.param_groups[0]["lr"] is held, "a captured graph reads the tensor it was captured with"


def test_a_device_without_a_fused_kernel_gets_torchs_own_choice() -> None:
    assert kernel([{"params": [torch.ones(1, device="meta")]}]) == {}
    assert kernel([{"params": [torch.ones(1)]}]) == {"fused": True}


BY_SIZE = sorted(catalog().parts("model"), key=lambda part: -part.meta["params"])
SMALLEST = {part.meta["family"]: part for part in BY_SIZE}


@pytest.mark.parametrize("part", SMALLEST.values(), ids=lambda part: part.name)
def test_nothing_but_weights_of_linear_layers_and_convolutions_decays(part: Part) -> None:
    """Of every family of models: a parameter of another kind is either a vector or marked by its module."""
    with on_meta():
        choice = Choice(name=part.name, **part.defaults)
        model = build_model(choice, num_classes=10, image_size=32, catalog=catalog())
    layers = [module for module in model.modules() if isinstance(module, nn.Linear | nn.modules.conv._ConvNd)]
    weights = {id(layer.weight) for layer in layers if layer.weight.requires_grad}
    assert {id(p) for p in param_groups(model, decay_norm_bias=False)[0]["params"]} == weights


def test_what_a_model_of_timm_says_is_spared() -> None:
    """Swin's tables of relative positions, which the model names by their whole path; ViT's token and positions."""
    timm = pytest.importorskip("timm")
    with on_meta():
        swin = nn.Sequential(timm.create_model("swin_tiny_patch4_window7_224"))
        vit = timm.create_model("vit_tiny_patch16_224")
    spared = names(swin, param_groups(swin, decay_norm_bias=False)[1])
    assert sum(name.endswith("relative_position_bias_table") for name in spared) == 12
    assert {"cls_token", "pos_embed"} <= names(vit, param_groups(vit, decay_norm_bias=False)[1])
