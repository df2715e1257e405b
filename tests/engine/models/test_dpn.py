"""Dual path networks against timm's."""

import pytest
from torch import nn

from engine.models.dpn import dpn26, dpn92
from tests.engine.models.shapes import on_meta


def test_timm_weights_give_the_same_logits(transplant) -> None:
    timm = pytest.importorskip("timm")
    theirs = timm.models.dpn.DPN(k_sec=(2, 2, 2, 2), num_classes=10, fc_act_layer="relu")
    theirs.features.conv1_1.conv = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    theirs.features.conv1_pool = nn.Identity()
    transplant(dpn26(), theirs)


def test_dpn92_is_timms_but_for_the_stem() -> None:
    timm = pytest.importorskip("timm")
    with on_meta():
        theirs, ours = timm.create_model("dpn92", num_classes=10), dpn92()
    counts = [sum(p.numel() for p in model.parameters()) for model in (theirs, ours)]
    assert counts[0] - counts[1] == 64 * 3 * (7**2 - 3**2)
