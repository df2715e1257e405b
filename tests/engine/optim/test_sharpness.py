"""SAM and ASAM against `pytorch_optimizer` and their equations; what the second pass must leave alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorch_optimizer import SAM as Reference
from torch import Tensor, nn

from engine.contract.recipe.schema import Choice
from engine.optim.build import build_optimizer
from engine.optim.sharpness import frozen_statistics

Closure = Callable[[], Tensor]


def two_passes(reference: Reference) -> Callable[[Closure, float], None]:
    """How the reference wants to be called: the first gradient is the caller's."""

    def oracle(closure: Closure, factor: float) -> None:
        closure()
        for group in reference.param_groups:
            group["lr"] = 0.1 * factor
        reference.step(closure)

    return oracle


def test_sam_around_sgd_equals_the_reference(twins: Any) -> None:
    """It sums the norm in fp32, hence the tolerance."""
    reference = Reference(twins.theirs.parameters(), torch.optim.SGD, 0.2, lr=0.1, momentum=0.9, weight_decay=1e-2)
    options = {"lr": 0.1, "weight_decay": 1e-2, "sharpness": "sam", "rho": 0.2}
    twins.walk({"name": "sgd"} | options, two_passes(reference), tol=1e-6)


@pytest.mark.parametrize(("method", "rho", "eta"), [("sam", 0.05, 0.01), ("asam", 0.5, 0.01), ("asam", 0.5, 0.0)])
@pytest.mark.parametrize("given", [True, False], ids=["rho given", "rho by default"])
def test_sam_and_asam_follow_their_equations(method: str, rho: float, eta: float, given: bool, twins: Any) -> None:
    """SAM's equation 2; ASAM with T as in its authors' code, which asks for "weight" in the name."""
    adamw = torch.optim.AdamW(twins.theirs.parameters(), 0.01, weight_decay=0.1, foreach=False)
    named = list(twins.theirs.named_parameters())

    def oracle(closure: Closure, factor: float) -> None:
        closure()
        before = [p.detach().clone() for _, p in named]
        scales = [p.detach().abs() + eta if method == "asam" and "weight" in name else 1.0 for name, p in named]
        scaled = [scale * p.grad for scale, (_, p) in zip(scales, named, strict=True)]
        norm = torch.cat([g.flatten() for g in scaled]).norm()
        for (_, p), g, scale in zip(named, scaled, scales, strict=True):
            p.data += rho * scale * g / norm
        closure()
        for (_, p), old in zip(named, before, strict=True):
            p.data.copy_(old)
        adamw.param_groups[0]["lr"] = 0.01 * factor
        adamw.step()

    options = {"lr": 0.01, "weight_decay": 0.1, "sharpness": method, "eta": eta} | ({"rho": rho} if given else {})
    twins.walk({"name": "adamw"} | options, oracle)


def test_asam_without_vectors_and_eta_equals_the_reference(twins: Any) -> None:
    """It scales every parameter by its size, biases too, so the net here has none."""
    for net in (twins.ours, twins.theirs):
        for vector in (p for p in net.parameters() if p.ndim <= 1):
            vector.requires_grad_(False)
    reference = Reference(twins.weights, torch.optim.SGD, 0.5, adaptive=True, lr=0.1, momentum=0.9)
    options = {"lr": 0.1, "weight_decay": 0.0, "sharpness": "asam", "eta": 0.0}
    twins.walk({"name": "sgd"} | options, two_passes(reference), tol=1e-6)


def seen(model: nn.Module, record: list[dict[str, Any]]) -> Closure:
    """A closure that writes down what each pass saw: the weights, the output, its loss."""
    x = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0))

    def run() -> Tensor:
        model.zero_grad()
        out = model(x)
        loss = out.square().mean()
        loss.backward()
        weights = [p.detach().clone() for p in model.parameters()]
        record.append({"weights": weights, "dropped": out.detach() == 0, "loss": loss.detach()})
        return loss.detach()

    return run


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(288, 40), nn.Dropout(0.5))


