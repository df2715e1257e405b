"""ResNet-20 with a searched cell at the end of each residual body: AutoRF, MMM 2023, and earlier searches with its
code.

AutoRF stands for "Auto learning receptive fields with spatial pooling". A cell is a small graph: node 0 is the output x
of the body, and node i is the sum of i operations, each applied to an earlier node. The last three nodes are fused by a
1x1 convolution and added to x. An operation either gates its input (by channel, by pixel, or by convolutions of the
input) or pools it without reducing the resolution, which widens the receptive field.

The five graphs and all parameter counts are those of pytorch-cifar-tricks. Its own networks never summed the operations
of a node, so some were computed for nothing, and in the graphs with four nodes four of the ten were not computed at
all; here they are summed, as in the search that found them. `noise`, there a map of random numbers even in evaluation,
is what it stood for in that search: a skip connection. Convolutions use He initialization by default.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.cbam import CBAM, ChannelGate, PixelGate
from engine.models.layers import DilatedConv, Init, conv
from engine.models.options import InitOption
from engine.models.resnet import CIFAR, BasicBlock, ResNet

Graph = tuple[tuple[tuple[str, int], ...], ...]
"""For each node after the first: its operations by name, each with the index of the node that it reads."""

REDUCTION = 4
FUSED = 3  # how many of the last nodes are fused


class SelfGate(nn.Module):
    """Multiply x elementwise by gates computed from x; (B, C, H, W) -> (B, C, H, W).

    Args:
        body: computes the gates before the sigmoid; keeps the shape.
    """

    def __init__(self, body: nn.Sequential) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return x * self.body(x).sigmoid()


def separable(cin: int, cout: int) -> nn.Sequential:
    """Two depthwise separable 3x3 convolutions, each with batch norm, and a ReLU in between; keeps the resolution."""
    return nn.Sequential(
        conv(cin, cin, 3, groups=cin),
        conv(cin, cin, 1),
        nn.BatchNorm2d(cin),
        nn.ReLU(inplace=True),
        conv(cin, cin, 3, groups=cin),
        conv(cin, cout, 1),
        nn.BatchNorm2d(cout),
    )


def dilated(cin: int, cout: int, groups: int) -> nn.Sequential:
    """A 3x3 convolution with dilation 2, a 1x1 convolution and batch norm; keeps the resolution."""
    spread = DilatedConv(cin, cout, 3, padding=2, dilation=2, groups=groups, bias=False)
    return nn.Sequential(spread, conv(cout, cout, 1), nn.BatchNorm2d(cout))


def pooled(pool: nn.Module, channels: int, affine: bool) -> nn.Sequential:
    """A pooling that keeps the resolution, a 3x3 convolution in groups of four channels, and batch norm."""
    return nn.Sequential(
        pool, conv(channels, channels, 3, groups=channels // 4), nn.BatchNorm2d(channels, affine=affine)
    )


OPERATIONS: Final[dict[str, Callable[[int], nn.Module]]] = {
    "skip": lambda channels: nn.Identity(),
    "channels": lambda channels: ChannelGate(channels, channels // REDUCTION, bias=False),
    "cbam": lambda channels: CBAM(channels, REDUCTION),
    "separable": lambda channels: SelfGate(separable(channels, channels)),
    "dilated": lambda channels: SelfGate(dilated(channels, channels, channels)),
    "separable_pixels": lambda channels: PixelGate(separable(2, 1)),
    "dilated_pixels": lambda channels: PixelGate(dilated(2, 1, 1)),
    "max_3": lambda channels: pooled(nn.MaxPool2d(3, 1, 1), channels, affine=True),
    "max_5": lambda channels: pooled(nn.MaxPool2d(5, 1, 2), channels, affine=True),
    "avg_5": lambda channels: pooled(nn.AvgPool2d(5, 1, 2), channels, affine=False),
}


class Cell(nn.Module):
    """x plus a 1x1 convolution of the graph's last three nodes; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int, graph: Graph) -> None:
        super().__init__()
        self.sources = [[source for _, source in node] for node in graph]
        self.nodes = nn.ModuleList(nn.ModuleList(OPERATIONS[name](channels) for name, _ in node) for node in graph)
        self.fuse = conv(FUSED * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        made = [x]
        for operations, sources in zip(self.nodes, self.sources, strict=True):
            first, *others = (operate(made[at]) for operate, at in zip(operations.children(), sources, strict=True))
            made.append(sum(others, first))
        return self.fuse(torch.cat(made[-FUSED:], 1)) + x


class CellBlock(BasicBlock):
    """`BasicBlock` with a cell at the end of its body."""

    def __init__(self, cin: int, width: int, stride: int, graph: Graph) -> None:
        super().__init__(cin, width, stride)
        self.body.append(Cell(width, graph))


def autorf_resnet20(graph: Graph, num_classes: int, in_channels: int, init: Init) -> ResNet:
    """ResNet-20 with a cell of the given graph in every block; each cell has its own weights."""
    return ResNet(partial(CellBlock, graph=graph), (3, 3, 3), CIFAR, num_classes, in_channels, init)


ATTENTION: Final[Graph] = (
    (("skip", 0),),
    (("separable_pixels", 0), ("separable", 1)),
    (("cbam", 0), ("skip", 2), ("separable", 1)),
    (("separable", 0), ("skip", 1), ("separable", 3), ("dilated", 2)),
)
ATTENTION_SEARCHED: Final[Graph] = (
    (("skip", 0),),
    (("cbam", 0), ("separable", 1)),
    (("skip", 1), ("dilated_pixels", 2), ("cbam", 0)),
    (("skip", 1), ("cbam", 0), ("dilated", 2), ("channels", 3)),
)
ATTENTION_SEARCHED_2: Final[Graph] = (
    (("max_3", 0),),
    (("skip", 1), ("max_5", 0)),
    (("skip", 2), ("skip", 1), ("max_3", 0)),
    (("skip", 1), ("max_3", 0), ("skip", 2), ("skip", 3)),
)
ATTENTION_SEARCHED_3: Final[Graph] = (
    (("max_3", 0),),
    (("max_3", 0), ("skip", 1)),
    (("max_3", 0), ("skip", 1), ("skip", 2)),
    (("max_3", 0), ("skip", 1), ("skip", 3), ("skip", 2)),
)
SPP1: Final[Graph] = (
    (("max_3", 0),),
    (("max_3", 0), ("skip", 1)),
    (("avg_5", 0), ("skip", 1), ("skip", 2)),
)


@register(
    "model",
    title="AutoRF-ResNet-20, attention",
    family="autorf",
    year=2023,
    paper="pprp/AutoRF",
    params=509_090,
    gmacs=0.07667,
)
def autorf_resnet20_attention(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNet-20 with four-node cells: separable and dilated gates, and CBAM."""
    return autorf_resnet20(ATTENTION, num_classes, in_channels, init)


@register(
    "model",
    title="AutoRF-ResNet-20, attention searched",
    family="autorf",
    year=2023,
    paper="pprp/AutoRF",
    params=416_735,
    gmacs=0.05862,
)
def autorf_resnet20_attention_searched(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he"
) -> ResNet:
    """ResNet-20 with four-node cells: channel and pixel gates, and CBAM three times."""
    return autorf_resnet20(ATTENTION_SEARCHED, num_classes, in_channels, init)


@register(
    "model",
    title="AutoRF-ResNet-20, attention searched 2",
    family="autorf",
    year=2023,
    paper="pprp/AutoRF",
    params=371_930,
    gmacs=0.06028,
)
def autorf_resnet20_attention_searched_2(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he"
) -> ResNet:
    """ResNet-20 with four-node cells: 3x3 and 5x5 max-pools."""
    return autorf_resnet20(ATTENTION_SEARCHED_2, num_classes, in_channels, init)


@register(
    "model",
    title="AutoRF-ResNet-20, attention searched 3",
    family="autorf",
    year=2023,
    paper="pprp/AutoRF",
    params=371_930,
    gmacs=0.06028,
)
def autorf_resnet20_attention_searched_3(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he"
) -> ResNet:
    """ResNet-20 with four-node cells: a 3x3 max-pool in every node."""
    return autorf_resnet20(ATTENTION_SEARCHED_3, num_classes, in_channels, init)


@register(
    "model",
    title="AutoRF-ResNet-20, SPP1",
    family="autorf",
    year=2023,
    paper="pprp/AutoRF",
    params=358_490,
    gmacs=0.05718,
)
def autorf_resnet20_spp1(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ResNet:
    """ResNet-20 with three-node cells: 3x3 max-pools and a 5x5 average pool."""
    return autorf_resnet20(SPP1, num_classes, in_channels, init)
