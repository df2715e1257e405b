"""Deep layer aggregation for 32x32 images. Yu et al. 2017, arXiv:1707.06484.

Residual blocks are the leaves of binary trees. The root of a tree fuses the outputs of its two subtrees, and of the
subtrees that led to them, with a 1x1 convolution (figure 3). `dla` is the paper's DLA-34 (table 1): the stem is 3x3 and
the first three levels keep the resolution, so 32 px end as 4x4. Convolutions use He initialization by default.

kuangliu/pytorch-cifar builds its deeper trees differently, with one more block in front: `dla_seed` is that network.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv_bn, conv_bn_relu, init_convs
from engine.models.options import InitOption
from engine.models.resnet import BasicBlock


class Leaf(nn.Module):
    """Two 3x3 convolutions, to whose output a given shortcut is added before the last ReLU."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_bn_relu(cin, cout, 3, stride), conv_bn(cout, cout, 3))

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return (self.body(x) + shortcut).relu_()


class Tree(nn.Module):
    """Two subtrees in sequence; the root of the second one also reads what came before.

    (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride)).

    Args:
        levels: depth of the tree; 1 is two leaves and their root.
        carried: channels that the root reads in addition to those of the two leaves.
        carry_input: whether the root also reads the tree's own pooled input.
    """

    def __init__(
        self, levels: int, cin: int, cout: int, stride: int, carried: int = 0, carry_input: bool = False
    ) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
        self.carry_input = carry_input
        carried += cin if carry_input else 0
        self.is_leafy = levels == 1
        if self.is_leafy:
            self.first: nn.Module = Leaf(cin, cout, stride)
            self.second: nn.Module = Leaf(cout, cout, 1)
            self.project = conv_bn(cin, cout, 1) if cin != cout else nn.Identity()
            self.root = conv_bn_relu(2 * cout + carried, cout, 1)
        else:
            self.first = Tree(levels - 1, cin, cout, stride)
            self.second = Tree(levels - 1, cout, cout, 1, carried + cout)

    def forward(self, x: Tensor, before: tuple[Tensor, ...] = ()) -> Tensor:
        if self.carry_input:
            before = (*before, self.pool(x))
        if not self.is_leafy:
            first = self.first(x)
            return self.second(first, (*before, first))
        first = self.first(x, self.project(self.pool(x)))
        second = self.second(first, first)
        return self.root(torch.cat((second, first, *before), 1))


class PrefixedTree(nn.Module):
    """The tree of kuangliu/pytorch-cifar: a block, then smaller trees, then two blocks, all of which its root reads."""

    def __init__(self, levels: int, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.parts = nn.ModuleList()
        if levels > 1:
            self.prefix: nn.Module | None = BasicBlock(cin, cout, stride)
            self.parts.extend(PrefixedTree(level, cin, cout, stride) for level in range(levels - 1, 0, -1))
            cin, stride = cout, 1
        else:
            self.prefix = None
        self.parts.extend([BasicBlock(cin, cout, stride), BasicBlock(cout, cout, 1)])
        self.root = conv_bn_relu((levels + 2 if levels > 1 else 2) * cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        maps = [] if self.prefix is None else [self.prefix(x)]
        for part in self.parts:
            x = part(x)
            maps.append(x)
        return self.root(torch.cat(maps, 1))


class DLA(nn.Module):
    """Three convolutions of 16, 16 and 32 channels, four trees, global average pooling, linear classifier."""

    def __init__(self, trees: Sequence[nn.Module], num_classes: int, in_channels: int, init: Init) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn_relu(in_channels, 16, 3), conv_bn_relu(16, 16, 3), conv_bn_relu(16, 32, 3))
        self.trees = nn.Sequential(*trees)
        self.head = nn.Linear(512, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.trees(self.stem(x))  # (B, 512, H / 8, W / 8)
        return self.head(x.mean((2, 3)))


@register(
    "model",
    title="DLA-34",
    family="dla",
    year=2017,
    paper="1707.06484",
    params=15_232_314,
    aliases=("DLA", "DLA34"),
    gmacs=0.9114,
)
def dla(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> DLA:
    """DLA-34: residual blocks aggregated by trees."""
    trees = (
        Tree(1, 32, 64, 1),
        Tree(2, 64, 128, 2, carry_input=True),
        Tree(2, 128, 256, 2, carry_input=True),
        Tree(1, 256, 512, 2, carry_input=True),
    )
    return DLA(trees, num_classes, in_channels, init)


@register(
    "model",
    title="DLA with prefixed trees",
    family="dla",
    year=2017,
    paper="1707.06484",
    params=16_291_386,
    gmacs=1.031,
)
def dla_seed(num_classes: int = 10, in_channels: int = 3) -> DLA:
    """DLA as in kuangliu/pytorch-cifar: a block before each deeper tree, PyTorch's default initialization."""
    trees = (
        PrefixedTree(1, 32, 64, 1),
        PrefixedTree(2, 64, 128, 2),
        PrefixedTree(2, 128, 256, 2),
        PrefixedTree(1, 256, 512, 2),
    )
    return DLA(trees, num_classes, in_channels, "torch")
