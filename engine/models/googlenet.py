"""GoogLeNet for 32x32 images. Szegedy et al. 2014, arXiv:1409.4842.

Nine inception modules (table 1) after a 3x3 stride-1 stem of 192 channels, without auxiliary classifiers. As in
kuangliu/pytorch-cifar, every convolution has batch norm and keeps its bias, and two 3x3 convolutions replace the 5x5
one: 6,166,250 parameters at 10 classes. Convolutions use He initialization by default.
"""

from __future__ import annotations

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, SideBySide, biased_bn_relu, init_convs
from engine.models.options import DropoutRate, InitOption

# Table 1, by stage: the channels of each module's branches, 1x1 | 1x1, 3x3 | 1x1, 5x5 | 1x1 after the pooling.
STAGES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)


def inception(cin: int, one: int, down3: int, three: int, down5: int, five: int, pool: int) -> SideBySide:
    """An inception module (figure 2b); (B, cin, H, W) -> (B, one + three + five + pool, H, W)."""
    return SideBySide(
        [
            biased_bn_relu(cin, one, 1),
            nn.Sequential(biased_bn_relu(cin, down3, 1), biased_bn_relu(down3, three, 3)),
            nn.Sequential(biased_bn_relu(cin, down5, 1), biased_bn_relu(down5, five, 3), biased_bn_relu(five, five, 3)),
            nn.Sequential(nn.MaxPool2d(3, 1, padding=1), biased_bn_relu(cin, pool, 1)),
        ]
    )


class GoogLeNet(nn.Module):
    """Stem, three stages of inception modules with max-pools in between, global average pooling, linear classifier."""

    def __init__(self, num_classes: int, in_channels: int, dropout: float, init: Init) -> None:
        super().__init__()
        cin = 192
        self.features = nn.Sequential(biased_bn_relu(in_channels, cin, 3))
        for i, stage in enumerate(STAGES):
            if i > 0:
                self.features.append(nn.MaxPool2d(3, 2, padding=1))
            for one, down3, three, down5, five, pool in stage:
                self.features.append(inception(cin, one, down3, three, down5, five, pool))
                cin = one + three + five + pool
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(cin, num_classes))
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x).mean((2, 3)))


@register(
    "model",
    title="GoogLeNet",
    family="googlenet",
    year=2014,
    paper="1409.4842",
    params=6_166_250,
    aliases=("GoogLeNet",),
    gmacs=1.522,
)
def googlenet(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    dropout: DropoutRate = 0.0,
    init: InitOption = "he",
) -> GoogLeNet:
    """GoogLeNet with batch norm and a 3x3 stem."""
    return GoogLeNet(num_classes, in_channels, dropout, init)
