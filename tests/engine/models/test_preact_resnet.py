"""Pre-activated ResNets against timm's, and the order of norm, ReLU and shortcut."""

import pytest
import torch
from torch import nn

from engine.models.preact_resnet import PreActBasic, PreActBottleneck, PreActResNet, preact_resnet18_seed
from engine.models.wide_resnet import wrn_16_4


@pytest.mark.parametrize("block", ["basic", "bottleneck"])
def test_timm_weights_give_the_same_logits(block: str, transplant) -> None:
    resnetv2 = pytest.importorskip("timm.models.resnetv2")
    timms = resnetv2.PreActBasic if block == "basic" else resnetv2.PreActBottleneck
    factor = 1 if block == "basic" else 4
    theirs = resnetv2.ResNetV2(
        layers=[1, 2, 1, 1],
        channels=[factor * width for width in (64, 128, 256, 512)],
        num_classes=10,
        basic=block == "basic",
        bottle_ratio=1 if block == "basic" else 0.25,
        conv_layer=lambda *a, bias=False, **k: resnetv2.create_conv2d(*a, **k),
        norm_layer=resnetv2.BatchNormAct2d,
    )
    assert isinstance(theirs.stages[0].blocks[0], timms)
    theirs.stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    ours = PreActResNet(
        PreActBasic if block == "basic" else PreActBottleneck, (1, 2, 1, 1), (64, 64, 128, 256, 512), 10
    )
    transplant(ours, theirs)


def test_a_block_that_keeps_its_shape_adds_its_untouched_input() -> None:
    torch.manual_seed(0)
    block = PreActBasic(8, 8, 1)
    nn.init.zeros_(block.body[-1].weight)
    x = torch.randn(2, 8, 4, 4)
    assert torch.equal(block(x), x)


def test_a_block_that_changes_the_shape_projects_what_is_activated() -> None:
    torch.manual_seed(0)
    block = PreActBasic(8, 16, 2)
    nn.init.zeros_(block.body[-1].weight)
    x = torch.randn(2, 8, 4, 4)
    assert torch.equal(block(x), block.project(block.norm(x)))


def test_dropout_falls_between_the_two_convolutions_of_a_wide_block() -> None:
    body = wrn_16_4(dropout=0.3).stages[0][0].body
    assert [type(m).__name__ for m in body] == ["Conv2d", "Sequential", "Dropout", "Conv2d"]
    assert body[2].p == 0.3


def test_the_seed_ends_without_a_norm() -> None:
    assert isinstance(preact_resnet18_seed().norm, nn.Identity)
