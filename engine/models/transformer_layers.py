"""Building blocks that the transformer families share: attention, MLP, drop path, patches, norms, initialization."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DropPath(nn.Module):
    """Stochastic depth: during training, drop a residual branch for some images and scale it up for the others.

    Huang et al. 2016, arXiv:1603.09382, in its present form: one draw per image (theirs is per batch), and a division
    by the survival probability during training, so that nothing is scaled at test time.

    Args:
        rate: probability of dropping, 0 <= rate < 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = 1 - self.rate
        draw = torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device)  # fp32, so that x's dtype changes no draw
        return x * ((draw < keep) / keep).to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.rate:.3g}"


def drop_path_rates(last: float, depths: Sequence[int]) -> list[list[float]]:
    """Linear drop-path rates, from 0 in the first block to `last` in the last one; one list per stage.

    Huang et al. 2016, equation 4, with 0 in the first block as in DeiT and all networks after it.
    """
    blocks = sum(depths)
    rates = iter(last * i / max(blocks - 1, 1) for i in range(blocks))
    return [[next(rates) for _ in range(depth)] for depth in depths]


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of each pixel of a map; needs no copy in channels-last memory."""

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W)
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LayerScale(nn.Module):
    """A learned factor per channel on a residual branch. Touvron et al. 2021 (CaiT), arXiv:2103.17239.

    Args:
        start: initial value of all factors; small, so that every block starts near the identity.
        dims: number of axes after the channels: 0 for tokens (B, N, C), 2 for maps (B, C, H, W).
    """

    def __init__(self, channels: int, start: float, dims: int = 0) -> None:
        super().__init__()
        self.dims = dims
        self.factor = nn.Parameter(torch.full((channels,), start))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor.view(-1, *[1] * self.dims)


class Mlp(nn.Sequential):
    """Linear layer, activation, linear layer, with optional dropout after both layers."""

    def __init__(self, dim: int, hidden: int, activation: type[nn.Module] = nn.GELU, dropout: float = 0.0) -> None:
        super().__init__(
            nn.Linear(dim, hidden), activation(), nn.Dropout(dropout), nn.Linear(hidden, dim), nn.Dropout(dropout)
        )


class Attention(nn.Module):
    """Multi-head self-attention. Vaswani et al. 2017, arXiv:1706.03762.

    Args:
        out_dim: width of the output; 0 means dim.
        head_dim: width of a head; 0 means out_dim / heads.
        qkv_bias: whether queries, keys and values have a bias.
        scale: factor on the products of queries and keys; 0 means 1 / sqrt(head_dim).
        attention_dropout: dropout rate on the attention weights.
        dropout: dropout rate on the output.
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
    """x + attention(norm(x)), then x + mlp(norm(x)): a pre-norm encoder layer.

    Args:
        attention, mlp: map (B, N, dim) to the same shape.
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
    """One token per square patch, a linear map of its pixels; an image that `patch` does not divide is zero-padded.

    (B, in_channels, H, W) -> (B, ceil(H / patch) * ceil(W / patch), dim)
    """

    def __init__(self, in_channels: int, dim: int, patch: int) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Conv2d(in_channels, dim, patch, patch)

    def forward(self, x: Tensor) -> Tensor:
        return to_tokens(self.proj(pad_to_multiple(x, self.patch)))


def pad_to_multiple(x: Tensor, step: int) -> Tensor:
    """Pad (B, C, H, W) with zeros at the right and the bottom until `step` divides both sides."""
    down, right = -x.shape[2] % step, -x.shape[3] % step
    return F.pad(x, (0, right, 0, down)) if down or right else x


class RelativeBias(nn.Module):
    """A learned bias per head for each offset between two cells of a square. Swin, arXiv:2103.14030, equation 4.

    Args:
        side: cells per side of the square.
        heads: biases per offset; they are initialized with N(0, 0.02).
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
    """Index of the offset between cells i and j of a square, among (2 side - 1) ** 2: (side ** 2, side ** 2), int64."""
    cells = torch.cartesian_prod(torch.arange(side), torch.arange(side))  # (N, 2)
    apart = cells[:, None] - cells + side - 1  # (N, N, 2), 0 .. 2 side - 2
    return apart[..., 0] * (2 * side - 1) + apart[..., 1]


def init_transformer(model: nn.Module, *, convs: bool = False) -> None:
    """Initialize linear layers (and, with `convs`, convolutions) with N(0, 0.02), and biases with zero.

    As in DeiT (arXiv:2012.12877) and nearly every vision transformer after it, and in BERT before.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear) or (convs and isinstance(module, nn.Conv2d)):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
