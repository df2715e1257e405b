"""Pieces that several model families share: convolution + batch norm, and the usual ways to start weights."""

from __future__ import annotations

from typing import Literal

from torch import nn

Init = Literal["he", "torch"]


def conv_bn(cin: int, cout: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution without bias (batch norm has one) and batch norm; same size out at stride 1.

    (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride)) for odd kernels.
    """
    conv = nn.Conv2d(cin, cout, kernel, stride, padding=kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(cout))


def init_convs(model: nn.Module, init: Init) -> None:
    """Start all convolutions of `model`.

    "he": normal with variance 2 / fan_out, He et al. 2015 (arXiv:1502.01852, eq. 14), as torchvision does; fan_out
    keeps the size of gradients. "torch": leave PyTorch's own U(-1, 1) / sqrt(fan_in), whose variance is a sixth of that
    where a layer keeps its width. Batch norm hides the difference from the outputs but not from training: the turn that
    a step gives a normalised filter goes with lr / |w|^2, so without weight decay the choice is felt to the end.
    """
    if init == "torch":
        return
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
