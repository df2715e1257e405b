"""ToyNet of pprp/pytorch-cifar-tricks: a plain stack of 3x3 convolutions that becomes very wide on small feature maps.

22 convolutions with bias, each with batch norm and ReLU, from 6 to 768 channels, five max-pools, global average pooling
and a linear layer: 60,648,394 parameters at 10 classes, nearly all of them in the last eleven convolutions, which see
2x2 px. That project used it to put a machine under load, and published no accuracy. The widths between which it pools
are our choice.

Convolutions use He initialization by default.
"""

from __future__ import annotations

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, biased_bn_relu, init_convs
from engine.models.options import InitOption

STAGES = ((6, 12, 24, 24), (48, 96), (192,), (384,) * 4, (768,) * 11)


class ToyNet(nn.Module):
    """Stages of convolutions, each followed by a 2x2 max-pool; global average pooling; linear classifier."""

    def __init__(self, num_classes: int, in_channels: int, init: Init) -> None:
        super().__init__()
        self.features = nn.Sequential()
        cin = in_channels
        for stage in STAGES:
            for width in stage:
                self.features.append(biased_bn_relu(cin, width, 3))
                cin = width
            self.features.append(nn.MaxPool2d(2, ceil_mode=True))
        self.head = nn.Linear(cin, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x).mean((2, 3)))


@register(
    "model",
    title="ToyNet",
    family="toynet",
    year=2021,
    paper="pprp/pytorch-cifar-tricks",
    params=60_648_394,
    aliases=("ToyNet_S",),
    gmacs=0.33,
)
def toynet(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> ToyNet:
    """ToyNet: 22 plain convolutions with 60 million parameters, made to put a machine under load."""
    return ToyNet(num_classes, in_channels, init)
