"""ResNet-20 with a searched cell at the end of each block's body. "AutoRF: auto learning receptive fields with spatial
pooling", MMM 2023, and what the same code searched before it.

A cell is a small graph: node 0 is the body's output x, and node i the sum of i operations, each on an earlier node. The
last three nodes are fused by a 1x1 convolution and added to x. Operations gate their input (by channels, by pixels, or
by convolutions of itself) or pool it without making it smaller, which widens the receptive field.

The five graphs and all parameter counts are those of pytorch-cifar-tricks. Its own nets never summed the operations of
a node, so that some were computed for nothing and four of ten not at all in the graphs with four nodes; here they are
summed, as in the search that found them. `noise`, there random numbers in place of a map even in evaluation, is what it
stood for in that search: a skip connection. Start: He et al.'s.
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
"""For each node but the first: operations by name, each with the number of the node that it reads."""

REDUCTION = 4
FUSED = 3  # nodes


class SelfGate(nn.Module):
    """x times a gate for each of its numbers; (B, C, H, W) -> (B, C, H, W).

    Args:
        body: makes the gates before their sigmoid; keeps the shape.
    """

    def __init__(self, body: nn.Sequential) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return x * self.body(x).sigmoid()


def separable(cin: int, cout: int) -> nn.Sequential:
    """Two 3x3 convolutions in the separable form, batch norm behind each, ReLU between; the map keeps its size."""
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
    """A 3x3 convolution that reads every second pixel, a 1x1 convolution and batch norm; the map keeps its size."""
    spread = DilatedConv(cin, cout, 3, padding=2, dilation=2, groups=groups, bias=False)
    return nn.Sequential(spread, conv(cout, cout, 1), nn.BatchNorm2d(cout))


def pooled(pool: nn.Module, channels: int, affine: bool) -> nn.Sequential:
    """A pool that keeps the map's size, a 3x3 convolution in groups of four channels, batch norm."""
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
    """x plus what a 1x1 convolution makes of the graph's last three nodes; (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, channels: int, graph: Graph) -> None:
        super().__init__()
        self.sources = [[source for _, source in node] for node in graph]
        self.nodes = nn.ModuleList(nn.ModuleList(OPERATIONS[name](channels) for name, _ in node) for node in graph)
        self.fuse = conv(FUSED * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        made = [x]
        for operations, sources in zip(self.nodes, self.sources, strict=True):
            first, *others = (operate(made[at]) for operate, at in zip(operations, sources, strict=True))
            made.append(sum(others, first))
        return self.fuse(torch.cat(made[-FUSED:], 1)) + x


class CellBlock(BasicBlock):
    """`BasicBlock` with a cell at the end of its body."""

    def __init__(self, cin: int, width: int, stride: int, graph: Graph) -> None:
        super().__init__(cin, width, stride)
        self.body.append(Cell(width, graph))


def autorf_resnet20(graph: Graph, num_classes: int, in_channels: int, init: Init) -> ResNet:
    """ResNet-20 with the same cell, of its own weights, in every block."""
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
    """ResNet-20 with a cell of four nodes: separable and dilated gates and CBAM."""
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
    """ResNet-20 with a cell of four nodes: gates over channels and pixels, CBAM three times."""
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
    """ResNet-20 with a cell of four nodes: max pools of 3 and 5 px."""
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
    """ResNet-20 with a cell of four nodes: a max pool of 3 px in each."""
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
    """ResNet-20 with a cell of three nodes: max pools of 3 px and an average pool of 5 px."""
    return autorf_resnet20(SPP1, num_classes, in_channels, init)
