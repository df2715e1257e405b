"""Deep residual networks for 32x32 images. He et al. 2015, arXiv:1512.03385.

Two ways to adapt them to small images, with one class:

- resnet20 ... resnet110: the paper's own CIFAR networks (section 4.2), three stages of 16, 32 and 64 channels.
- resnet18 ... resnet152: the paper's ImageNet networks (table 1) with a 3x3 stride-1 stem and no pooling in place of
  the 7x7 stride-2 stem and max-pool: four stages at 32, 16, 8 and 4 px. This is what "ResNet-18 on CIFAR" usually
  means.

Departures from the paper: all shortcuts that change the shape are projections (option B; the paper's CIFAR networks pad
with zeros, option A, which is why resnet20 has 272,474 parameters here and 269,722 there), and a bottleneck strides in
its 3x3 convolution instead of its first 1x1 convolution, as in torchvision and the CIFAR repositories.

`resnet20_seed` is resnet20 with the initialization of akamaster/pytorch_resnet_cifar10.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv_bn, init_by_fan_in, init_convs
from engine.models.options import InitOption, ZeroInit


class Residual(nn.Module):
    """relu(body(x) + shortcut(x)); the shortcut is the identity wherever the shape allows it.

    Args:
        body: ends in a batch norm; (B, cin, H, W) -> (B, cout, H / stride, W / stride).
    """

    def __init__(self, body: nn.Sequential, cin: int, cout: int, stride: int) -> None:
        super().__init__()
        self.cout = cout
        self.body = body
        self.shortcut = nn.Identity() if stride == 1 and cin == cout else conv_bn(cin, cout, 1, stride)

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, cout, H / stride, W / stride)
        return (self.body(x) + self.shortcut(x)).relu_()


class BasicBlock(Residual):
    """Two 3x3 convolutions (figure 5, left)."""

    def __init__(self, cin: int, width: int, stride: int) -> None:
        body = nn.Sequential(
            conv_bn(cin, width, 3, stride),
            nn.ReLU(inplace=True),
            conv_bn(width, width, 3),
        )
        super().__init__(body, cin, width, stride)


class Bottleneck(Residual):
    """1x1 down to `width`, 3x3, 1x1 up to four times `width` (figure 5, right)."""

    def __init__(self, cin: int, width: int, stride: int) -> None:
        cout = 4 * width
        body = nn.Sequential(
            conv_bn(cin, width, 1),
            nn.ReLU(inplace=True),
            conv_bn(width, width, 3, stride),
            nn.ReLU(inplace=True),
            conv_bn(width, cout, 1),
        )
        super().__init__(body, cin, cout, stride)


class ResNet(nn.Module):
    """3x3 stem, stages of residual blocks, global average pooling, linear classifier.

    Args:
        block: BasicBlock, Bottleneck, or anything else that makes a Residual from (cin, width, stride).
        depths: blocks in each stage; every stage but the first halves the resolution in its first block.
        widths: the `width` of each stage's blocks; the stem has that of the first stage.
        init: initialization of convolutions (`init_convs`); the classifier keeps PyTorch's default.
        zero_init_residual: initialize the last batch norm of every body to zero, so that all blocks start as the
            identity (Goyal et al. 2017, arXiv:1706.02677, section 5.1).
    """

    def __init__(
        self,
        block: Callable[[int, int, int], Residual],
        depths: Sequence[int],
        widths: Sequence[int],
        num_classes: int,
        in_channels: int = 3,
        init: Init = "he",
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        cin = widths[0]
        self.stem = nn.Sequential(conv_bn(in_channels, cin, 3), nn.ReLU(inplace=True))
        self.stages = nn.Sequential()
        for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            blocks = nn.Sequential()
            for i in range(depth):
                made = block(cin, width, 2 if stage > 0 and i == 0 else 1)
                blocks.append(made)
                cin = made.cout
            self.stages.append(blocks)
        self.head = nn.Linear(cin, num_classes)
        init_convs(self, init)
        if zero_init_residual:
            zero_last_norms(self)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.stages(self.stem(x))  # (B, C, H / 8, W / 8), or H / 4 with three stages
        return self.head(x.mean((2, 3)))


def zero_last_norms(model: nn.Module) -> None:
    """Set the weight of the last batch norm in every residual body to zero."""
    for module in model.modules():
        if isinstance(module, Residual):
            last = [norm for norm in module.body.modules() if isinstance(norm, nn.BatchNorm2d)][-1]
            nn.init.zeros_(last.weight)


CIFAR = (16, 32, 64)
WIDE = (64, 128, 256, 512)


@register(
    "model",
    title="ResNet-20",
    family="resnet",
    year=2015,
    paper="1512.03385",
    paper_result="91.25 %",
    params=272_474,
    gmacs=0.0408,
)
def resnet20(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-20, the smallest CIFAR network of the paper: 16, 32 and 64 channels."""
    return ResNet(BasicBlock, (3, 3, 3), CIFAR, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="ResNet-20, fan-in initialization",
    family="resnet",
    year=2015,
    paper="1512.03385",
    params=272_474,
    gmacs=0.0408,
)
def resnet20_seed(num_classes: int = 10, in_channels: int = 3) -> ResNet:
    """ResNet-20 as in akamaster/pytorch_resnet_cifar10: He initialization by fan-in, the classifier included."""
    model = ResNet(BasicBlock, (3, 3, 3), CIFAR, num_classes, in_channels, "torch")
    init_by_fan_in(model, linear=True)
    return model


