"""ResNets with stochastic depth. Huang et al. 2016, arXiv:1603.09382.

During training, each residual body is kept or dropped by one random draw per batch: H = relu(b * f(H) + shortcut(H)), b
~ Bernoulli (equation 2). The survival probability falls linearly with depth, p_l = 1 - l / L * (1 - p_L) for the l-th
of L blocks (equation 4), to p_L = 0.5. In evaluation, every body is present, scaled by its p_l (equation 5).

A dropped body is still computed, and its batch norms see the batch: reading the draw on the host would stop the device
at every block. Trunks and initialization are those of `engine.models.resnet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from engine.contract.catalog import Spec, register
from engine.models.options import InitOption
from engine.models.resnet import CIFAR, WIDE, BasicBlock, Bottleneck, Residual, ResNet


class StochasticDepth(nn.Module):
    """Keep the input or set it to zero during training; scale it by the survival probability in evaluation.

    Args:
        survival: probability that the input is kept.
        coin: one draw for the whole batch, as in the paper, or one for each image.
    """

    def __init__(self, survival: float, coin: Literal["batch", "image"] = "batch") -> None:
        super().__init__()
        self.survival = survival
        self.coin = coin

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C, H, W)
        if not self.training:
            return x * self.survival
        coins = x.shape[0] if self.coin == "image" else 1
        kept = torch.rand(coins, 1, 1, 1, device=x.device) < self.survival
        return x * kept.to(x.dtype)


def survivals(blocks: int, last: float) -> list[float]:
    """Survival probability of each block, first to last (equation 4)."""
    return [1 - block / blocks * (1 - last) for block in range(1, blocks + 1)]


def drop_bodies(model: ResNet, chances: Sequence[float], coin: Literal["batch", "image"] = "batch") -> ResNet:
    """Append a `StochasticDepth` to every residual body."""
    blocks = [module for module in model.modules() if isinstance(module, Residual)]
    for block, survival in zip(blocks, chances, strict=True):
        block.body.append(StochasticDepth(survival, coin))
    return model


Survival = Annotated[
    float, Spec("survival probability of the last block; it falls linearly with depth", gt=0.0, le=1.0)
]
Coin = Annotated[
    Literal["batch", "image"], Spec("one random draw per block for the whole batch, or one for each image")
]


@register(
    "model",
    title="ResNet-18, stochastic depth",
    family="stochastic_depth",
    year=2016,
    paper="1603.09382",
    params=11_173_962,
    gmacs=0.5554,
)
def stochastic_depth_resnet18(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    survival: Survival = 0.5,
    coin: Coin = "batch",
    init: InitOption = "he",
) -> ResNet:
    """ResNet-18 that drops residual bodies at random during training."""
    model = ResNet(BasicBlock, (2, 2, 2, 2), WIDE, num_classes, in_channels, init)
    return drop_bodies(model, survivals(8, survival), coin)


@register(
    "model",
    title="ResNet-34, stochastic depth",
    family="stochastic_depth",
    year=2016,
    paper="1603.09382",
    params=21_282_122,
    gmacs=1.159,
)
def stochastic_depth_resnet34(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    survival: Survival = 0.5,
    coin: Coin = "batch",
    init: InitOption = "he",
) -> ResNet:
    """ResNet-34 that drops residual bodies at random during training."""
    model = ResNet(BasicBlock, (3, 4, 6, 3), WIDE, num_classes, in_channels, init)
    return drop_bodies(model, survivals(16, survival), coin)


@register(
    "model",
    title="ResNet-50, stochastic depth",
    family="stochastic_depth",
    year=2016,
    paper="1603.09382",
    params=23_520_842,
    gmacs=1.298,
)
def stochastic_depth_resnet50(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    survival: Survival = 0.5,
    coin: Coin = "batch",
    init: InitOption = "he",
) -> ResNet:
    """ResNet-50 that drops residual bodies at random during training."""
    model = ResNet(Bottleneck, (3, 4, 6, 3), WIDE, num_classes, in_channels, init)
    return drop_bodies(model, survivals(16, survival), coin)


@register(
    "model",
    title="ResNet-101, stochastic depth",
    family="stochastic_depth",
    year=2016,
    paper="1603.09382",
    params=42_512_970,
    gmacs=2.51,
)
def stochastic_depth_resnet101(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    survival: Survival = 0.5,
    coin: Coin = "batch",
    init: InitOption = "he",
) -> ResNet:
    """ResNet-101 that drops residual bodies at random during training."""
    model = ResNet(Bottleneck, (3, 4, 23, 3), WIDE, num_classes, in_channels, init)
    return drop_bodies(model, survivals(33, survival), coin)


@register(
    "model",
    title="ResNet-152, stochastic depth",
    family="stochastic_depth",
    year=2016,
    paper="1603.09382",
    params=58_156_618,
    gmacs=3.722,
)
def stochastic_depth_resnet152(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    survival: Survival = 0.5,
    coin: Coin = "batch",
    init: InitOption = "he",
) -> ResNet:
    """ResNet-152 that drops residual bodies at random during training."""
    model = ResNet(Bottleneck, (3, 8, 36, 3), WIDE, num_classes, in_channels, init)
    return drop_bodies(model, survivals(50, survival), coin)


@register(
    "model",
    title="ResNet-110, stochastic depth",
    family="stochastic_depth",
    year=2016,
    paper="1603.09382",
    params=1_730_714,
    gmacs=0.2531,
)
def stochastic_depth_resnet110(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    survival: Survival = 0.5,
    coin: Coin = "batch",
    init: InitOption = "he",
) -> ResNet:
    """ResNet-110 that drops residual bodies at random during training: the paper's CIFAR network."""
    model = ResNet(BasicBlock, (18, 18, 18), CIFAR, num_classes, in_channels, init)
    return drop_bodies(model, survivals(54, survival), coin)


@register(
    "model",
    title="ResNet-18, stochastic depth, with biases",
    family="stochastic_depth",
    year=2016,
    paper="1603.09382",
    params=11_178_762,
    gmacs=0.5554,
)
def stochastic_depth_resnet18_seed(num_classes: int = 10, in_channels: int = 3) -> ResNet:
    """As in weiaicunzai/pytorch-cifar100: first block always kept, biases before batch norms, PyTorch's defaults."""
    model = ResNet(BasicBlock, (2, 2, 2, 2), WIDE, num_classes, in_channels, init="torch")
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.bias = nn.Parameter(torch.zeros(module.out_channels))
    return drop_bodies(model, [1 - block / 7 * 0.5 for block in range(8)])
