"""Lookahead against `pytorch_optimizer` and the code of the speed records, its slow weights, and its checkpoints."""

import io
from typing import Any

import pytest
import torch
from airbench import utils
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


RECORDS: dict[str, Any] = {
    "lookahead": 5,
    "lookahead_alpha": 1.0,
    "lookahead_alpha_end": 1 - 0.95**5,
    "lookahead_buffers": True,
}


@pytest.mark.parametrize("steps", [15, 28])  # the last step is a synchronization, or three steps after one
def test_the_form_of_the_speed_records_equals_their_own_code(twins: Any, steps: int) -> None:
    """Of weights and of the statistics of batch norm; the record's slow weights are in the net after the last step."""
    ours, theirs = twins.ours.float(), twins.theirs.float()  # the record's code passes over float64
    optimizer = build_optimizer(Choice(name="sgd", lr=0.1, momentum=0.9, **RECORDS), ours, steps=steps)
    inner, record = torch.optim.SGD(theirs.parameters(), 0.1, 0.9), utils.LookaheadState(theirs)
    keep = 0.95**5 * (torch.arange(steps + 1) / steps) ** 3  # as in `utils.train`
    for step in range(1, steps + 1):
        optimizer.step(twins.closure(ours, step))
        inner.step(twins.closure(theirs, step))
        if step % 5 == 0:
            record.update(theirs, decay=keep[step].item())
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-4, atol=1e-5)
    record.update(theirs, decay=1.0)
    torch.testing.assert_close(evaluated_state(ours, optimizer), theirs.state_dict(), rtol=1e-4, atol=1e-5)
    with at_slow_weights(optimizer):
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("buffers", [False, True])
def test_evaluation_sees_slow_statistics_only_if_they_are_asked_for(twins: Any, buffers: bool) -> None:
    options = {"lookahead": 3, "lookahead_buffers": buffers}
    optimizer = build_optimizer(Choice(name="sgd", lr=0.1, **options), twins.ours)
    for step in range(4):
        optimizer.step(twins.closure(twins.ours, step))
    before = {name: value.clone() for name, value in twins.ours.state_dict().items()}
    seen = evaluated_state(twins.ours, optimizer)
    with at_slow_weights(optimizer):
        torch.testing.assert_close(twins.ours.state_dict(), seen, rtol=0, atol=0)
        others = {name for name, value in twins.ours.state_dict().items() if not torch.equal(value, before[name])}
    trained = {name for name, _ in twins.ours.named_parameters()}
    assert others == trained | ({"1.running_mean", "1.running_var"} if buffers else set())
    torch.testing.assert_close(twins.ours.state_dict(), before, rtol=0, atol=0)


def one_weight(**options: Any) -> tuple[nn.Linear, torch.optim.Optimizer]:
    """A weight whose gradient is always 1, at 0, trained with steps of 1."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    choice = Choice(name="sgd", lr=1.0, momentum=0.0, **options)
    return model, build_optimizer(choice, model, steps=12)


def step(model: nn.Linear, optimizer: torch.optim.Optimizer) -> float:
    model.weight.grad = torch.ones_like(model.weight)
    optimizer.step()
    return model.weight.item()


def test_every_third_step_goes_half_the_way_back() -> None:
    model, optimizer = one_weight(lookahead=3)
    assert [step(model, optimizer) for _ in range(6)] == [-1, -2, -1.5, -2.5, -3.5, -3]


def test_alpha_moves_to_its_end_with_the_cube_of_the_progress() -> None:
    """Of 12 steps: 1 - 0.8 / 8 after the sixth, 0.2 after the last, and so from there on."""
    model, optimizer = one_weight(lookahead=6, lookahead_alpha=1.0, lookahead_alpha_end=0.2)
    at = [step(model, optimizer) for _ in range(18)]
    assert at[5] == pytest.approx(-6 * 0.9)
    assert at[11] == pytest.approx(at[5] - 6 * 0.2)
    assert at[17] == pytest.approx(at[11] - 6 * 0.2)


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


@pytest.mark.parametrize("options", [{}, {"lookahead_alpha": 0.9, "lookahead_alpha_end": 0.1}])
@pytest.mark.parametrize("done", [0, 1, 3])
def test_a_saved_state_brings_the_slow_weights(done: int, options: dict[str, Any]) -> None:
    model, optimizer = one_weight(lookahead=3, **options)
    for _ in range(done):
        step(model, optimizer)
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    again, restored = one_weight(lookahead=3, **options)
    again.load_state_dict(saved["model"])
    restored.load_state_dict(saved["optimizer"])
    assert [step(again, restored) for _ in range(7)] == [step(model, optimizer) for _ in range(7)]