@register(
    "model",
    title="ResNet-32",
    family="resnet",
    year=2015,
    paper="1512.03385",
    paper_result="92.49 %",
    params=466_906,
    gmacs=0.06912,
)
def resnet32(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-32, the paper's CIFAR network with five blocks per stage."""
    return ResNet(BasicBlock, (5, 5, 5), CIFAR, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="ResNet-44",
    family="resnet",
    year=2015,
    paper="1512.03385",
    paper_result="92.83 %",
    params=661_338,
    gmacs=0.09744,
)
def resnet44(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-44, the paper's CIFAR network with seven blocks per stage."""
    return ResNet(BasicBlock, (7, 7, 7), CIFAR, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="ResNet-56",
    family="resnet",
    year=2015,
    paper="1512.03385",
    paper_result="93.03 %",
    params=855_770,
    gmacs=0.1257,
)
def resnet56(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-56, the paper's CIFAR network with nine blocks per stage."""
    return ResNet(BasicBlock, (9, 9, 9), CIFAR, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="ResNet-110",
    family="resnet",
    year=2015,
    paper="1512.03385",
    paper_result="93.57 %, best of 5 runs",
    params=1_730_714,
    gmacs=0.2531,
)
def resnet110(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-110, the paper's deep CIFAR network with 18 blocks per stage."""
    return ResNet(BasicBlock, (18, 18, 18), CIFAR, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="ResNet-18",
    family="resnet",
    year=2015,
    paper="1512.03385",
    params=11_173_962,
    gmacs=0.555,
    aliases=("ResNet18",),
)
def resnet18(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-18 with a 3x3 stem and no max-pool."""
    return ResNet(BasicBlock, (2, 2, 2, 2), WIDE, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="ResNet-34",
    family="resnet",
    year=2015,
    paper="1512.03385",
    params=21_282_122,
    gmacs=1.159,
    aliases=("ResNet34",),
)
def resnet34(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-34 with a 3x3 stem and no max-pool."""
    return ResNet(BasicBlock, (3, 4, 6, 3), WIDE, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="ResNet-50",
    family="resnet",
    year=2015,
    paper="1512.03385",
    params=23_520_842,
    gmacs=1.298,
    aliases=("ResNet50",),
)
def resnet50(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-50 with bottleneck blocks, a 3x3 stem and no max-pool."""
    return ResNet(Bottleneck, (3, 4, 6, 3), WIDE, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="ResNet-101",
    family="resnet",
    year=2015,
    paper="1512.03385",
    params=42_512_970,
    gmacs=2.510,
    aliases=("ResNet101",),
)
def resnet101(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-101 with bottleneck blocks, a 3x3 stem and no max-pool."""
    return ResNet(Bottleneck, (3, 4, 23, 3), WIDE, num_classes, in_channels, init, zero_init_residual)


@register(
    "model",
    title="ResNet-152",
    family="resnet",
    year=2015,
    paper="1512.03385",
    params=58_156_618,
    gmacs=3.722,
    aliases=("ResNet152",),
)
def resnet152(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNet-152 with bottleneck blocks, a 3x3 stem and no max-pool."""
    return ResNet(Bottleneck, (3, 8, 36, 3), WIDE, num_classes, in_channels, init, zero_init_residual)
