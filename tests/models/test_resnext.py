"""ResNeXt-29 against torchvision's blocks."""

import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck

from engine.models.resnext import resnext29


def test_torchvision_weights_give_the_same_logits(transplant) -> None:
    theirs = torchvision.models.ResNet(Bottleneck, [3, 3, 3, 1], num_classes=10, groups=4, width_per_group=8)
    theirs.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    theirs.maxpool = theirs.layer4 = nn.Identity()
    theirs.fc = nn.Linear(1024, 10)
    transplant(resnext29(4, 8, 10, 3), theirs)
