"""On a CPU a batch may be trained on in parts, if that computes the same and is faster."""

import copy

import pytest
import torch
from torch import nn

from engine.loop import micro_batch, trials
from engine.loop.workload import Workload
from engine.models.ghost import use_ghost_batches
from tests.engine.conftest import CPU

X = torch.randn(32, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def net(*layers: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), *layers, nn.Flatten(), nn.Linear(288, 10))


def ghosts() -> nn.Module:
    model = net(nn.BatchNorm2d(8))
    use_ghost_batches(model, 8)
    return model


class LooksAtTheBatch(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


@pytest.mark.parametrize(
    "model, possible",
    [
        (net(nn.ReLU()), True),
        (net(nn.GroupNorm(2, 8)), True),
        (ghosts(), True),
        (net(nn.BatchNorm2d(8)), False),
        (net(nn.Dropout(0.1)), False),
        (net(LooksAtTheBatch()), False),
    ],
    ids=["plain", "group norm", "ghost batches", "batch norm", "dropout", "depends on the batch"],
)
def test_only_what_computes_the_same_on_parts_is_split(model, possible):
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    assert micro_batch.splittable(model, X[:16]) is possible
    assert torch.equal(state, torch.get_rng_state())
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize(
    "batch, ghost, found",
    [(128, 0, [128, 64, 32, 16]), (100, 0, [100, 50, 25]), (2000, 250, [2000, 1000, 500, 250]), (24, 0, [24])],
)
def test_parts_divide_the_batch_and_consist_of_whole_ghost_batches(batch, ghost, found):
    assert micro_batch.sizes(batch, ghost) == found


@pytest.mark.parametrize("seconds, size, gain", [({32: 3.2, 16: 0.8}, 16, 2.0), ({32: 3.2, 16: 1.5}, 0, 1.067)])
def test_parts_are_used_only_where_they_are_clearly_faster(monkeypatch, seconds, size, gain):
    monkeypatch.setattr(micro_batch, "time_step", lambda model, images, *, bf16: seconds[len(images)])
    chosen, faster, each = micro_batch.choose_micro_batch(net(), X, [32, 16], bf16=False)
    assert (chosen, faster) == (size, pytest.approx(gain, rel=1e-3))
    assert each == {32: pytest.approx(0.1), 16: seconds[16] / 16}


def find(model, monkeypatch, images=1_000_000, **more):
    monkeypatch.setattr(trials, "choose_micro_batch", lambda *_, bf16: (16, 1.5, {32: 0.3, 16: 0.2}))
    work = Workload(few=X[:8], batch=lambda: X, steps=10, images=images, **{"divisible": True, **more})
    return trials.try_out("fp32", 1, CPU, model, work)


def test_the_choice_and_its_gain_are_reported(monkeypatch):
    found = find(net(), monkeypatch)
    assert found.micro_batch == 16
    assert found.figures["micro_batch_gain"] == 1.5
    assert found.figures["milliseconds"] == {"parts of 32": 2400.0, "parts of 16": 1600.0}


@pytest.mark.parametrize(
    "more", [{"divisible": False}, {"images": 2559}, {"ghost": 32}], ids=["recipe", "short run", "one ghost batch"]
)
def test_whole_batches_are_used_where_parts_are_not_allowed_or_not_worth_a_trial(monkeypatch, more):
    assert find(net(), monkeypatch, **more).micro_batch == 0


def test_the_choice_is_reused_but_not_by_a_run_that_sets_its_parts(monkeypatch):
    assert find(net(), monkeypatch, key="the same work").micro_batch == 16
    monkeypatch.setattr(trials, "splittable", lambda *_: pytest.fail("tried again"))
    again = find(net(), monkeypatch, key="the same work")
    assert again.micro_batch == 16 and again.figures.keys() == {"micro_batch_age", "micro_batch_gain"}
    assert find(net(), monkeypatch, key="the same work", divisible=False).micro_batch == 0
