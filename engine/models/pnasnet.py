"""PNASNets for CIFAR. After Liu et al. 2017, arXiv:1712.00559.

Two cells from the first steps of the progressive search, with one and two pairs of operations on the output of the last
cell, in the small form that kuangliu/pytorch-cifar made known: depthwise convolutions without the 1x1 convolution that
usually follows, and one input per cell. The paper's network is `pnasnet_5`. Convolutions use He initialization by
default.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv_bn, conv_bn_relu, init_convs
from engine.models.options import InitOption


class CellA(nn.Module):
    """relu(depthwise 7x7 + max-pool); (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride))."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.seven = conv_bn(cin, cout, 7, stride, groups=cin)
        self.max = nn.Sequential(nn.MaxPool2d(3, stride, padding=1))
        if stride > 1:
            self.max.append(conv_bn(cin, cout, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (self.seven(x) + self.max(x)).relu_()


class CellB(nn.Module):
    """Depthwise 7x7 + depthwise 3x3, concatenated with depthwise 5x5 + max-pool; ReLU, then 1x1 to `cout` channels."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.seven, self.three = (conv_bn(cin, cout, kernel, stride, groups=cin) for kernel in (7, 3))
        self.five = conv_bn(cin, cout, 5, stride, groups=cin)
        self.max = nn.Sequential(nn.MaxPool2d(3, stride, padding=1))
        if stride > 1:
            self.max.append(conv_bn(cin, cout, 1))
        self.join = conv_bn_relu(2 * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        pairs = self.seven(x) + self.three(x), self.max(x) + self.five(x)
        return self.join(torch.cat(pairs, 1).relu_())


class PNASNet(nn.Module):
    """3x3 stem of `width` channels, three times six cells with a halving cell in between, pooling, classifier."""

    def __init__(
        self, cell: type[CellA] | type[CellB], width: int, num_classes: int, in_channels: int, init: Init
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(conv_bn_relu(in_channels, width, 3))
        for stack in range(3):
            if stack > 0:
                self.features.append(cell(width, 2 * width, 2))
                width *= 2
            self.features.extend([cell(width, width, 1) for _ in range(6)])
        self.head = nn.Linear(width, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x).mean((2, 3)))


@register(
    "model",
    title="PNASNet, cell A",
    family="pnasnet",
    year=2017,
    paper="1712.00559",
    params=130_646,
    aliases=(
        "pnasneta",
        "PNASNetA",
    ),
    gmacs=0.02804,
)
def pnasnet_a(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> PNASNet:
    """PNASNet with one pair of operations per cell: tiny."""
    return PNASNet(CellA, 44, num_classes, in_channels, init)


@register(
    "model",
    title="PNASNet, cell B",
    family="pnasnet",
    year=2017,
    paper="1712.00559",
    params=451_626,
    aliases=(
        "pnasnet",
        "pnasnetb",
        "PNASNetB",
    ),
    gmacs=0.07447,
)
def pnasnet_b(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> PNASNet:
    """PNASNet with two pairs of operations per cell."""
    return PNASNet(CellB, 32, num_classes, in_channels, init)
