"""EfficientNet-B0 against torchvision's, and its drop connect."""

import pytest
import torchvision
from torch import nn

from engine.models.efficientnet import efficientnet_b0
from engine.models.transformer_layers import DropPath


def test_torchvision_weights_give_the_same_logits(transplant) -> None:
    theirs = torchvision.models.efficientnet_b0(num_classes=10, stochastic_depth_prob=0.0)
    theirs.features[0][0].stride = (1, 1)
    for module in theirs.features[2].modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
    transplant(efficientnet_b0(drop_path=0.0), theirs)


def test_drop_connect_grows_linearly_over_the_blocks_that_have_a_shortcut() -> None:
    rates = {i: block.body[-1].rate for i, block in enumerate(efficientnet_b0().blocks) if block.shortcut is not None}
    assert all(isinstance(efficientnet_b0().blocks[i].body[-1], DropPath) for i in (2, 14))
    assert rates == pytest.approx({i: 0.2 * i / 16 for i in (2, 4, 6, 7, 9, 10, 12, 13, 14)})
