"""`set_momentum` against torch's schedulers that cycle the momentum: equal weights after a whole training."""

import pytest
import torch
from torch.optim import lr_scheduler

from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer
from engine.optim.param_groups import set_lr, set_momentum
from engine.schedules import plan

STEPS = 60
PLAIN = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, 0.1, momentum=0.95),
    "adam": lambda parameters: torch.optim.Adam(parameters, 0.1, betas=(0.95, 0.999)),
}


def losses(model: torch.nn.Module, optimizer: torch.optim.Optimizer, before_step, after_step) -> torch.Tensor:
    """Fit a small regression; all losses."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for i in range(STEPS):
        x = torch.randn(16, 4, generator=generator)

        def closure(x: torch.Tensor = x) -> torch.Tensor:
            optimizer.zero_grad()
            loss = (model(x) - x.sum(1, keepdim=True)).square().mean()
            loss.backward()
            found.append(loss.detach())
            return loss

        before_step(i)
        optimizer.step(closure)
        after_step(i)
    return torch.stack(found)


def linear_model() -> torch.nn.Module:
    torch.manual_seed(1)
    return torch.nn.Linear(4, 1)


@pytest.mark.parametrize("name", PLAIN)
def test_a_training_whose_momentum_swings_is_torchs_one_cycle(name: str) -> None:
    theirs = linear_model()
    optimizer = PLAIN[name](theirs.parameters())
    pct = (0.4 * STEPS + 1) / (STEPS + 1)
    cycle = lr_scheduler.OneCycleLR(
        optimizer, 0.1, STEPS + 1, pct_start=pct, div_factor=10, final_div_factor=100,
        base_momentum=0.8, max_momentum=0.95,
    )  # fmt: skip
    want = losses(theirs, optimizer, lambda i: None, lambda i: cycle.step())

    ours = linear_model()
    own = {"momentum": 0.95} if name == "sgd" else {"beta1": 0.95}
    mine = build_optimizer(Choice(name=name, lr=0.1, **own), ours)
    at = plan(Choice(name="one_cycle", peak=0.4, start=0.1, final=0.001), 1)

    def move(i: int) -> None:
        factor, swing = at(i / STEPS)
        set_lr(mine, factor)
        set_momentum(mine, 0.8, swing)

    torch.testing.assert_close(losses(ours, mine, move, lambda i: None), want, rtol=1e-4, atol=1e-6)


def test_a_checkpoint_in_mid_swing_brings_the_momentum_that_it_swings_from() -> None:
    def built() -> torch.optim.Optimizer:
        return build_optimizer(Choice(name="sgd", lr=0.1, momentum=0.9), linear_model())

    first, second = built(), built()
    set_momentum(first, 0.5, 0.75)
    assert first.param_groups[0]["momentum"] == pytest.approx(0.6)
    second.load_state_dict(first.state_dict())
    set_momentum(second, 0.5, 0.0)
    assert second.param_groups[0]["momentum"] == pytest.approx(0.9)


def test_a_group_below_the_low_end_keeps_its_momentum() -> None:
    optimizer = torch.optim.SGD([torch.ones(1)], 0.1, momentum=0.3)
    set_momentum(optimizer, 0.5, 1.0)
    assert optimizer.param_groups[0]["momentum"] == 0.3