@pytest.mark.parametrize("method", ["sam", "asam"])
def test_a_step_reports_the_loss_at_the_weights_and_looks_uphill(method: str, model: nn.Module) -> None:
    passes: list[dict[str, Any]] = []
    optimizer = build_optimizer(Choice(name="sgd", lr=0.0001, momentum=0.0, sharpness=method), model)
    loss = optimizer.step(seen(model, passes))
    first, second = passes
    assert loss == first["loss"] < second["loss"]
    apart = torch.cat([(b - a).flatten() for a, b in zip(first["weights"], second["weights"], strict=True)]).norm()
    assert method == "asam" or apart.item() == pytest.approx(0.05, rel=1e-3)


def test_the_step_starts_from_the_old_weights_to_the_bit(model: nn.Module) -> None:
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = build_optimizer(Choice(name="sgd", lr=1e-45, momentum=0.0, sharpness="sam", rho=0.3), model)
    optimizer.step(seen(model, []))
    assert all(torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))


def test_running_statistics_move_once_a_step_and_by_the_first_pass(model: nn.Module) -> None:
    alone = nn.Sequential(model[0], nn.BatchNorm2d(8))
    alone(torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(0)))
    optimizer = build_optimizer(Choice(name="sgd", lr=0.1, sharpness="sam", rho=1.0), model)
    optimizer.step(seen(model, []))
    assert model[1].num_batches_tracked == 1
    for name, value in alone[1].named_buffers():
        assert torch.equal(value, model[1].get_buffer(name)), name


def test_both_passes_drop_the_same_units_and_the_next_step_others(model: nn.Module) -> None:
    passes: list[dict[str, Any]] = []
    optimizer = build_optimizer(Choice(name="sgd", lr=0.1, sharpness="sam"), model)
    torch.manual_seed(3)
    for _ in range(2):
        optimizer.step(seen(model, passes))
    assert torch.equal(passes[0]["dropped"], passes[1]["dropped"])
    assert not torch.equal(passes[0]["dropped"], passes[2]["dropped"])


def test_the_random_stream_goes_on_as_after_one_pass(model: nn.Module) -> None:
    after = []
    for sharpness in ("off", "sam"):
        optimizer = build_optimizer(Choice(name="sgd", lr=0.0001, sharpness=sharpness), model)
        torch.manual_seed(3)
        optimizer.step(seen(model, []))
        after.append(torch.rand(4))
    assert torch.equal(*after)


def test_a_second_pass_that_fails_leaves_the_weights_where_they_were(model: nn.Module) -> None:
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = build_optimizer(Choice(name="sgd", lr=0.1, sharpness="sam"), model)
    passes: list[dict[str, Any]] = []
    run = seen(model, passes)

    def fails() -> Tensor:
        if passes:
            raise torch.OutOfMemoryError("no room")
        return run()

    with pytest.raises(torch.OutOfMemoryError):
        optimizer.step(fails)
    assert all(torch.equal(p, old) for p, old in zip(model.parameters(), before, strict=True))


def test_a_gradient_of_zero_does_no_harm(model: nn.Module) -> None:
    optimizer = build_optimizer(Choice(name="sgd", lr=0.1, weight_decay=0.0, sharpness="sam"), model)

    def flat() -> Tensor:
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        return torch.zeros(())

    optimizer.step(flat)
    assert all(p.isfinite().all() for p in model.parameters())


def test_a_step_without_a_closure_says_what_is_missing(model: nn.Module) -> None:
    optimizer = build_optimizer(Choice(name="sgd", lr=0.1, sharpness="sam"), model)
    with pytest.raises(TypeError, match="needs a closure"):
        optimizer.step()


def test_frozen_statistics_is_for_every_norm_that_keeps_some() -> None:
    norms = nn.Sequential(nn.BatchNorm2d(3, momentum=None), nn.InstanceNorm2d(3, track_running_stats=True))
    before = {name: value.clone() for name, value in norms.named_buffers()}
    with frozen_statistics(norms):
        norms(torch.randn(4, 3, 5, 5) + 3)
        assert not torch.equal(norms[0].running_mean, before["0.running_mean"])
    assert all(torch.equal(value, before[name]) for name, value in norms.named_buffers())
