"""Shake-Shake regularization, 26 layers. Gastaldi 2017, arXiv:1705.07485.

Each block has two residual branches, mixed as a * f1(x) + (1 - a) * f2(x). During training, a ~ U(0, 1) is drawn for
each image, and the backward pass uses a second, independent draw in its place ("Shake-Shake-Image", the paper's best
variant). In evaluation, a = 1/2.

2xNd: a stem of 16 channels, then three stages of four blocks with N, 2N and 4N channels; 2x32d has 2.9 M parameters,
2x64d 11.7 M and 2x96d 26.2 M, as in the paper. Both branches are computed at once: the first convolution computes the
maps of both from the same input, and the second has two groups. He initialization is applied to each branch separately.

The implementations of BIGBALLON/CIFAR-ZOO, which pprp/pytorch-cifar-tricks adopted, have 63 N^2 + 42 N + 16 more
parameters: shortcuts that are never called, and a bias before the stem's batch norm. They compute the same function,
but are initialized by fan-in, with the classifier's bias at zero: the networks whose names end in `_seed`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from engine.contract.catalog import register
from engine.models.layers import conv, conv_bn, init_by_fan_in, init_convs


class TwoWayScale(torch.autograd.Function):
    """x * there in the forward pass, gradient * back in the backward pass.

    Both factors broadcast against x and get no gradient.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, there: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return x * there

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (back,) = ctx.saved_tensors
        return gradient * back, None, None


