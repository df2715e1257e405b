"""Dual path networks for 32x32 images. Chen et al. 2017, arXiv:1707.01629.

A block adds to the first channels of its input, like a ResNeXt, and appends new channels, like a DenseNet. It consists
of 1x1, 3x3 in 32 groups and 1x1 convolutions, each preceded by batch norm and ReLU. The first block of a stage projects
its input and strides. The stem is 3x3 with 64 channels and no max-pool. Convolutions use He initialization by default.

- dpn92: the paper's network (table 1); dpn26: two blocks in each stage.
- kuangliu/pytorch-cifar activates after the convolutions: `dpn26_seed` is that network.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv, conv_bn, conv_bn_relu, init_convs, norm_relu
from engine.models.options import InitOption

GROUPS = 32
STAGES = ((96, 256, 16), (192, 512, 32), (384, 1024, 24), (768, 2048, 128))  # inner, added and appended channels


def join(x: Tensor, made: Tensor, added: int) -> Tensor:
    """Add the first `added` channels of both, and concatenate the remaining ones."""
    return torch.cat((x[:, :added] + made[:, :added], x[:, added:], made[:, added:]), 1)


class DualPath(nn.Module):
    """The paper's pre-activation block, which appends `behind` channels to its input.

    The first block of a stage has `added` + 3 * `behind` output channels.

    Args:
        first: whether this is the first block of a stage, whose input is projected to `added` + 2 * `behind` channels,
            with the stride.
    """

    def __init__(self, cin: int, inner: int, added: int, behind: int, stride: int, first: bool) -> None:
        super().__init__()
        self.added = added
        self.body = nn.Sequential(
            norm_relu(cin),
            conv(cin, inner, 1),
            norm_relu(inner),
            conv(inner, inner, 3, stride, GROUPS),
            norm_relu(inner),
            conv(inner, added + behind, 1),
        )
        self.project: nn.Module = nn.Identity()
        if first:
            self.project = nn.Sequential(norm_relu(cin), conv(cin, added + 2 * behind, 1, stride))

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride))
        return join(self.project(x), self.body(x), self.added)


class PostActDualPath(nn.Module):
    """Block of kuangliu/pytorch-cifar: norms after the convolutions, ReLU after the join.

    The first block of a stage has `added` + 2 * `behind` output channels.
    """

    def __init__(self, cin: int, inner: int, added: int, behind: int, stride: int, first: bool) -> None:
        super().__init__()
        self.added = added
        self.body = nn.Sequential(
            conv_bn_relu(cin, inner, 1),
            conv_bn_relu(inner, inner, 3, stride, GROUPS),
            conv_bn(inner, added + behind, 1),
        )
        self.project = conv_bn(cin, added + behind, 1, stride) if first else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return join(self.project(x), self.body(x), self.added).relu_()


class DPN(nn.Module):
    """3x3 stem, four stages of dual path blocks, global average pooling, linear classifier.

    Args:
        block: `DualPath`, followed by a final norm and ReLU, or `PostActDualPath`.
        depths: blocks in each stage.
    """

    def __init__(
        self,
        block: type[DualPath] | type[PostActDualPath],
        depths: Sequence[int],
        num_classes: int,
        in_channels: int,
        init: Init,
    ) -> None:
        super().__init__()
        cin = 64
        self.stem = conv_bn_relu(in_channels, cin, 3)
        self.stages = nn.Sequential()
        for stage, (depth, (inner, added, behind)) in enumerate(zip(depths, STAGES, strict=True)):
            blocks = nn.Sequential()
            for i in range(depth):
                blocks.append(block(cin, inner, added, behind, 2 if stage > 0 and i == 0 else 1, i == 0))
                if i == 0:
                    cin = added + (2 if block is DualPath else 1) * behind
                cin += behind
            self.stages.append(blocks)
        self.norm = norm_relu(cin) if block is DualPath else nn.Identity()
        self.head = nn.Linear(cin, num_classes)
        init_convs(self, init)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, num_classes)
        x = self.norm(self.stages(self.stem(x)))  # (B, C, H / 8, W / 8)
        return self.head(x.mean((2, 3)))


@register(
    "model",
    title="DPN-26",
    family="dpn",
    year=2017,
    paper="1707.01629",
    params=11_987_898,
    aliases=("DPN26",),
    gmacs=0.69,
)
def dpn26(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> DPN:
    """DPN-26: residual and dense paths combined, two blocks per stage."""
    return DPN(DualPath, (2, 2, 2, 2), num_classes, in_channels, init)


@register(
    "model",
    title="DPN-92",
    family="dpn",
    year=2017,
    paper="1707.01629",
    params=34_998_602,
    aliases=("DPN92",),
    gmacs=2.085,
)
def dpn92(num_classes: int = 10, in_channels: int = 3, *, init: InitOption = "he") -> DPN:
    """DPN-92: residual and dense paths combined."""
    return DPN(DualPath, (3, 4, 20, 3), num_classes, in_channels, init)


@register(
    "model",
    title="DPN-26, post-activated",
    family="dpn",
    year=2017,
    paper="1707.01629",
    params=11_574_842,
    aliases=("dpn",),
    gmacs=0.6651,
)
def dpn26_seed(num_classes: int = 10, in_channels: int = 3) -> DPN:
    """DPN-26 as in kuangliu/pytorch-cifar: activation after the convolutions, PyTorch's default initialization."""
    return DPN(PostActDualPath, (2, 2, 2, 2), num_classes, in_channels, "torch")
