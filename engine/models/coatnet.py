"""CoAtNet: convolutional stages, then stages with relative attention. Dai et al. 2021, arXiv:2106.04803.

The paper's networks with three halvings instead of five: the stem and the first stage stay at 32 px, and the next
stages work at 16, 8 and 4 px, so that attention runs over 64 and 16 tokens (196 and 49 in the paper). Two departures
from the paper's text follow timm: a downsampling MBConv strides in its depthwise convolution, where a strided 1x1
convolution would drop three pixels out of four, and a layer norm ends the network. Convolutions use He initialization,
linear layers N(0, 0.02). Drop path is the paper's on ImageNet-1K for sizes 0 to 3; size 4, which was never trained on
ImageNet-1K alone, gets 0.2.

`coatnet_*_seed` are the networks behind the rows of pytorch-cifar-tricks.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import init_convs
from engine.models.options import DropPathRate
from engine.models.transformer_layers import (
    Attention,
    DropPath,
    LayerNorm2d,
    Mlp,
    RelativeBias,
    drop_path_rates,
    init_transformer,
    to_map,
    to_tokens,
)

HEAD = 32  # channels per head


class Size(NamedTuple):
    """Table 3 of the paper: blocks and channels of the four stages, channels of the stem."""

    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    stem: int


def conv_norm_gelu(cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(cout), nn.GELU()]


def pool(stride: int) -> nn.Module:
    return nn.MaxPool2d(3, 2, 1) if stride == 2 else nn.Identity()


def shortcut(cin: int, cout: int, stride: int, *, lean: bool) -> nn.Sequential:
    """Max-pooling where the resolution is halved, a projection where the width changes, else the identity (A.1).

    With `lean`, there is a projection wherever the resolution is halved, too.
    """
    project = cin != cout or (lean and stride == 2)
    return nn.Sequential(pool(stride), nn.Conv2d(cin, cout, 1, bias=not lean) if project else nn.Identity())


class SqueezeExcite(nn.Module):
    """Scale each channel by a gate computed from the means of all channels. Hu et al. 2017, arXiv:1709.01507."""

    def __init__(self, width: int, hidden: int, *, bias: bool) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.Conv2d(width, hidden, 1, bias=bias), nn.GELU(), nn.Conv2d(hidden, width, 1, bias=bias), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, width, H, W)
        return x * self.gate(x.mean((2, 3), keepdim=True))


class MBConv(nn.Module):
    """Batch norm, 1x1 expansion, 3x3 depthwise, squeeze-and-excite and 1x1 projection, with a shortcut around all.

    Args:
        lean: as in the `_seed` networks: an expansion to four times the input width instead of four times the output
            width, the stride in the first convolution, a batch norm in place of the last bias, no biases in gate and
            shortcut.
    """

    def __init__(self, cin: int, cout: int, stride: int, drop_path: float, *, lean: bool) -> None:
        super().__init__()
        base = cin if lean else cout
        width = 4 * base
        strides = (stride, 1) if lean else (1, stride)
        self.shortcut = shortcut(cin, cout, stride, lean=lean)
        self.body = nn.Sequential(
            nn.BatchNorm2d(cin),
            *conv_norm_gelu(cin, width, 1, strides[0]),
            *conv_norm_gelu(width, width, 3, strides[1], groups=width),
            SqueezeExcite(width, base // 4, bias=not lean),
            nn.Conv2d(width, cout, 1, bias=not lean),
            nn.BatchNorm2d(cout) if lean else nn.Identity(),
            DropPath(drop_path),
        )

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, cout, H / stride, W / stride)
        return self.shortcut(x) + self.body(x)


class Transformer(nn.Module):
    """Attention over the whole map with a learned bias for each offset (equation 3), then an MLP.

    Args:
        side: cells per side of the map after the pooling.
        lean: as in the `_seed` networks: eight heads at any width, an MLP four times as wide as the input instead of
            the output, the norm after the pooling, no biases on queries, keys, values and shortcut, offset biases
            initialized to zero.
    """

    def __init__(self, cin: int, cout: int, stride: int, side: int, drop_path: float, *, lean: bool) -> None:
        super().__init__()
        self.side = side
        heads = 8 if lean else cout // HEAD
        self.shortcut = shortcut(cin, cout, stride, lean=lean)
        first = [LayerNorm2d(cin, 1e-6), pool(stride)]
        self.norm = nn.Sequential(*(reversed(first) if lean else first))
        self.attention = Attention(cin, heads, out_dim=cout, head_dim=HEAD, qkv_bias=not lean)
        self.bias = RelativeBias(side, heads)
        if lean:
            nn.init.zeros_(self.bias.table)
        self.mlp = nn.Sequential(nn.LayerNorm(cout, 1e-6), Mlp(cout, 4 * (cin if lean else cout)), DropPath(drop_path))
        self.drop = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, cout, side, side)
        attended = self.attention(to_tokens(self.norm(x)), self.bias())
        x = to_tokens(self.shortcut(x)) + self.drop(attended)
        return to_map(x + self.mlp(x), self.side)


class CoAtNet(nn.Module):
    """Two convolutions, two stages of MBConv, two of transformers, norm, average pooling, linear classifier.

    Args:
        image_size: side of the square input in px.
        drop_path: drop-path rate of the last block.
        strides: of the stem and the first block of each stage.
        lean: see `MBConv` and `Transformer`; also batch norm and GELU after the stem, a classifier without bias and
            without a preceding norm, and PyTorch's default initialization.
    """

    def __init__(
        self,
        size: Size,
        num_classes: int,
        in_channels: int,
        image_size: int,
        *,
        drop_path: float = 0.0,
        strides: tuple[int, int, int, int, int] = (1, 1, 2, 2, 2),
        lean: bool = False,
    ) -> None:
        super().__init__()
        cin = size.stem
        second = conv_norm_gelu(cin, cin, 3) if lean else [nn.Conv2d(cin, cin, 3, padding=1, bias=False)]
        self.stem = nn.Sequential(*conv_norm_gelu(in_channels, cin, 3, strides[0]), *second)
        side = -(-image_size // strides[0])
        self.stages = nn.Sequential()
        for i, rates in enumerate(drop_path_rates(drop_path, size.depths)):
            side = -(-side // strides[i + 1])
            blocks = nn.Sequential()
            for j, rate in enumerate(rates):
                stride, cout = strides[i + 1] if j == 0 else 1, size.widths[i]
                if i < 2:
                    blocks.append(MBConv(cin, cout, stride, rate, lean=lean))
                else:
                    blocks.append(Transformer(cin, cout, stride, side, rate, lean=lean))
                cin = cout
            self.stages.append(blocks)
        self.norm = nn.Identity() if lean else LayerNorm2d(cin, 1e-6)
        self.head = nn.Linear(cin, num_classes, bias=not lean)
        if not lean:
            init_convs(self, "he")
            init_transformer(self)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.norm(self.stages(self.stem(x))).mean((2, 3)))


SIZE_0 = Size((2, 3, 5, 2), (96, 192, 384, 768), 64)
SIZE_1 = Size((2, 6, 14, 2), (96, 192, 384, 768), 64)
SIZE_2 = Size((2, 6, 14, 2), (128, 256, 512, 1024), 128)
SIZE_3 = Size((2, 6, 14, 2), (192, 384, 768, 1536), 192)
SIZE_4 = Size((2, 12, 28, 2), (192, 384, 768, 1536), 192)

SEED_STRIDES = (2, 2, 2, 2, 2)  # maps of 16, 8, 4, 2 and 1 px


@register("model", title="CoAtNet-0", family="coatnet", year=2021, paper="2106.04803", params=23_648_918, gmacs=1.256)
def coatnet_0(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.2
) -> CoAtNet:
    """CoAtNet-0: 5 convolutional and 7 attention blocks, 96 to 768 channels."""
    return CoAtNet(SIZE_0, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="CoAtNet-1", family="coatnet", year=2021, paper="2106.04803", params=40_783_442, gmacs=2.536)
def coatnet_1(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.3
) -> CoAtNet:
    """CoAtNet-1: 8 convolutional and 16 attention blocks, 96 to 768 channels."""
    return CoAtNet(SIZE_1, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="CoAtNet-2", family="coatnet", year=2021, paper="2106.04803", params=72_499_818, gmacs=4.576)
def coatnet_2(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.5
) -> CoAtNet:
    """CoAtNet-2: 8 convolutional and 16 attention blocks, 128 to 1024 channels."""
    return CoAtNet(SIZE_2, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="CoAtNet-3", family="coatnet", year=2021, paper="2106.04803", params=162_902_938, gmacs=10.23)
def coatnet_3(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.7
) -> CoAtNet:
    """CoAtNet-3: 8 convolutional and 16 attention blocks, 192 to 1536 channels."""
    return CoAtNet(SIZE_3, num_classes, in_channels, image_size, drop_path=drop_path)


@register("model", title="CoAtNet-4", family="coatnet", year=2021, paper="2106.04803", params=271_192_618, gmacs=18.49)
def coatnet_4(
    num_classes: int = 10, in_channels: int = 3, image_size: int = 32, *, drop_path: DropPathRate = 0.2
) -> CoAtNet:
    """CoAtNet-4: 14 convolutional and 30 attention blocks, 192 to 1536 channels."""
    return CoAtNet(SIZE_4, num_classes, in_channels, image_size, drop_path=drop_path)


@register(
    "model",
    title="CoAtNet-0 (pytorch-cifar-tricks)",
    family="coatnet",
    year=2021,
    paper="2106.04803",
    params=16_997_816,
    gmacs=0.06746,
)
def coatnet_0_seed(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> CoAtNet:
    """The network behind the 90.15 % of pytorch-cifar-tricks: five halvings leave one token for the last stage."""
    return CoAtNet(SIZE_0, num_classes, in_channels, image_size, strides=SEED_STRIDES, lean=True)


@register(
    "model",
    title="CoAtNet-1 (pytorch-cifar-tricks)",
    family="coatnet",
    year=2021,
    paper="2106.04803",
    params=32_326_976,
    gmacs=0.1389,
)
def coatnet_1_seed(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> CoAtNet:
    """The network behind the 90.09 % of pytorch-cifar-tricks: five halvings leave one token for the last stage."""
    return CoAtNet(SIZE_1, num_classes, in_channels, image_size, strides=SEED_STRIDES, lean=True)


@register(
    "model",
    title="CoAtNet-2 (pytorch-cifar-tricks)",
    family="coatnet",
    year=2021,
    paper="2106.04803",
    params=54_668_496,
    gmacs=0.2616,
)
def coatnet_2_seed(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> CoAtNet:
    """The network behind the 90.86 % of pytorch-cifar-tricks: one token in the last stage, 1026 channels by mistake."""
    size = SIZE_2._replace(widths=(128, 256, 512, 1026))
    return CoAtNet(size, num_classes, in_channels, image_size, strides=SEED_STRIDES, lean=True)
