"""Densely connected networks for 32x32 images. Huang et al. 2016, arXiv:1608.06993.

Within a block, every layer reads the feature maps of all layers before it and adds `growth` new ones: batch norm and
ReLU, 1x1 convolution down to 4 * growth channels, batch norm and ReLU, 3x3 convolution (DenseNet-B). A transition
halves the channels with a 1x1 convolution (compression 0.5, DenseNet-C) and the resolution with average pooling.

- densenet_bc_L_kK: the paper's own CIFAR networks (table 2), three blocks of (L - 4) / 6 layers.
- densenet121: the paper's ImageNet network (table 1) with a 3x3 stride-1 stem and no max-pool; `densenet` is the same
  with growth 12, the variant that kuangliu/pytorch-cifar made common on CIFAR.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv, init_convs, norm_relu
from engine.models.options import InitOption


class DenseLayer(nn.Module):
    """Norm, ReLU, 1x1, norm, ReLU, 3x3; (B, cin, H, W) -> (B, growth, H, W)."""

    def __init__(self, cin: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            norm_relu(cin),
            conv(cin, 4 * growth, 1),
            norm_relu(4 * growth),
            conv(4 * growth, growth, 3),
        )

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.body(torch.cat(maps, 1))


class DenseBlock(nn.Module):
    """`depth` layers, each reading all maps so far; (B, cin, H, W) -> (B, cin + depth * growth, H, W)."""

    def __init__(self, depth: int, cin: int, growth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DenseLayer(cin + i * growth, growth) for i in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        maps = [x]
        for layer in self.layers:
            maps.append(layer(maps))
        return torch.cat(maps, 1)


class DenseNet(nn.Module):
    """3x3 stem of 2 * growth channels without norm, dense blocks and transitions, norm, average pooling, classifier."""

    def __init__(
        self, depths: Sequence[int], growth: int, num_classes: int, in_channels: int = 3, init: Init = "he"
    ) -> None:
        super().__init__()
        width = 2 * growth
        self.features = nn.Sequential(conv(in_channels, width, 3))
        for i, depth in enumerate(depths):
            if i > 0:
                self.features.append(nn.Sequential(norm_relu(width), conv(width, width // 2, 1), nn.AvgPool2d(2)))
                width //= 2
            self.features.append(DenseBlock(depth, width, growth))
            width += depth * growth
        self.features.append(norm_relu(width))
        self.head = nn.Linear(width, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x).mean((2, 3)))


@register(
    "model",
    title="DenseNet-121, k=12",
    family="densenet",
    year=2016,
    paper="1608.06993",
    params=1_000_618,
    aliases=("densenet_cifar",),
    gmacs=0.1253,
)
def densenet(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> DenseNet:
    """DenseNet-121 with growth 12, a 3x3 stem and no max-pool."""
    return DenseNet((6, 12, 24, 16), 12, num_classes, in_channels, init)


@register(
    "model",
    title="DenseNet-121",
    family="densenet",
    year=2016,
    paper="1608.06993",
    params=6_956_298,
    aliases=("DenseNet121",),
    gmacs=0.8884,
)
def densenet121(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> DenseNet:
    """DenseNet-121 with a 3x3 stem and no max-pool."""
    return DenseNet((6, 12, 24, 16), 32, num_classes, in_channels, init)


@register(
    "model",
    title="DenseNet-BC-100, k=12",
    family="densenet",
    year=2016,
    paper="1608.06993",
    params=769_162,
    gmacs=0.2879,
)
def densenet_bc_100_k12(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> DenseNet:
    """The smallest DenseNet-BC of the paper on CIFAR: 100 layers, growth 12."""
    return DenseNet((16, 16, 16), 12, num_classes, in_channels, init)


@register(
    "model",
    title="DenseNet-BC-190, k=40",
    family="densenet",
    year=2016,
    paper="1608.06993",
    paper_result="96.54 %, one run",
    params=25_624_430,
    gmacs=9.302,
)
def densenet_bc_190_k40(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> DenseNet:
    """The best DenseNet-BC of the paper on CIFAR: 190 layers, growth 40."""
    return DenseNet((31, 31, 31), 40, num_classes, in_channels, init)
