"""The figures of an epoch and the live loss, against the same figures computed with plain torch."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from engine.loop.observe import Diverged, Live, NonFiniteLogits, Totals, measure_health

CPU = torch.device("cpu")


def test_totals_are_means_over_images_and_not_over_batches():
    torch.manual_seed(0)
    totals, logits, targets = Totals(CPU), torch.randn(10, 4), F.one_hot(torch.arange(10) % 4, 4).float()
    for part in (slice(0, 7), slice(7, 10)):
        totals.add(F.cross_entropy(logits[part], targets[part]), logits[part], targets[part])
    figures = totals.read()
    assert figures["train_loss"] == pytest.approx(F.cross_entropy(logits, targets).item())
    assert figures["train_accuracy"] == (logits.argmax(1) == targets.argmax(1)).double().mean().item()
    assert math.isnan(figures["grad_norm"]) and figures["nonfinite"] == 0


def test_totals_continue_from_their_state():
    first, second = Totals(CPU), Totals(CPU)
    first.add(torch.tensor(2.0), torch.eye(3), torch.eye(3))
    first.health.copy_(torch.tensor([1.0, 0.5, 3.0]))
    second.load_state_dict(first.state_dict())
    second.add(torch.tensor(4.0), torch.eye(3), torch.eye(3).roll(1, 0))
    figures = {"train_loss": 3.0, "train_accuracy": 0.5, "grad_norm": 1.0, "update_ratio": 0.5, "nonfinite": 3}
    assert second.read() == figures
    assert second.images == 6


def test_the_clock_of_an_epoch_runs_only_from_start_to_read(monkeypatch):
    now = iter([10.0, 13.0, 20.0, 21.0])
    monkeypatch.setattr("engine.loop.observe.time.monotonic", lambda: next(now))
    totals = Totals(CPU)
    totals.start()
    totals.read()
    assert totals.seconds == 3.0
    totals.start()
    totals.read()
    assert totals.seconds == 4.0


def test_health_is_that_of_one_sgd_step():
    torch.manual_seed(0)
    net = torch.nn.Linear(5, 3)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    net(torch.randn(4, 5)).square().sum().backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    flat = torch.cat([parameter.grad.flatten() for parameter in net.parameters()])
    weights = torch.cat([value.flatten() for value in before])
    norm, ratio, bad = measure_health(list(net.parameters()), before, None).tolist()
    assert norm == pytest.approx(flat.norm().item())
    assert ratio == pytest.approx((0.1 * flat.norm() / weights.norm()).item(), rel=1e-5)
    assert bad == 0
    assert measure_health(list(net.parameters()), before, torch.tensor(7.0))[0] == 7.0


def test_health_counts_gradients_that_are_not_finite():
    parameters = [torch.ones(3, requires_grad=True), torch.ones(2, requires_grad=True)]
    parameters[0].grad = torch.tensor([1.0, math.nan, math.inf])
    parameters[1].grad = torch.tensor([-math.inf, 0.0])
    assert measure_health(parameters, [torch.ones(3), torch.ones(2)], None)[2] == 3


def test_a_live_loss_is_reported_once_and_with_the_rate_since_the_last_one(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("engine.loop.observe.time.monotonic", lambda: now[0])
    live, totals = Live(CPU, every=0.5), Totals(CPU)
    live.start_epoch(0)
    now[0] = 102.0
    totals.add(torch.tensor(1.5), torch.eye(64), torch.eye(64))
    live.offer(1, 1, torch.tensor(1.5), 0.1, totals)
    live.offer(1, 2, torch.tensor(9.0), 0.1, totals)  # the first one is still pending
    event = live.arrived()
    assert (event.epoch, event.step, event.loss, event.lr, event.images_per_second) == (1, 1, 1.5, 0.1, 32.0)
    assert live.arrived() is None
    live.offer(1, 3, torch.tensor(9.0), 0.1, totals)  # less than half a second after the last one
    assert live.arrived() is None
    now[0] = 102.5
    live.offer(1, 4, torch.tensor(1.0), 0.1, totals)
    assert live.arrived().step == 4


@pytest.mark.parametrize(("loss", "total"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan)])
def test_a_loss_or_a_sum_that_is_not_finite_is_a_divergence(loss, total):
    live, totals = Live(CPU), Totals(CPU)
    totals.sums[0] = total
    live.offer(2, 3, torch.tensor(loss), 0.5, totals)
    with pytest.raises(
        Diverged, match=r"the loss became (nan|inf) in epoch 2, step 3, at a learning rate of 0\.5; try"
    ):
        live.arrived()


def test_an_evaluation_that_is_not_finite_counts_its_images():
    error = NonFiniteLogits(4, 1200, 10_000, "test")
    assert str(error).startswith(
        "after epoch 4 the model's output is not finite for 1,200 of 10,000 test images; try a"
    )
