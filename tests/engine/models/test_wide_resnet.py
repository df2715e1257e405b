"""WRN's sizes and starts; its blocks are tested as those of pre-activated ResNets."""

import math

import pytest
import torch

from engine.models.wide_resnet import wrn_16_4, wrn_28_10
from tests.engine.models.shapes import on_meta


def test_depth_and_widths_are_those_of_the_paper() -> None:
    with on_meta():
        model = wrn_28_10()
    assert [len(stage) for stage in model.stages] == [4, 4, 4]  # 6 * 4 + 4 = 28
    assert [stage[-1].cout for stage in model.stages] == [160, 320, 640]
    assert model.stem.out_channels == 16


def test_xavier_is_uniform_over_fan_in_and_fan_out() -> None:
    torch.manual_seed(0)
    weight = wrn_28_10(init="xavier").stages[0][0].body[0].weight  # 16 -> 160, 3x3
    bound = math.sqrt(6 / (9 * (16 + 160)))
    assert 0.99 * bound < weight.abs().max() <= bound


def test_xavier_covers_the_classifier_whose_bias_is_zero() -> None:
    torch.manual_seed(0)
    head = wrn_16_4(num_classes=100, init="xavier").head
    bound = math.sqrt(6 / (256 + 100))
    assert 0.99 * bound < head.weight.abs().max() <= bound
    assert head.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)
    assert (head.bias == 0).all()
