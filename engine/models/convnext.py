"""ConvNeXt. Liu et al. 2022, "A ConvNet for the 2020s", arXiv:2201.03545.

The paper's networks with a 3x3 stride-1 stem in place of the 4x4 patches, the usual change for CIFAR: the stages work
at 32, 16, 8 and 4 px, instead of 56, 28, 14 and 7 px for an ImageNet image. `patch` brings back patches of 2 or 4 px.
Weights are initialized with N(0, 0.02), layer scale with 1e-6. Drop path is what the authors train each size with on
ImageNet-1K, and the extra large one on ImageNet-22K (facebookresearch/ConvNeXt, TRAINING.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from torch import Tensor, nn

from engine.contract.catalog import Spec, register
from engine.models.options import DropPathRate
from engine.models.transformer_layers import (
    DropPath,
    LayerNorm2d,
    LayerScale,
    Mlp,
    drop_path_rates,
    init_transformer,
    pad_to_multiple,
)


class ConvNeXtBlock(nn.Module):
    """7x7 depthwise convolution, layer norm, and an MLP on each pixel with four times the width (figure 4)."""

    def __init__(self, width: int, drop_path: float) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.mlp = nn.Sequential(nn.LayerNorm(width, 1e-6), Mlp(width, 4 * width), LayerScale(width, 1e-6))
        self.drop = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:  # (B, width, H, W)
        pixels = self.spatial(x).permute(0, 2, 3, 1)
        return x + self.drop(self.mlp(pixels).permute(0, 3, 1, 2))


class Downsample(nn.Sequential):
    """Layer norm and a 2x2 convolution with stride 2 (section 2.6); maps of odd size are padded first."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__(LayerNorm2d(cin, 1e-6), nn.Conv2d(cin, cout, 2, 2))

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, cout, ceil(H / 2), ceil(W / 2))
        norm, conv = self
        return conv(pad_to_multiple(norm(x), 2))


class ConvNeXt(nn.Module):
    """Stem, four stages with downsampling in between, global average pooling, norm, linear classifier.

    Args:
        depths, widths: blocks and channels of each stage.
        patch: kernel size and stride of the stem in px; 1 stands for a 3x3 convolution with stride 1.
        drop_path: drop-path rate of the last block.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        num_classes: int,
        in_channels: int,
        patch: int,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.patch = patch
        stem = nn.Conv2d(in_channels, widths[0], patch, patch)
        if patch == 1:
            stem = nn.Conv2d(in_channels, widths[0], 3, padding=1)
        self.stem = nn.Sequential(stem, LayerNorm2d(widths[0], 1e-6))
        self.stages = nn.Sequential()
        for i, rates in enumerate(drop_path_rates(drop_path, depths)):
            first = [Downsample(widths[i - 1], widths[i])] if i > 0 else []
            self.stages.append(nn.Sequential(*first, *(ConvNeXtBlock(widths[i], rate) for rate in rates)))
        self.norm = nn.LayerNorm(widths[-1], 1e-6)
        self.head = nn.Linear(widths[-1], num_classes)
        init_transformer(self, convs=True)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.stages(self.stem(pad_to_multiple(x, self.patch)))
        return self.head(self.norm(x.mean((2, 3))))


Patch = Annotated[
    Literal[1, 2, 4], Spec("kernel size and stride of the stem in px; 1 is a 3x3 convolution with stride 1")
]

DEEP = (3, 3, 27, 3)


@register("model", title="ConvNeXt-T", family="convnext", year=2022, paper="2201.03545", params=27_825_802, gmacs=1.453)
def convnext_tiny(
    num_classes: int = 10, in_channels: int = 3, *, patch: Patch = 1, drop_path: DropPathRate = 0.1
) -> ConvNeXt:
    """ConvNeXt-T: 18 blocks, 96 to 768 channels."""
    return ConvNeXt((3, 3, 9, 3), (96, 192, 384, 768), num_classes, in_channels, patch, drop_path)


@register("model", title="ConvNeXt-S", family="convnext", year=2022, paper="2201.03545", params=49_460_362, gmacs=2.833)
def convnext_small(
    num_classes: int = 10, in_channels: int = 3, *, patch: Patch = 1, drop_path: DropPathRate = 0.4
) -> ConvNeXt:
    """ConvNeXt-S: 36 blocks, 96 to 768 channels."""
    return ConvNeXt(DEEP, (96, 192, 384, 768), num_classes, in_channels, patch, drop_path)


@register("model", title="ConvNeXt-B", family="convnext", year=2022, paper="2201.03545", params=87_574_026, gmacs=5.011)
def convnext_base(
    num_classes: int = 10, in_channels: int = 3, *, patch: Patch = 1, drop_path: DropPathRate = 0.5
) -> ConvNeXt:
    """ConvNeXt-B: 36 blocks, 128 to 1024 channels."""
    return ConvNeXt(DEEP, (128, 256, 512, 1024), num_classes, in_channels, patch, drop_path)


@register(
    "model", title="ConvNeXt-L", family="convnext", year=2022, paper="2201.03545", params=196_241_674, gmacs=11.22
)
def convnext_large(
    num_classes: int = 10, in_channels: int = 3, *, patch: Patch = 1, drop_path: DropPathRate = 0.5
) -> ConvNeXt:
    """ConvNeXt-L: 36 blocks, 192 to 1536 channels."""
    return ConvNeXt(DEEP, (192, 384, 768, 1536), num_classes, in_channels, patch, drop_path)


@register(
    "model", title="ConvNeXt-XL", family="convnext", year=2022, paper="2201.03545", params=348_163_082, gmacs=19.89
)
def convnext_xlarge(
    num_classes: int = 10, in_channels: int = 3, *, patch: Patch = 1, drop_path: DropPathRate = 0.2
) -> ConvNeXt:
    """ConvNeXt-XL: 36 blocks, 256 to 2048 channels."""
    return ConvNeXt(DEEP, (256, 512, 1024, 2048), num_classes, in_channels, patch, drop_path)


@register(
    "model",
    title="ConvNeXt-T (pytorch-cifar-tricks)",
    family="convnext",
    year=2022,
    paper="2201.03545",
    params=7_000_432,
    gmacs=0.08978,
)
def convnext_tiny_seed(
    num_classes: int = 10, in_channels: int = 3, *, patch: Patch = 2, drop_path: DropPathRate = 0.0
) -> ConvNeXt:
    """ConvNeXt-T of pytorch-cifar-tricks: half of the paper's width, 86 channels for 96 by mistake, patches of 2 px."""
    return ConvNeXt((3, 3, 9, 3), (48, 86, 192, 384), num_classes, in_channels, patch, drop_path)
