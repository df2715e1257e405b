"""ResNeXt-29 for 32x32 images. Xie et al. 2016, arXiv:1611.05431.

The paper's CIFAR networks (section 5.3): a 3x3 stem of 64 channels and three stages of three bottleneck blocks at 32,
16 and 8 px. In "CxDd", a block of the first stage has C groups of D channels in its 3x3 convolution and 256 channels
outside it; both widths double from stage to stage. 8x64d has 34.4 M parameters and 16x64d 68.1 M, as in the paper's
table 7.

kuangliu/pytorch-cifar has a 1x1 stem, and its blocks put out twice their grouped width. The latter makes no difference
for 2x64d and 32x4d, but gives 8x64d 89.6 M parameters; `resnext29_2x64d_seed` therefore differs in its stem alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv_bn, conv_bn_relu
from engine.models.options import InitOption, ZeroInit
from engine.models.resnet import Residual, ResNet


class ResNeXtBlock(Residual):
    """1x1 to `groups` groups, grouped 3x3 with the stride, 1x1 up to four times `width` (figure 3c).

    Args:
        width: 64, 128 and 256 in the three stages; a group has `base_width * width / 64` channels.
        attention: makes a module for a number of channels; the module is applied to the body's output before the sum.
    """

    def __init__(
        self,
        cin: int,
        width: int,
        stride: int,
        groups: int,
        base_width: int,
        attention: Callable[[int], nn.Module] | None = None,
    ) -> None:
        inner, cout = groups * base_width * width // 64, 4 * width
        body = nn.Sequential(
            conv_bn_relu(cin, inner, 1),
            conv_bn_relu(inner, inner, 3, stride, groups),
            conv_bn(inner, cout, 1),
        )
        if attention is not None:
            body.append(attention(cout))
        super().__init__(body, cin, cout, stride)


def resnext29(
    groups: int,
    base_width: int,
    num_classes: int,
    in_channels: int,
    init: Init = "he",
    *,
    zero_init_residual: bool = False,
    attention: Callable[[int], nn.Module] | None = None,
) -> ResNet:
    """ResNeXt-29 with `groups` groups of `base_width` channels."""
    block = partial(ResNeXtBlock, groups=groups, base_width=base_width, attention=attention)
    return ResNet(block, (3, 3, 3), WIDTHS, num_classes, in_channels, init, zero_init_residual)


WIDTHS = (64, 128, 256)


@register(
    "model",
    title="ResNeXt-29, 2x64d",
    family="resnext",
    year=2016,
    paper="1611.05431",
    params=9_130_314,
    aliases=("ResNeXt29_2x64d",),
    gmacs=1.411,
)
def resnext29_2x64d(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNeXt-29 with 2 groups of 64 channels."""
    return resnext29(2, 64, num_classes, in_channels, init, zero_init_residual=zero_init_residual)


@register(
    "model",
    title="ResNeXt-29, 4x64d",
    family="resnext",
    year=2016,
    paper="1611.05431",
    params=17_562_442,
    aliases=("ResNeXt29_4x64d",),
    gmacs=2.736,
)
def resnext29_4x64d(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNeXt-29 with 4 groups of 64 channels."""
    return resnext29(4, 64, num_classes, in_channels, init, zero_init_residual=zero_init_residual)


@register(
    "model",
    title="ResNeXt-29, 8x64d",
    family="resnext",
    year=2016,
    paper="1611.05431",
    paper_result="96.35 %, mean of 10 runs",
    params=34_426_698,
    aliases=("ResNeXt29_8x64d",),
    gmacs=5.387,
)
def resnext29_8x64d(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNeXt-29 with 8 groups of 64 channels."""
    return resnext29(8, 64, num_classes, in_channels, init, zero_init_residual=zero_init_residual)


@register(
    "model",
    title="ResNeXt-29, 16x64d",
    family="resnext",
    year=2016,
    paper="1611.05431",
    paper_result="96.42 %, mean of 10 runs",
    params=68_155_210,
    aliases=("norm_resnext29_16x64d",),
    gmacs=10.69,
)
def resnext29_16x64d(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNeXt-29 with 16 groups of 64 channels."""
    return resnext29(16, 64, num_classes, in_channels, init, zero_init_residual=zero_init_residual)


@register(
    "model",
    title="ResNeXt-29, 32x4d",
    family="resnext",
    year=2016,
    paper="1611.05431",
    params=4_775_754,
    aliases=("ResNeXt29_32x4d",),
    gmacs=0.7741,
)
def resnext29_32x4d(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNeXt-29 with 32 groups of 4 channels."""
    return resnext29(32, 4, num_classes, in_channels, init, zero_init_residual=zero_init_residual)


@register(
    "model",
    title="ResNeXt-29, 16x8d",
    family="resnext",
    year=2016,
    paper="1611.05431",
    params=5_066_058,
    aliases=("norm_resnext29_16x8d",),
    gmacs=0.8165,
)
def resnext29_16x8d(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNeXt-29 with 16 groups of 8 channels."""
    return resnext29(16, 8, num_classes, in_channels, init, zero_init_residual=zero_init_residual)


@register(
    "model",
    title="ResNeXt-29, 16x16d",
    family="resnext",
    year=2016,
    paper="1611.05431",
    params=10_595_146,
    aliases=("norm_resnext29_16x16d",),
    gmacs=1.717,
)
def resnext29_16x16d(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNeXt-29 with 16 groups of 16 channels."""
    return resnext29(16, 16, num_classes, in_channels, init, zero_init_residual=zero_init_residual)


@register(
    "model",
    title="ResNeXt-29, 16x32d",
    family="resnext",
    year=2016,
    paper="1611.05431",
    params=25_136_970,
    aliases=("norm_resnext29_16x32d",),
    gmacs=4.028,
)
def resnext29_16x32d(
    num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he", zero_init_residual: ZeroInit = False
) -> ResNet:
    """ResNeXt-29 with 16 groups of 32 channels."""
    return resnext29(16, 32, num_classes, in_channels, init, zero_init_residual=zero_init_residual)


@register(
    "model",
    title="ResNeXt-29, 2x64d, 1x1 stem",
    family="resnext",
    year=2016,
    paper="1611.05431",
    params=9_128_778,
    aliases=("resnext",),
    gmacs=1.409,
)
def resnext29_2x64d_seed(num_classes: int = 10, in_channels: int = 3) -> ResNet:
    """ResNeXt-29, 2x64d, as in kuangliu/pytorch-cifar: 1x1 stem, PyTorch's default initialization."""
    model = resnext29(2, 64, num_classes, in_channels, init="torch")
    model.stem = conv_bn_relu(in_channels, 64, 1)
    return model
