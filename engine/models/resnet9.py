"""Residual networks of the DAWNBench competition on CIFAR-10, 2018.

- resnet9: David Page's network from "How to train your ResNet" (davidcpage/cifar10-fast): a plain path of convolutions
  and max-pools with two residual pairs, logits scaled by 1/8. 6,573,120 parameters.
- resnet_dawn: the network that he started from, a ResNet-18 whose last stage keeps 256 channels.

Both use PyTorch's default initialization, as the originals do.
"""

from __future__ import annotations

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv_bn_relu, init_convs
from engine.models.options import InitOption, LogitScale
from engine.models.resnet import BasicBlock, ResNet


class ResidualPair(nn.Module):
    """x plus two convolutions with norm and ReLU, without a ReLU after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_bn_relu(width, width, 3), conv_bn_relu(width, width, 3))

    def forward(self, x: Tensor) -> Tensor:  # (B, width, H, W) -> (B, width, H, W)
        return x + self.body(x)


class ResNet9(nn.Module):
    """Convolutions of 64, 128, 256 and 512 channels, global max pooling, classifier without bias.

    Args:
        scale: factor on the logits.
    """

    def __init__(self, num_classes: int, in_channels: int, scale: float, init: Init) -> None:
        super().__init__()
        self.scale = scale
        self.features = nn.Sequential(
            conv_bn_relu(in_channels, 64, 3),
            nn.Sequential(conv_bn_relu(64, 128, 3), nn.MaxPool2d(2), ResidualPair(128)),
            nn.Sequential(conv_bn_relu(128, 256, 3), nn.MaxPool2d(2)),
            nn.Sequential(conv_bn_relu(256, 512, 3), nn.MaxPool2d(2), ResidualPair(512)),
        )
        self.head = nn.Linear(512, num_classes, bias=False)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.features(x)  # (B, 512, H / 8, W / 8)
        return self.head(x.amax((2, 3))) * self.scale


@register(
    "model",
    title="ResNet-9",
    family="resnet9",
    year=2018,
    paper="davidcpage/cifar10-fast",
    params=6_573_120,
    gmacs=0.3793,
)
def resnet9(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    scale: LogitScale = 0.125,
    init: InitOption = "torch",
) -> ResNet9:
    """ResNet-9, the fast network of DAWNBench."""
    return ResNet9(num_classes, in_channels, scale, init)


@register(
    "model",
    title="DAWNBench ResNet-18",
    family="resnet9",
    year=2018,
    paper="davidcpage/cifar10-fast",
    params=5_205_066,
    aliases=("dawnnet",),
    gmacs=0.46,
)
def resnet_dawn(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "torch") -> ResNet:
    """ResNet-18 with 256 channels in its last stage."""
    return ResNet(BasicBlock, (2, 2, 2, 2), (64, 128, 256, 256), num_classes, in_channels, init)
