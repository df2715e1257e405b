"""ShuffleNets for 32x32 images: v1 (Zhang et al. 2017, arXiv:1707.01083) and v2 (Ma et al. 2018, arXiv:1807.11164).

- v1: grouped 1x1, channel shuffle, depthwise 3x3, grouped 1x1, added to the input; where the resolution is halved, the
  result is concatenated with the average-pooled input instead.
- v2: half of the channels pass unchanged, the other half goes through 1x1, depthwise 3x3 and 1x1; then a channel
  shuffle.

The 3x3 stem keeps the resolution and there is no max-pool: three stages end at 4x4. Convolutions use He initialization
by default.

v1 has 576 parameters more than that of kuangliu/pytorch-cifar, whose stem is 1x1. As there, the middle of a halving
unit has a quarter of the channels that the unit adds.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv_bn, conv_bn_relu, init_convs
from engine.models.options import InitOption


def shuffle(x: Tensor, groups: int) -> Tensor:
    """Interleave the channels of the groups; the copy that this takes is laid out channels-last."""
    x = x.permute(0, 2, 3, 1).unflatten(3, (groups, -1))  # (B, H, W, groups, C / groups)
    return x.transpose(3, 4).flatten(3).permute(0, 3, 1, 2)


class ShuffleUnit(nn.Module):
    """Unit of v1 (figure 2 b and c); (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride)).

    Args:
        first: whether the unit reads the stem, whose few channels are not grouped.
    """

    def __init__(self, cin: int, cout: int, stride: int, groups: int, first: bool) -> None:
        super().__init__()
        made = cout - cin if stride == 2 else cout
        middle = made // 4
        self.groups = groups
        self.down = conv_bn_relu(cin, middle, 1, groups=1 if first else groups)
        self.depthwise = conv_bn(middle, middle, 3, stride, groups=middle)
        self.up = conv_bn(middle, made, 1, groups=groups)
        self.pool = nn.AvgPool2d(3, 2, padding=1) if stride == 2 else None

    def forward(self, x: Tensor) -> Tensor:
        made = self.up(self.depthwise(shuffle(self.down(x), self.groups)))
        joined = x + made if self.pool is None else torch.cat((made, self.pool(x)), 1)
        return joined.relu()


class SplitUnit(nn.Module):
    """Unit of v2 (figure 3 c and d); (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride))."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        half = cout // 2
        self.side = None
        if stride == 2:
            self.side = nn.Sequential(conv_bn(cin, cin, 3, 2, groups=cin), conv_bn_relu(cin, half, 1))
        self.body = nn.Sequential(
            conv_bn_relu(cin if stride == 2 else half, half, 1),
            conv_bn(half, half, 3, stride, groups=half),
            conv_bn_relu(half, half, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1) if self.side is None else (self.side(x), x)
        return shuffle(torch.cat((left, self.body(right)), 1), 2)


class ShuffleNet(nn.Module):
    """Stem of 24 channels, three stages of 4, 8 and 4 units, global average pooling, linear classifier.

    Args:
        stages: the units; each stage halves the resolution.
        last: a last 1x1 convolution, or the identity.
        width: output channels of `last`.
    """

    def __init__(
        self, stages: nn.Module, last: nn.Module, width: int, num_classes: int, in_channels: int, init: Init
    ) -> None:
        super().__init__()
        self.stem = conv_bn_relu(in_channels, 24, 3)
        self.stages = stages
        self.last = last
        self.head = nn.Linear(width, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.last(self.stages(self.stem(x)))  # (B, width, H / 8, W / 8)
        return self.head(x.mean((2, 3)))


def shufflenet_v1(groups: int, widths: Sequence[int], num_classes: int, in_channels: int, init: Init) -> ShuffleNet:
    """ShuffleNet v1 at scale 1 (table 1 of the paper)."""
    stages, cin = nn.Sequential(), 24
    for width, depth in zip(widths, (4, 8, 4), strict=True):
        for i in range(depth):
            stages.append(ShuffleUnit(cin, width, 2 if i == 0 else 1, groups, first=cin == 24))
            cin = width
    return ShuffleNet(stages, nn.Identity(), cin, num_classes, in_channels, init)


def shufflenet_v2(widths: Sequence[int], last: int, num_classes: int, in_channels: int, init: Init) -> ShuffleNet:
    """ShuffleNet v2 (table 5 of the paper)."""
    stages, cin = nn.Sequential(), 24
    for width, depth in zip(widths, (4, 8, 4), strict=True):
        for i in range(depth):
            stages.append(SplitUnit(cin, width, 2 if i == 0 else 1))
            cin = width
    return ShuffleNet(stages, conv_bn_relu(cin, last, 1), last, num_classes, in_channels, init)


@register(
    "model",
    title="ShuffleNet, 2 groups",
    family="shufflenet",
    year=2017,
    paper="1707.01083",
    params=888_158,
    aliases=(
        "ShuffleNetG2",
        "shufflenet",
    ),
    gmacs=0.0402,
)
def shufflenet_g2(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ShuffleNet:
    """ShuffleNet v1 with 1x1 convolutions in two groups."""
    return shufflenet_v1(2, (200, 400, 800), num_classes, in_channels, init)


@register(
    "model",
    title="ShuffleNet, 3 groups",
    family="shufflenet",
    year=2017,
    paper="1707.01083",
    params=863_344,
    aliases=("ShuffleNetG3",),
    gmacs=0.03919,
)
def shufflenet_g3(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ShuffleNet:
    """ShuffleNet v1 with 1x1 convolutions in three groups."""
    return shufflenet_v1(3, (240, 480, 960), num_classes, in_channels, init)


@register(
    "model",
    title="ShuffleNet v2, x0.5",
    family="shufflenet",
    year=2018,
    paper="1807.11164",
    params=352_042,
    aliases=("shufflenetv2",),
    gmacs=0.0109,
)
def shufflenet_v2_x0_5(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ShuffleNet:
    """ShuffleNet v2 with a width multiplier of 0.5."""
    return shufflenet_v2((48, 96, 192), 1024, num_classes, in_channels, init)


@register(
    "model",
    title="ShuffleNet v2, x1",
    family="shufflenet",
    year=2018,
    paper="1807.11164",
    params=1_263_854,
    gmacs=0.045,
)
def shufflenet_v2_x1(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ShuffleNet:
    """ShuffleNet v2 with a width multiplier of 1."""
    return shufflenet_v2((116, 232, 464), 1024, num_classes, in_channels, init)


@register(
    "model",
    title="ShuffleNet v2, x1.5",
    family="shufflenet",
    year=2018,
    paper="1807.11164",
    params=2_488_874,
    gmacs=0.09426,
)
def shufflenet_v2_x1_5(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ShuffleNet:
    """ShuffleNet v2 with a width multiplier of 1.5."""
    return shufflenet_v2((176, 352, 704), 1024, num_classes, in_channels, init)


@register(
    "model",
    title="ShuffleNet v2, x2",
    family="shufflenet",
    year=2018,
    paper="1807.11164",
    params=5_365_486,
    gmacs=0.1878,
)
def shufflenet_v2_x2(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ShuffleNet:
    """ShuffleNet v2 with a width multiplier of 2."""
    return shufflenet_v2((244, 488, 976), 2048, num_classes, in_channels, init)
