"""Inception v3 and v4 for 32x32 images. Szegedy et al. 2015, arXiv:1512.00567; Szegedy et al. 2016, arXiv:1602.07261.

Modules of parallel branches whose outputs are concatenated, on grids of 35x35, 17x17 and 8x8 in the papers and of 32,
16 and 8 px here. To this end, the stems keep the resolution, and the reductions between the grids pad their borders.
There are no auxiliary classifiers, and average pooling does not count the padding. Convolutions use He initialization
by default.

`engine.models.inception_seed` has these networks as weiaicunzai/pytorch-cifar100 built them, with smaller maps.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, SideBySide, init_convs
from engine.models.options import DropoutRate, InitOption

Step = tuple[int, str] | tuple[int, str, int]  # channels, kernel "HxW" or, without padding, "HxWv", stride


def chain(cin: int, *steps: Step) -> nn.Sequential:
    """Convolutions in sequence, each with norm and ReLU.

    The resolution is kept at stride 1, except by kernels that end in "v", which are not padded.
    """
    convs = nn.Sequential()
    for channels, kernel, *strides in steps:
        height, width = map(int, kernel.removesuffix("v").split("x"))
        padding = (0, 0) if kernel.endswith("v") else (height // 2, width // 2)
        stride = strides[0] if strides else 1
        convs.append(nn.Conv2d(cin, channels, (height, width), stride, padding=padding, bias=False))
        convs.extend([nn.BatchNorm2d(channels), nn.ReLU(inplace=True)])
        cin = channels
    return convs


def pooled(cin: int, channels: int) -> nn.Sequential:
    """3x3 average pooling, then a 1x1 convolution."""
    pool = nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
    return nn.Sequential(pool, *chain(cin, (channels, "1x1")))


def reduction(cin: int, *branches: Sequence[Step]) -> SideBySide:
    """Branches that end with stride 2, in parallel with a max-pool."""
    return SideBySide([*(chain(cin, *steps) for steps in branches), nn.MaxPool2d(3, 2, padding=1)])


def forked(cin: int, *steps: Step, ends: int) -> nn.Sequential:
    """A chain that ends in parallel 1x3 and 3x1 convolutions."""
    last = steps[-1][0]
    fork = SideBySide([chain(last, (ends, "1x3")), chain(last, (ends, "3x1"))])
    return nn.Sequential(chain(cin, *steps), fork)


def v3_grid32(cin: int, pool: int) -> SideBySide:
    """v3, figure 5 (the 5x5 branch is kept, as in the released network); 224 + `pool` output channels."""
    return SideBySide(
        [
            chain(cin, (64, "1x1")),
            chain(cin, (48, "1x1"), (64, "5x5")),
            chain(cin, (64, "1x1"), (96, "3x3"), (96, "3x3")),
            pooled(cin, pool),
        ]
    )


def v3_grid16(inner: int) -> SideBySide:
    """v3, figure 6 with n = 7; 768 input and output channels."""
    return SideBySide(
        [
            chain(768, (192, "1x1")),
            chain(768, (inner, "1x1"), (inner, "1x7"), (192, "7x1")),
            chain(768, (inner, "1x1"), (inner, "7x1"), (inner, "1x7"), (inner, "7x1"), (192, "1x7")),
            pooled(768, 192),
        ]
    )


def v3_grid8(cin: int) -> SideBySide:
    """v3, figure 7; 2048 output channels."""
    return SideBySide(
        [
            chain(cin, (320, "1x1")),
            forked(cin, (384, "1x1"), ends=384),
            forked(cin, (448, "1x1"), (384, "3x3"), ends=384),
            pooled(cin, 192),
        ]
    )


def v3_features(in_channels: int) -> nn.Sequential:
    """v3, table 1, without the strides of its stem; 2048 output channels."""
    return nn.Sequential(
        chain(in_channels, (32, "3x3"), (32, "3x3"), (64, "3x3"), (80, "1x1"), (192, "3x3")),
        v3_grid32(192, 32),
        v3_grid32(256, 64),
        v3_grid32(288, 64),
        reduction(288, [(384, "3x3", 2)], [(64, "1x1"), (96, "3x3"), (96, "3x3", 2)]),
        *(v3_grid16(inner) for inner in (128, 160, 160, 192)),
        reduction(768, [(192, "1x1"), (320, "3x3", 2)], [(192, "1x1"), (192, "1x7"), (192, "7x1"), (192, "3x3", 2)]),
        v3_grid8(1280),
        v3_grid8(2048),
    )


def v4_stem(in_channels: int) -> nn.Sequential:
    """v4, figure 3, without its strides; 384 output channels."""
    return nn.Sequential(
        chain(in_channels, (32, "3x3"), (32, "3x3"), (64, "3x3")),
        SideBySide([nn.Identity(), chain(64, (96, "3x3"))]),
        SideBySide(
            [
                chain(160, (64, "1x1"), (96, "3x3")),
                chain(160, (64, "1x1"), (64, "1x7"), (64, "7x1"), (96, "3x3")),
            ]
        ),
        SideBySide([chain(192, (192, "3x3")), nn.Identity()]),
    )


def v4_grid32() -> SideBySide:
    """v4, figure 4; 384 input and output channels."""
    return SideBySide(
        [
            chain(384, (96, "1x1")),
            chain(384, (64, "1x1"), (96, "3x3")),
            chain(384, (64, "1x1"), (96, "3x3"), (96, "3x3")),
            pooled(384, 96),
        ]
    )


def v4_grid16() -> SideBySide:
    """v4, figure 5; 1024 input and output channels."""
    return SideBySide(
        [
            chain(1024, (384, "1x1")),
            chain(1024, (192, "1x1"), (224, "1x7"), (256, "7x1")),
            chain(1024, (192, "1x1"), (192, "7x1"), (224, "1x7"), (224, "7x1"), (256, "1x7")),
            pooled(1024, 128),
        ]
    )


def v4_grid8() -> SideBySide:
    """v4, figure 6; 1536 input and output channels."""
    return SideBySide(
        [
            chain(1536, (256, "1x1")),
            forked(1536, (384, "1x1"), ends=256),
            forked(1536, (384, "1x1"), (448, "3x1"), (512, "1x3"), ends=256),
            pooled(1536, 256),
        ]
    )


class Inception(nn.Module):
    """Modules in sequence, global average pooling, dropout, linear classifier."""

    def __init__(self, features: nn.Sequential, width: int, num_classes: int, dropout: float, init: Init) -> None:
        super().__init__()
        self.features = features
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, num_classes))
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x).mean((2, 3)))


@register(
    "model", title="Inception v3", family="inception", year=2015, paper="1512.00567", params=21_806_058, gmacs=4.081
)
def inception_v3(
    num_classes: int = 10, in_channels: int = 3, *, dropout: DropoutRate = 0.5, init: InitOption = "he"
) -> Inception:
    """Inception v3 with a stem that keeps the resolution."""
    return Inception(v3_features(in_channels), 2048, num_classes, dropout, init)


@register(
    "model",
    title="Inception v4",
    family="inception",
    year=2016,
    paper="1602.07261",
    params=41_158_186,
    aliases=("inceptionv4",),
    gmacs=9.447,
)
def inception_v4(
    num_classes: int = 10, in_channels: int = 3, *, dropout: DropoutRate = 0.2, init: InitOption = "he"
) -> Inception:
    """Inception v4 with a stem that keeps the resolution."""
    features = nn.Sequential(
        v4_stem(in_channels),
        *(v4_grid32() for _ in range(4)),
        reduction(384, [(384, "3x3", 2)], [(192, "1x1"), (224, "3x3"), (256, "3x3", 2)]),
        *(v4_grid16() for _ in range(7)),
        reduction(1024, [(192, "1x1"), (192, "3x3", 2)], [(256, "1x1"), (256, "1x7"), (320, "7x1"), (320, "3x3", 2)]),
        *(v4_grid8() for _ in range(3)),
    )
    return Inception(features, 1536, num_classes, dropout, init)
