"""Inception networks for 32x32 images as in weiaicunzai/pytorch-cifar100, which pprp/pytorch-cifar-tricks adopted.

Differences from `engine.models.inception`, which is closer to the papers (arXiv:1512.00567 and 1602.07261):

- One convolution of the stem is not padded, nor are the reductions (except v4's second): maps of 30, 14 and 6 px (v4:
  7).
- v4's stem pools with stride 1 where the paper strides; average pooling counts the padding; v3's second reduction uses
  average pooling, and the pools of its first grid are followed by 3x3 convolutions.
- Inception-ResNet follows figures 15 to 18: 5, 10 and 5 modules on wider grids, with projection shortcuts and batch
  norm after each sum.
- PyTorch's default initialization.

Branches are in the order of the source, so that its weights fit layer by layer.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.inception import Inception, Step, chain
from engine.models.layers import SideBySide


def pooled(cin: int, channels: int, kernel: str = "1x1") -> nn.Sequential:
    """3x3 average pooling that counts the zeros of the padding, then a convolution."""
    return nn.Sequential(nn.AvgPool2d(3, 1, padding=1), *chain(cin, (channels, kernel)))


def forked(cin: int, *steps: Step, ends: int, kernels: tuple[str, str]) -> nn.Sequential:
    """A chain that ends in two parallel convolutions."""
    last = steps[-1][0]
    return nn.Sequential(chain(cin, *steps), SideBySide([chain(last, (ends, kernel)) for kernel in kernels]))


def reduction(cin: int, *branches: Sequence[Step], pool: nn.Module) -> SideBySide:
    """Branches that end with stride 2, in parallel with a pooling of the same stride."""
    return SideBySide([*(chain(cin, *steps) for steps in branches), pool])


def v3_grid30(cin: int, pool: int) -> SideBySide:
    """First grid of v3; 224 + `pool` output channels."""
    return SideBySide(
        [
            chain(cin, (64, "1x1")),
            chain(cin, (48, "1x1"), (64, "5x5")),
            chain(cin, (64, "1x1"), (96, "3x3"), (96, "3x3")),
            pooled(cin, pool, "3x3"),
        ]
    )


def v3_grid14(inner: int) -> SideBySide:
    """Second grid of v3; 768 input and output channels."""
    return SideBySide(
        [
            chain(768, (192, "1x1")),
            chain(768, (inner, "1x1"), (inner, "7x1"), (192, "1x7")),
            chain(768, (inner, "1x1"), (inner, "7x1"), (inner, "1x7"), (inner, "7x1"), (192, "1x7")),
            pooled(768, 192),
        ]
    )


def v3_grid6(cin: int) -> SideBySide:
    """Third grid of v3; 2048 output channels."""
    return SideBySide(
        [
            chain(cin, (320, "1x1")),
            forked(cin, (384, "1x1"), ends=384, kernels=("1x3", "3x1")),
            forked(cin, (448, "1x1"), (384, "3x3"), ends=384, kernels=("1x3", "3x1")),
            pooled(cin, 192),
        ]
    )


def v4_stem(in_channels: int) -> nn.Sequential:
    """Stem of v4; (B, in_channels, H, W) -> (B, 384, H - 2, W - 2)."""
    return nn.Sequential(
        chain(in_channels, (32, "3x3v"), (32, "3x3"), (64, "3x3")),
        SideBySide([chain(64, (96, "3x3")), nn.MaxPool2d(3, 1, padding=1)]),
        SideBySide(
            [
                chain(160, (64, "1x1"), (64, "7x1"), (64, "1x7"), (96, "3x3")),
                chain(160, (64, "1x1"), (96, "3x3")),
            ]
        ),
        SideBySide([nn.MaxPool2d(3, 1, padding=1), chain(192, (192, "3x3"))]),
    )


def v4_grid30() -> SideBySide:
    """First grid of v4; 384 input and output channels."""
    return SideBySide(
        [
            chain(384, (64, "1x1"), (96, "3x3"), (96, "3x3")),
            chain(384, (64, "1x1"), (96, "3x3")),
            chain(384, (96, "1x1")),
            pooled(384, 96),
        ]
    )


def v4_grid14() -> SideBySide:
    """Second grid of v4; 1024 input and output channels."""
    return SideBySide(
        [
            chain(1024, (384, "1x1")),
            chain(1024, (192, "1x1"), (224, "1x7"), (256, "7x1")),
            chain(1024, (192, "1x1"), (192, "1x7"), (224, "7x1"), (224, "1x7"), (256, "7x1")),
            pooled(1024, 128),
        ]
    )


def v4_grid7() -> SideBySide:
    """Third grid of v4; 1536 input and output channels."""
    return SideBySide(
        [
            chain(1536, (256, "1x1")),
            forked(1536, (384, "1x1"), ends=256, kernels=("3x1", "1x3")),
            forked(1536, (384, "1x1"), (448, "1x3"), (512, "3x1"), ends=256, kernels=("1x3", "3x1")),
            pooled(1536, 256),
        ]
    )


class NormedResidual(nn.Module):
    """relu(norm(shortcut(x) + scale * project(branches(x)))), with 1x1 projections that have a bias.

    (B, cin, ...) -> (B, cout, ...).
    """

    def __init__(self, branches: SideBySide, made: int, cin: int, cout: int, scale: float) -> None:
        super().__init__()
        self.branches = branches
        self.project = nn.Conv2d(made, cout, 1)
        self.shortcut = nn.Conv2d(cin, cout, 1)
        self.norm = nn.BatchNorm2d(cout)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        made = self.scale * self.project(self.branches(x))
        return self.norm(self.shortcut(x) + made).relu_()


def residual30(cin: int) -> NormedResidual:
    """Inception-ResNet-A, figure 16; 384 output channels."""
    branches = [
        chain(cin, (32, "1x1")),
        chain(cin, (32, "1x1"), (32, "3x3")),
        chain(cin, (32, "1x1"), (48, "3x3"), (64, "3x3")),
    ]
    return NormedResidual(SideBySide(branches), 128, cin, 384, 1.0)


def residual14(cin: int) -> NormedResidual:
    """Inception-ResNet-B, figure 17; 1154 output channels."""
    branches = [chain(cin, (192, "1x1")), chain(cin, (128, "1x1"), (160, "7x1"), (192, "1x7"))]
    return NormedResidual(SideBySide(branches), 384, cin, 1154, 0.1)


def residual6(cin: int) -> NormedResidual:
    """Inception-ResNet-C, figure 19; 2048 output channels."""
    branches = [chain(cin, (192, "1x1")), chain(cin, (192, "1x1"), (224, "1x3"), (256, "3x1"))]
    return NormedResidual(SideBySide(branches), 448, cin, 2048, 0.1)


@register(
    "model",
    title="Inception v3, 3x3 convolutions after the pools",
    family="inception",
    year=2015,
    paper="1512.00567",
    params=22_133_738,
    aliases=("inceptionv3",),
    gmacs=3.391,
)
def inception_v3_seed(num_classes: int = 10, in_channels: int = 3) -> Inception:
    """Inception v3 as in weiaicunzai/pytorch-cifar100: maps of 30, 14 and 6 px, 3x3 after the first pools."""
    features = nn.Sequential(
        chain(in_channels, (32, "3x3"), (32, "3x3"), (64, "3x3"), (80, "1x1"), (192, "3x3v")),
        v3_grid30(192, 32),
        v3_grid30(256, 64),
        v3_grid30(288, 64),
        reduction(288, [(384, "3x3v", 2)], [(64, "1x1"), (96, "3x3"), (96, "3x3v", 2)], pool=nn.MaxPool2d(3, 2)),
        *(v3_grid14(inner) for inner in (128, 160, 160, 192)),
        reduction(
            768,
            [(192, "1x1"), (320, "3x3v", 2)],
            [(192, "1x1"), (192, "1x7"), (192, "7x1"), (192, "3x3v", 2)],
            pool=nn.AvgPool2d(3, 2),
        ),
        v3_grid6(1280),
        v3_grid6(2048),
    )
    return Inception(features, 2048, num_classes, dropout=0.5, init="torch")


@register(
    "model",
    title="Inception v4, unpadded stem",
    family="inception",
    year=2016,
    paper="1602.07261",
    params=41_158_186,
    gmacs=7.503,
)
def inception_v4_seed(num_classes: int = 10, in_channels: int = 3) -> Inception:
    """Inception v4 as in weiaicunzai/pytorch-cifar100: maps of 30, 14 and 7 px, pooling in the stem."""
    features = nn.Sequential(
        v4_stem(in_channels),
        *(v4_grid30() for _ in range(4)),
        reduction(384, [(192, "1x1"), (224, "3x3"), (256, "3x3v", 2)], [(384, "3x3v", 2)], pool=nn.MaxPool2d(3, 2)),
        *(v4_grid14() for _ in range(7)),
        reduction(
            1024,
            [(192, "1x1"), (192, "3x3", 2)],
            [(256, "1x1"), (256, "1x7"), (320, "7x1"), (320, "3x3", 2)],
            pool=nn.MaxPool2d(3, 2, padding=1),
        ),
        *(v4_grid7() for _ in range(3)),
    )
    return Inception(features, 1536, num_classes, dropout=0.2, init="torch")


@register(
    "model",
    title="Inception-ResNet v2, as in the paper's figures",
    family="inception",
    year=2016,
    paper="1602.07261",
    params=65_257_662,
    gmacs=9.293,
)
def inception_resnet_v2_seed(num_classes: int = 10, in_channels: int = 3) -> Inception:
    """Inception-ResNet v2 as in weiaicunzai/pytorch-cifar100: figures 15 to 18, maps of 30, 14 and 6 px."""
    features = nn.Sequential(
        v4_stem(in_channels),
        *(residual30(384) for _ in range(5)),
        reduction(384, [(256, "1x1"), (256, "3x3"), (384, "3x3v", 2)], [(384, "3x3v", 2)], pool=nn.MaxPool2d(3, 2)),
        *(residual14(cin) for cin in (1152, *[1154] * 9)),
        reduction(
            1154,
            [(256, "1x1"), (384, "3x3v", 2)],
            [(256, "1x1"), (288, "3x3v", 2)],
            [(256, "1x1"), (288, "3x3"), (320, "3x3v", 2)],
            pool=nn.MaxPool2d(3, 2),
        ),
        *(residual6(cin) for cin in (2146, *[2048] * 4)),
    )
    return Inception(features, 2048, num_classes, dropout=0.2, init="torch")
