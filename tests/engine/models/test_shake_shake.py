"""Shake-Shake: its coefficients against the paper's rules, its grouped branches against two separate ones."""

import math

import pytest
import torch
from torch.nn import functional as F

from engine.models.shake_shake import (
    FactorizedReduction,
    Shake,
    ShakeBlock,
    shake_resnet26_2x32d,
    shake_resnet26_2x32d_seed,
)


def draws(images: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The share of the first branch on the way forward and back, for each image."""
    torch.manual_seed(0)
    branches = torch.cat((torch.ones(images, 2, 3, 3), torch.zeros(images, 2, 3, 3)), 1).requires_grad_()
    mixed = Shake()(branches)
    mixed.sum().backward()
    there, back = mixed.detach(), branches.grad
    assert (there == there[:, :1, :1, :1]).all()  # one coefficient an image
    assert (back[:, :2] == back[:, :1, :1, :1]).all()
    torch.testing.assert_close(back[:, :2] + back[:, 2:], torch.ones(images, 2, 3, 3))
    return there[:, 0, 0, 0], back[:, 0, 0, 0]


def test_forward_and_backward_shares_are_uniform_and_independent() -> None:
    for share in draws(4000):
        assert share.min() >= 0 and share.max() < 1
        assert share.mean().item() == pytest.approx(0.5, abs=0.02)
        assert share.std().item() == pytest.approx(math.sqrt(1 / 12), abs=0.01)
    correlation = torch.corrcoef(torch.stack(draws(4000)))[0, 1]
    assert abs(correlation) < 0.05


def test_training_mixes_with_a_and_one_minus_a() -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 8, 3, 3)
    torch.manual_seed(1)
    mixed = Shake()(x)
    torch.manual_seed(1)
    share = torch.rand(2, 5, 1, 1, 1)[0]
    torch.testing.assert_close(mixed, share * x[:, :4] + (1 - share) * x[:, 4:])


def test_evaluation_takes_both_branches_by_half() -> None:
    x = torch.randn(2, 6, 4, 4)
    torch.testing.assert_close(Shake().eval()(x), (x[:, :3] + x[:, 3:]) / 2)


def test_the_grouped_convolutions_are_two_branches() -> None:
    torch.manual_seed(0)
    block, x = ShakeBlock(6, 6, 1).eval(), torch.randn(2, 6, 5, 5)
    (first, first_norm), (second, second_norm) = block.branches[1], block.branches[3]
    total = x.clone()
    for half in (slice(0, 6), slice(6, 12)):
        y = F.conv2d(x.relu(), first.weight[half], padding=1)
        y = F.batch_norm(y, first_norm.running_mean[half], first_norm.running_var[half])
        y = F.conv2d(y.relu(), second.weight[half], padding=1)
        total += F.batch_norm(y, second_norm.running_mean[half], second_norm.running_var[half]) / 2
    with torch.no_grad():
        torch.testing.assert_close(block(x), total)


def test_the_shortcut_reads_every_other_pixel_and_their_lower_right_neighbours() -> None:
    torch.manual_seed(0)
    shortcut, x = FactorizedReduction(3, 4, 2).eval(), torch.rand(2, 3, 6, 6)
    with torch.no_grad():
        straight = F.conv2d(x[:, :, ::2, ::2], shortcut.straight.weight)
        shifted = F.conv2d(x[:, :, 1::2, 1::2], shortcut.shifted.weight)
        torch.testing.assert_close(shortcut(x), torch.cat((straight, shifted), 1) / math.sqrt(1 + 1e-5))


def test_each_branch_starts_as_he_et_al_say() -> None:
    torch.manual_seed(0)
    convs = [shake_resnet26_2x32d().stages[2][1].branches[i][0] for i in (1, 3)]
    for conv in convs:
        assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (9 * 128)), rel=0.02)


def test_the_seeds_branches_start_by_fan_in_and_its_classifier_without_a_bias() -> None:
    torch.manual_seed(0)
    model = shake_resnet26_2x32d_seed()
    widening = model.stages[2][0].branches  # 64 -> twice 128 channels, where fan-in and fan-out differ
    for conv, fan_in in ((widening[1][0], 9 * 64), (widening[3][0], 9 * 128)):
        assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.02)
    assert (model.head.bias == 0).all()
