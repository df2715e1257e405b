"""SGD, Adam and AdamW against torch's plain loop implementation, in fp64 and step by step."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer
from engine.optim.param_groups import set_lr

Reference = Callable[[list[nn.Parameter], list[nn.Parameter]], torch.optim.Optimizer]


def groups(weights: list, vectors: list, decay: float, vector_decay: float) -> list[dict[str, Any]]:
    return [{"params": weights, "weight_decay": decay}, {"params": vectors, "weight_decay": vector_decay}]


CASES: list[tuple[Choice, Reference]] = [
    (
        Choice(name="sgd", lr=0.2, momentum=0.9, nesterov=False, weight_decay=5e-4, decay_norm_bias=True),
        lambda w, v: torch.optim.SGD(groups(w, v, 5e-4, 5e-4), 0.2, 0.9, foreach=False),
    ),
    (
        Choice(name="sgd", lr=0.2, momentum=0.8, nesterov=True, weight_decay=1e-2, decay_norm_bias=False),
        lambda w, v: torch.optim.SGD(groups(w, v, 1e-2, 0), 0.2, 0.8, nesterov=True, foreach=False),
    ),
    (
        Choice(name="sgd", lr=0.05, momentum=0.0, nesterov=True, weight_decay=0.0),
        lambda w, v: torch.optim.SGD([*w, *v], 0.05, foreach=False),
    ),
    (
        Choice(name="adam", lr=0.01, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.03, decay_norm_bias=True),
        lambda w, v: torch.optim.Adam(groups(w, v, 0.03, 0.03), 0.01, (0.8, 0.95), 1e-6, foreach=False),
    ),
    (
        Choice(name="adamw", lr=0.01, beta1=0.8, beta2=0.95, eps=1e-6, weight_decay=0.3, decay_norm_bias=False),
        lambda w, v: torch.optim.AdamW(groups(w, v, 0.3, 0), 0.01, (0.8, 0.95), 1e-6, foreach=False),
    ),
]


def net() -> nn.Module:
    torch.manual_seed(1)
    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.GELU(), nn.Flatten(), nn.Linear(216, 4))
    return body.double().to(memory_format=torch.channels_last)


def closure(model: nn.Module, optimizer: torch.optim.Optimizer, step: int, clip: float) -> Callable[[], torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    x = torch.randn(4, 3, 8, 8, generator=generator, dtype=torch.float64)

    def run() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (model(x.contiguous(memory_format=torch.channels_last)) - torch.eye(4)).square().mean()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        return loss

    return run


@pytest.mark.parametrize("clip", [0.0, 0.1])
@pytest.mark.parametrize(("choice", "reference"), CASES, ids=lambda case: getattr(case, "name", ""))
def test_twenty_steps_equal_the_reference(choice: Choice, reference: Reference, clip: float) -> None:
    ours, theirs = net(), net()
    weights = [p for p in theirs.parameters() if p.ndim > 1]
    vectors = [p for p in theirs.parameters() if p.ndim <= 1]
    optimizer, expected = build_optimizer(choice, ours), reference(weights, vectors)
    for step in range(20):
        set_lr(optimizer, 1 - step / 20)
        for group in expected.param_groups:
            group["lr"] = choice.options["lr"] * (1 - step / 20)
        loss = optimizer.step(closure(ours, optimizer, step, clip))
        want = expected.step(closure(theirs, expected, step, clip))
        torch.testing.assert_close(loss, want, rtol=1e-9, atol=1e-12)
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-11)


def test_clipping_in_the_closure_bounds_the_step() -> None:
    model = net()
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = build_optimizer(Choice(name="sgd", lr=1.0, momentum=0.0, clip_norm=0.1), model)
    optimizer.step(closure(model, optimizer, 0, clip=0.1))
    moved = torch.cat([(p.detach() - q).flatten() for p, q in zip(model.parameters(), before, strict=True)])
    assert moved.norm().item() == pytest.approx(0.1, rel=1e-5)


def test_an_unknown_optimizer_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown optimizer 'adamm'; did you mean adam"):
        build_optimizer(Choice(name="adamm"), net())
