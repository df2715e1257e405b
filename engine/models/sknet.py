"""Selective kernels on ResNeXt-29. Li et al. 2019, arXiv:1903.06586.

In place of the 3x3 convolution, a block has two grouped convolutions with different receptive fields; a softmax over
the two, computed for each channel from the means of their sum, decides how they are mixed (equations 1 to 6). The
kernels are 1x1 and 3x3: with 3x3 and a second, dilated 3x3, as on ImageNet, 16x32d would be far above the 27.7 M
parameters that the paper reports. Trunk and initialization are those of `engine.models.resnext`.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv, conv_bn, conv_bn_relu
from engine.models.options import InitOption
from engine.models.resnet import Residual, ResNet
from engine.models.resnext import WIDTHS

REDUCTION = 32
LEAST = 32  # L in the paper: least number of channels after the reduction


class SelectiveKernel(nn.Module):
    """Grouped 1x1 and 3x3 convolutions, mixed per channel; (B, C, H, W) -> (B, C, H / stride, W / stride)."""

    def __init__(self, width: int, stride: int, groups: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList(conv_bn_relu(width, width, kernel, stride, groups) for kernel in (1, 3))
        hidden = max(width // REDUCTION, LEAST)
        self.squeeze = conv_bn_relu(width, hidden, 1)
        self.select = conv(hidden, 2 * width, 1)

    def forward(self, x: Tensor) -> Tensor:
        point, patch = (path(x) for path in self.paths)
        means = (point + patch).mean((2, 3), keepdim=True)
        scores = self.select(self.squeeze(means)).unflatten(1, (2, -1))  # (B, 2, C, 1, 1)
        share = scores.softmax(1)
        return point * share[:, 0] + patch * share[:, 1]


class SKBlock(Residual):
    """1x1, selective kernels in `groups` groups with the stride, 1x1 up to four times `width`."""

    def __init__(self, cin: int, width: int, stride: int, groups: int, base_width: int) -> None:
        inner, cout = groups * base_width * width // 64, 4 * width
        body = nn.Sequential(
            conv_bn_relu(cin, inner, 1),
            SelectiveKernel(inner, stride, groups),
            conv_bn(inner, cout, 1),
        )
        super().__init__(body, cin, cout, stride)


def sk_resnext29(groups: int, base_width: int, num_classes: int, in_channels: int, init: Init) -> ResNet:
    """ResNeXt-29 with `groups` groups of `base_width` channels and selective kernels."""
    block = partial(SKBlock, groups=groups, base_width=base_width)
    return ResNet(block, (3, 3, 3), WIDTHS, num_classes, in_channels, init)


@register(
    "model",
    title="SK-ResNeXt-29, 16x32d",
    family="sknet",
    year=2019,
    paper="1903.06586",
    params=27_813_450,
    gmacs=4.181,
    single_pixels=True,
)
def sk_resnext29_16x32d(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 32 channels, selecting between 1x1 and 3x3 kernels."""
    return sk_resnext29(16, 32, num_classes, in_channels, init)


@register(
    "model",
    title="SK-ResNeXt-29, 16x64d",
    family="sknet",
    year=2019,
    paper="1903.06586",
    params=78_521_482,
    gmacs=11.3,
    single_pixels=True,
)
def sk_resnext29_16x64d(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNeXt-29 with 16 groups of 64 channels, selecting between 1x1 and 3x3 kernels."""
    return sk_resnext29(16, 64, num_classes, in_channels, init)
