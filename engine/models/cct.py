"""Compact convolutional transformers. Hassani et al. 2021, "Escaping the big data paradigm", arXiv:2104.05704.

A few convolutions with ReLU and max-pooling produce the tokens, so that little data is enough, and a learned weighted
mean over all tokens (sequence pooling) replaces the class token. The name `cct_7_3x1_32` means 7 layers, one 3x3
convolution, made for 32 px, which gives 256 tokens; two convolutions leave 64. `_sine` uses fixed positions instead of
learned ones. `_224` and `_384` are the paper's ImageNet networks: they first enlarge every image to that size, as for
fine-tuning.

The block follows the authors' released code, which produced their numbers: the norm before the MLP replaces the
residual stream (x = norm(x); x + mlp(x)), where the text describes x + mlp(norm(x)). Convolutions use He
initialization, linear layers N(0, 0.02) and positions N(0, 0.2); attention dropout is 0.1 and drop path 0.1, as
released.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.options import DropPathRate
from engine.models.transformer_layers import Attention, DropPath, Mlp, drop_path_rates, init_transformer, to_tokens


class Size(NamedTuple):
    """Dimensions of the encoder: table 1 of the paper."""

    layers: int
    heads: int
    mlp_ratio: int
    dim: int


class Tokenizer(nn.Sequential):
    """A convolution, ReLU and 3x3 max-pooling with stride 2, repeated `convs` times.

    (B, in_channels, H, W) -> (B, N, dim). 3x3 convolutions keep the resolution, 7x7 ones halve it.
    """

    def __init__(self, in_channels: int, dim: int, kernel: int, convs: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, 1 if kernel == 3 else 2
        widths = [in_channels, *[64] * (convs - 1), dim]
        for cin, cout in pairwise(widths):
            conv = nn.Conv2d(cin, cout, kernel, self.stride, kernel // 2, bias=False)
            nn.init.kaiming_normal_(conv.weight)
            self.append(nn.Sequential(conv, nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)))

    def tokens(self, side: int) -> int:
        """The number of tokens for an image of `side` px: each step leaves ceil(side / stride / 2) px."""
        for _ in self:
            side = ceil(ceil(side / self.stride) / 2)
        return side**2

    def forward(self, x: Tensor) -> Tensor:
        return to_tokens(super().forward(x))


class CCTBlock(nn.Module):
    """Attention on the normalized stream, then an MLP on a stream that stays normalized."""

    def __init__(self, size: Size, drop_path: float) -> None:
        super().__init__()
        dim = size.dim
        attention = Attention(dim, size.heads, qkv_bias=False, attention_dropout=0.1)
        self.attention = nn.Sequential(nn.LayerNorm(dim), attention, DropPath(drop_path))
        self.norm = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(Mlp(dim, size.mlp_ratio * dim), DropPath(drop_path))

    def forward(self, x: Tensor) -> Tensor:  # (B, N, dim)
        x = self.norm(x + self.attention(x))
        return x + self.mlp(x)


class CCT(nn.Module):
    """Convolutional tokenizer, positions, encoder blocks, sequence pooling, linear classifier.

    Args:
        kernel, convs: of the tokenizer.
        image_size: side of the square input in px.
        resize: side in px that images are enlarged to first; 0 leaves them as they are.
        sine: use fixed sinusoidal positions instead of learned ones.
        drop_path: drop-path rate of the last block.
    """

    no_decay = ("positions",)  # see engine.optim.param_groups

    def __init__(
        self,
        size: Size,
        kernel: int,
        convs: int,
        num_classes: int,
        in_channels: int,
        image_size: int,
        *,
        drop_path: float,
        resize: int = 0,
        sine: bool = False,
    ) -> None:
        super().__init__()
        self.resize = resize
        self.tokenizer = Tokenizer(in_channels, size.dim, kernel, convs)
        tokens = self.tokenizer.tokens(resize or image_size)
        self.positions: Tensor
        if sine:
            self.register_buffer("positions", sines(tokens, size.dim), persistent=False)
        else:
            self.positions = nn.Parameter(torch.zeros(1, tokens, size.dim))
            nn.init.normal_(self.positions, std=0.2)
        (rates,) = drop_path_rates(drop_path, (size.layers,))
        self.blocks = nn.Sequential(*(CCTBlock(size, rate) for rate in rates))
        self.norm = nn.LayerNorm(size.dim)
        self.pool = nn.Linear(size.dim, 1)
        self.head = nn.Linear(size.dim, num_classes)
        init_transformer(self)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        if self.resize and x.shape[2:] != (self.resize, self.resize):
            x = F.interpolate(x, (self.resize, self.resize), mode="bilinear")
        x = self.norm(self.blocks(self.tokenizer(x) + self.positions))  # (B, N, dim)
        x = self.pool(x).softmax(1).transpose(1, 2) @ x  # (B, 1, dim)
        return self.head(x[:, 0])


def sines(tokens: int, dim: int) -> Tensor:
    """Sinusoidal positions of Vaswani et al. 2017, section 3.5, along the row-by-row sequence: (1, tokens, dim)."""
    rate = 10000 ** (-torch.arange(0, dim, 2) / dim)
    angle = torch.arange(tokens)[:, None] * rate  # (tokens, dim / 2)
    return torch.stack((angle.sin(), angle.cos()), 2).flatten(1)[None]


CCT2, CCT4 = Size(2, 2, 1, 128), Size(4, 2, 1, 128)
CCT6, CCT7, CCT14 = Size(6, 4, 2, 256), Size(7, 4, 2, 256), Size(14, 6, 3, 384)


@register(
    "model",
    title="CCT-2/3x2",
    family="cct",
    year=2021,
    paper="2104.05704",
    paper_result="89.17 %, 200 epochs",
    params=283_723,
    gmacs=0.03534,
    aliases=("cct_2",),
)
def cct_2_3x2_32(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 2 layers on 64 tokens."""
    return CCT(CCT2, 3, 2, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="CCT-2/3x2 sine", family="cct", year=2021, paper="2104.05704", params=275_531, gmacs=0.03534)
