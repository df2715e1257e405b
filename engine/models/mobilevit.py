"""MobileViT: inverted residuals with transformers in the later stages. Mehta and Rastegari 2021, arXiv:2110.02178.

The paper's networks with two halvings instead of five, so that the transformers of the last three stages work at 16, 8
and 8 px, instead of 32, 16 and 8 px for an ImageNet image: 64, 16 and 16 tokens. As in the paper, a token is one pixel
of each 2x2 patch, and four sequences are attended in parallel (section 3.1). Convolutions use He initialization, linear
layers N(0, 0.02).

`mobilevit_*_seed` are the networks behind the rows of pytorch-cifar-tricks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import conv_bn, init_convs
from engine.models.transformer_layers import Attention, Block, Mlp, init_transformer

PATCH = 2  # px per side of a patch
DEPTHS = (2, 4, 3)  # transformer layers of the last three stages


class Size(NamedTuple):
    """Table 4 of the paper: channels of five stages, widths of the transformers, expansion, channels of the head."""

    channels: tuple[int, int, int, int, int]
    dims: tuple[int, int, int]
    expansion: int
    last: int


def conv_act(cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm and SiLU."""
    return nn.Sequential(conv_bn(cin, cout, kernel, stride, groups), nn.SiLU())


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, 1x1 projection (the block of MobileNetV2 with SiLU); a shortcut if shapes agree."""

    def __init__(self, cin: int, cout: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = expansion * cin
        self.same = stride == 1 and cin == cout
        self.body = nn.Sequential(
            conv_act(cin, width, 1), conv_act(width, width, 3, stride, groups=width), conv_bn(width, cout, 1)
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride))
        return x + self.body(x) if self.same else self.body(x)


class MobileViTBlock(nn.Module):
    """Convolutions, a transformer across patches, and convolutions that fuse its output with the input (figure 1 b).

    Args:
        lean: as in the `_seed` networks: one head of 32 channels and no bias on queries, keys and values; batch norm
            and SiLU after the 1x1 convolution that precedes the transformer, and no norm after the transformer.
        mlp_ratio: hidden width of the transformer's MLP, as a multiple of `dim`.
    """

    def __init__(self, width: int, dim: int, depth: int, *, mlp_ratio: int = 2, lean: bool = False) -> None:
        super().__init__()
        into = conv_act(width, dim, 1) if lean else nn.Conv2d(width, dim, 1, bias=False)
        self.local = nn.Sequential(conv_act(width, width, 3), into)
        self.transformer = nn.Sequential()
        for _ in range(depth):
            attention = Attention(dim, 1, head_dim=32, qkv_bias=False) if lean else Attention(dim, 4)
            self.transformer.append(Block(dim, attention, Mlp(dim, mlp_ratio * dim, nn.SiLU), eps=1e-5))
        self.norm = nn.Identity() if lean else nn.LayerNorm(dim)
        self.back = conv_act(dim, width, 1)
        self.fuse = conv_act(2 * width, width, 3)

    def forward(self, x: Tensor) -> Tensor:  # (B, width, H, W)
        y = self.local(x)
        height, width = y.shape[2:]
        whole = (-(-height // PATCH) * PATCH, -(-width // PATCH) * PATCH)
        resized = whole != (height, width)  # as in the authors' code; attention would see padding
        if resized:
            y = F.interpolate(y, whole, mode="bilinear")
        y = self._to_map(self.norm(self.transformer(self._to_tokens(y))), whole)
        if resized:
            y = F.interpolate(y, (height, width), mode="bilinear")
        return self.fuse(torch.cat((x, self.back(y)), dim=1))

    @staticmethod
    def _to_tokens(x: Tensor) -> Tensor:  # (B, dim, H, W) -> (B * 4, H * W / 4, dim)
        x = x.unflatten(3, (-1, PATCH)).unflatten(2, (-1, PATCH))  # (B, dim, rows, 2, columns, 2)
        return x.permute(0, 3, 5, 2, 4, 1).flatten(3, 4).flatten(0, 2)

    @staticmethod
    def _to_map(x: Tensor, size: tuple[int, int]) -> Tensor:  # the inverse, in channels-last memory
        rows, columns = size[0] // PATCH, size[1] // PATCH
        x = x.unflatten(1, (rows, columns)).unflatten(0, (-1, PATCH, PATCH))  # (B, 2, 2, rows, columns, dim)
        return x.permute(0, 3, 1, 4, 2, 5).flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2)


class MobileViT(nn.Module):
    """Stem, two stages of inverted residuals, three that end in a transformer block, 1x1 convolution, classifier.

    Args:
        strides: of the stem and the five stages.
        lean: the simplifications of `MobileViTBlock`, a classifier without bias, and PyTorch's default initialization.
        mlp_ratios: of the three transformers.
    """

    def __init__(
        self,
        size: Size,
        num_classes: int,
        in_channels: int,
        *,
        strides: Sequence[int] = (1, 1, 2, 1, 2, 1),
        mlp_ratios: Sequence[int] = (2, 2, 2),
        lean: bool = False,
    ) -> None:
        super().__init__()
        cin = 16
        self.stem = conv_act(in_channels, cin, 3, strides[0])
        self.stages = nn.Sequential()
        for i, (cout, stride) in enumerate(zip(size.channels, strides[1:], strict=True)):
            stage = nn.Sequential(InvertedResidual(cin, cout, stride, size.expansion))
            if i == 1:
                stage.extend(InvertedResidual(cout, cout, 1, size.expansion) for _ in range(2))
            if i >= 2:
                j = i - 2
                stage.append(MobileViTBlock(cout, size.dims[j], DEPTHS[j], mlp_ratio=mlp_ratios[j], lean=lean))
            self.stages.append(stage)
            cin = cout
        self.last = conv_act(cin, size.last, 1)
        self.head = nn.Linear(size.last, num_classes, bias=not lean)
        if not lean:
            init_convs(self, "he")
            init_transformer(self)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.last(self.stages(self.stem(x)))  # (B, last, H / 4, W / 4)
        return self.head(x.mean((2, 3)))


XXS = Size((16, 24, 48, 64, 80), (64, 80, 96), 2, 320)
XS = Size((32, 48, 64, 80, 96), (96, 120, 144), 4, 384)
S = Size((32, 64, 96, 128, 160), (144, 192, 240), 4, 640)

# What the networks of pytorch-cifar-tricks do differently: 16, 8, 4 and 4 px, and wider MLPs in the last two stages.
SEED_STRIDES, SEED_RATIOS = (2, 1, 1, 2, 2, 1), (2, 4, 4)


@register(
    "model", title="MobileViT-XXS", family="mobilevit", year=2021, paper="2110.02178", params=954_234, gmacs=0.09625
)
def mobilevit_xxs(num_classes: int = 10, in_channels: int = 3) -> MobileViT:
    """MobileViT-XXS: transformers of width 64, 80 and 96."""
    return MobileViT(XXS, num_classes, in_channels)


@register(
    "model", title="MobileViT-XS", family="mobilevit", year=2021, paper="2110.02178", params=1_936_698, gmacs=0.207
)
def mobilevit_xs(num_classes: int = 10, in_channels: int = 3) -> MobileViT:
    """MobileViT-XS: transformers of width 96, 120 and 144."""
    return MobileViT(XS, num_classes, in_channels)


@register(
    "model", title="MobileViT-S", family="mobilevit", year=2021, paper="2110.02178", params=4_944_042, gmacs=0.4817
)
def mobilevit_s(num_classes: int = 10, in_channels: int = 3) -> MobileViT:
    """MobileViT-S: transformers of width 144, 192 and 240."""
    return MobileViT(S, num_classes, in_channels)


@register(
    "model",
    title="MobileViT-XXS (pytorch-cifar-tricks)",
    family="mobilevit",
    year=2021,
    paper="2110.02178",
    params=1_014_672,
    gmacs=0.02454,
)
def mobilevit_xxs_seed(num_classes: int = 10, in_channels: int = 3) -> MobileViT:
    """The network behind the 90.17 % of pytorch-cifar-tricks: one narrow head, and 16, 4 and 4 tokens."""
    return MobileViT(XXS, num_classes, in_channels, strides=SEED_STRIDES, mlp_ratios=SEED_RATIOS, lean=True)


@register(
    "model",
    title="MobileViT-XS (pytorch-cifar-tricks)",
    family="mobilevit",
    year=2021,
    paper="2110.02178",
    params=2_002_784,
    gmacs=0.05951,
)
def mobilevit_xs_seed(num_classes: int = 10, in_channels: int = 3) -> MobileViT:
    """The network behind the 91.77 % of pytorch-cifar-tricks: one narrow head, and 16, 4 and 4 tokens."""
    return MobileViT(XS, num_classes, in_channels, strides=SEED_STRIDES, mlp_ratios=SEED_RATIOS, lean=True)


@register(
    "model",
    title="MobileViT-S (pytorch-cifar-tricks)",
    family="mobilevit",
    year=2021,
    paper="2110.02178",
    params=5_003_120,
    gmacs=0.1307,
)
def mobilevit_s_seed(num_classes: int = 10, in_channels: int = 3) -> MobileViT:
    """The network behind the 92.50 % of pytorch-cifar-tricks: one narrow head, and 16, 4 and 4 tokens."""
    return MobileViT(S, num_classes, in_channels, strides=SEED_STRIDES, mlp_ratios=SEED_RATIOS, lean=True)
