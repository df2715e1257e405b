"""Wide residual networks. Zagoruyko & Komodakis 2016, arXiv:1605.07146.

WRN-d-k is a pre-activation CIFAR ResNet of depth d with k times as many channels: 16 in the stem, then 16k, 32k and 64k
in three stages of (d - 4) / 6 blocks. Dropout, if any, is applied between the two convolutions of a block; the paper
uses 0.3 on CIFAR. Convolutions use He initialization by default, as in the authors' code; "xavier" (Glorot & Bengio
2010, uniform, on convolutions and the classifier, whose bias is zero) is what pprp/pytorch-cifar-tricks used for its
WRN-28-10.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from engine.contract.catalog import Spec, register
from engine.models.preact_resnet import PreActBasic, PreActResNet
from engine.models.reinit import reinit

WideInitOption = Annotated[
    Literal["he", "torch", "xavier"],
    Spec("initialization of convolutions: He et al., PyTorch's default, or Glorot & Bengio, also for the classifier"),
]
Dropout = Annotated[float, Spec("dropout rate between the two convolutions of a block", ge=0.0, lt=1.0)]


def wide_resnet(
    depth: int, factor: int, num_classes: int, in_channels: int, dropout: float, init: Literal["he", "torch", "xavier"]
) -> PreActResNet:
    """WRN-`depth`-`factor`, where depth is 6n + 4."""
    block = partial(PreActBasic, dropout=dropout)
    widths = (16, 16 * factor, 32 * factor, 64 * factor)
    depths = ((depth - 4) // 6,) * 3
    model = PreActResNet(block, depths, widths, num_classes, in_channels, "torch" if init == "xavier" else init)
    if init == "xavier":
        reinit(model, "xavier")
    return model


@register(
    "model",
    title="WRN-16-4",
    family="wide_resnet",
    year=2016,
    paper="1605.07146",
    params=2_748_890,
    gmacs=0.3926,
)
def wrn_16_4(
    num_classes: int = 10, in_channels: int = 3, *, dropout: Dropout = 0.0, init: WideInitOption = "he"
) -> PreActResNet:
    """Wide ResNet with 16 layers and four times the width."""
    return wide_resnet(16, 4, num_classes, in_channels, dropout, init)


@register(
    "model",
    title="WRN-28-10",
    family="wide_resnet",
    year=2016,
    paper="1605.07146",
    paper_result="96.00 %, median of 5 runs",
    params=36_479_194,
    gmacs=5.243,
    aliases=("wideresnet",),
)
def wrn_28_10(
    num_classes: int = 10, in_channels: int = 3, *, dropout: Dropout = 0.0, init: WideInitOption = "he"
) -> PreActResNet:
    """Wide ResNet with 28 layers and ten times the width, the paper's best without dropout."""
    return wide_resnet(28, 10, num_classes, in_channels, dropout, init)


@register(
    "model",
    title="WRN-40-2",
    family="wide_resnet",
    year=2016,
    paper="1605.07146",
    params=2_243_546,
    gmacs=0.3276,
)
def wrn_40_2(
    num_classes: int = 10, in_channels: int = 3, *, dropout: Dropout = 0.0, init: WideInitOption = "he"
) -> PreActResNet:
    """Wide ResNet with 40 layers and twice the width."""
    return wide_resnet(40, 2, num_classes, in_channels, dropout, init)


@register(
    "model",
    title="WRN-40-10",
    family="wide_resnet",
    year=2016,
    paper="1605.07146",
    paper_result="96.2 % with dropout, one run",
    params=55_841_754,
    gmacs=8.074,
)
def wrn_40_10(
    num_classes: int = 10, in_channels: int = 3, *, dropout: Dropout = 0.0, init: WideInitOption = "he"
) -> PreActResNet:
    """Wide ResNet with 40 layers and ten times the width."""
    return wide_resnet(40, 10, num_classes, in_channels, dropout, init)
