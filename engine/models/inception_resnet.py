"""Inception-ResNet v2 for 32x32 images. Szegedy et al. 2016, arXiv:1602.07261.

Inception modules as residual bodies: their output is projected to the width of the input, scaled down and added to it.
The main network is the released one (TF-slim: 10, 20 and 10 modules, 54.3 M parameters at 10 classes); stem and grids
are as in `engine.models.inception`. Convolutions use He initialization by default.

`inception_resnet_v2_seed`, in `engine.models.inception_seed`, follows figures 15 to 18 of the paper instead.
"""

from __future__ import annotations

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.inception import Inception, chain, pooled, reduction
from engine.models.layers import SideBySide
from engine.models.options import DropoutRate, InitOption


class ScaledResidual(nn.Module):
    """relu(x + scale * project(branches(x))); the scale keeps wide sums stable (section 3.3).

    Args:
        branches: parallel branches with `made` output channels in all.
        active: whether the ReLU follows; False in the last block.
    """

    def __init__(self, branches: SideBySide, made: int, cin: int, scale: float, active: bool = True) -> None:
        super().__init__()
        self.branches = branches
        self.project = nn.Conv2d(made, cin, 1)
        self.scale = scale
        self.act = nn.ReLU(inplace=True) if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, cin, H, W)
        return self.act(x + self.scale * self.project(self.branches(x)))


def grid32(cin: int) -> SideBySide:
    """Branches of Inception-ResNet-A, figure 16; 128 output channels."""
    return SideBySide(
        [
            chain(cin, (32, "1x1")),
            chain(cin, (32, "1x1"), (32, "3x3")),
            chain(cin, (32, "1x1"), (48, "3x3"), (64, "3x3")),
        ]
    )


def grid16(cin: int) -> SideBySide:
    """Branches of Inception-ResNet-B, figure 17; 384 output channels."""
    return SideBySide([chain(cin, (192, "1x1")), chain(cin, (128, "1x1"), (160, "1x7"), (192, "7x1"))])


def grid8(cin: int) -> SideBySide:
    """Branches of Inception-ResNet-C, figure 19; 448 output channels."""
    return SideBySide([chain(cin, (192, "1x1")), chain(cin, (192, "1x1"), (224, "1x3"), (256, "3x1"))])


def reduction32(cin: int) -> SideBySide:
    """Reduction from the first grid to the second, figure 7; `cin` + 768 output channels."""
    return reduction(cin, [(384, "3x3", 2)], [(256, "1x1"), (256, "3x3"), (384, "3x3", 2)])


def reduction16(cin: int) -> SideBySide:
    """Reduction from the second grid to the third, figure 18; `cin` + 992 output channels."""
    return reduction(
        cin,
        [(256, "1x1"), (384, "3x3", 2)],
        [(256, "1x1"), (288, "3x3", 2)],
        [(256, "1x1"), (288, "3x3"), (320, "3x3", 2)],
    )


@register(
    "model",
    title="Inception-ResNet v2",
    family="inception",
    year=2016,
    paper="1602.07261",
    params=54_321_834,
    gmacs=10.7,
)
def inception_resnet_v2(
    num_classes: int = 10, in_channels: int = 3, *, dropout: DropoutRate = 0.2, init: InitOption = "he"
) -> Inception:
    """Inception-ResNet v2 with a stem that keeps the resolution: inception modules as residual bodies."""
    widen = SideBySide(
        [
            chain(192, (96, "1x1")),
            chain(192, (48, "1x1"), (64, "5x5")),
            chain(192, (64, "1x1"), (96, "3x3"), (96, "3x3")),
            pooled(192, 64),
        ]
    )
    features = nn.Sequential(
        chain(in_channels, (32, "3x3"), (32, "3x3"), (64, "3x3"), (80, "1x1"), (192, "3x3")),
        widen,
        *(ScaledResidual(grid32(320), 128, 320, 0.17) for _ in range(10)),
        reduction32(320),
        *(ScaledResidual(grid16(1088), 384, 1088, 0.1) for _ in range(20)),
        reduction16(1088),
        *(ScaledResidual(grid8(2080), 448, 2080, 0.2) for _ in range(9)),
        ScaledResidual(grid8(2080), 448, 2080, 1.0, active=False),
        chain(2080, (1536, "1x1")),
    )
    return Inception(features, 1536, num_classes, dropout, init)
