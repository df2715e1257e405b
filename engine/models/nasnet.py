"""NASNet-A for CIFAR. Zoph et al. 2017, arXiv:1707.07012.

Two searched cells (figure 4): a normal one, and one that halves the resolution and doubles the width. Each reads the
outputs of the two preceding cells, brought to its own width by ReLU, 1x1 convolution and norm, and sums ten operations
in five pairs. The network "N @ P" has three stacks of N normal cells with reductions in between, and P channels before
the classifier. `nasnet` is 6 @ 768, the paper's network of 3.3 M parameters. The stem has three times the channels of a
cell's branch, as in the released code.

Left out: the auxiliary head and scheduled drop path, whose rate grows during training. Convolutions use He
initialization by default.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv, conv_bn, init_convs
from engine.models.options import InitOption
from engine.models.shake_shake import FactorizedReduction


def squeeze(cin: int, cout: int) -> nn.Sequential:
    """ReLU, 1x1 convolution, norm."""
    return nn.Sequential(nn.ReLU(), conv_bn(cin, cout, 1))


def separable(width: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, depthwise convolution, 1x1 convolution and norm, twice; the stride is in the first."""
    return nn.Sequential(
        nn.ReLU(),
        conv(width, width, kernel, stride, groups=width),
        conv_bn(width, width, 1),
        nn.ReLU(inplace=True),
        conv(width, width, kernel, groups=width),
        conv_bn(width, width, 1),
    )


def mean_pool(stride: int = 1) -> nn.AvgPool2d:
    return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)


class Inputs(nn.Module):
    """Bring the outputs of the last two cells to the same width, and the older one to the resolution of the newer.

    Args:
        older, newer: channels of the two outputs.
        halve: whether a reduction lies between the two.
    """

    def __init__(self, older: int, newer: int, width: int, halve: bool) -> None:
        super().__init__()
        self.older = FactorizedReduction(older, width) if halve else squeeze(older, width)
        self.newer = squeeze(newer, width)

    def forward(self, older: Tensor, newer: Tensor) -> tuple[Tensor, Tensor]:
        return self.older(older), self.newer(newer)


class NormalCell(nn.Module):
    """(B, older, H, W), (B, newer, H, W) -> (B, 6 * width, H, W)."""

    outputs = 6

    def __init__(self, older: int, newer: int, width: int, halve: bool) -> None:
        super().__init__()
        self.inputs = Inputs(older, newer, width, halve)
        self.newer5, self.older3 = separable(width, 5), separable(width, 3)
        self.older5, self.older3_again = separable(width, 5), separable(width, 3)
        self.newer3 = separable(width, 3)
        self.mean = mean_pool()

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        p, h = self.inputs(older, newer)
        mean_p = self.mean(p)
        sums = (
            self.newer5(h) + self.older3(p),
            self.older5(p) + self.older3_again(p),
            self.mean(h) + p,
            mean_p + mean_p,
            self.newer3(h) + h,
        )
        return torch.cat((p, *sums), 1)


class ReductionCell(nn.Module):
    """(B, older, H, W), (B, newer, H, W) -> (B, 4 * width, ceil(H / 2), ceil(W / 2))."""

    outputs = 4

    def __init__(self, older: int, newer: int, width: int) -> None:
        super().__init__()
        self.inputs = Inputs(older, newer, width, halve=False)
        self.newer5, self.older7 = separable(width, 5, 2), separable(width, 7, 2)
        self.older7_again, self.older5 = separable(width, 7, 2), separable(width, 5, 2)
        self.first3 = separable(width, 3)
        self.max = nn.MaxPool2d(3, 2, padding=1)
        self.mean, self.mean_first = mean_pool(2), mean_pool()

    def forward(self, older: Tensor, newer: Tensor) -> Tensor:
        p, h = self.inputs(older, newer)
        max_h = self.max(h)
        first = self.newer5(h) + self.older7(p)
        second = max_h + self.older7_again(p)
        sums = (
            second,
            self.mean(h) + self.older5(p),
            self.mean_first(first) + second,
            self.first3(first) + max_h,
        )
        return torch.cat(sums, 1)


class NASNet(nn.Module):
    """3x3 stem, three stacks of normal cells with reductions in between, ReLU, average pooling, linear classifier.

    Args:
        repeats: normal cells per stack, N.
        width: channels of a branch in the first stack; it doubles with each reduction, so 24 * width channels come out,
            P.
    """

    def __init__(self, repeats: int, width: int, num_classes: int, in_channels: int, init: Init) -> None:
        super().__init__()
        older = newer = 3 * width
        self.stem = conv_bn(in_channels, newer, 3)
        self.cells = nn.ModuleList()
        for stack in range(3):
            for i in range(repeats):
                self.cells.append(NormalCell(older, newer, width, halve=stack > 0 and i == 0))
                older, newer = newer, NormalCell.outputs * width
            if stack < 2:
                width *= 2
                self.cells.append(ReductionCell(older, newer, width))
                older, newer = newer, ReductionCell.outputs * width
        self.head = nn.Linear(newer, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        older = newer = self.stem(x)
        for cell in self.cells:
            older, newer = newer, cell(older, newer)
        return self.head(newer.relu().mean((2, 3)))  # from (B, 24 * width, H / 4, W / 4)


@register(
    "model",
    title="NASNet-A, 6 @ 768",
    family="nasnet",
    year=2017,
    paper="1707.07012",
    params=3_328_234,
    aliases=("NASNet",),
    gmacs=0.5258,
)
def nasnet(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> NASNet:
    """NASNet-A 6 @ 768: searched cells, the paper's CIFAR network."""
    return NASNet(6, 32, num_classes, in_channels, init)
