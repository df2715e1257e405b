"""PoolFormer: a transformer architecture with average pooling for attention. Yu et al. 2021, arXiv:2111.11418.

The paper's networks with a 3x3 stride-1 stem in place of the 7x7 stride-4 patches, the usual change for CIFAR: the
stages work at 32, 16, 8 and 4 px, instead of 56, 28, 14 and 7 px for an ImageNet image. The MLPs and the classifier are
initialized with N(0, 0.02), the patches with PyTorch's defaults. Layer scale is the authors' for each size, and so is
drop path: 0.1, 0.1, 0.2, 0.3 and 0.4 from S12 to M48 (sail-sg/poolformer, training commands).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.options import DropPathRate
from engine.models.transformer_layers import DropPath, LayerScale, drop_path_rates


class Pooling(nn.Module):
    """3x3 average pooling minus the pixel itself, which the shortcut adds again (algorithm 1)."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        return nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False) - x


class PoolFormerBlock(nn.Module):
    """Pooling in place of attention, then an MLP on each pixel; each preceded by a group norm with one group."""

    def __init__(self, width: int, drop_path: float, layer_scale: float) -> None:
        super().__init__()
        mlp = nn.Sequential(nn.Conv2d(width, 4 * width, 1), nn.GELU(), nn.Conv2d(4 * width, width, 1))
        for module in mlp:
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        ends = [nn.Sequential(LayerScale(width, layer_scale, dims=2), DropPath(drop_path)) for _ in range(2)]
        self.mixer = nn.Sequential(nn.GroupNorm(1, width), Pooling(), ends[0])
        self.mlp = nn.Sequential(nn.GroupNorm(1, width), mlp, ends[1])

    def forward(self, x: Tensor) -> Tensor:  # (B, width, H, W)
        x = x + self.mixer(x)
        return x + self.mlp(x)


class PoolFormer(nn.Module):
    """3x3 patches, four stages of blocks, norm, global average pooling, linear classifier.

    Args:
        depths, widths: blocks and channels of each stage; all but the first begin with a 3x3 convolution of stride 2.
        drop_path: drop-path rate of the last block.
        layer_scale: initial value of the factors on the residual branches.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        num_classes: int,
        in_channels: int,
        drop_path: float,
        layer_scale: float,
    ) -> None:
        super().__init__()
        self.stages = nn.Sequential()
        cin = in_channels
        for i, rates in enumerate(drop_path_rates(drop_path, depths)):
            patches = nn.Conv2d(cin, widths[i], 3, stride=1 if i == 0 else 2, padding=1)
            blocks = (PoolFormerBlock(widths[i], rate, layer_scale) for rate in rates)
            self.stages.append(nn.Sequential(patches, *blocks))
            cin = widths[i]
        self.norm = nn.GroupNorm(1, cin)
        self.head = nn.Linear(cin, num_classes)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.norm(self.stages(x)).mean((2, 3)))


SMALL, MEDIUM = (64, 128, 320, 512), (96, 192, 384, 768)


@register(
    "model", title="PoolFormer-S12", family="poolformer", year=2021, paper="2111.11418", params=11_399_626, gmacs=0.5837
)
def poolformer_s12(num_classes: int = 10, in_channels: int = 3, *, drop_path: DropPathRate = 0.1) -> PoolFormer:
    """PoolFormer-S12: 12 blocks, 64 to 512 channels."""
    return PoolFormer((2, 2, 6, 2), SMALL, num_classes, in_channels, drop_path, 1e-5)


@register(
    "model", title="PoolFormer-S24", family="poolformer", year=2021, paper="2111.11418", params=20_873_418, gmacs=1.1
)
def poolformer_s24(num_classes: int = 10, in_channels: int = 3, *, drop_path: DropPathRate = 0.1) -> PoolFormer:
    """PoolFormer-S24: 24 blocks, 64 to 512 channels."""
    return PoolFormer((4, 4, 12, 4), SMALL, num_classes, in_channels, drop_path, 1e-5)


@register(
    "model", title="PoolFormer-S36", family="poolformer", year=2021, paper="2111.11418", params=30_347_210, gmacs=1.616
)
def poolformer_s36(num_classes: int = 10, in_channels: int = 3, *, drop_path: DropPathRate = 0.2) -> PoolFormer:
    """PoolFormer-S36: 36 blocks, 64 to 512 channels."""
    return PoolFormer((6, 6, 18, 6), SMALL, num_classes, in_channels, drop_path, 1e-6)


@register(
    "model", title="PoolFormer-M36", family="poolformer", year=2021, paper="2111.11418", params=55_399_690, gmacs=2.848
)
def poolformer_m36(num_classes: int = 10, in_channels: int = 3, *, drop_path: DropPathRate = 0.3) -> PoolFormer:
    """PoolFormer-M36: 36 blocks, 96 to 768 channels."""
    return PoolFormer((6, 6, 18, 6), MEDIUM, num_classes, in_channels, drop_path, 1e-6)


@register(
    "model", title="PoolFormer-M48", family="poolformer", year=2021, paper="2111.11418", params=72_700_618, gmacs=3.754
)
def poolformer_m48(num_classes: int = 10, in_channels: int = 3, *, drop_path: DropPathRate = 0.4) -> PoolFormer:
    """PoolFormer-M48: 48 blocks, 96 to 768 channels."""
    return PoolFormer((8, 8, 24, 8), MEDIUM, num_classes, in_channels, drop_path, 1e-6)
