"""Swin transformer: attention within windows that shift from block to block. Liu et al. 2021, arXiv:2103.14030.

The paper's networks with patches of 2 px instead of 4, windows of 4 cells instead of 7, and a first merging that widens
without halving: the stages work on 16, 16, 8 and 4 cells per side, which is 16, 16, 4 and 1 windows. Every stage thus
has whole windows, and all but the last have several to shift. Linear layers are initialized with N(0, 0.02) as in DeiT.
Drop path is what the authors train each size with on ImageNet-1K, and the large one on ImageNet-22K
(microsoft/Swin-Transformer, configs).

`swin_t_seed` and `swin_s_seed` are the networks behind the rows of pytorch-cifar-tricks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.options import DropPathRate
from engine.models.transformer_layers import (
    Block,
    Mlp,
    RelativeBias,
    drop_path_rates,
    init_transformer,
    pad_to_multiple,
)


class WindowAttention(nn.Module):
    """Self-attention within square windows of a map, with a learned bias for each offset (equation 4).

    All windows of an image are computed at once, as additional heads. A map that the windows do not divide is padded; a
    cell attends neither to padding nor, in a shifted window, to cells from the opposite border (figure 4).

    Args:
        side: cells per side of the map.
        window: cells per side of a window.
        shift: by how many cells the windows move right and down.
        lean: as in the `_seed` networks: one bias for all heads, initialized with N(0, 1), and no bias on queries, keys
            and values.
    """

    mask: Tensor | None

    def __init__(self, dim: int, heads: int, side: int, window: int, shift: int, *, lean: bool = False) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.bias = RelativeBias(window, 1 if lean else heads)
        self.qkv = nn.Linear(dim, 3 * dim, bias=not lean)
        self.out = nn.Linear(dim, dim)
        whole = shift == 0 and side % window == 0
        self.register_buffer("mask", None if whole else separate(side, window, shift), persistent=False)
        if lean:
            nn.init.normal_(self.bias.table)

    def forward(self, x: Tensor) -> Tensor:  # (B, H, W, dim)
        height, width = x.shape[1:3]
        x = pad_to_multiple(x.permute(0, 3, 1, 2), self.window).permute(0, 2, 3, 1)
        if self.shift:
            x = x.roll((-self.shift, -self.shift), (1, 2))
        q, k, v = self._to_windows(self.qkv(x))  # (B, windows * heads, window ** 2, d)
        rows, columns = x.shape[1] // self.window, x.shape[2] // self.window
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=self._scores_bias(rows * columns))
        x = self.out(self._to_map(x, rows, columns))
        if self.shift:
            x = x.roll((self.shift, self.shift), (1, 2))
        return x[:, :height, :width]

    def _scores_bias(self, windows: int) -> Tensor:  # (1, windows * heads, window ** 2, window ** 2)
        bias = self.bias()[None]  # (1, heads or 1, window ** 2, window ** 2)
        if self.mask is not None:
            bias = bias + self.mask[:, None]
        return bias.expand(windows, self.heads, -1, -1).flatten(0, 1)[None]

    def _to_windows(self, x: Tensor) -> tuple[Tensor, ...]:
        x = x.unflatten(3, (3, self.heads, -1)).unflatten(2, (-1, self.window)).unflatten(1, (-1, self.window))
        # (B, rows, window, columns, window, 3, heads, d) -> (3, B, rows, columns, heads, window, window, d)
        return x.permute(5, 0, 1, 3, 6, 2, 4, 7).flatten(5, 6).flatten(2, 4).unbind(0)

    def _to_map(self, x: Tensor, rows: int, columns: int) -> Tensor:
        x = x.unflatten(2, (self.window, self.window)).unflatten(1, (rows, columns, self.heads))
        # (B, rows, columns, heads, window, window, d) -> (B, rows, window, columns, window, heads, d)
        return x.permute(0, 1, 4, 2, 5, 3, 6).flatten(5, 6).flatten(3, 4).flatten(1, 2)


def separate(side: int, window: int, shift: int) -> Tensor:
    """Mask of 0 where two cells of a window may attend to each other and -inf where they may not.

    They may if both belong to the image or both to the padding, and if both or neither were shifted across the border.
    The shape is (windows, window ** 2, window ** 2).
    """
    padded = -(-side // window) * window
    place = torch.arange(padded) + shift
    kind = (place >= padded) + 2 * (place % padded >= side)  # along one axis
    kinds = (4 * kind[:, None] + kind).unflatten(1, (-1, window)).unflatten(0, (-1, window))
    kinds = kinds.transpose(1, 2).flatten(2).flatten(0, 1)  # (windows, window ** 2)
    apart = kinds[:, :, None] != kinds[:, None]
    return torch.zeros(apart.shape).masked_fill(apart, -torch.inf)


class Merge(nn.Module):
    """Merge `factor` x `factor` neighbors into one cell of width `dim` (section 3.1); factor 1 only widens."""

    def __init__(self, cin: int, dim: int, factor: int, *, lean: bool = False) -> None:
        super().__init__()
        self.factor = factor
        self.norm = nn.Identity() if lean else nn.LayerNorm(factor**2 * cin)
        self.reduce = nn.Linear(factor**2 * cin, dim, bias=lean)

    def forward(self, x: Tensor) -> Tensor:  # (B, H, W, cin) -> (B, ceil(H / factor), ceil(W / factor), dim)
        x = pad_to_multiple(x.permute(0, 3, 1, 2), self.factor).permute(0, 2, 3, 1)
        x = x.unflatten(2, (-1, self.factor)).unflatten(1, (-1, self.factor))  # (B, h, factor, w, factor, cin)
        return self.reduce(self.norm(x.permute(0, 1, 3, 4, 2, 5).flatten(3)))


class Patches(nn.Module):
    """Patches of `patch` px as cells of width `dim`.

    (B, C, H, W) -> (B, ceil(H / patch), ceil(W / patch), dim).
    """

    def __init__(self, in_channels: int, dim: int, patch: int, *, lean: bool = False) -> None:
        super().__init__()
        self.patch = patch
        self.proj = nn.Conv2d(in_channels, dim, patch, patch)
        self.norm = nn.Identity() if lean else nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(pad_to_multiple(x, self.patch)).permute(0, 2, 3, 1))


class Swin(nn.Module):
    """Patches, four stages of blocks with merging in between, norm, global average pooling, linear classifier.

    Args:
        depths: blocks of each stage.
        dim: width of the first stage; each further stage doubles it.
        heads: heads of the first stage; each further stage doubles them.
        image_size: side of the square input in px.
        drop_path: drop-path rate of the last block.
        factors: by how much patches, then the three mergings, shrink the map.
        lean: as in the `_seed` networks: the simplifications of `WindowAttention`, no norms in patches and merging,
            average pooling before the last norm, shifting (and so splitting) even a window that covers the whole map,
            PyTorch's default initialization.
    """

    def __init__(
        self,
        depths: Sequence[int],
        dim: int,
        heads: int,
        num_classes: int,
        in_channels: int,
        image_size: int,
        *,
        drop_path: float = 0.0,
        factors: Sequence[int] = (2, 1, 2, 2),
        window: int = 4,
        lean: bool = False,
    ) -> None:
        super().__init__()
        self.lean = lean
        self.stages = nn.Sequential()
        side = image_size
        for i, rates in enumerate(drop_path_rates(drop_path, depths)):
            side = -(-side // factors[i])
            first = (
                Merge(dim // 2, dim, factors[i], lean=lean)
                if i > 0
                else Patches(in_channels, dim, factors[0], lean=lean)
            )
            blocks = nn.Sequential(first)
            for j, rate in enumerate(rates):
                shift = window // 2 if j % 2 and (lean or side > window) else 0
                attention = WindowAttention(dim, heads, side, window if lean else min(window, side), shift, lean=lean)
                blocks.append(Block(dim, attention, Mlp(dim, 4 * dim), rate, eps=1e-5))
            self.stages.append(blocks)
            dim, heads = 2 * dim, 2 * heads
        self.norm = nn.LayerNorm(dim // 2)
        self.head = nn.Linear(dim // 2, num_classes)
        if not lean:
            init_transformer(self)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.stages(x)  # (B, H / 8, W / 8, 8 dim)
        return self.head(self.norm(x.mean((1, 2))) if self.lean else self.norm(x).mean((1, 2)))


T, S = (2, 2, 6, 2), (2, 2, 18, 2)


@register("model", title="Swin-T", family="swin", year=2021, paper="2103.14030", params=27_451_156, gmacs=1.242)
def swin_t(num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.2) -> Swin:
    """Swin-T: 12 blocks, width 96 to 768."""
    return Swin(T, 96, 3, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="Swin-S", family="swin", year=2021, paper="2103.14030", params=48_751_780, gmacs=2.61)
def swin_s(num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.3) -> Swin:
    """Swin-S: 24 blocks, width 96 to 768."""
    return Swin(S, 96, 3, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="Swin-B", family="swin", year=2021, paper="2103.14030", params=86_604_674, gmacs=4.632)
def swin_b(num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.5) -> Swin:
    """Swin-B: 24 blocks, width 128 to 1024."""
    return Swin(S, 128, 4, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="Swin-L", family="swin", year=2021, paper="2103.14030", params=194_713_918, gmacs=10.4)
def swin_l(num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.2) -> Swin:
    """Swin-L: 24 blocks, width 192 to 1536."""
    return Swin(S, 192, 6, num_classes, in_channels, image_size, drop_path=drop_path)


@register(
    "model",
    title="Swin-T (pytorch-cifar-tricks)",
    family="swin",
    year=2021,
    paper="2103.14030",
    params=27_428_086,
    gmacs=1.242,
)
def swin_t_seed(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> Swin:
    """The network behind the 86.09 % of pytorch-cifar-tricks: swin_t without norms, per-head biases and drop path."""
    return Swin(T, 96, 3, num_classes, in_channels, image_size, lean=True)


@register(
    "model",
    title="Swin-S (pytorch-cifar-tricks)",
    family="swin",
    year=2021,
    paper="2103.14030",
    params=48_708_418,
    gmacs=2.61,
)
def swin_s_seed(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> Swin:
    """The network behind the 83.68 % of pytorch-cifar-tricks: swin_s without norms, per-head biases and drop path."""
    return Swin(S, 96, 3, num_classes, in_channels, image_size, lean=True)
