"""A small network with rules of `optimizer.groups`, for the tests of the rules and of the optimizers that follow them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.contract.recipe.catalog import catalog
from engine.contract.recipe.common import COMMON
from engine.contract.recipe.schema import Choice

OPTIMIZERS = catalog().parts("optimizer")
every_optimizer = pytest.mark.parametrize("part", OPTIMIZERS, ids=lambda part: part.name)


def net() -> nn.Module:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, bias=False), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(128, 4)).to(memory_format=torch.channels_last)


def closure(model: nn.Module, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(8, 3, 8, 8, generator=generator).contiguous(memory_format=torch.channels_last)
    model.zero_grad()
    loss = (model(x) - torch.eye(4).repeat(2, 1)).square().mean()
    loss.backward()
    return loss


def choice(name: str, **changed: Any) -> Choice:
    own = catalog().get("optimizer", name).defaults
    return Choice(name=name, **own | {param.name: param.default for param in COMMON["optimizer"]} | changed)


def names(model: nn.Module, group: dict[str, Any]) -> list[str]:
    return [name for name, parameter in model.named_parameters() if any(parameter is p for p in group["params"])]
