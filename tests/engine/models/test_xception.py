"""Xception against timm's."""

import pytest
from torch import nn

from engine.models.xception import xception


def test_timm_weights_give_the_same_logits(transplant) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("legacy_xception", num_classes=10)
    theirs.conv1.stride = (1, 1)
    theirs.conv1.padding = theirs.conv2.padding = (1, 1)
    theirs.block1.skip.stride = (1, 1)
    theirs.block1.rep = nn.Sequential(*list(theirs.block1.rep)[:-1])  # its max-pool
    transplant(xception(), theirs)
