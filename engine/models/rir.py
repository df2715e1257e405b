"""ResNet in ResNet, 18 layers, wide. Targ et al. 2016, arXiv:1603.08029.

A block carries two streams: a residual stream with a shortcut and a transient stream without one. Each reads both
(equation 1), which amounts to one convolution over their concatenation; only the first half of its output gets the
shortcut. There are eight blocks of two such layers, with 48, 96 and 192 channels per stream. Convolutions use He
initialization by default.

weiaicunzai/pytorch-cifar100 ends in a strided convolution and two linear layers on the flattened map, hard-coded to 100
outputs (10,293,634 parameters, including biases before batch norms): `rir_seed` is that network with any number of
outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv, conv_bn_relu, init_convs, norm_relu
from engine.models.options import InitOption


class TwoStreams(nn.Module):
    """A generalized residual layer; (B, 2 * cin, H, W) -> (B, 2 * cout, ceil(H / stride), ceil(W / stride))."""

    def __init__(self, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.cin = cin
        self.conv = conv(2 * cin, 2 * cout, 3, stride)
        self.norm = norm_relu(2 * cout)
        self.shortcut = nn.Identity() if stride == 1 and cin == cout else conv(cin, cout, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        residual, transient = self.conv(x).chunk(2, 1)
        residual = residual + self.shortcut(x[:, : self.cin])
        return self.norm(torch.cat((residual, transient), 1))


class RiR(nn.Module):
    """Stem of two streams, sixteen layers, and a head that reads both.

    Args:
        head: (B, 384, H / 4, W / 4) -> (B, num_classes).
    """

    def __init__(self, head: nn.Module, in_channels: int, init: Init) -> None:
        super().__init__()
        self.features = nn.Sequential(conv_bn_relu(in_channels, 96, 3))
        cin = 48
        for block in range(8):
            width = (48, 48, 96, 96, 96, 192, 192, 192)[block]
            self.features.append(TwoStreams(cin, width, 2 if width > cin else 1))
            self.features.append(TwoStreams(width, width, 1))
            cin = width
        self.head = head
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x))


@register("model", title="ResNet in ResNet", family="rir", year=2016, paper="1603.08029", params=9_492_970, gmacs=1.279)
def rir(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> RiR:
    """ResNet in ResNet: parallel residual and transient streams."""
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(384, num_classes))
    return RiR(head, in_channels, init)


@register(
    "model",
    title="ResNet in ResNet, flattened head",
    family="rir",
    year=2016,
    paper="1603.08029",
    params=10_244_980,
    gmacs=1.283,
)
def rir_seed(num_classes: int = 10, in_channels: int = 3, image_size: int = 32) -> RiR:
    """ResNet in ResNet that ends in a strided convolution and two linear layers."""
    map_side = ((image_size + 1) // 2 + 1) // 2
    side = (map_side - 3) // 2 + 1
    head = nn.Sequential(
        nn.Conv2d(384, 100, 3, stride=2),
        norm_relu(100),
        nn.Flatten(),
        nn.Linear(100 * side**2, 450),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(450, num_classes),
    )
    return RiR(head, in_channels, "he")
