"""Gather-excite on ResNeXt-29. Hu et al. 2018, arXiv:1810.12348.

The gates of each block come from a global gather with parameters (theta+): a depthwise convolution as large as the
feature map, batch norm, a bottleneck of two 1x1 convolutions (reduction 16) and a sigmoid. The gather is not padded and
leaves one value per channel, so the gates need no upsampling. Trunk and initialization are those of
`engine.models.resnext`.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.options import InitOption
from engine.models.resnet import ResNet
from engine.models.resnext import resnext29

REDUCTION = 16


class GatherExcite(nn.Module):
    """Scale each channel by a gate computed from a learned weighting of its whole map.

    Args:
        side: side of the square map, which is also the kernel size of the gather.
    """

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.gather = nn.Sequential(
            nn.Conv2d(channels, channels, side, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.excite = nn.Sequential(
            nn.Conv2d(channels, channels // REDUCTION, 1, bias=False),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // REDUCTION, channels, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, C, side, side) -> (B, C, side, side)
        return x * self.excite(self.gather(x))


def ge_resnext29(
    groups: int, num_classes: int, in_channels: int, image_size: int, init: Literal["he", "torch"]
) -> ResNet:
    """ResNeXt-29 with `groups` groups of 64 channels, and gather-excite at the end of every residual body."""
    half = (image_size + 1) // 2
    sides = {256: image_size, 512: half, 1024: (half + 1) // 2}  # side of the map, by the channels of its stage
    return resnext29(groups, 64, num_classes, in_channels, init, attention=lambda c: GatherExcite(c, sides[c]))


@register(
    "model",
    title="GE-ResNeXt-29, 8x64d",
    family="genet",
    year=2018,
    paper="1810.12348",
    params=36_329_802,
    gmacs=5.389,
    single_pixels=True,
)
def ge_resnext29_8x64d(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, init: InitOption = "he"
) -> ResNet:
    """ResNeXt-29 with 8 groups of 64 channels, and gates gathered from the whole map in every block."""
    return ge_resnext29(8, num_classes, in_channels, image_size, init)


@register(
    "model",
    title="GE-ResNeXt-29, 16x64d",
    family="genet",
    year=2018,
    paper="1810.12348",
    params=70_058_314,
    gmacs=10.69,
    single_pixels=True,
)
def ge_resnext29_16x64d(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, init: InitOption = "he"
) -> ResNet:
    """ResNeXt-29 with 16 groups of 64 channels, and gates gathered from the whole map in every block."""
    return ge_resnext29(16, num_classes, in_channels, image_size, init)
