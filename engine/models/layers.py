"""Building blocks that several model families share: convolutions with their norms, and the usual initializations."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

Init = Literal["he", "torch"]


def conv(cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Convolution without bias that keeps the resolution at stride 1.

    (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride)) for odd kernels.
    """
    return nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


class DilatedConv(nn.Conv2d):
    """A dilated convolution that on a CPU computes in the precision of its weights, not in that of autocast.

    On CPUs, oneDNN's bf16 kernel for the gradient of grouped weights fails on channels-last maps of 32 px and more: it
    returns uninitialized memory (seen with torch 2.15 at dilations 2 and 3: gradients of 1e34).
    """

    def forward(self, x: Tensor) -> Tensor:  # shapes as nn.Conv2d
        if x.device.type != "cpu":
            return super().forward(x)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x.to(self.weight.dtype)).to(x.dtype)


def conv_bn(cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution without bias, which batch norm makes redundant, and batch norm; shapes as in `conv`."""
    return nn.Sequential(conv(cin, cout, kernel, stride, groups), nn.BatchNorm2d(cout))


def conv_bn_relu(cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch norm and ReLU; shapes as in `conv`."""
    return conv_bn(cin, cout, kernel, stride, groups).append(nn.ReLU(inplace=True))


def biased_bn_relu(cin: int, cout: int, kernel: int) -> nn.Sequential:
    """Convolution with bias, batch norm and ReLU, the form in which batch norm was added to older networks.

    The norm cancels the bias, which is kept to match published weights and parameter counts. The resolution is kept.
    """
    return nn.Sequential(nn.Conv2d(cin, cout, kernel, padding=kernel // 2), nn.BatchNorm2d(cout), nn.ReLU(inplace=True))


def norm_relu(channels: int) -> nn.Sequential:
    """Batch norm and ReLU, as pre-activation networks have them before each convolution."""
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


class SideBySide(nn.ModuleList):
    """Parallel branches whose outputs are concatenated along the channels."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self], 1)


class SqueezeExcite(nn.Module):
    """Scale each channel by a gate that two 1x1 convolutions compute from the channel means.

    Hu et al. 2017, arXiv:1709.01507, equations 2 to 4.

    Args:
        hidden: channels between the two convolutions.
        act: activation after the first convolution; ReLU by default, as in the paper.
        gate: activation after the second convolution; the sigmoid by default, as in the paper.
    """

    def __init__(self, channels: int, hidden: int, act: nn.Module | None = None, gate: nn.Module | None = None) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, hidden, 1)
        self.act = act or nn.ReLU(inplace=True)
        self.up = nn.Conv2d(hidden, channels, 1)
        self.gate = gate or nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C, H, W)
        means = x.mean((2, 3), keepdim=True)  # (B, C, 1, 1)
        return x * self.gate(self.up(self.act(self.down(means))))


def init_convs(model: nn.Module, init: Init) -> None:
    """Initialize all convolutions of `model`.

    "he": normal with variance 2 / fan_out, He et al. 2015 (arXiv:1502.01852, eq. 14), as in torchvision; fan_out,
    counted per group, preserves the magnitude of gradients. "torch": leave PyTorch's default, U(-1, 1) / sqrt(fan_in),
    whose variance is a sixth of that in a layer that keeps its width. Batch norm hides the difference from the outputs
    but not from training: the angle by which a step turns a normalized filter is proportional to lr / |w|^2, so without
    weight decay the choice matters until the end.
    """
    if init == "torch":
        return
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))


def init_by_fan_in(model: nn.Module, *, linear: bool = False) -> None:
    """Initialize convolutions, and with `linear` linear layers, from a normal distribution of variance 2 / fan_in.

    He et al. 2015, eq. 10, which is the default of `nn.init.kaiming_normal_`. It preserves the magnitude of
    activations, where `init_convs` preserves that of gradients. Biases stay as they are.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d) or (linear and isinstance(module, nn.Linear)):
            nn.init.normal_(module.weight, std=math.sqrt(2 / module.weight[0].numel()))
