"""Dual path networks for 32x32 images. Chen et al. 2017, arXiv:1707.01629.

A block adds to the first channels of its input, as a ResNeXt, and puts some more behind the last, as a DenseNet: 1x1,
3x3 in 32 groups, 1x1, each after batch norm and ReLU. The first block of a stage projects its input and strides. Stem:
3x3 with 64 channels, no max-pool. Start: He et al.'s.

- dpn92: the paper's net (table 1); dpn26: two blocks in each stage.
- kuangliu/pytorch-cifar activates after the convolutions: `dpn26_seed` is that net.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.contract.catalog import register
from engine.models.layers import Init, conv, conv_bn, conv_bn_relu, init_convs, norm_relu
from engine.models.options import InitOption

GROUPS = 32
STAGES = ((96, 256, 16), (192, 512, 32), (384, 1024, 24), (768, 2048, 128))  # inner, added, put behind


def join(x: Tensor, made: Tensor, added: int) -> Tensor:
    """Add the first `added` channels, put the rest of both behind each other."""
    return torch.cat((x[:, :added] + made[:, :added], x[:, added:], made[:, added:]), 1)


class DualPath(nn.Module):
    """The paper's pre-activated block; `behind` new channels more than came in, or `added` + 3 * `behind` at first.

    Args:
        first: of its stage: the input is projected to `added` + 2 * `behind` channels, with the stride.
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
        self.project = nn.Identity()
        if first:
            self.project = nn.Sequential(norm_relu(cin), conv(cin, added + 2 * behind, 1, stride))

    def forward(self, x: Tensor) -> Tensor:  # (B, cin, H, W) -> (B, cout, ceil(H / stride), ceil(W / stride))
        return join(self.project(x), self.body(x), self.added)


class PostActDualPath(nn.Module):
    """kuangliu's block: convolutions before their norms, ReLU after the joint; `added` + 2 * `behind` at first."""

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
    """3x3 stem, four stages of dual path blocks, mean over the map, linear classifier.

    Args:
        block: the paper's, followed by a last norm and ReLU, or kuangliu's.
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
    """DPN-26: residual and dense paths in one, two blocks a stage."""
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
    """DPN-92: residual and dense paths in one."""
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
    """DPN-26 as kuangliu/pytorch-cifar has it: activation after the convolutions, PyTorch's own start."""
    return DPN(PostActDualPath, (2, 2, 2, 2), num_classes, in_channels, "torch")
