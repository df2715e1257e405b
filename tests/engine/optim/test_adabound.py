"""AdaBound and AdaBoundW against `pytorch_optimizer`, and what the bounds do."""

from typing import Any

import pytest
import torch
from pytorch_optimizer import AdaBound as Reference
from torch import nn

from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer
from engine.optim.param_groups import set_lr

CASES: list[dict[str, Any]] = [
    {"name": "adabound", "lr": 1e-2, "final_lr": 0.05, "gamma": 0.05},
    {"name": "adabound", "lr": 1e-2, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6, "weight_decay": 0.02, "amsbound": True},
    {"name": "adaboundw", "lr": 0.1, "final_lr": 0.3, "gamma": 0.01, "weight_decay": 0.3},
]


@pytest.mark.parametrize("options", CASES, ids=lambda options: options["name"])
def test_thirty_steps_of_a_falling_rate_equal_the_reference(options: dict[str, Any], twins: Any, plainly: Any) -> None:
    reference = Reference(
        twins.theirs.parameters(),
        options["lr"],
        options.get("final_lr", 0.1),
        (options.get("beta1", 0.9), options.get("beta2", 0.999)),
        options.get("gamma", 1e-3),
        options.get("weight_decay", 0.0),
        weight_decouple=options["name"] == "adaboundw",
        ams_bound=options.get("amsbound", False),
        eps=options.get("eps", 1e-8),
    )
    twins.walk(options, plainly(reference))


def test_the_first_step_is_adams_and_the_last_ones_are_sgds() -> None:
    """Far from its bounds the rate is lr / |g|; when they have closed it is final_lr, with Adam's mean for momentum."""
    weight = nn.Parameter(torch.tensor([2.0, -4.0], dtype=torch.float64))
    model = nn.Module()
    model.weight = weight
    optimizer = build_optimizer(Choice(name="adabound", lr=0.01, final_lr=0.1, gamma=1.0, beta1=0.0), model)
    weight.grad = torch.tensor([0.3, -0.03], dtype=torch.float64)
    optimizer.param_groups[0]["gamma"] = 1e-12
    optimizer.step()
    torch.testing.assert_close(weight.data, torch.tensor([1.99, -3.99], dtype=torch.float64), rtol=1e-6, atol=0)
    optimizer.param_groups[0]["gamma"] = 1e12
    before = weight.detach().clone()
    optimizer.step()
    torch.testing.assert_close(weight.data, before - 0.1 * weight.grad, rtol=1e-9, atol=0)


def test_a_rate_of_zero_leaves_the_weights_alone() -> None:
    model = nn.Linear(3, 2)
    before = model.weight.detach().clone()
    optimizer = build_optimizer(Choice(name="adabound", weight_decay=0.1), model)
    model(torch.ones(1, 3)).sum().backward()
    set_lr(optimizer, 0.0)
    optimizer.step()
    assert torch.equal(model.weight, before)
