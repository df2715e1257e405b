"""RegNets for 32x32 images. Radosavovic et al. 2020, arXiv:2003.13678.

Four stages of residual blocks made of 1x1, grouped 3x3 and 1x1 convolutions of the same width; depths, widths and group
widths are those of the paper's design space (tables 5 and 6). The Y networks have squeeze-and-excitation after the 3x3
convolution, with a quarter of the block's input channels. The stem and the first two stages keep the resolution (the
paper halves it five times), so 32 px end as 8x8, as in kuangliu/pytorch-cifar. Convolutions use He initialization by
default.

The stem of that project has 64 channels (here 32, as in the paper): `regnet_x_200mf_seed` is its RegNetX-200MF.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, SqueezeExcite, conv_bn, conv_bn_relu, init_convs
from engine.models.options import InitOption
from engine.models.resnet import Residual


class RegNetBlock(Residual):
    """1x1, 3x3 in groups of `group_width` channels, optional gates, 1x1; `width` channels throughout."""

    def __init__(self, cin: int, width: int, stride: int, group_width: int, excite: bool) -> None:
        body = nn.Sequential(
            conv_bn_relu(cin, width, 1),
            conv_bn_relu(width, width, 3, stride, width // group_width),
        )
        if excite:
            body.append(SqueezeExcite(width, round(cin / 4)))
        body.append(conv_bn(width, width, 1))
        super().__init__(body, cin, width, stride)


class RegNet(nn.Module):
    """Stem, four stages with strides 1, 1, 2 and 2, global average pooling, linear classifier.

    Args:
        depths: blocks in each stage.
        widths: channels in each stage.
        excite: whether blocks have squeeze-and-excitation.
    """

    def __init__(
        self,
        depths: Sequence[int],
        widths: Sequence[int],
        group_width: int,
        num_classes: int,
        in_channels: int,
        excite: bool = False,
        stem: int = 32,
        init: Init = "he",
    ) -> None:
        super().__init__()
        self.stem = conv_bn_relu(in_channels, stem, 3)
        self.stages = nn.Sequential()
        cin = stem
        for depth, width, stride in zip(depths, widths, (1, 1, 2, 2), strict=True):
            blocks = nn.Sequential()
            for i in range(depth):
                blocks.append(RegNetBlock(cin, width, stride if i == 0 else 1, group_width, excite))
                cin = width
            self.stages.append(blocks)
        self.head = nn.Linear(cin, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.stages(self.stem(x))  # (B, C, H / 4, W / 4)
        return self.head(x.mean((2, 3)))


@register(
    "model",
    title="RegNetX-200MF",
    family="regnet",
    year=2020,
    paper="2003.13678",
    params=2_319_482,
    aliases=("RegNetX_200MF",),
    gmacs=0.2209,
)
def regnet_x_200mf(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> RegNet:
    """RegNetX with 200 million multiply-adds on ImageNet."""
    return RegNet((1, 1, 4, 7), (24, 56, 152, 368), 8, num_classes, in_channels, init=init)


@register(
    "model",
    title="RegNetX-400MF",
    family="regnet",
    year=2020,
    paper="2003.13678",
    params=4_775_274,
    aliases=("RegNetX_400MF",),
    gmacs=0.4621,
)
def regnet_x_400mf(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> RegNet:
    """RegNetX with 400 million multiply-adds on ImageNet."""
    return RegNet((1, 2, 7, 12), (32, 64, 160, 384), 16, num_classes, in_channels, init=init)


@register(
    "model",
    title="RegNetY-400MF",
    family="regnet",
    year=2020,
    paper="2003.13678",
    params=3_907_554,
    aliases=("RegNetY_400MF",),
    gmacs=0.4495,
)
def regnet_y_400mf(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> RegNet:
    """RegNetY with 400 million multiply-adds on ImageNet, with squeeze-and-excitation."""
    return RegNet((1, 3, 6, 6), (48, 104, 208, 440), 8, num_classes, in_channels, excite=True, init=init)


@register(
    "model",
    title="RegNetX-200MF, wide stem",
    family="regnet",
    year=2020,
    paper="2003.13678",
    params=2_321_946,
    aliases=("regnet",),
    gmacs=0.2233,
)
def regnet_x_200mf_seed(num_classes: int = 10, in_channels: int = 3) -> RegNet:
    """RegNetX-200MF as in kuangliu/pytorch-cifar: stem of 64 channels, PyTorch's default initialization."""
    return RegNet((1, 1, 4, 7), (24, 56, 152, 368), 8, num_classes, in_channels, stem=64, init="torch")
