"""Lookahead against `pytorch_optimizer`, its slow weights, and its checkpoints."""

import io
from typing import Any

import pytest
import torch
from pytorch_optimizer import Lookahead as Reference
from torch import nn

from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer
from engine.optim.lookahead import at_slow_weights, evaluated_state, slow_weights


@pytest.mark.parametrize("every", [1, 4])
def test_around_sgd_thirty_steps_equal_the_reference(every: int, twins: Any, plainly: Any) -> None:
    inner = torch.optim.SGD(twins.theirs.parameters(), 0.1, 0.9, weight_decay=1e-2, foreach=False)
    options = {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-2, "lookahead": every, "lookahead_alpha": 0.4}
    twins.walk({"name": "sgd"} | options, plainly(Reference(inner, every, 0.4)))


def test_around_adamw_thirty_steps_equal_the_reference(twins: Any, plainly: Any) -> None:
    inner = torch.optim.AdamW(twins.theirs.parameters(), 0.01, weight_decay=0.1, foreach=False)
    options = {"lr": 0.01, "weight_decay": 0.1, "lookahead": 5, "lookahead_alpha": 0.8}
    twins.walk({"name": "adamw"} | options, plainly(Reference(inner, 5, 0.8)))


def one_weight(**options: Any) -> tuple[nn.Linear, torch.optim.Optimizer]:
    """A weight whose gradient is always 1, at 0, trained with steps of 1."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    choice = Choice(name="sgd", lr=1.0, momentum=0.0, **options)
    return model, build_optimizer(choice, model)


def step(model: nn.Linear, optimizer: torch.optim.Optimizer) -> float:
    model.weight.grad = torch.ones_like(model.weight)
    optimizer.step()
    return model.weight.item()


def test_every_third_step_goes_half_the_way_back() -> None:
    model, optimizer = one_weight(lookahead=3)
    assert [step(model, optimizer) for _ in range(6)] == [-1, -2, -1.5, -2.5, -3.5, -3]


def test_evaluation_sees_the_slow_weights_and_leaves_the_others_as_they_were() -> None:
    model, optimizer = one_weight(lookahead=3)
    for _ in range(5):
        step(model, optimizer)
    assert model.weight.item() == -3.5
    with at_slow_weights(optimizer):
        assert model.weight.item() == -1.5
    assert model.weight.item() == -3.5
    assert evaluated_state(model, optimizer)["weight"].item() == -1.5
    assert step(model, optimizer) == -3
    assert slow_weights(optimizer) == [], "at a meeting both are the same"


def test_without_lookahead_evaluation_sees_the_weights() -> None:
    model, optimizer = one_weight()
    step(model, optimizer)
    with at_slow_weights(optimizer):
        assert model.weight.item() == -1
    assert evaluated_state(model, optimizer)["weight"].item() == -1


def test_weights_may_be_loaded_until_the_first_step() -> None:
    model, optimizer = one_weight(lookahead=2)
    model.load_state_dict({"weight": torch.full((1, 1), 10.0)})
    assert [step(model, optimizer) for _ in range(2)] == [9, 9]


@pytest.mark.parametrize("done", [0, 1, 3])
def test_a_saved_state_brings_the_slow_weights(done: int) -> None:
    model, optimizer = one_weight(lookahead=3)
    for _ in range(done):
        step(model, optimizer)
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    again, restored = one_weight(lookahead=3)
    again.load_state_dict(saved["model"])
    restored.load_state_dict(saved["optimizer"])
    assert [step(again, restored) for _ in range(4)] == [step(model, optimizer) for _ in range(4)]
