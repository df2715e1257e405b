"""LARS against `pytorch_optimizer` and the paper's algorithm in NumPy; LARC against its definition over torch's SGD."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_optimizer import LARS as Reference
from torch import Tensor, nn

from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer


@pytest.mark.parametrize("nesterov", [False, True])
def test_thirty_steps_of_a_falling_rate_equal_the_reference(nesterov: bool, twins: Any, plainly: Any) -> None:
    """It gives norms and biases plain steps without decay."""
    reference = Reference(
        twins.theirs.parameters(), 3.0, 1e-2, momentum=0.8, trust_coefficient=4e-3, nesterov=nesterov, dampening=0.0
    )
    options = {"lr": 3.0, "momentum": 0.8, "nesterov": nesterov, "weight_decay": 1e-2, "trust": 4e-3}
    twins.walk({"name": "lars", "decay_norm_bias": False} | options, plainly(reference))


def test_at_a_constant_rate_it_is_the_papers_algorithm(twins: Any) -> None:
    """Algorithm 1 for every layer: the rate is inside the momentum there, so only a constant one is the same."""
    lr, momentum, decay, trust = 2.0, 0.9, 5e-3, 0.01
    velocity: dict[nn.Parameter, np.ndarray] = {}

    def paper(closure: Callable[[], Tensor], factor: float) -> None:
        closure()
        for p in twins.theirs.parameters():
            w, g = p.detach().numpy(), p.grad.numpy()
            size = np.linalg.norm(w)
            local = trust * size / (np.linalg.norm(g) + decay * size) if size else 1.0
            velocity[p] = momentum * velocity.get(p, 0.0) + lr * local * (g + decay * w)
            p.data -= torch.from_numpy(velocity[p])

    options = {"lr": lr, "momentum": momentum, "weight_decay": decay, "trust": trust, "vectors": True}
    twins.walk({"name": "lars"} | options, paper, factor=lambda progress: 1.0)


def test_larc_equals_apex_on_top_of_torchs_sgd(twins: Any, plainly: Any) -> None:
    lr, decay, trust, eps = 0.05, 1e-2, 0.02, 1e-8
    sgd = torch.optim.SGD(twins.theirs.parameters(), lr, 0.9, foreach=False)
    ceilings = []

    def apex(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> tuple[Any, Any]:
        def scaled() -> Tensor:
            loss = args[1]()
            for p in twins.theirs.parameters():
                norm, size = p.grad.norm(), p.detach().norm()
                if norm and size:
                    rate = trust * size / (norm + size * decay + eps)
                    ceilings.append(bool(rate > optimizer.param_groups[0]["lr"]))
                    rate = min(rate / optimizer.param_groups[0]["lr"], 1)
                    p.grad = (p.grad + decay * p.detach()) * rate
            return loss

        return (optimizer, scaled), {}

    sgd.register_step_pre_hook(apex)
    twins.walk({"name": "larc", "lr": lr, "weight_decay": decay, "trust": trust, "eps": eps}, plainly(sgd))
    assert {True, False} == set(ceilings), "the ceiling should have been met by some layers and not by others"


@pytest.mark.parametrize("name", ["lars", "larc"])
def test_a_layer_of_zeros_can_start_to_move(name: str) -> None:
    model = nn.Linear(3, 2)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = build_optimizer(Choice(name=name, lr=0.1, vectors=True), model)
    (model(torch.ones(1, 3)) - 1).square().sum().backward()
    optimizer.step()
    torch.testing.assert_close(model.weight.data, torch.full((2, 3), 0.2))
    torch.testing.assert_close(model.bias.data, torch.full((2,), 0.2))
