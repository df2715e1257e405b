"""MobileNets against torchvision's and timm's."""

import pytest
import torchvision
from torch import nn

from engine.models.mobilenet import mobilenet, mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small


@pytest.mark.parametrize(
    ("ours", "theirs", "first"),
    [
        (mobilenet_v2, torchvision.models.mobilenet_v2, 2),
        (mobilenet_v3_small, torchvision.models.mobilenet_v3_small, 1),
        (mobilenet_v3_large, torchvision.models.mobilenet_v3_large, 2),
    ],
)
def test_torchvision_weights_give_the_same_logits(ours, theirs, first: int, transplant) -> None:
    reference = theirs(num_classes=10)
    reference.features[0][0].stride = (1, 1)
    for module in reference.features[first].modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
    if first == 1:
        reference.features[1].use_res_connect = True  # it keeps its shape here, so the input is added
    transplant(ours(), reference)


def test_timm_weights_give_the_same_logits(transplant) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("mobilenetv1_100", num_classes=10, act_layer=nn.ReLU)
    theirs.conv_stem.stride = (1, 1)
    transplant(mobilenet(), theirs)