def cct_2_3x2_32_sine(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 2 layers on 64 tokens, sinusoidal positions."""
    return CCT(CCT2, 3, 2, num_classes, in_channels, image_size, drop_path=drop_path, sine=True)


@register(
    "model",
    title="CCT-4/3x2",
    family="cct",
    year=2021,
    paper="2104.05704",
    paper_result="91.45 %, 200 epochs",
    params=482_123,
    gmacs=0.05002,
    aliases=("cct_4",),
)
def cct_4_3x2_32(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 4 layers on 64 tokens."""
    return CCT(CCT4, 3, 2, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="CCT-4/3x2 sine", family="cct", year=2021, paper="2104.05704", params=473_931, gmacs=0.05002)
def cct_4_3x2_32_sine(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 4 layers on 64 tokens, sinusoidal positions."""
    return CCT(CCT4, 3, 2, num_classes, in_channels, image_size, drop_path=drop_path, sine=True)


@register("model", title="CCT-6/3x1", family="cct", year=2021, paper="2104.05704", params=3_233_803, gmacs=1.014)
def cct_6_3x1_32(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 6 layers on 256 tokens."""
    return CCT(CCT6, 3, 1, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="CCT-6/3x1 sine", family="cct", year=2021, paper="2104.05704", params=3_168_267, gmacs=1.014)
def cct_6_3x1_32_sine(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 6 layers on 256 tokens, sinusoidal positions."""
    return CCT(CCT6, 3, 1, num_classes, in_channels, image_size, drop_path=drop_path, sine=True)


@register(
    "model",
    title="CCT-6/3x2",
    family="cct",
    year=2021,
    paper="2104.05704",
    paper_result="93.56 %, 200 epochs",
    params=3_326_923,
    gmacs=0.2535,
)
def cct_6_3x2_32(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 6 layers on 64 tokens."""
    return CCT(CCT6, 3, 2, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="CCT-6/3x2 sine", family="cct", year=2021, paper="2104.05704", params=3_310_539, gmacs=0.2535)
def cct_6_3x2_32_sine(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 6 layers on 64 tokens, sinusoidal positions."""
    return CCT(CCT6, 3, 2, num_classes, in_channels, image_size, drop_path=drop_path, sine=True)


@register(
    "model",
    title="CCT-7/3x1",
    family="cct",
    year=2021,
    paper="2104.05704",
    paper_result="96.53 %, 300 epochs",
    params=3_760_139,
    gmacs=1.182,
    aliases=("cct_7_3x1_32_c100",),
)
def cct_7_3x1_32(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 7 layers on 256 tokens."""
    return CCT(CCT7, 3, 1, num_classes, in_channels, image_size, drop_path=drop_path)


@register(
    "model",
    title="CCT-7/3x1 sine",
    family="cct",
    year=2021,
    paper="2104.05704",
    paper_result="98.00 %, 5000 epochs",
    params=3_694_603,
    gmacs=1.182,
    aliases=("cct_7_3x1_32_sine_c100",),
)
def cct_7_3x1_32_sine(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 7 layers on 256 tokens, sinusoidal positions."""
    return CCT(CCT7, 3, 1, num_classes, in_channels, image_size, drop_path=drop_path, sine=True)


@register(
    "model",
    title="CCT-7/3x2",
    family="cct",
    year=2021,
    paper="2104.05704",
    paper_result="93.83 %, 200 epochs",
    params=3_853_259,
    gmacs=0.2891,
)
def cct_7_3x2_32(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 7 layers on 64 tokens."""
    return CCT(CCT7, 3, 2, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="CCT-7/3x2 sine", family="cct", year=2021, paper="2104.05704", params=3_836_875, gmacs=0.2891)
def cct_7_3x2_32_sine(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 7 layers on 64 tokens, sinusoidal positions."""
    return CCT(CCT7, 3, 2, num_classes, in_channels, image_size, drop_path=drop_path, sine=True)


@register("model", title="CCT-7/7x2 224 px", family="cct", year=2021, paper="2104.05704", params=4_550_091, gmacs=1.605)
def cct_7_7x2_224(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 7 layers on 196 tokens of images enlarged to 224 px."""
    return CCT(CCT7, 7, 2, num_classes, in_channels, image_size, drop_path=drop_path, resize=224)


@register(
    "model", title="CCT-7/7x2 224 px sine", family="cct", year=2021, paper="2104.05704", params=4_499_915, gmacs=1.605
)
def cct_7_7x2_224_sine(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 7 layers on 196 tokens of images enlarged to 224 px, sinusoidal positions."""
    return CCT(CCT7, 7, 2, num_classes, in_channels, image_size, drop_path=drop_path, resize=224, sine=True)


@register(
    "model", title="CCT-14/7x2 224 px", family="cct", year=2021, paper="2104.05704", params=21_986_123, gmacs=5.522
)
def cct_14_7x2_224(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 14 layers on 196 tokens of images enlarged to 224 px."""
    return CCT(CCT14, 7, 2, num_classes, in_channels, image_size, drop_path=drop_path, resize=224)


@register(
    "model",
    title="CCT-14/7x2 384 px",
    family="cct",
    year=2021,
    paper="2104.05704",
    params=22_132_043,
    gmacs=18.58,
    aliases=("cct_14_7x2_384_fl",),
)
def cct_14_7x2_384(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.1
) -> CCT:
    """CCT with 14 layers on 576 tokens of images enlarged to 384 px."""
    return CCT(CCT14, 7, 2, num_classes, in_channels, image_size, drop_path=drop_path, resize=384)
