"""SqueezeNet for 32x32 images. Iandola et al. 2016, arXiv:1602.07360.

Fire modules: a 1x1 convolution down to few channels, then parallel 1x1 and 3x3 convolutions up. This is the paper's
network with simple bypass (figure 2, middle) and, as usual on CIFAR, with a 3x3 stride-1 stem and batch norm after
every convolution, which keeps its bias: 734,986 parameters at 10 classes. The classifier is a 1x1 convolution before
the average pooling. Convolutions use He initialization by default.

weiaicunzai/pytorch-cifar100 leaves out the bypass around the last module, fire9, and uses PyTorch's default
initialization: `squeezenet_seed` is that network.
"""

from __future__ import annotations

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, SideBySide, biased_bn_relu, init_convs
from engine.models.options import DropoutRate, InitOption


class Fire(nn.Module):
    """Fire module, whose input is added to its output if `bypass`; (B, cin, H, W) -> (B, cout, H, W)."""

    def __init__(self, cin: int, cout: int, squeeze: int, bypass: bool) -> None:
        super().__init__()
        self.squeeze = biased_bn_relu(cin, squeeze, 1)
        self.expand = SideBySide([biased_bn_relu(squeeze, cout // 2, 1), biased_bn_relu(squeeze, cout // 2, 3)])
        self.bypass = bypass

    def forward(self, x: Tensor) -> Tensor:
        made = self.expand(self.squeeze(x))
        return made + x if self.bypass else made


class SqueezeNet(nn.Module):
    """Stem, eight fire modules with three max-pools in between, 1x1 classifier, global average pooling.

    Args:
        last_bypass: whether the last module, fire9, adds its input as fire3, fire5 and fire7 do.
    """

    def __init__(
        self, num_classes: int, in_channels: int, dropout: float, init: Init, last_bypass: bool = True
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(biased_bn_relu(in_channels, 96, 3), nn.MaxPool2d(2))
        cin = 96
        for i, cout in enumerate((128, 128, 256, 256, 384, 384, 512, 512)):
            self.features.append(Fire(cin, cout, cout // 8, bypass=cin == cout and (last_bypass or i < 7)))
            if i in (2, 6):
                self.features.append(nn.MaxPool2d(2))
            cin = cout
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Conv2d(cin, num_classes, 1))
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        return self.head(self.features(x)).mean((2, 3))


@register(
    "model",
    title="SqueezeNet with bypass",
    family="squeezenet",
    year=2016,
    paper="1602.07360",
    params=734_986,
    gmacs=0.05254,
)
def squeezenet(
    num_classes: int = 10,
    in_channels: int = 3,
    *,
    dropout: DropoutRate = 0.0,
    init: InitOption = "he",
) -> SqueezeNet:
    """SqueezeNet 1.0 with simple bypass and batch norm."""
    return SqueezeNet(num_classes, in_channels, dropout, init)


@register(
    "model",
    title="SqueezeNet without the last bypass",
    family="squeezenet",
    year=2016,
    paper="1602.07360",
    params=734_986,
    gmacs=0.05254,
)
def squeezenet_seed(num_classes: int = 10, in_channels: int = 3) -> SqueezeNet:
    """SqueezeNet as in weiaicunzai/pytorch-cifar100: no bypass around fire9, PyTorch's default initialization."""
    return SqueezeNet(num_classes, in_channels, 0.0, "torch", last_bypass=False)
