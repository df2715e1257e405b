"""CeiT: a vision transformer with convolutions in tokenizer and MLPs. Yuan et al. 2021, arXiv:2103.11816.

CeiT-T with an image-to-tokens module for small images: a 3x3 stride-1 convolution, pooling and patches of 2 cells,
instead of a 7x7 convolution with stride 2, pooling and patches of 4 cells. This gives 64 tokens at 32 px, where the
original module leaves four. Sizes, batch norms and layer-wise class-token attention are as in the authors' code. Linear
layers, positions and class token are initialized with N(0, 0.02), convolutions with PyTorch's defaults. Drop path is
0.1 as in DeiT, whose training the paper adopts.
"""

from __future__ import annotations

from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.options import DropPathRate
from engine.models.transformer_layers import (
    Attention,
    Block,
    Mlp,
    PatchEmbed,
    drop_path_rates,
    init_transformer,
    merge_heads,
    split_heads,
    to_map,
    to_tokens,
)

CHANNELS = 64  # of the convolution that produces the tokens


class LocallyEnhancedFeedForward(nn.Module):
    """MLP on the patch tokens with a 3x3 depthwise convolution inside; the class token bypasses it (section 3.2)."""

    def __init__(self, dim: int, hidden: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.body = nn.Sequential(
            nn.Conv2d(dim, hidden, 1),
            nn.BatchNorm2d(hidden),
            nn.GELU(),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.BatchNorm2d(hidden),
            nn.GELU(),
            nn.Conv2d(hidden, dim, 1),
            nn.BatchNorm2d(dim),
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, 1 + side ** 2, dim)
        token, patches = x[:, :1], to_map(x[:, 1:], self.side)
        return torch.cat((token, to_tokens(self.body(patches))), 1)


class LastTokenAttention(nn.Module):
    """Self-attention that computes the output of the last token only (section 3.3)."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:  # (B, N, dim) -> (B, 1, dim)
        q, k, v = split_heads(self.qkv(x), self.heads, 3)
        return self.out(merge_heads(F.scaled_dot_product_attention(q[:, :, -1:], k, v)))


class CeiT(nn.Module):
    """Convolutional patches, class token and positions, blocks, attention over all layers' class tokens, classifier.

    Args:
        image_size: side of the square input in px.
        drop_path: drop-path rate of the last block.
        kernel, stride: of the convolution before the pooling.
        patch: cells per side of a patch of the pooled map.
    """

    no_decay = ("class_token", "positions", "layer_positions")  # see engine.optim.param_groups

    def __init__(
        self,
        dim: int,
        heads: int,
        num_classes: int,
        in_channels: int,
        image_size: int,
        *,
        drop_path: float = 0.0,
        depth: int = 12,
        kernel: int = 3,
        stride: int = 1,
        patch: int = 2,
    ) -> None:
        super().__init__()
        side = ceil(ceil(image_size / stride) / 2 / patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.zeros(1, 1 + side**2, dim))
        self.layer_positions = nn.Parameter(torch.zeros(1, depth, dim))
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, CHANNELS, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(CHANNELS),
            nn.MaxPool2d(3, 2, 1),
            PatchEmbed(CHANNELS, dim, patch),
        )
        (rates,) = drop_path_rates(drop_path, (depth,))
        self.blocks = nn.ModuleList(
            Block(dim, Attention(dim, heads), LocallyEnhancedFeedForward(dim, 4 * dim, side), rate) for rate in rates
        )
        self.layers = nn.Sequential(nn.LayerNorm(dim, 1e-6), LastTokenAttention(dim, heads))
        self.layers_mlp = nn.Sequential(nn.LayerNorm(dim, 1e-6), Mlp(dim, 4 * dim))
        self.norm = nn.LayerNorm(dim, 1e-6)
        self.head = nn.Linear(dim, num_classes)
        init_transformer(self)
        for start in (self.class_token, self.positions):
            nn.init.normal_(start, std=0.02)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.stem(x)  # (B, N, dim)
        x = torch.cat((self.class_token.expand(x.shape[0], -1, -1), x), 1) + self.positions
        tokens = []
        for block in self.blocks:
            x = block(x)
            tokens.append(x[:, 0])
        every = torch.stack(tokens, 1) + self.layer_positions  # (B, depth, dim)
        x = every[:, -1:] + self.layers(every)
        x = x + self.layers_mlp(x)
        return self.head(self.norm(x[:, 0]))


@register(
    "model",
    title="CeiT-T",
    family="ceit",
    year=2021,
    paper="2103.11816",
    params=5_985_354,
    gmacs=0.3729,
    aliases=("ceit_32",),
)
def ceit(
    num_classes: int = 10,
    in_channels: int = 3,
    image_size: int = 32,
    *,
    drop_path: DropPathRate = 0.1,
) -> CeiT:
    """CeiT-T: 12 layers of width 192 on 64 tokens."""
    return CeiT(192, 3, num_classes, in_channels, image_size, drop_path=drop_path)
