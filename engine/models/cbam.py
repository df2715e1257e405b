"""CBAM (convolutional block attention modules) on ResNeXt-29. Woo et al. 2018, arXiv:1807.06521.

The output of each residual body is scaled twice: first every channel, by a gate computed from its mean and its maximum
with one shared bottleneck (equation 2, reduction 16), then every pixel, by a gate computed from the mean and the
maximum over the channels with a 7x7 convolution (equation 3; with batch norm, as in the authors' code). Trunk and
initialization are those of `engine.models.resnext`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import conv_bn
from engine.models.options import InitOption
from engine.models.resnet import ResNet
from engine.models.resnext import resnext29

REDUCTION = 16


class ChannelGate(nn.Module):
    """Scale each channel by a gate computed from its mean and its maximum with a shared bottleneck.

    (B, C, H, W) -> (B, C, H, W).

    Args:
        hidden: channels inside the bottleneck.
        bias: whether its two layers have biases.
    """

    def __init__(self, channels: int, hidden: int, bias: bool = True) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=bias),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1, bias=bias),
        )

    def forward(self, x: Tensor) -> Tensor:
        mean, most = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        return x * (self.body(mean) + self.body(most)).sigmoid()


class PixelGate(nn.Module):
    """Scale each pixel by a gate computed from the mean and the maximum over its channels.

    (B, C, H, W) -> (B, C, H, W).

    Args:
        body: computes the gates before the sigmoid; (B, 2, H, W) -> (B, 1, H, W).
    """

    def __init__(self, body: nn.Sequential) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        summary = torch.stack((x.mean(1), x.amax(1)), -1).permute(0, 3, 1, 2)  # (B, 2, H, W), channels-last
        return x * self.body(summary).sigmoid()


class CBAM(nn.Sequential):
    """A channel gate followed by a pixel gate; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int, reduction: int = REDUCTION) -> None:
        super().__init__(ChannelGate(channels, channels // reduction), PixelGate(conv_bn(2, 1, 7)))


@register(
    "model",
    title="CBAM-ResNeXt-29, 8x64d",
    family="cbam",
    year=2018,
    paper="1807.06521",
    params=34_949_406,
    gmacs=5.389,
)
def cbam_resnext29_8x64d(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 8 groups of 64 channels, and channel and pixel gates in every block."""
    return resnext29(8, 64, num_classes, in_channels, init, attention=CBAM)


@register(
    "model", title="CBAM-ResNeXt-29, 16x8d", family="cbam", year=2018, paper="1807.06521", params=5_588_766, gmacs=0.818
)
def cbam_resnext29_16x8d(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 8 channels, and channel and pixel gates in every block."""
    return resnext29(16, 8, num_classes, in_channels, init, attention=CBAM)


@register(
    "model",
    title="CBAM-ResNeXt-29, 16x16d",
    family="cbam",
    year=2018,
    paper="1807.06521",
    params=11_117_854,
    gmacs=1.719,
)
def cbam_resnext29_16x16d(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 16 channels, and channel and pixel gates in every block."""
    return resnext29(16, 16, num_classes, in_channels, init, attention=CBAM)


@register(
    "model",
    title="CBAM-ResNeXt-29, 16x32d",
    family="cbam",
    year=2018,
    paper="1807.06521",
    params=25_659_678,
    gmacs=4.03,
)
def cbam_resnext29_16x32d(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 32 channels, and channel and pixel gates in every block."""
    return resnext29(16, 32, num_classes, in_channels, init, attention=CBAM)


@register(
    "model",
    title="CBAM-ResNeXt-29, 16x64d",
    family="cbam",
    year=2018,
    paper="1807.06521",
    params=68_677_918,
    gmacs=10.69,
)
def cbam_resnext29_16x64d(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 64 channels, and channel and pixel gates in every block."""
    return resnext29(16, 64, num_classes, in_channels, init, attention=CBAM)
