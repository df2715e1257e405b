"""ShuffleNets: v2 against torchvision's, v1's unit against the paper's figure."""

import pytest
import torch
import torchvision
from torch import nn

from engine.models.shufflenet import ShuffleUnit, shuffle, shufflenet_g3, shufflenet_v2_x0_5, shufflenet_v2_x2


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (shufflenet_v2_x0_5, torchvision.models.shufflenet_v2_x0_5),
        (shufflenet_v2_x2, torchvision.models.shufflenet_v2_x2_0),
    ],
)
def test_torchvision_weights_give_the_same_logits(ours, theirs, transplant) -> None:
    reference = theirs(num_classes=10)
    reference.conv1[0].stride = (1, 1)
    reference.maxpool = nn.Identity()
    transplant(ours(), reference)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_shuffle_is_torchs_and_stays_channels_last(layout) -> None:
    x = torch.randn(2, 12, 3, 5).contiguous(memory_format=layout)
    mixed = shuffle(x, 3)
    assert torch.equal(mixed, torch.channel_shuffle(x, 3))
    assert mixed.is_contiguous(memory_format=torch.channels_last)


def test_a_halving_unit_puts_the_pooled_input_behind_what_it_makes() -> None:
    torch.manual_seed(0)
    unit = ShuffleUnit(24, 240, 2, groups=3, first=True)
    x = torch.rand(2, 24, 8, 8)
    made = unit(x)
    assert made.shape == (2, 240, 4, 4)
    assert torch.equal(made[:, -24:], nn.functional.avg_pool2d(x, 3, 2, 1))


def test_only_the_first_unit_reads_its_input_without_groups() -> None:
    groups = [unit.down[0].groups for unit in shufflenet_g3().stages]
    assert groups == [1] + [3] * 15
