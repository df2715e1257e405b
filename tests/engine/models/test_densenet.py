"""DenseNet against torchvision's."""

import torchvision
from torch import nn

from engine.models.densenet import DenseNet


def test_torchvision_weights_give_the_same_logits(transplant) -> None:
    theirs = torchvision.models.DenseNet(growth_rate=8, block_config=(2, 3, 2), num_init_features=16, num_classes=10)
    theirs.features.conv0 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
    theirs.features.norm0 = theirs.features.relu0 = theirs.features.pool0 = nn.Identity()
    transplant(DenseNet((2, 3, 2), 8, 10), theirs)
