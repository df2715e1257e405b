"""Stochastic depth against its paper's equations 2 to 5."""

import pytest
import torch
from torch import nn

from engine.models.resnet import Residual
from engine.models.stochastic_depth import (
    StochasticDepth,
    stochastic_depth_resnet18_seed,
    stochastic_depth_resnet110,
    survivals,
)


def test_survival_falls_linearly_from_almost_one_to_that_of_the_last_block() -> None:
    assert survivals(4, 0.5) == [0.875, 0.75, 0.625, 0.5]
    blocks = [m for m in stochastic_depth_resnet110().modules() if isinstance(m, Residual)]
    assert [block.body[-1].survival for block in blocks] == pytest.approx([1 - n / 54 * 0.5 for n in range(1, 55)])


def test_the_seed_always_keeps_its_first_block() -> None:
    blocks = [m for m in stochastic_depth_resnet18_seed().modules() if isinstance(m, Residual)]
    assert [block.body[-1].survival for block in blocks] == pytest.approx(torch.linspace(1, 0.5, 8).tolist())


def test_one_coin_a_batch_keeps_all_images_or_none() -> None:
    torch.manual_seed(0)
    gate, x = StochasticDepth(0.7), torch.rand(3, 2, 4, 4) + 1
    kept = []
    for _ in range(2000):
        y = gate(x)
        assert torch.equal(y, x) or not y.any()
        kept.append(bool(y.any()))
    assert sum(kept) / len(kept) == pytest.approx(0.7, abs=0.03)  # three deviations


def test_a_coin_for_each_image_keeps_each_for_itself() -> None:
    torch.manual_seed(0)
    kept = StochasticDepth(0.7, "image")(torch.ones(2000, 1, 1, 1))
    assert set(kept.flatten().tolist()) == {0.0, 1.0}
    assert kept.mean().item() == pytest.approx(0.7, abs=0.03)


def test_evaluation_takes_the_expectation() -> None:
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(StochasticDepth(0.3).eval()(x), x * 0.3)


def test_a_block_without_its_body_is_the_relu_of_its_shortcut() -> None:
    body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), StochasticDepth(0.0))
    block, x = Residual(body, 4, 4, 1), torch.randn(2, 4, 5, 5)
    assert torch.equal(block(x), x.relu())
