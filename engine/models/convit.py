"""ConViT: attention layers that are initialized as convolutions. d'Ascoli et al. 2021, arXiv:2103.10697.

The paper's networks with patches of 4 px instead of 16: 64 tokens at 32 px, where patches of 16 px would leave four.
The first ten layers are gated positional self-attention, the last two plain attention with a class token (section 4).
Linear layers, positions and class token are initialized with N(0, 0.02), the gated layers as the convolution of section
3. Drop path is 0.1 as in DeiT, whose training the paper adopts.
"""

from __future__ import annotations

import math

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
)

GATED, PLAIN, PATCH = 10, 2, 4


class GatedAttention(nn.Module):
    """Gated positional self-attention (equation 7): a blend of attention by content and attention by position alone.

    A head weights content by 1 - s and position by s, the sigmoid of its gate. Attention by position is the softmax of
    a linear map of (right, down, squared distance).

    Args:
        side: tokens per side of the square map.
    """

    places: Tensor

    def __init__(self, dim: int, heads: int, side: int) -> None:
        super().__init__()
        self.heads = heads
        self.gate = nn.Parameter(torch.ones(heads))
        self.qk = nn.Linear(dim, 2 * dim, bias=False)
        self.v = nn.Linear(dim, dim, bias=False)
        self.out = nn.Linear(dim, dim)
        self.place = nn.Linear(3, heads)
        self.register_buffer("places", relative_places(side), persistent=False)

    def forward(self, x: Tensor) -> Tensor:  # (B, N, dim)
        q, k = split_heads(self.qk(x), self.heads, 2)
        (v,) = split_heads(self.v(x), self.heads, 1)  # (B, heads, N, d)
        by_content = F.scaled_dot_product_attention(q, k, v)
        by_place = self.place(self.places).permute(2, 0, 1).softmax(2) @ v
        s = self.gate.sigmoid()[:, None, None]
        return self.out(merge_heads((1 - s) * by_content + s * by_place))

    @torch.no_grad()
    def start_as_convolution(self) -> None:
        """Make head h attend to the h-th neighbor in a square kernel and pass its value on (section 3, locality 1)."""
        nn.init.eye_(self.v.weight)
        kernel = math.isqrt(self.heads)
        for head in range(kernel**2):
            down, right = (2 * (place - (kernel - 1) / 2) for place in divmod(head, kernel))
            self.place.weight[head] = torch.tensor([right, down, -1.0])


def relative_places(side: int) -> Tensor:
    """Offsets from cell i to cell j of a square: right, down, squared distance; (side ** 2, side ** 2, 3)."""
    cells = torch.cartesian_prod(torch.arange(side), torch.arange(side)).float()
    apart = cells - cells[:, None]  # (N, N, 2): down, right
    return torch.cat((apart.flip(2), apart.square().sum(2, keepdim=True)), 2)


class ConViT(nn.Module):
    """Patches and positions, gated layers, class token, plain layers, norm, linear classifier on the class token.

    Args:
        heads: heads per layer; in the gated layers they span a square kernel, so 4, 9 and 16 are natural choices.
        image_size: side of the square input in px.
        drop_path: drop-path rate of the last block.
    """

    no_decay = ("class_token", "positions")  # see engine.optim.param_groups

    def __init__(
        self,
        dim: int,
        heads: int,
        num_classes: int,
        in_channels: int,
        image_size: int,
        drop_path: float,
        patch: int = PATCH,
    ) -> None:
        super().__init__()
        side = math.ceil(image_size / patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.positions = nn.Parameter(torch.zeros(1, side**2, dim))
        self.patches = PatchEmbed(in_channels, dim, patch)
        gated, plain = drop_path_rates(drop_path, (GATED, PLAIN))
        self.gated = nn.Sequential(
            *(Block(dim, GatedAttention(dim, heads, side), Mlp(dim, 4 * dim), rate) for rate in gated)
        )
        self.plain = nn.Sequential(
            *(Block(dim, Attention(dim, heads, qkv_bias=False), Mlp(dim, 4 * dim), rate) for rate in plain)
        )
        self.norm = nn.LayerNorm(dim, 1e-6)
        self.head = nn.Linear(dim, num_classes)
        init_transformer(self)
        for start in (self.class_token, self.positions):
            nn.init.normal_(start, std=0.02)
        for module in self.modules():
            if isinstance(module, GatedAttention):
                module.start_as_convolution()

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.gated(self.patches(x) + self.positions)  # (B, N, dim)
        x = self.plain(torch.cat((self.class_token.expand(x.shape[0], -1, -1), x), 1))
        return self.head(self.norm(x[:, 0]))


@register("model", title="ConViT-Ti", family="convit", year=2021, paper="2103.10697", params=5_355_858, gmacs=0.3685)
def convit_tiny(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> ConViT:
    """ConViT-Ti: 12 layers of width 192; the 4 heads are initialized as a 2x2 kernel."""
    return ConViT(192, 4, num_classes, in_channels, image_size, drop_path)


@register("model", title="ConViT-S", family="convit", year=2021, paper="2103.10697", params=26_980_588, gmacs=1.787)
def convit_small(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> ConViT:
    """ConViT-S: 12 layers of width 432; the 9 heads are initialized as a 3x3 kernel."""
    return ConViT(432, 9, num_classes, in_channels, image_size, drop_path)


@register("model", title="ConViT-B", family="convit", year=2021, paper="2103.10697", params=85_124_394, gmacs=5.562)
def convit_base(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> ConViT:
    """ConViT-B: 12 layers of width 768; the 16 heads are initialized as a 4x4 kernel."""
    return ConViT(768, 16, num_classes, in_channels, image_size, drop_path)
