"""Residual attention networks for 32x32 images. Wang et al. 2017, arXiv:1704.06904.

Pre-activation bottlenecks with attention modules between the stages. In a module, the output of a trunk of two blocks
is multiplied by 1 + M, where the mask M in [0, 1] comes from an hourglass that pools the feature map down and
interpolates it back up, with blocks along the way and across (figures 2 and 3 with p = 1, t = 2, r = 1; equation 3).
Attention-56 has one module per stage; Attention-92 has one, two and three. Units and convolutions are those of the
authors' released networks (fwang91/residual-attention-network a80220a). With 1000 outputs and the 7x7 stem, the
parameter counts match theirs: 31,810,728 and 52,466,344. The paper lists 31.9 M, which is the first count plus the
running statistics of the norms, and 51.3 M, which does not match the released network either.

The stem is 3x3 and keeps the resolution, so the stages work at 32, 16, 8 and 4 px. The hourglasses reach down to 4 px
(three, two and one halvings), where the paper's reach 7 px. Convolutions use He initialization by default.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from engine.contract.catalog import register
from engine.models.layers import Init, conv, conv_bn_relu, init_convs, norm_relu
from engine.models.options import InitOption
from engine.models.preact_resnet import PreActBottleneck


def unit(width: int) -> PreActBottleneck:
    """A residual unit that keeps the shape of its input."""
    return PreActBottleneck(width, width // 4, 1)


class Hourglass(nn.Module):
    """Pooling, a unit, a smaller hourglass in parallel with a unit, a unit, and interpolation to the input size.

    (B, width, H, W) -> (B, width, H, W).

    Args:
        halvings: how often the map is halved, 1 or more; at 1 there is no smaller hourglass.
    """

    def __init__(self, width: int, halvings: int) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.enter = unit(width)
        self.inner = Hourglass(width, halvings - 1) if halvings > 1 else None
        self.across = unit(width) if halvings > 1 else None
        self.leave = unit(width)

    def forward(self, x: Tensor) -> Tensor:
        y = self.enter(self.pool(x))
        if self.inner is not None and self.across is not None:
            y = self.inner(y) + self.across(y)
        return F.interpolate(self.leave(y), size=x.shape[2:], mode="bilinear", align_corners=True)


class Attention(nn.Module):
    """A unit, two units multiplied by 1 + mask, and a unit; (B, width, H, W) -> (B, width, H, W)."""

    def __init__(self, width: int, halvings: int) -> None:
        super().__init__()
        self.enter = unit(width)
        self.trunk = nn.Sequential(unit(width), unit(width))
        self.mask = nn.Sequential(
            Hourglass(width, halvings),
            norm_relu(width),
            conv(width, width, 1),
            norm_relu(width),
            conv(width, width, 1),
            nn.Sigmoid(),
        )
        self.leave = unit(width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.leave(self.trunk(x) * (1 + self.mask(x)))


class AttentionNet(nn.Module):
    """3x3 stem, three stages that end in attention modules, three more blocks, norm, average pooling, classifier.

    Args:
        modules: attention modules in each of the first three stages.
    """

    def __init__(self, modules: Sequence[int], num_classes: int, in_channels: int, init: Init) -> None:
        super().__init__()
        self.features = nn.Sequential(conv_bn_relu(in_channels, 64, 3))
        cin = 64
        for stage, number in enumerate(modules):
            width = 256 << stage
            self.features.append(PreActBottleneck(cin, width // 4, 1 if stage == 0 else 2))
            self.features.extend([Attention(width, 3 - stage) for _ in range(number)])
            cin = width
        self.features.extend([PreActBottleneck(cin, 512, 2), unit(2048), unit(2048), norm_relu(2048)])
        self.head = nn.Linear(2048, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.features(x)  # (B, 2048, H / 8, W / 8)
        return self.head(x.mean((2, 3)))


@register(
    "model", title="Attention-56", family="attention", year=2017, paper="1704.06904", params=29_774_538, gmacs=2.01
)
def attention56(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> AttentionNet:
    """Residual attention network with one attention module in each of its three stages."""
    return AttentionNet((1, 1, 1), num_classes, in_channels, init)


@register(
    "model", title="Attention-92", family="attention", year=2017, paper="1704.06904", params=50_430_154, gmacs=3.402
)
def attention92(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> AttentionNet:
    """Residual attention network with one, two and three attention modules in its three stages."""
    return AttentionNet((1, 2, 3), num_classes, in_channels, init)
