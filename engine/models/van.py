"""Visual attention network: a decomposed large kernel gates the feature map. Guo et al. 2022, arXiv:2202.09741.

The paper's B0 to B3 with a 3x3 stride-1 stem in place of the 7x7 stride-4 one, the usual change for CIFAR: the stages
work at 32, 16, 8 and 4 px, instead of 56, 28, 14 and 7 px for an ImageNet image. Convolutions are initialized normal
with variance 2 / fan_out, counted per group, the classifier with N(0, 0.02), layer scale with 0.01. Drop path is what
the authors train each size with (Visual-Attention-Network/VAN-Classification, train.sh).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import DilatedConv
from engine.models.options import DropPathRate
from engine.models.transformer_layers import DropPath, LayerNorm2d, LayerScale, drop_path_rates, init_transformer


def depthwise(width: int, kernel: int, dilation: int = 1) -> nn.Conv2d:
    """A depthwise convolution that keeps the resolution."""
    kind = DilatedConv if dilation > 1 else nn.Conv2d
    return kind(width, width, kernel, padding=dilation * (kernel // 2), dilation=dilation, groups=width)


class LargeKernelAttention(nn.Module):
    """A 21x21 kernel as 5x5, 7x7 with dilation 3 and 1x1; its output multiplies the input (equations 1 and 2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kernel = nn.Sequential(depthwise(width, 5), depthwise(width, 7, dilation=3), nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:  # (B, width, H, W)
        return x * self.kernel(x)


class SpatialAttention(nn.Sequential):
    """The gate between two 1x1 convolutions, with a shortcut of its own (figure 3 d)."""

    def __init__(self, width: int) -> None:
        super().__init__(nn.Conv2d(width, width, 1), nn.GELU(), LargeKernelAttention(width), nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:  # (B, width, H, W)
        return x + super().forward(x)


class VANBlock(nn.Module):
    """Attention, then an MLP with a 3x3 depthwise convolution; each preceded by a batch norm."""

    def __init__(self, width: int, mlp_ratio: int, drop_path: float) -> None:
        super().__init__()
        hidden = mlp_ratio * width
        mlp = nn.Sequential(nn.Conv2d(width, hidden, 1), depthwise(hidden, 3), nn.GELU(), nn.Conv2d(hidden, width, 1))
        ends = [nn.Sequential(LayerScale(width, 0.01, dims=2), DropPath(drop_path)) for _ in range(2)]
        self.attention = nn.Sequential(nn.BatchNorm2d(width), SpatialAttention(width), ends[0])
        self.mlp = nn.Sequential(nn.BatchNorm2d(width), mlp, ends[1])

    def forward(self, x: Tensor) -> Tensor:  # (B, width, H, W)
        x = x + self.attention(x)
        return x + self.mlp(x)


class VAN(nn.Module):
    """Four stages of overlapping 3x3 patches, blocks and a layer norm; global average pooling; linear classifier.

    Args:
        depths, widths, mlp_ratios: of each stage; every stage but the first halves the resolution.
        drop_path: drop-path rate of the last block.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        num_classes: int,
        in_channels: int,
        drop_path: float,
        mlp_ratios: Sequence[int] = (8, 8, 4, 4),
    ) -> None:
        super().__init__()
        self.stages = nn.Sequential()
        cin = in_channels
        for i, rates in enumerate(drop_path_rates(drop_path, depths)):
            patches = nn.Conv2d(cin, widths[i], 3, stride=1 if i == 0 else 2, padding=1)
            blocks = (VANBlock(widths[i], mlp_ratios[i], rate) for rate in rates)
            norm = LayerNorm2d(widths[i], 1e-6)
            self.stages.append(nn.Sequential(patches, nn.BatchNorm2d(widths[i]), *blocks, norm))
            cin = widths[i]
        self.head = nn.Linear(cin, num_classes)
        init_transformer(self)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] ** 2 * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.stages(x).mean((2, 3)))


WIDE = (64, 128, 320, 512)


@register("model", title="VAN-B0", family="van", year=2022, paper="2202.09741", params=3_847_530, gmacs=0.2782)
def van_tiny(num_classes: int = 10, in_channels: int = 3, *, drop_path: DropPathRate = 0.1) -> VAN:
    """VAN-B0: 13 blocks, 32 to 256 channels."""
    return VAN((3, 3, 5, 2), (32, 64, 160, 256), num_classes, in_channels, drop_path)


@register("model", title="VAN-B1", family="van", year=2022, paper="2202.09741", params=13_346_250, gmacs=0.8067)
def van_small(num_classes: int = 10, in_channels: int = 3, *, drop_path: DropPathRate = 0.1) -> VAN:
    """VAN-B1: 10 blocks, 64 to 512 channels."""
    return VAN((2, 2, 4, 2), WIDE, num_classes, in_channels, drop_path)


@register("model", title="VAN-B2", family="van", year=2022, paper="2202.09741", params=26_062_922, gmacs=1.622)
def van_base(num_classes: int = 10, in_channels: int = 3, *, drop_path: DropPathRate = 0.1) -> VAN:
    """VAN-B2: 21 blocks, 64 to 512 channels."""
    return VAN((3, 3, 12, 3), WIDE, num_classes, in_channels, drop_path)


@register("model", title="VAN-B3", family="van", year=2022, paper="2202.09741", params=44_250_058, gmacs=2.906)
def van_large(num_classes: int = 10, in_channels: int = 3, *, drop_path: DropPathRate = 0.2) -> VAN:
    """VAN-B3: 38 blocks, 64 to 512 channels."""
    return VAN((3, 5, 27, 3), WIDE, num_classes, in_channels, drop_path)
