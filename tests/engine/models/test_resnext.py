"""ResNeXt-29 against torchvision's blocks."""

import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck

from engine.models.resnext import resnext29, resnext29_4x64d
from tests.engine.models.shapes import on_meta


def torchvisions(groups: int, width: int) -> nn.Module:
    """The paper's CIFAR net, made of torchvision's ImageNet one."""
    theirs = torchvision.models.ResNet(Bottleneck, [3, 3, 3, 1], groups=groups, width_per_group=width)
    theirs.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    theirs.maxpool = theirs.layer4 = nn.Identity()
    theirs.fc = nn.Linear(1024, 10)
    return theirs


def test_torchvision_weights_give_the_same_logits(transplant) -> None:
    transplant(resnext29(4, 8, 10, 3), torchvisions(4, 8))


def test_4x64d_has_torchvisions_parameters() -> None:
    with on_meta():
        ours, theirs = (sum(p.numel() for p in m.parameters()) for m in (resnext29_4x64d(), torchvisions(4, 64)))
    assert ours == theirs