class Shake(nn.Module):
    """Mix two branches that are concatenated along the channels; (B, 2C, H, W) -> (B, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)  # not a fifth axis: a sum over it would lose the channels-last format
        if not self.training:
            return (first + second) / 2
        there, back = torch.rand(2, x.shape[0], 1, 1, 1, device=x.device).to(x.dtype)  # (B, 1, 1, 1) each
        return TwoWayScale.apply(first, there, back) + TwoWayScale.apply(second, 1 - there, 1 - back)


class FactorizedReduction(nn.Module):
    """Halve the resolution in two ways, one of them shifted by a pixel, and project each to half of the channels.

    ReLU, two 1x1 convolutions and batch norm: no pixel is left out, at the cost of a strided 1x1 convolution (the
    paper's figure 2; NASNet has it too). (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, cin: int, cout: int, stride: int = 2) -> None:
        super().__init__()
        self.straight = conv(cin, cout // 2, 1, stride)
        self.shifted = conv(cin, cout // 2, 1, stride)
        self.norm = nn.BatchNorm2d(cout)

    def forward(self, x: Tensor) -> Tensor:
        x = x.relu()
        both = self.straight(x), self.shifted(F.pad(x, (-1, 1, -1, 1)))
        return self.norm(torch.cat(both, 1))


class ShakeBlock(nn.Module):
    """A shortcut plus two shaken branches of ReLU, 3x3, norm, ReLU, 3x3, norm.

    (B, cin, H, W) -> (B, width, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, cin: int, width: int, stride: int) -> None:
        super().__init__()
        self.branches = nn.Sequential(
            nn.ReLU(),
            conv_bn(cin, 2 * width, 3, stride),
            nn.ReLU(inplace=True),
            conv_bn(2 * width, 2 * width, 3, groups=2),
            Shake(),
        )
        self.shortcut = nn.Identity() if stride == 1 and cin == width else FactorizedReduction(cin, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.branches(x) + self.shortcut(x)


class ShakeResNet(nn.Module):
    """Stem, three stages of four blocks with `width`, 2 * width and 4 * width channels, ReLU, pooling, classifier."""

    def __init__(self, width: int, num_classes: int, in_channels: int = 3) -> None:
        super().__init__()
        self.stem = conv_bn(in_channels, 16, 3)
        self.stages = nn.Sequential()
        cin = 16
        for stage in range(3):
            blocks = nn.Sequential()
            for i in range(4):
                blocks.append(ShakeBlock(cin, width << stage, 2 if stage > 0 and i == 0 else 1))
                cin = width << stage
            self.stages.append(blocks)
        self.head = nn.Linear(cin, num_classes)
        init_convs(self, "he")
        for module in self.modules():
            if isinstance(module, ShakeBlock):  # `init_convs` takes the first convolutions of both branches for one
                weight = next(module.branches.parameters())
                nn.init.normal_(weight, std=math.sqrt(2 / (9 * weight.shape[0] // 2)))

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.stages(self.stem(x)).relu()  # (B, 4 * width, H / 4, W / 4)
        return self.head(x.mean((2, 3)))


def started_by_fan_in(width: int, num_classes: int, in_channels: int) -> ShakeResNet:
    """The network as BIGBALLON/CIFAR-ZOO initializes it.

    Both convolutions of a block use the fan-in of a single branch.
    """
    model = ShakeResNet(width, num_classes, in_channels)
    init_by_fan_in(model)
    nn.init.zeros_(model.head.bias)
    return model


@register(
    "model",
    title="Shake-Shake-26, 2x32d",
    family="shake_shake",
    year=2017,
    paper="1705.07485",
    paper_result="96.45 %, mean of 3 runs",
    params=2_923_162,
    gmacs=0.4267,
)
def shake_resnet26_2x32d(num_classes: int = 10, in_channels: int = 3) -> ShakeResNet:
    """ResNet-26 with two shaken branches, 32 channels in the first stage."""
    return ShakeResNet(32, num_classes, in_channels)


@register(
    "model",
    title="Shake-Shake-26, 2x32d, fan-in initialization",
    family="shake_shake",
    year=2017,
    paper="1705.07485",
    params=2_923_162,
    gmacs=0.4267,
)
def shake_resnet26_2x32d_seed(num_classes: int = 10, in_channels: int = 3) -> ShakeResNet:
    """ResNet-26 with two shaken branches, 2x32d, with the initialization of BIGBALLON/CIFAR-ZOO."""
    return started_by_fan_in(32, num_classes, in_channels)


@register(
    "model",
    title="Shake-Shake-26, 2x64d",
    family="shake_shake",
    year=2017,
    paper="1705.07485",
    paper_result="97.02 %, mean of 3 runs",
    params=11_653_978,
    gmacs=1.686,
)
def shake_resnet26_2x64d(num_classes: int = 10, in_channels: int = 3) -> ShakeResNet:
    """ResNet-26 with two shaken branches, 64 channels in the first stage."""
    return ShakeResNet(64, num_classes, in_channels)


@register(
    "model",
    title="Shake-Shake-26, 2x64d, fan-in initialization",
    family="shake_shake",
    year=2017,
    paper="1705.07485",
    params=11_653_978,
    gmacs=1.686,
)
def shake_resnet26_2x64d_seed(num_classes: int = 10, in_channels: int = 3) -> ShakeResNet:
    """ResNet-26 with two shaken branches, 2x64d, with the initialization of BIGBALLON/CIFAR-ZOO."""
    return started_by_fan_in(64, num_classes, in_channels)


@register(
    "model",
    title="Shake-Shake-26, 2x96d",
    family="shake_shake",
    year=2017,
    paper="1705.07485",
    paper_result="97.14 %, mean of 5 runs",
    params=26_192_922,
    gmacs=3.777,
)
def shake_resnet26_2x96d(num_classes: int = 10, in_channels: int = 3) -> ShakeResNet:
    """ResNet-26 with two shaken branches, 96 channels in the first stage."""
    return ShakeResNet(96, num_classes, in_channels)


@register(
    "model",
    title="Shake-Shake-26, 2x112d",
    family="shake_shake",
    year=2017,
    paper="1705.07485",
    params=35_640_442,
    gmacs=5.135,
)
def shake_resnet26_2x112d(num_classes: int = 10, in_channels: int = 3) -> ShakeResNet:
    """ResNet-26 with two shaken branches, 112 channels in the first stage."""
    return ShakeResNet(112, num_classes, in_channels)
