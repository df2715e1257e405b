"""Squeeze-and-excitation networks for 32x32 images. Hu et al. 2017, arXiv:1709.01507.

ResNets whose blocks scale the channels of their body's output, before the sum, by gates computed from the channel means
(figure 3 of the paper; reduction 16). Two families:

- seresnet18 ... seresnet152: post-activation, on the trunks of `engine.models.resnet`.
- senet18: pre-activation, the network that kuangliu/pytorch-cifar calls SENet18.
"""

from __future__ import annotations

from torch import nn

from engine.contract.catalog import register
from engine.models.layers import SqueezeExcite, conv, norm_relu
from engine.models.options import InitOption, ZeroInit
from engine.models.preact_resnet import WIDTHS, PreActivation, PreActResNet
from engine.models.resnet import WIDE, BasicBlock, Bottleneck, ResNet

REDUCTION = 16


class SEBasicBlock(BasicBlock):
    """`BasicBlock` with squeeze-and-excitation on the output of its body."""

    def __init__(self, cin: int, width: int, stride: int) -> None:
        super().__init__(cin, width, stride)
        self.body.append(SqueezeExcite(self.cout, self.cout // REDUCTION))


class SEBottleneck(Bottleneck):
    """`Bottleneck` with squeeze-and-excitation on the output of its body."""

    def __init__(self, cin: int, width: int, stride: int) -> None:
        super().__init__(cin, width, stride)
        self.body.append(SqueezeExcite(self.cout, self.cout // REDUCTION))


class PreActSEBlock(PreActivation):
    """`PreActBasic` with squeeze-and-excitation on the output of its body."""

    def __init__(self, cin: int, width: int, stride: int) -> None:
        body = nn.Sequential(
            conv(cin, width, 3, stride),
            norm_relu(width),
            conv(width, width, 3),
            SqueezeExcite(width, width // REDUCTION),
        )
        super().__init__(body, cin, width, stride)


@register("model", title="SE-ResNet-18", family="senet", year=2017, paper="1709.01507", params=11_263_042, gmacs=0.5555)
def seresnet18(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-18 with squeeze-and-excitation in every block."""
    return ResNet(SEBasicBlock, (2, 2, 2, 2), WIDE, num_classes, in_channels, init, zero_init_residual)


@register("model", title="SE-ResNet-34", family="senet", year=2017, paper="1709.01507", params=21_443_318, gmacs=1.16)
def seresnet34(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-34 with squeeze-and-excitation in every block."""
    return ResNet(SEBasicBlock, (3, 4, 6, 3), WIDE, num_classes, in_channels, init, zero_init_residual)


@register("model", title="SE-ResNet-50", family="senet", year=2017, paper="1709.01507", params=26_051_834, gmacs=1.3)
def seresnet50(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-50 with squeeze-and-excitation in every block."""
    return ResNet(SEBottleneck, (3, 4, 6, 3), WIDE, num_classes, in_channels, init, zero_init_residual)


@register("model", title="SE-ResNet-101", family="senet", year=2017, paper="1709.01507", params=47_290_682, gmacs=2.515)
def seresnet101(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-101 with squeeze-and-excitation in every block."""
    return ResNet(SEBottleneck, (3, 4, 23, 3), WIDE, num_classes, in_channels, init, zero_init_residual)


@register("model", title="SE-ResNet-152", family="senet", year=2017, paper="1709.01507", params=64_785_658, gmacs=3.729)
def seresnet152(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-152 with squeeze-and-excitation in every block."""
    return ResNet(SEBottleneck, (3, 8, 36, 3), WIDE, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="SENet-18",
    family="senet",
    year=2017,
    paper="1709.01507",
    params=11_260_354,
    aliases=(
        "senet",
        "SENet18",
        "senet18_cifar",
    ),
    gmacs=0.5555,
)
def senet18(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> PreActResNet:
    """Pre-activation SE-ResNet-18 with norm and ReLU after the stem and none at the end."""
    model = PreActResNet(PreActSEBlock, (2, 2, 2, 2), WIDTHS, num_classes, in_channels, init, last_norm=False)
    model.stem = nn.Sequential(model.stem, norm_relu(64))
    return model
