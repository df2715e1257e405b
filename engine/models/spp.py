"""Spatial pyramid pooling in ResNeXts. He et al. 2014, arXiv:1406.4729, placed inside the network as in YOLOv3-SPP.

The depth study of pprp/pytorch-cifar-tricks: ResNeXts of 16 groups of 8 channels with one, two or three blocks per
stage (11, 20 and 29 layers), and a pyramid at the end of each residual body: a 1x1 convolution down to half of the
channels, concatenated with its own stride-1 max-pools, and a 1x1 convolution back. The pooling kernels are none (pN), 3
(pA), 5 (pB), 7 (pC), or 3, 5 and 7 (pD).

By mistake, the tables of that project were produced without any pyramid: all five columns are runs of the pN networks.
The parameter counts here are those of its pyramids when built as intended. Trunk and initialization are those of
`engine.models.resnext`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv_bn, conv_bn_relu
from engine.models.options import InitOption
from engine.models.resnet import ResNet
from engine.models.resnext import WIDTHS, ResNeXtBlock


class SpatialPyramid(nn.Module):
    """1x1 to half of the channels, concatenated with its max-pools, and 1x1 back; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int, kernels: Sequence[int]) -> None:
        super().__init__()
        self.down = conv_bn_relu(channels, channels // 2, 1)
        self.pools = nn.ModuleList(nn.MaxPool2d(kernel, 1, padding=kernel // 2) for kernel in kernels)
        self.up = conv_bn((1 + len(kernels)) * channels // 2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)
        return self.up(torch.cat((x, *(pool(x) for pool in self.pools)), 1))


def spp_resnext(depth: int, kernels: Sequence[int], num_classes: int, in_channels: int, init: Init) -> ResNet:
    """ResNeXt 16x8d of 3 * 3 * depth + 2 layers with pyramids of `kernels`, or none if `kernels` is empty."""
    attention = partial(SpatialPyramid, kernels=kernels) if kernels else None
    block = partial(ResNeXtBlock, groups=16, base_width=8, attention=attention)
    return ResNet(block, (depth,) * 3, WIDTHS, num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 11, pN",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=1_912_138,
    aliases=("spp_d11_pN",),
    gmacs=0.3572,
)
def spp_d11_pn(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-11 with 16 groups of 8 channels, without pyramids."""
    return spp_resnext(1, (), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 11, pA",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=3_981_898,
    aliases=("spp_d11_pA",),
    gmacs=0.6592,
)
def spp_d11_pa(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-11 with 16 groups of 8 channels and 3x3 max-pools."""
    return spp_resnext(1, (3,), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 11, pB",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=3_981_898,
    aliases=("spp_d11_pB",),
    gmacs=0.6592,
)
def spp_d11_pb(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-11 with 16 groups of 8 channels and 5x5 max-pools."""
    return spp_resnext(1, (5,), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 11, pC",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=3_981_898,
    aliases=("spp_d11_pC",),
    gmacs=0.6592,
)
def spp_d11_pc(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-11 with 16 groups of 8 channels and 7x7 max-pools."""
    return spp_resnext(1, (7,), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 11, pD",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=5_358_154,
    aliases=("spp_d11_pD",),
    gmacs=0.8606,
)
def spp_d11_pd(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-11 with 16 groups of 8 channels and 3x3, 5x5 and 7x7 max-pools."""
    return spp_resnext(1, (3, 5, 7), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 20, pN",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=3_489_098,
    aliases=("spp_d20_pN",),
    gmacs=0.5869,
)
def spp_d20_pn(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-20 with 16 groups of 8 channels, without pyramids."""
    return spp_resnext(2, (), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 20, pA",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=7_628_618,
    aliases=("spp_d20_pA",),
    gmacs=1.191,
)
def spp_d20_pa(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-20 with 16 groups of 8 channels and 3x3 max-pools."""
    return spp_resnext(2, (3,), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 20, pB",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=7_628_618,
    aliases=("spp_d20_pB",),
    gmacs=1.191,
)
def spp_d20_pb(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-20 with 16 groups of 8 channels and 5x5 max-pools."""
    return spp_resnext(2, (5,), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 20, pC",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=7_628_618,
    aliases=("spp_d20_pC",),
    gmacs=1.191,
)
def spp_d20_pc(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-20 with 16 groups of 8 channels and 7x7 max-pools."""
    return spp_resnext(2, (7,), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 20, pD",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=10_381_130,
    aliases=("spp_d20_pD",),
    gmacs=1.594,
)
def spp_d20_pd(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-20 with 16 groups of 8 channels and 3x3, 5x5 and 7x7 max-pools."""
    return spp_resnext(2, (3, 5, 7), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 29, pN",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=5_066_058,
    aliases=("spp_d29_pN",),
    gmacs=0.8165,
)
def spp_d29_pn(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 8 channels, without pyramids."""
    return spp_resnext(3, (), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 29, pA",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=11_275_338,
    aliases=("spp_d29_pA",),
    gmacs=1.722,
)
def spp_d29_pa(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 8 channels and 3x3 max-pools."""
    return spp_resnext(3, (3,), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 29, pB",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=11_275_338,
    aliases=("spp_d29_pB",),
    gmacs=1.722,
)
def spp_d29_pb(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 8 channels and 5x5 max-pools."""
    return spp_resnext(3, (5,), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 29, pC",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=11_275_338,
    aliases=("spp_d29_pC",),
    gmacs=1.722,
)
def spp_d29_pc(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 8 channels and 7x7 max-pools."""
    return spp_resnext(3, (7,), num_classes, in_channels, init)


@register(
    "model",
    title="SPP depth 29, pD",
    family="spp",
    year=2014,
    paper="1406.4729",
    params=15_404_106,
    aliases=("spp_d29_pD",),
    gmacs=2.326,
)
def spp_d29_pd(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 8 channels and 3x3, 5x5 and 7x7 max-pools."""
    return spp_resnext(3, (3, 5, 7), num_classes, in_channels, init)
