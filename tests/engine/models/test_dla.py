"""DLA-34 against timm's."""

import pytest
from torch import nn

from engine.models.dla import dla


def test_timm_weights_give_the_same_logits(transplant) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("dla34", num_classes=10)
    theirs.base_layer[0] = nn.Conv2d(3, 16, 3, padding=1, bias=False)
    theirs.level1[0].stride = (1, 1)
    theirs.level2.downsample = nn.Identity()
    theirs.level2.tree1.conv1.stride = (1, 1)
    transplant(dla(), theirs)
