"""RegNets against timm's."""

import pytest

from engine.models.regnet import regnet_x_200mf, regnet_y_400mf


@pytest.mark.parametrize(("ours", "name"), [(regnet_x_200mf, "regnetx_002"), (regnet_y_400mf, "regnety_004")])
def test_timm_weights_give_the_same_logits(ours, name: str, transplant) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.create_model(name, num_classes=10)
    theirs.stem.conv.stride = (1, 1)
    for stage in (theirs.s1, theirs.s2):
        stage.b1.conv2.conv.stride = stage.b1.downsample.conv.stride = (1, 1)
    transplant(ours(), theirs)
