"""PNASNet-5 for CIFAR. Liu et al. 2017, arXiv:1712.00559, figure 1.

One searched cell with five pairs of operations on the outputs of the two preceding cells, which are first brought to
the cell's width by ReLU, 1x1 convolution and norm. With stride 2, the same cell halves the resolution. There are three
stacks of N cells; the first cell of the second and the third stack halves the resolution and doubles the width, as in
the authors' network for ImageNet. N = 3 and 48 channels give the 3.2 M parameters that the paper reports. The stem has
three times the channels of a branch, as in NASNet.

Left out: the auxiliary head and scheduled drop path, whose rate grows during training. Convolutions use He
initialization by default.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv_bn, init_convs
from engine.models.nasnet import Inputs, separable
from engine.models.options import InitOption

OUTPUTS = 5


class Cell(nn.Module):
    """(B, older, H, W), (B, newer, H, W) -> (B, 5 * width, ceil(H / stride), ceil(W / stride)).

    Args:
        halve: whether a halving cell lies between the two inputs.
    """

    def __init__(self, older: int, newer: int, width: int, stride: int = 1, *, halve: bool = False) -> None:
        super().__init__()
        self.inputs = Inputs(older, newer, width, halve)
        self.older5, self.newer7 = separable(width, 5, stride), separable(width, 7, stride)
        self.newer5, self.newer3 = separable(width, 5, stride), separable(width, 3, stride)
        self.third3 = separable(width, 3)
        self.older3 = separable(width, 3, stride)
        self.max = nn.MaxPool2d(3, stride, padding=1)
        self.same = nn.Sequential(nn.ReLU(), conv_bn(width, width, 1, stride)) if stride > 1 else nn.Identity()

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        p, h = self.inputs(older, newer)
        max_h = self.max(h)
        first = self.older5(p) + self.max(p)
        second = self.newer7(h) + max_h
        third = self.newer5(h) + self.newer3(h)
        fourth = self.third3(third) + max_h
        fifth = self.older3(p) + self.same(h)
        return torch.cat((first, second, third, fourth, fifth), 1)


class PNASNet5(nn.Module):
    """3x3 stem, three stacks of cells, ReLU, global average pooling, linear classifier.

    Args:
        repeats: cells per stack, N.
        width: channels of a branch in the first stack, F; it doubles with each halving, so 20 * width channels come
            out.
    """

    def __init__(self, repeats: int, width: int, num_classes: int, in_channels: int, init: Init) -> None:
        super().__init__()
        older = newer = 3 * width
        self.stem = conv_bn(in_channels, newer, 3)
        self.cells = nn.ModuleList()
        for k in range(3 * repeats):
            halves = k in (repeats, 2 * repeats)
            width = 2 * width if halves else width
            self.cells.append(Cell(older, newer, width, 2 if halves else 1, halve=k in (repeats + 1, 2 * repeats + 1)))
            older, newer = newer, OUTPUTS * width
        self.head = nn.Linear(newer, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        older = newer = self.stem(x)
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        return self.head(newer.relu().mean((2, 3)))  # from (B, 20 * width, H / 4, W / 4)


@register(
    "model",
    title="PNASNet-5, N = 3, F = 48",
    family="pnasnet",
    year=2017,
    paper="1712.00559",
    params=3_176_602,
    gmacs=0.5621,
)
def pnasnet_5(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> PNASNet5:
    """PNASNet-5: the cell found by the progressive search, in the paper's CIFAR network."""
    return PNASNet5(3, 48, num_classes, in_channels, init)
