"""VGG against torchvision's."""

import torchvision
from torch import nn

from engine.models.vgg import vgg11, vgg16


def test_torchvision_weights_give_the_same_logits(transplant) -> None:
    theirs = torchvision.models.vgg11_bn(init_weights=False)
    theirs.avgpool = nn.AdaptiveAvgPool2d(1)
    theirs.classifier = nn.Linear(512, 10)
    transplant(vgg11(), theirs, size=32)


def test_vgg16_has_thirteen_convolutions_and_five_max_pools() -> None:
    kinds = [type(module) for module in vgg16().modules()]
    assert (kinds.count(nn.Conv2d), kinds.count(nn.MaxPool2d)) == (13, 5)
