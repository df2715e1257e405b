"""VGG with batch norm, for 32x32 images. Simonyan & Zisserman 2014, arXiv:1409.1556.

The 3x3 convolutions of the paper's table 1 (configurations A, B, D and E), each followed by batch norm (Ioffe & Szegedy
2015, arXiv:1502.03167; the paper had none), and one linear layer in place of the three that hold most of the paper's
parameters. Convolutions keep their bias, as in torchvision, whose weights fit. The max-pools round up, so that inputs
below 32 px survive five of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, biased_bn_relu, init_convs
from engine.models.options import InitOption


class VGG(nn.Module):
    """Five stages of 3x3 convolutions, each followed by a 2x2 max-pool; global average pooling; linear classifier.

    Args:
        depths: convolutions in each stage, of 64, 128, 256, 512 and 512 channels.
    """

    def __init__(self, depths: Sequence[int], num_classes: int, in_channels: int = 3, init: Init = "he") -> None:
        super().__init__()
        self.features = nn.Sequential()
        cin = in_channels
        for depth, width in zip(depths, (64, 128, 256, 512, 512), strict=True):
            for _ in range(depth):
                self.features.append(biased_bn_relu(cin, width, 3))
                cin = width
            self.features.append(nn.MaxPool2d(2, ceil_mode=True))
        self.head = nn.Linear(cin, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x).mean((2, 3)))


@register(
    "model",
    title="VGG-11",
    family="vgg",
    year=2014,
    paper="1409.1556",
    params=9_231_114,
    aliases=(
        "VGG11",
        "vgg",
    ),
    gmacs=0.1528,
)
def vgg11(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> VGG:
    """VGG-11 with batch norm and a single linear layer."""
    return VGG((1, 1, 2, 2, 2), num_classes, in_channels, init)


@register(
    "model",
    title="VGG-13",
    family="vgg",
    year=2014,
    paper="1409.1556",
    params=9_416_010,
    aliases=("VGG13",),
    gmacs=0.2283,
)
def vgg13(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> VGG:
    """VGG-13 with batch norm and a single linear layer."""
    return VGG((2, 2, 2, 2, 2), num_classes, in_channels, init)


@register(
    "model",
    title="VGG-16",
    family="vgg",
    year=2014,
    paper="1409.1556",
    params=14_728_266,
    aliases=("VGG16",),
    gmacs=0.3132,
)
def vgg16(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> VGG:
    """VGG-16 with batch norm and a single linear layer."""
    return VGG((2, 2, 3, 3, 3), num_classes, in_channels, init)


@register(
    "model",
    title="VGG-19",
    family="vgg",
    year=2014,
    paper="1409.1556",
    params=20_040_522,
    aliases=("VGG19",),
    gmacs=0.3981,
)
def vgg19(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> VGG:
    """VGG-19 with batch norm and a single linear layer."""
    return VGG((2, 2, 4, 4, 4), num_classes, in_channels, init)
