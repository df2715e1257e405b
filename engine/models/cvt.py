"""CvT: attention with queries, keys and values from depthwise convolutions. Wu et al. 2021, arXiv:2103.15808.

CvT-13 with a 3x3 stride-1 stem in place of the 7x7 stride-4 one, the usual change for CIFAR: the three stages work at
32, 16 and 8 px, instead of 56, 28 and 14 px for an ImageNet image; keys and values, computed with stride 2, are 256, 64
and 16 tokens. A class token joins in the last stage; the only positional information is that of the convolutions.
Linear layers and convolutions are initialized with N(0, 0.02). Drop path is 0.1 within the last stage, as in the
authors' configuration of CvT-13.

`cvt_seed` is the network behind the row of pytorch-cifar-tricks.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.catalog import Spec, register
from engine.models.transformer_layers import (
    DropPath,
    LayerNorm2d,
    Mlp,
    drop_path_rates,
    init_transformer,
    merge_heads,
    to_map,
    to_tokens,
)

HEAD = 64  # channels per head


class Stage(NamedTuple):
    """A column of table 2 of the paper."""

    depth: int
    heads: int
    stride: int


def depthwise(dim: int, stride: int) -> nn.Sequential:
    """3x3 depthwise convolution and batch norm: the first half of the convolutional projection."""
    return nn.Sequential(nn.Conv2d(dim, dim, 3, stride, 1, groups=dim, bias=False), nn.BatchNorm2d(dim))


class ConvAttention(nn.Module):
    """Self-attention on a map: q from a 3x3 depthwise convolution, k and v from strided ones (section 3.2).

    Args:
        token: whether a class token precedes the map; it bypasses the convolutions.
        lean: as in `cvt_seed`: k and v share a convolution, and only the last linear layer has a bias.
    """

    def __init__(self, dim: int, heads: int, *, token: bool, lean: bool) -> None:
        super().__init__()
        self.heads, self.token = heads, token
        self.q_conv, self.k_conv = depthwise(dim, 1), depthwise(dim, 2)
        self.v_conv = None if lean else depthwise(dim, 2)
        self.q, self.k, self.v = (nn.Linear(dim, dim, bias=not lean) for _ in range(3))
        self.out = nn.Linear(dim, dim)

    def forward(self, x: Tensor, side: int) -> Tensor:  # (B, N, dim) -> (B, N, dim)
        front, x = x[:, : int(self.token)], to_map(x[:, int(self.token) :], side)
        k = to_tokens(self.k_conv(x))
        v = k if self.v_conv is None else to_tokens(self.v_conv(x))
        tokens = (to_tokens(self.q_conv(x)), k, v)
        q, k, v = (
            linear(torch.cat((front, part), 1)).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for linear, part in zip((self.q, self.k, self.v), tokens, strict=True)
        )
        return self.out(merge_heads(F.scaled_dot_product_attention(q, k, v)))


class CvTBlock(nn.Module):
    """Convolutional attention and an MLP, each preceded by a layer norm."""

    def __init__(self, dim: int, heads: int, drop_path: float, *, token: bool, lean: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attention = ConvAttention(dim, heads, token=token, lean=lean)
        self.mlp = nn.Sequential(nn.LayerNorm(dim), Mlp(dim, 4 * dim), DropPath(drop_path))
        self.drop = DropPath(drop_path)

    def forward(self, x: Tensor, side: int) -> Tensor:  # (B, N, dim)
        x = x + self.drop(self.attention(self.norm(x), side))
        return x + self.mlp(x)


class CvTStage(nn.Module):
    """A strided 3x3 convolution and a layer norm produce the tokens (section 3.1), and blocks transform them.

    Args:
        token: whether a learned class token precedes the others.
    """

    no_decay = ("class_token",)  # see engine.optim.param_groups

    def __init__(self, cin: int, stage: Stage, drop_path: float, *, token: bool, lean: bool) -> None:
        super().__init__()
        dim = HEAD * stage.heads
        self.embed = nn.Sequential(nn.Conv2d(cin, dim, 3, stage.stride, 1), LayerNorm2d(dim))
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim)) if token else None
        (rates,) = drop_path_rates(drop_path, (stage.depth,))
        self.blocks = nn.ModuleList(CvTBlock(dim, stage.heads, rate, token=token, lean=lean) for rate in rates)

    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        """(B, cin, H, W) -> tokens (B, N, dim) and the side of their map; the class token, if any, comes first."""
        x = self.embed(x)
        side = x.shape[2]
        x = to_tokens(x)
        if self.class_token is not None:
            x = torch.cat((self.class_token.expand(x.shape[0], -1, -1), x), 1)
        for block in self.blocks:
            x = block(x, side)
        return x, side


class CvT(nn.Module):
    """Three stages, norm, and a linear classifier on the class token.

    Args:
        drop_path: drop-path rate of the last block of the last stage; the other stages drop nothing.
        lean: the simplifications of `ConvAttention`, no class token, average pooling without a norm before the
            classifier, PyTorch's default initialization.
    """

    def __init__(
        self,
        stages: tuple[Stage, Stage, Stage],
        num_classes: int,
        in_channels: int,
        *,
        drop_path: float = 0.0,
        lean: bool = False,
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        cin = in_channels
        for stage in stages:
            last = stage is stages[-1]
            drop = drop_path if last else 0.0
            tokens = CvTStage(cin, stage, drop, token=last and not lean, lean=lean)
            self.stages.append(tokens)
            cin = HEAD * stage.heads
        self.norm = nn.Identity() if lean else nn.LayerNorm(cin)
        self.head = nn.Linear(cin, num_classes)
        self.lean = lean
        if not lean:
            init_transformer(self, convs=True)
        if tokens.class_token is not None:  # of the last stage
            nn.init.normal_(tokens.class_token, std=0.02)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        for stage in self.stages[:-1]:
            tokens, side = stage(x)
            x = to_map(tokens, side)
        tokens, _ = self.stages[-1](x)
        return self.head(self.norm(tokens.mean(1) if self.lean else tokens[:, 0]))


@register("model", title="CvT-13", family="cvt", year=2021, paper="2103.15808", params=19_608_650, gmacs=1.384)
def cvt(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    drop_path: Annotated[
        float, Spec("drop-path rate of the last block, growing linearly from 0 within the last stage", ge=0.0, lt=1.0)
    ] = 0.1,
) -> CvT:
    """CvT-13: 1, 2 and 10 blocks of width 64, 192 and 384."""
    return CvT((Stage(1, 1, 1), Stage(2, 3, 2), Stage(10, 6, 2)), num_classes, in_channels, drop_path=drop_path)


@register(
    "model",
    title="CvT-13 (pytorch-cifar-tricks)",
    family="cvt",
    year=2021,
    paper="2103.15808",
    params=19_547_466,
    gmacs=0.08211,
    single_pixels=True,
)
def cvt_seed(num_classes: int = 10, in_channels: int = 3) -> CvT:
    """The network behind the 84.74 % of pytorch-cifar-tricks: at 8, 4 and 2 px the last stage has a single key."""
    return CvT((Stage(1, 1, 4), Stage(2, 3, 2), Stage(10, 6, 2)), num_classes, in_channels, lean=True)
