"""Pieces that the transformer families share: attention, MLP, drop path, patches, norms, and how weights start."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DropPath(nn.Module):
    """Stochastic depth: in training, drop a residual branch for some images and scale it up for the others.

    Huang et al. 2016, arXiv:1603.09382, in today's form: one draw per image (theirs is per batch), and a division
    by the chance to survive in training, so that nothing is scaled at test time.

    Args:
        rate: chance to drop, 0 <= rate < 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        draw = torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device)  # fp32, whatever x is: the same draws
        return x * ((draw < keep) / keep).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.rate:.3g}"


def drop_path_rates(last: float, depths: Sequence[int]) -> list[list[float]]:
    """The linear schedule of stochastic depth, 0 in the first block to `last` in the last, a list per stage.

    Huang et al. 2016, equation 4, with the first block at 0 as DeiT and all nets after it have it.
    """
    blocks = sum(depths)
    rates = iter(last * i / max(blocks - 1, 1) for i in range(blocks))
    return [[next(rates) for _ in range(depth)] for depth in depths]


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of each pixel of a map; free of copies in channels-last memory."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LayerScale(nn.Module):
    """A learned factor per channel on a residual branch. Touvron et al. 2021 (CaiT), arXiv:2103.17239.

    Args:
        start: what all factors begin at; small, so that every block begins near the identity.
        dims: axes behind the channels: 0 for tokens (B, N, C), 2 for maps (B, C, H, W).
    """

    def __init__(self, channels: int, start: float, dims: int = 0) -> None:
        super().__init__()
        self.dims = dims
        self.factor = nn.Parameter(torch.full((channels,), start))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor.view(-1, *[1] * self.dims)


class Mlp(nn.Sequential):
    """Linear, activation, linear; with dropout behind both where asked for."""

    def __init__(self, dim: int, hidden: int, activation: type[nn.Module] = nn.GELU, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Linear(dim, hidden), activation(), nn.Dropout(dropout), nn.Linear(hidden, dim), nn.Dropout(dropout)
        )


class Attention(nn.Module):
    """Multi-head self-attention. Vaswani et al. 2017, arXiv:1706.03762.

    Args:
        out_dim: width of the result; 0 means dim.
        head_dim: width of one head; 0 means out_dim / heads.
        qkv_bias: whether queries, keys and values get a bias.
        scale: factor on the products of queries and keys; 0 means 1 / sqrt(head_dim).
        attention_dropout: on the attention weights. dropout: on the result.
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        out_dim: int = 0,
        head_dim: int = 0,
        qkv_bias: bool = True,
        scale: float = 0.0,
        attention_dropout: float = 0.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads = heads
        out_dim = out_dim or dim
        inner = heads * (head_dim or out_dim // heads)
        self.scale = scale or None
        self.attention_dropout = attention_dropout
        self.qkv = nn.Linear(dim, 3 * inner, bias=qkv_bias)
        self.out = nn.Sequential(nn.Linear(inner, out_dim), nn.Dropout(dropout))

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """(B, N, dim) -> (B, N, out_dim); `bias` is added to the scores and broadcasts to (B, heads, N, N)."""
        q, k, v = split_heads(self.qkv(x), self.heads, 3)
        dropout = self.attention_dropout if self.training else 0.0
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout, scale=self.scale)
        return self.out(merge_heads(x))


def split_heads(x: Tensor, heads: int, parts: int) -> tuple[Tensor, ...]:
    """(B, N, parts * heads * d) -> `parts` tensors (B, heads, N, d)."""
    return x.unflatten(-1, (parts, heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)


def merge_heads(x: Tensor) -> Tensor:  # (B, heads, N, d) -> (B, N, heads * d)
    return x.transpose(1, 2).flatten(2)


def to_tokens(x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, H * W, C); no copy in channels-last memory
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def to_map(x: Tensor, side: int) -> Tensor:  # (B, side ** 2, C) -> (B, C, side, side), channels-last
    return x.unflatten(1, (side, side)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): an encoder layer that normalises first.

    Args:
        attention, mlp: maps of (B, N, dim) to itself.
    """

    def __init__(
        self, dim: int, attention: nn.Module, mlp: nn.Module, drop_path: float = 0.0, eps: float = 1e-6
    ) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(dim, eps), attention, DropPath(drop_path))
        self.mlp = nn.Sequential(nn.LayerNorm(dim, eps), mlp, DropPath(drop_path))

    def forward(self, x: Tensor) -> Tensor:  # (B, N, dim)
        x = x + self.attention(x)
        return x + self.mlp(x)


class PatchEmbed(nn.Module):
    """One token for each square patch: a linear map of its pixels. An image that does not divide is padded with zeros.

    (B, in_channels, H, W) -> (B, ceil(H / patch) * ceil(W / patch), dim)
    """

    def __init__(self, in_channels: int, dim: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Conv2d(in_channels, dim, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        return to_tokens(self.proj(pad_to_multiple(x, self.patch)))


def pad_to_multiple(x: Tensor, step: int) -> Tensor:
    """Zeros at the right and the bottom of (B, C, H, W) until `step` divides both sides."""
    down, right = -x.shape[2] % step, -x.shape[3] % step
    return F.pad(x, (0, right, 0, down)) if down or right else x


class RelativeBias(nn.Module):
    """A learned number per head for each offset between two cells of a square. Swin, arXiv:2103.14030, equation 4.

    Args:
        side: cells along one side of the square. heads: numbers per offset; they begin at N(0, 0.02).
    """

    no_decay = ("table",)  # see engine.optim.param_groups

    index: Tensor

    def __init__(self, side: int, heads: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        nn.init.normal_(self.table, std=0.02)
        self.register_buffer("index", offsets(side), persistent=False)

    def forward(self) -> Tensor:  # (heads, side ** 2, side ** 2)
        return self.table[self.index].permute(2, 0, 1)


def offsets(side: int) -> Tensor:
    """Which of the (2 side - 1) ** 2 offsets lies between cells i and j of a square: (side ** 2, side ** 2), int64."""
    cells = torch.cartesian_prod(torch.arange(side), torch.arange(side))  # (N, 2)
    apart = cells[:, None] - cells + side - 1  # (N, N, 2), 0 .. 2 side - 2
    return apart[..., 0] * (2 * side - 1) + apart[..., 1]


def init_transformer(model: nn.Module, *, convs: bool = False) -> None:
    """Linear maps (and, with `convs`, convolutions) begin at N(0, 0.02), biases at zero.

    What DeiT (arXiv:2012.12877) and nearly every vision transformer after it does; BERT's start before that.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear) or (convs and isinstance(module, nn.Conv2d)):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
