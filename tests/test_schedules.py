"""Schedules against torch's schedulers over whole trainings, and what every one of them keeps."""

import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from engine.contract.catalog import Part, catalog
from engine.contract.errors import BadInput
from engine.contract.recipe import Choice, Recipe
from engine.schedules import factor, learning_rates, plan

every_schedule = pytest.mark.parametrize("part", catalog().parts("schedule"), ids=lambda part: part.name)
EXACT = {"rel": 1e-9, "abs": 1e-12}


def torch_rates(make, steps: int) -> list[float]:
    """What torch's scheduler gives at each of `steps` steps, stepped after each; peak 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def by_epoch(choice: Choice, epochs: int, steps: int = 7) -> list[list[float]]:
    """Our factor at every step of every epoch, progress computed as the loop does."""
    at = factor(choice, epochs)
    return [[at((epoch + step / steps) / epochs) for step in range(steps)] for epoch in range(epochs)]


@pytest.mark.parametrize("epochs", [1, 2, 29, 50, 200, 500])
@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_by_epoch_is_torchs_stepped_after_every_epoch(epochs: int, final: float) -> None:
    want = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=epochs, eta_min=final), epochs)
    got = by_epoch(Choice(name="cosine", final=final, by="epoch"), epochs)
    for rates, expected in zip(got, want, strict=True):
        assert set(rates) == {rates[0]}, "the rate stands still within an epoch"
        assert rates[0] == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize(("epochs", "drops", "gamma"), [(200, (60, 120, 160), 0.2), (29, (7, 11, 28), 0.1)])
def test_multistep_by_epoch_is_torchs_stepped_after_every_epoch(epochs: int, drops: tuple, gamma: float) -> None:
    want = torch_rates(lambda o: lr_scheduler.MultiStepLR(o, drops, gamma), epochs)
    milestones = tuple(drop / epochs for drop in drops)
    got = by_epoch(Choice(name="multistep", milestones=milestones, gamma=gamma, by="epoch"), epochs)
    assert [rates[0] for rates in got] == pytest.approx(want, **EXACT)
    assert all(set(rates) == {rates[0]} for rates in got)


def test_multistep_defaults_are_wide_resnets_milestones() -> None:
    at = factor(Choice(name="multistep"), 200)
    assert [at(e / 200) for e in (59.9, 60, 119.9, 120, 159.9, 160)] == pytest.approx([1, 0.2, 0.2, 0.04, 0.04, 0.008])


def test_a_milestone_falls_on_its_own_step_whatever_floating_point_makes_of_it() -> None:
    assert 29 / 50 * 50 < 29
    at = factor(Choice(name="multistep", milestones=(0.3,), gamma=0.1, warmup=20.0), 50)
    assert at(29 / 50) == 0.1, "epoch 29 is 0.3 of the 30 epochs after the warm-up"


@pytest.mark.parametrize(
    ("choice", "make"),
    [
        (Choice(name="cosine"), lambda o, n: lr_scheduler.CosineAnnealingLR(o, n)),
        (Choice(name="linear", final=0.25), lambda o, n: lr_scheduler.LinearLR(o, 1.0, 0.25, n)),
        (Choice(name="constant"), lambda o, n: lr_scheduler.ConstantLR(o, 1.0, n)),
    ],
    ids=["cosine", "linear", "constant"],
)
def test_by_step_is_torchs_stepped_after_every_step(choice: Choice, make) -> None:
    epochs, steps = 13, 17
    want = torch_rates(lambda o: make(o, epochs * steps), epochs * steps)
    got = [rate for rates in by_epoch(choice, epochs, steps) for rate in rates]
    assert got == pytest.approx(want, **EXACT)


def with_warmup(optimizer: torch.optim.Optimizer, warmup: int, start: float, rest: int):
    climb = lr_scheduler.LinearLR(optimizer, start_factor=start, total_iters=warmup)
    cosine = lr_scheduler.CosineAnnealingLR(optimizer, rest)
    return lr_scheduler.SequentialLR(optimizer, [climb, cosine], [warmup])


@pytest.mark.filterwarnings("ignore:The epoch parameter")
def test_warm_up_is_torchs_linear_in_front_of_the_cosine_by_epoch_and_by_step() -> None:
    epochs, warmup, steps = 30, 5, 11
    choice = Choice(name="cosine", warmup=float(warmup), warmup_start=0.2, by="epoch")
    want = torch_rates(lambda o: with_warmup(o, warmup, 0.2, epochs - warmup), epochs)
    assert [rates[0] for rates in by_epoch(choice, epochs)] == pytest.approx(want, **EXACT)

    choice = Choice(name="cosine", warmup=float(warmup), warmup_start=0.2, by="step")
    want = torch_rates(lambda o: with_warmup(o, warmup * steps, 0.2, (epochs - warmup) * steps), epochs * steps)
    got = [rate for rates in by_epoch(choice, epochs, steps) for rate in rates]
    assert got == pytest.approx(want, **EXACT)


def test_milestones_are_parts_of_the_training_that_follows_the_warm_up() -> None:
    at = factor(Choice(name="multistep", milestones=(0.5,), gamma=0.1, warmup=10.0), 30)
    assert [at(e / 30) for e in (0, 5, 10, 19.9, 20, 29)] == pytest.approx([0, 0.5, 1, 1, 0.1, 0.1])


def test_a_warm_up_longer_than_the_training_is_cut_off() -> None:
    at = factor(Choice(name="cosine", warmup=4.0), 2)
    assert [at(p) for p in (0, 0.5, 1)] == [0, 0.25, 0.5]


def test_an_unknown_schedule_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="unknown schedule 'cosin'; did you mean cosine"):
        factor(Choice(name="cosin"), 20)


@every_schedule
def test_every_schedule_reaches_its_peak_and_stays_between_zero_and_one(part: Part) -> None:
    at = plan(Choice(name=part.name, **part.defaults), 10)
    moves = [at(i / 1000) for i in range(1001)]
    assert max(move.factor for move in moves) == pytest.approx(1.0, abs=1e-5)
    assert all(0 <= move.factor <= 1 and 0 <= move.swing <= 1 for move in moves)


@given(epochs=st.integers(1, 2000), steps=st.integers(1, 400), data=st.data())
def test_by_epoch_every_step_of_an_epoch_has_the_rate_of_its_first(
    epochs: int, steps: int, data: st.DataObject
) -> None:
    """Floating point must never place a step in its neighbour's epoch."""
    epoch = data.draw(st.integers(0, epochs - 1))
    at = factor(Choice(name="linear", by="epoch"), epochs)
    for step in {0, steps // 2, steps - 1}:
        assert at((epoch + step / steps) / epochs) == pytest.approx(1 - epoch / epochs, abs=1e-12)


def test_a_preview_runs_from_the_first_step_to_the_end() -> None:
    table = {
        "epochs": 10,
        "batch_size": 8,
        "model": "lenet",
        "optimizer": {"name": "sgd", "lr": 0.4},
        "schedule": {"name": "linear", "warmup": 2.0},
    }
    recipe = Recipe.resolve(table, catalog())
    assert learning_rates(recipe, 6) == pytest.approx([0, 0.4, 0.3, 0.2, 0.1, 0])
    assert learning_rates(recipe, 1) == [0.0]


def test_schedules_need_no_torch() -> None:
    code = (
        "import sys; from engine.contract.recipe import Choice; from engine.schedules import factor;"
        "factor(Choice(name='cosine', warmup=2.0), 10)(0.5); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
