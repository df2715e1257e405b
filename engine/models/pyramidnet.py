"""PyramidNets with and without ShakeDrop. Han et al. 2016, arXiv:1610.02915; Yamada et al. 2018, arXiv:1802.02375.

Every block is wider than the one before: block k of N has round(16 + alpha * k / N) channels. Blocks are pre-activated
without a first ReLU and end in a batch norm (figure 6d). Shortcuts have no parameters: the map is average-pooled where
the block strides, and the new channels are zeros.

ShakeDrop: during training, the body of block l of L is multiplied by b + a - b * a, and its gradient by b + c - b * c.
Here b ~ Bernoulli(p_l) is drawn once per batch, with p_l = 1 - l / L * (1 - p_L) and p_L = 0.5, while a ~ U(-1, 1) and
c ~ U(0, 1) are drawn for each image (the paper's best ranges). In evaluation, the body is multiplied by the expected
value, p_l.

Convolutions use He initialization with fan_out, as in the authors' code.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from engine.contract.catalog import Spec, register
from engine.models.layers import conv, conv_bn, init_convs, norm_relu
from engine.models.shake_shake import TwoWayScale
from engine.models.stochastic_depth import survivals


class ShakeDrop(nn.Module):
    """Scale a residual body by a random factor, and its gradient by another one.

    Args:
        survival: probability that a batch passes unchanged.
    """

    def __init__(self, survival: float) -> None:
        super().__init__()
        self.survival = survival

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C, H, W)
        if not self.training:
            return x * self.survival
        passes = torch.rand((), device=x.device) < self.survival
        draws = torch.rand(2, x.shape[0], 1, 1, 1, device=x.device)
        there = torch.where(passes, 1.0, 2 * draws[0] - 1).to(x.dtype)
        back = torch.where(passes, 1.0, draws[1]).to(x.dtype)
        return TwoWayScale.apply(x, there, back)


class AddToFirst(torch.autograd.Function):
    """Add x to the first channels of `wide` in place: a sum with zero-padded x, without the padded copy.

    A plain `wide[:, :n] += x` would cost a copy of the gradient in the backward pass.
    """

    @staticmethod
    def forward(ctx: Any, wide: Tensor, x: Tensor) -> Tensor:  # (B, cout, H, W), (B, cin, H, W) -> (B, cout, H, W)
        ctx.channels = x.shape[1]
        wide[:, : ctx.channels] += x
        ctx.mark_dirty(wide)
        return wide

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        return gradient, gradient[:, : ctx.channels]


class PyramidBlock(nn.Module):
    """body(x) plus x, average-pooled where the block strides and padded with channels of zeros.

    Args:
        body: (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride)), cout >= cin; its output is overwritten.
    """

    def __init__(self, body: nn.Sequential, cout: int, stride: int) -> None:
        super().__init__()
        self.cout = cout
        self.body = body
        self.pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return AddToFirst.apply(self.body(x), self.pool(x))


def basic(cin: int, width: int, stride: int) -> PyramidBlock:
    """Norm, 3x3, norm, ReLU, 3x3, norm."""
    body = nn.Sequential(
        nn.BatchNorm2d(cin),
        conv(cin, width, 3, stride),
        norm_relu(width),
        conv_bn(width, width, 3),
    )
    return PyramidBlock(body, width, stride)


def bottleneck(cin: int, width: int, stride: int) -> PyramidBlock:
    """Norm, 1x1, norm, ReLU, 3x3, norm, ReLU, 1x1 up to four times `width`, norm."""
    body = nn.Sequential(
        nn.BatchNorm2d(cin),
        conv(cin, width, 1),
        norm_relu(width),
        conv(width, width, 3, stride),
        norm_relu(width),
        conv_bn(width, 4 * width, 1),
    )
    return PyramidBlock(body, 4 * width, stride)


class PyramidNet(nn.Module):
    """Stem of 16 channels, three stages of ever wider blocks, norm, ReLU, global average pooling, linear classifier.

    Args:
        kind: the block; a stage has (depth - 2) / 6 basic or (depth - 2) / 9 bottleneck blocks.
        alpha: channels added over all blocks.
        survival: survival probability of the last block under ShakeDrop; 1 leaves ShakeDrop out.
    """

    def __init__(
        self,
        kind: Literal["basic", "bottleneck"],
        depth: int,
        alpha: int,
        num_classes: int,
        in_channels: int = 3,
        survival: float = 1.0,
    ) -> None:
        super().__init__()
        block, per_stage = (basic, (depth - 2) // 6) if kind == "basic" else (bottleneck, (depth - 2) // 9)
        number = 3 * per_stage
        cin = 16
        self.stem = conv_bn(in_channels, cin, 3)
        self.blocks = nn.Sequential()
        for k, chance in enumerate(survivals(number, survival)):
            stride = 2 if k in (per_stage, 2 * per_stage) else 1
            made = block(cin, round(16 + alpha * (k + 1) / number), stride)
            if survival < 1:
                made.body.append(ShakeDrop(chance))
            self.blocks.append(made)
            cin = made.cout
        self.norm = norm_relu(cin)
        self.head = nn.Linear(cin, num_classes)
        init_convs(self, "he")

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.norm(self.blocks(self.stem(x)))  # (B, C, H / 4, W / 4)
        return self.head(x.mean((2, 3)))


Survival = Annotated[
    float, Spec("probability that the last block passes unchanged; it falls linearly with depth", gt=0.0, lt=1.0)
]


@register(
    "model",
    title="PyramidNet-110, alpha 270",
    family="pyramidnet",
    year=2016,
    paper="1610.02915",
    paper_result="96.27 ± 0.04 %",
    params=28_485_477,
    gmacs=4.718,
)
def pyramidnet110_a270(num_classes: int = 10, in_channels: int = 3) -> PyramidNet:
    """PyramidNet with 110 layers of basic blocks and 270 added channels."""
    return PyramidNet("basic", 110, 270, num_classes, in_channels)


@register(
    "model",
    title="PyramidNet-110, alpha 270, ShakeDrop",
    family="pyramidnet",
    year=2018,
    paper="1802.02375",
    params=28_485_477,
    gmacs=4.718,
)
def pyramidnet110_a270_shakedrop(
    num_classes: int = 10, in_channels: int = 3, *, survival: Survival = 0.5
) -> PyramidNet:
    """PyramidNet with ShakeDrop, 110 layers of basic blocks and 270 added channels."""
    return PyramidNet("basic", 110, 270, num_classes, in_channels, survival)


@register(
    "model",
    title="PyramidNet-164, alpha 270",
    family="pyramidnet",
    year=2016,
    paper="1610.02915",
    paper_result="96.52 ± 0.20 %",
    params=27_216_021,
    gmacs=4.57,
)
def pyramidnet164_a270(num_classes: int = 10, in_channels: int = 3) -> PyramidNet:
    """PyramidNet with 164 layers of bottleneck blocks and 270 added channels."""
    return PyramidNet("bottleneck", 164, 270, num_classes, in_channels)


@register(
    "model",
    title="PyramidNet-164, alpha 270, ShakeDrop",
    family="pyramidnet",
    year=2018,
    paper="1802.02375",
    params=27_216_021,
    aliases=("pyramidnet164",),
    gmacs=4.57,
)
def pyramidnet164_a270_shakedrop(
    num_classes: int = 10, in_channels: int = 3, *, survival: Survival = 0.5
) -> PyramidNet:
    """PyramidNet with ShakeDrop, 164 layers of bottleneck blocks and 270 added channels."""
    return PyramidNet("bottleneck", 164, 270, num_classes, in_channels, survival)


@register(
    "model",
    title="PyramidNet-272, alpha 200",
    family="pyramidnet",
    year=2016,
    paper="1610.02915",
    paper_result="96.69 ± 0.08 %",
    params=26_210_842,
    gmacs=4.489,
)
def pyramidnet272_a200(num_classes: int = 10, in_channels: int = 3) -> PyramidNet:
    """PyramidNet with 272 layers of bottleneck blocks and 200 added channels."""
    return PyramidNet("bottleneck", 272, 200, num_classes, in_channels)


@register(
    "model",
    title="PyramidNet-272, alpha 200, ShakeDrop",
    family="pyramidnet",
    year=2018,
    paper="1802.02375",
    params=26_210_842,
    aliases=("pyramidnet272",),
    gmacs=4.489,
)
def pyramidnet272_a200_shakedrop(
    num_classes: int = 10, in_channels: int = 3, *, survival: Survival = 0.5
) -> PyramidNet:
    """PyramidNet with ShakeDrop, 272 layers of bottleneck blocks and 200 added channels."""
    return PyramidNet("bottleneck", 272, 200, num_classes, in_channels, survival)
