"""Bottleneck transformer: a ResNet-50 with self-attention in its last stage. Srinivas et al. 2021, arXiv:2101.11605.

The usual ResNet-50 for CIFAR (3x3 stem, no max-pool) with the paper's BoTNet-S1: in the last stage, self-attention with
relative positions replaces the 3x3 convolutions, and the stage does not halve the resolution (section 4.8). All three
blocks therefore attend over 8x8 = 64 cells; with the stride, two of them would see 16. Convolutions use He
initialization; relative positions are initialized with N(0, 1 / sqrt(width of a head)), as in the authors' code.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import conv_bn, init_convs
from engine.models.resnet import Bottleneck, Residual
from engine.models.transformer_layers import merge_heads, split_heads, to_map, to_tokens


class RelativeAttention(nn.Module):
    """Self-attention on a square map with scores q k + q r (figure 4); all heads share the vectors r.

    r is the sum of a learned vector for the vertical offset and one for the horizontal offset.

    Args:
        side: cells per side of the map.
    """

    no_decay = ("down", "right")  # see engine.optim.param_groups

    index: Tensor

    def __init__(self, dim: int, heads: int, side: int) -> None:
        super().__init__()
        self.heads, self.side = heads, side
        head = dim // heads
        self.qkv = nn.Conv2d(dim, 3 * dim, 1, bias=False)
        self.down, self.right = (nn.Parameter(torch.empty(2 * side - 1, head)) for _ in range(2))
        for table in (self.down, self.right):
            nn.init.normal_(table, std=head**-0.5)
        cells = torch.arange(side)
        self.register_buffer("index", cells - cells[:, None] + side - 1, persistent=False)  # (side, side)

    def forward(self, x: Tensor) -> Tensor:  # (B, dim, side, side)
        q, k, v = split_heads(to_tokens(self.qkv(x)), self.heads, 3)  # (B, heads, N, d)
        places = self._places(q * q.shape[-1] ** -0.5)
        return to_map(merge_heads(F.scaled_dot_product_attention(q, k, v, attn_mask=places)), self.side)

    def _places(self, q: Tensor) -> Tensor:  # (B, heads, N, d) -> (B, heads, N, N)
        q = q.unflatten(2, (self.side, self.side))
        rows = torch.einsum("bhxyd,xid->bhxyi", q, self.down[self.index])
        columns = torch.einsum("bhxyd,yjd->bhxyj", q, self.right[self.index])
        return (rows[..., None] + columns[..., None, :]).flatten(4).flatten(2, 3)


class AttentionBottleneck(Residual):
    """1x1 convolution down to `width`, attention, 1x1 convolution up to four times `width` (figure 1, right)."""

    def __init__(self, cin: int, width: int, heads: int, side: int) -> None:
        body = nn.Sequential(
            conv_bn(cin, width, 1),
            nn.ReLU(inplace=True),
            RelativeAttention(width, heads, side),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            conv_bn(width, 4 * width, 1),
        )
        super().__init__(body, cin, 4 * width, stride=1)


class BoTNet(nn.Module):
    """3x3 stem, three stages of bottlenecks, one stage with attention, global average pooling, linear classifier.

    Args:
        image_size: side of the square input in px.
    """

    def __init__(self, num_classes: int, in_channels: int, image_size: int, heads: int = 4) -> None:
        super().__init__()
        cin = 64
        self.stem = nn.Sequential(conv_bn(in_channels, cin, 3), nn.ReLU(inplace=True))
        self.stages = nn.Sequential()
        for stage, (depth, width) in enumerate(((3, 64), (4, 128), (6, 256))):
            blocks = nn.Sequential()
            for i in range(depth):
                blocks.append(Bottleneck(cin, width, 2 if stage > 0 and i == 0 else 1))
                cin = 4 * width
            self.stages.append(blocks)
        side = -(-image_size // 4)
        last = (AttentionBottleneck(width, 512, heads, side) for width in (cin, 2048, 2048))
        self.stages.append(nn.Sequential(*last))
        self.head = nn.Linear(2048, num_classes)
        init_convs(self, "he")

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.stages(self.stem(x))  # (B, 2048, H / 4, W / 4)
        return self.head(x.mean((2, 3)))


@register("model", title="BoTNet-S1-50", family="botnet", year=2021, paper="2101.11605", params=18_813_770, gmacs=1.702)
def botnet(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> BoTNet:
    """BoTNet-S1-50: ResNet-50 with four-head attention over 64 cells in its last stage."""
    return BoTNet(num_classes, in_channels, image_size)
