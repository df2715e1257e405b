"""Xception for 32x32 images. Chollet 2016, arXiv:1610.02357.

Residual blocks of depthwise separable convolutions: a 3x3 convolution on each channel, then a 1x1 convolution across
channels, with one batch norm after both (figure 5). The stem and the first block keep the resolution, so 32 px end as
4x4. Convolutions use He initialization by default.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv, conv_bn, conv_bn_relu, init_convs
from engine.models.options import InitOption


def separable(cin: int, cout: int) -> nn.Sequential:
    """3x3 convolution on each channel, 1x1 convolution across channels, batch norm."""
    return nn.Sequential(conv(cin, cin, 3, groups=cin), conv(cin, cout, 1), nn.BatchNorm2d(cout))


class XceptionBlock(nn.Module):
    """Alternating ReLUs and separable convolutions, a max-pool if the block strides, plus a (projected) shortcut.

    (B, cin, H, W) -> (B, widths[-1], ceil(H / stride), ceil(W / stride)).

    Args:
        widths: channels after each separable convolution.
        active: whether a ReLU comes first; False after the stem, which ends in one.
    """

    def __init__(self, cin: int, widths: Sequence[int], stride: int, active: bool = True) -> None:
        super().__init__()
        cout = widths[-1]
        self.shortcut = nn.Identity() if stride == 1 and cin == cout else conv_bn(cin, cout, 1, stride)
        self.body = nn.Sequential()
        for i, width in enumerate(widths):
            if active or i > 0:
                self.body.append(nn.ReLU(inplace=i > 0))
            self.body.append(separable(cin, width))
            cin = width
        if stride > 1:
            self.body.append(nn.MaxPool2d(3, stride, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x) + self.shortcut(x)


class Xception(nn.Module):
    """Stem; entry, middle and exit flow; global average pooling; linear classifier."""

    def __init__(self, num_classes: int, in_channels: int, init: Init) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv_bn_relu(in_channels, 32, 3),
            conv_bn_relu(32, 64, 3),
            XceptionBlock(64, (128, 128), 1, active=False),
            XceptionBlock(128, (256, 256), 2),
            XceptionBlock(256, (728, 728), 2),
            *(XceptionBlock(728, (728, 728, 728), 1) for _ in range(8)),
            XceptionBlock(728, (728, 1024), 2),
            separable(1024, 1536).append(nn.ReLU(inplace=True)),
            separable(1536, 2048).append(nn.ReLU(inplace=True)),
        )
        self.head = nn.Linear(2048, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.features(x)  # (B, 2048, H / 8, W / 8)
        return self.head(x.mean((2, 3)))


@register("model", title="Xception", family="xception", year=2016, paper="1610.02357", params=20_827_442, gmacs=1.36)
def xception(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> Xception:
    """Xception with a stem that keeps the resolution: depthwise separable residual blocks."""
    return Xception(num_classes, in_channels, init)
