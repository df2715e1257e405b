"""What a summary counts: against torch's own figures, and by hand; test_every_model.py holds it to every mark."""

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.schema import Choice
from engine.models.build import build_model
from engine.models.memory import TensorMemory, count_memory
from engine.models.summary import find_stages, summarize
from tests.engine.models.shapes import blank


def test_a_resnet_falls_into_its_stages() -> None:
    found = [(stage.name, stage.kind, stage.shape) for stage in summarize(blank("resnet34"), size=40, batch=2).stages]
    assert found == [
        ("stem", "Conv2d, BatchNorm2d, ReLU", (64, 40, 40)),
        ("stages.0", "3 BasicBlock", (64, 40, 40)),
        ("stages.1", "4 BasicBlock", (128, 20, 20)),
        ("stages.2", "6 BasicBlock", (256, 10, 10)),
        ("stages.3", "3 BasicBlock", (512, 5, 5)),
        ("head", "Linear", (10,)),
    ]


def test_a_flat_list_is_cut_where_the_resolution_changes() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 8, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()
    )
    found = [(stage.name, stage.shape, stage.params, stage.macs) for stage in find_stages(model, size=8)]
    assert found == [("0-2", (8, 8, 8), 112 + 296, 64 * (108 + 288)), ("3-4", (8, 4, 4), 0, 0)]


class Tied(nn.Module):
    """One layer called twice, a parameter of its own, and a product outside of every layer."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(5))
        self.layer = nn.Linear(8, 8)
        self.same = self.layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (B, C, 8, 8) -> (B, C, 8, 8)
        x = self.same(self.layer(x))
        return x @ x


def test_shared_layers_count_once_and_work_between_layers_is_not_lost() -> None:
    stages = {stage.name: stage for stage in find_stages(Tied(), channels=1, size=8)}
    assert (stages["(own)"].params, stages["layer"].params) == (5, 72)
    assert (stages["layer"].macs, stages["(between)"].macs) == (2 * 8 * 64, 8 * 64)


TWO_LAYERS = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))


def test_the_memory_of_two_layers_is_what_a_hand_counts() -> None:
    """Kept of five inputs in fp32: the inputs (5x4) and the ReLU's outputs (5x3), once for both of their readers."""
    weights = 4 * (4 * 3 + 3 + 3 * 2 + 2)
    want = TensorMemory(activations=4 * 5 * (4 + 3), weights=weights, gradients=weights, optimizer=weights)
    assert count_memory(TWO_LAYERS, (5, 4), bf16=False) == want
    assert want.total == want.activations + 3 * weights


def test_the_memory_of_two_layers_in_bf16_is_what_a_hand_counts() -> None:
    """Half of each, and the copy of the second layer's weights; weights and their gradients stay fp32."""
    counted, full = (count_memory(TWO_LAYERS, (5, 4), bf16=bf16) for bf16 in (True, False))
    assert counted.activations == 2 * 5 * (4 + 3) + 2 * 3 * 2
    assert (counted.weights, counted.gradients, counted.optimizer) == (full.weights, full.gradients, full.optimizer)


def test_frozen_weights_have_neither_gradient_nor_momentum() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    model[0].requires_grad_(False)
    memory = count_memory(model, (5, 4), bf16=False)
    assert memory.gradients == memory.optimizer == 4 * 8 and memory.weights == 4 * 23


@pytest.mark.parametrize("name", ["resnet20", "cct_2_3x2_32"])
def test_tensors_without_numbers_are_counted_as_real_ones_are(name: str) -> None:
    model = build_model(Choice(name=name), num_classes=10, catalog=catalog()).train()
    own = {t.untyped_storage().data_ptr() for t in [*model.parameters(), *model.buffers()]}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        model(torch.zeros(2, 3, 32, 32))
    real = sum(storage.nbytes() for at, storage in kept.items() if at not in own)
    assert count_memory(blank(name), (2, 3, 32, 32), bf16=False).activations == real


def test_counting_leaves_the_model_as_it_was() -> None:
    model = build_model(Choice(name="resnet20"), num_classes=10, catalog=catalog()).train()
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    summarize(model, batch=2)
    assert all(module.training and not module._forward_hooks for module in model.modules())
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
