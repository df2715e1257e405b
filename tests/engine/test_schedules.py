"""Schedules against torch's schedulers over whole trainings, and what every one of them keeps."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from engine.contract.errors import BadInput
from engine.contract.recipe.catalog import Part, catalog
from engine.contract.recipe.resolve import resolve
from engine.contract.recipe.schema import Choice, Recipe
from engine.schedules import epoch_learning_rates, factor, learning_rates, plan

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


def torch_moves(make, steps: int) -> list[tuple[float, float]]:
    """Learning rate and momentum of torch's scheduler at each of `steps` steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 1.0, momentum=0.9)
    scheduler = make(optimizer)
    moves = []
    for i in range(steps):
        moves.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        if i < steps - 1:
            scheduler.step()
    return moves


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


EPOCHS = 40
BY_EPOCH = [
    (Choice(name="step", every=0.25, gamma=0.3), lambda o: lr_scheduler.StepLR(o, 10, 0.3)),
    (Choice(name="step", every=0.3, gamma=0.1), lambda o: lr_scheduler.StepLR(o, 12, 0.1)),
    (Choice(name="exponential", final=0.05), lambda o: lr_scheduler.ExponentialLR(o, 0.05 ** (1 / EPOCHS))),
    (Choice(name="polynomial", power=0.9), lambda o: lr_scheduler.PolynomialLR(o, EPOCHS, 0.9)),
    (Choice(name="polynomial"), lambda o: lr_scheduler.PolynomialLR(o, EPOCHS, 2.0)),
    (
        Choice(name="warm_restarts", first=0.1, growth=2.0, final=0.001),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4, 2, 0.001),
    ),
    (Choice(name="warm_restarts"), lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10)),
    (
        Choice(name="warm_restarts", first=0.025, growth=3.0),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 1, 3),
    ),
]


@pytest.mark.parametrize(("choice", "make"), BY_EPOCH, ids=[str(choice.table()) for choice, _ in BY_EPOCH])
def test_the_other_decays_by_epoch_are_torchs_stepped_after_every_epoch(choice: Choice, make) -> None:
    got = by_epoch(Choice(**choice.table(), by="epoch"), EPOCHS)
    assert [rates[0] for rates in got] == pytest.approx(torch_rates(make, EPOCHS), **EXACT)


def test_tanh_decay_follows_its_equation() -> None:
    """lr_t = lr_min + (lr_max - lr_min) / 2 * (1 - tanh(L + (U - L) t / T)), arXiv:1806.01593."""
    t = np.arange(201)
    want = 0.1 + 0.9 / 2 * (1 - np.tanh(-5 + 7 * t / 200))
    at = factor(Choice(name="tanh_decay", lower=-5.0, upper=2.0, final=0.1), 200)
    assert [at(i / 200) for i in t] == pytest.approx(want.tolist(), **EXACT)


def test_restarts_of_the_second_project_end_at_a_high_rate() -> None:
    """Its HEAD, 200 epochs at 0.1: T_0 = 10, T_mult = 2, eta_min = 1e-4 restarts at 10, 30, 70, 150 and ends at .0786."""
    choice = Choice(name="warm_restarts", first=0.05, growth=2.0, final=0.001, by="epoch")
    rates = [0.1 * move[0] for move in by_epoch(choice, 200)]
    assert [epoch for epoch in range(1, 200) if rates[epoch] > rates[epoch - 1]] == [10, 30, 70, 150]
    assert rates[-1] == pytest.approx(0.0786, abs=5e-5)


def test_nothing_restarts_at_the_very_end() -> None:
    assert factor(Choice(name="warm_restarts"), 20)(1.0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("curve", ["cosine", "linear"])
@pytest.mark.parametrize(("peak", "three_phase"), [(0.3, False), (0.25, True), (0.6, False)])
def test_one_cycle_is_torchs_with_one_step_more_momentum_included(curve: str, peak: float, three_phase: bool) -> None:
    steps = 400
    shape = {"cosine": "cos", "linear": "linear"}[curve]
    own = {"div_factor": 10.0, "final_div_factor": 100.0, "base_momentum": 0.8, "max_momentum": 0.93}
    pct = (peak * steps + 1) / (steps + 1)
    want = torch_moves(
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, steps + 1, pct_start=pct, anneal_strategy=shape, three_phase=three_phase, **own
        ),
        steps + 1,
    )
    choice = Choice(name="one_cycle", peak=peak, start=0.1, final=0.001, curve=curve, three_phase=three_phase)
    moves = [plan(choice, 20)(i / steps) for i in range(steps + 1)]
    got = [(move.factor, 0.93 - 0.13 * move.swing) for move in moves]
    assert np.array(got) == pytest.approx(np.array(want), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("shape", ["triangular", "triangular2", "exp_range"])
@pytest.mark.parametrize(("up", "down"), [(20, 20), (10, 30), (15, 110)])
def test_cyclic_is_torchs_momentum_included(shape: str, up: int, down: int) -> None:
    steps, shrink = 200, 0.2
    want = torch_moves(
        lambda o: lr_scheduler.CyclicLR(
            o, 0.1, 1.0, up, down, mode=shape, gamma=shrink ** (1 / steps), base_momentum=0.8, max_momentum=0.9
        ),
        steps,
    )
    choice = Choice(name="cyclic", up=up / steps, down=down / steps, low=0.1, shape=shape, shrink=shrink)
    moves = [plan(choice, 20)(i / steps) for i in range(steps)]
    got = [(move.factor, 0.9 - 0.1 * move.swing) for move in moves]
    assert np.array(got) == pytest.approx(np.array(want), rel=1e-9, abs=1e-9)


def test_an_overlaid_warm_up_is_the_second_projects_warmup_multistep() -> None:
    """Its WarmupMultiStepLR: a straight line from a third over 20 epochs, times the drops at absolute epochs."""
    climb = [1 / 3 + (1 - 1 / 3) * e / 20 if e < 20 else 1.0 for e in range(200)]
    drops = torch_rates(lambda o: lr_scheduler.MultiStepLR(o, [10, 60, 120, 160], 0.5), 200)
    choice = Choice(
        name="multistep", milestones=(0.05, 0.3, 0.6, 0.8), gamma=0.5, warmup=20.0, warmup_start=1 / 3,
        warmup_kind="overlaid", by="epoch",
    )  # fmt: skip
    want = [a * b for a, b in zip(climb, drops, strict=True)]
    assert [rates[0] for rates in by_epoch(choice, 200)] == pytest.approx(want, **EXACT)


def test_a_gradual_warm_up_is_the_second_projects_old_warm_cosine() -> None:
    """300 epochs: 1/20 in epoch 0, the peak in epoch 19 and, as the cosine's own start, in 20; cut off at .0012 of .1.

    GradualWarmupScheduler hands over to a scheduler of all 300 epochs that has not moved yet, and the loop stepped
    before every epoch.
    """
    cosine = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 300), 300)
    want = [(epoch + 1) / 20 if epoch < 20 else cosine[epoch - 20] for epoch in range(300)]
    choice = Choice(name="cosine", warmup=20.0, warmup_kind="gradual", offset=1, by="epoch")
    got = [rates[0] for rates in by_epoch(choice, 300)]
    assert got == pytest.approx(want, **EXACT)
    assert (got[0], got[19], got[20]) == (0.05, 1.0, 1.0) and got[21] < 1
    assert 0.1 * got[-1] == pytest.approx(0.0012, abs=5e-6)


def test_an_offset_of_one_is_a_scheduler_stepped_before_every_epoch() -> None:
    """The old loop of pprp/pytorch-cifar-tricks: drops in epochs 59, 119 and 159 counted from 0; the cosine's last epoch has 0."""
    multistep = [rates[0] for rates in by_epoch(Choice(name="multistep", offset=1, by="epoch"), 200)]
    assert [epoch for epoch in range(1, 200) if multistep[epoch] < multistep[epoch - 1]] == [59, 119, 159]
    want = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, 200), 201)[1:]
    got = [rates[0] for rates in by_epoch(Choice(name="cosine", offset=1, by="epoch"), 200)]
    assert got == pytest.approx(want, **EXACT)
    assert got[-1] == 0.0


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


def recipe(epochs: int = 10, optimizer: dict | None = None, **schedule) -> Recipe:
    table = {
        "epochs": epochs,
        "batch_size": 8,
        "model": "lenet",
        "optimizer": optimizer or {"name": "sgd", "lr": 0.4},
        "schedule": schedule,
    }
    return resolve(table, catalog())


def test_a_preview_runs_from_the_first_step_to_the_end() -> None:
    plotted = recipe(name="linear", warmup=2.0)
    assert learning_rates(plotted, 6) == pytest.approx([0, 0.4, 0.3, 0.2, 0.1, 0])
    assert learning_rates(plotted, 1) == [0.0]


def test_every_epochs_learning_rate_is_that_of_its_first_step() -> None:
    for by in ("step", "epoch"):
        rates = epoch_learning_rates(recipe(name="linear", warmup=2.0, warmup_start=0.5, by=by))
        assert rates == pytest.approx([0.2, 0.3, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05])


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ({"warmup": 10.0}, r"schedule\.warmup: 10 epochs of warm-up do not fit into 10 epochs"),
        ({"warmup": 5.0, "by": "epoch"}, r"schedule\.warmup_start = 0 .* whole first epoch"),
        ({"offset": 10}, r"schedule\.offset: got 10, needs < 10"),
        ({"offset": -1}, r"schedule\.offset: got -1, needs >= 0"),
        ({"momentum_low": 0.9}, r"schedule\.momentum_low: got 0\.9, needs < 0\.9, the momentum of sgd"),
        ({"warmup_kind": "laid"}, r"schedule\.warmup_kind: got 'laid', needs .*overlaid"),
        ({"name": "one_cycle", "peak": 1.0}, r"schedule\.peak: got 1\.0, needs < 1"),
        (
            {"name": "multistep", "milestones": (60.0,)},
            r"milestones\.0: got 60.*, needs < 1 \(.* fractions of the training\)",
        ),
        ({"name": "warm_restarts", "growth": 0.5}, r"schedule\.growth: got 0\.5, needs >= 1"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_its_field_and_range(schedule: dict, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        recipe(**{"name": "cosine"} | schedule)


def test_a_moving_momentum_needs_an_optimizer_that_has_one() -> None:
    with pytest.raises(BadInput, match=r"schedule\.momentum_low: got 0\.95, needs < 0\.9, the beta1 of adam"):
        recipe(name="cosine", momentum_low=0.95, optimizer={"name": "adam"})


def test_schedules_need_no_torch() -> None:
    code = (
        "import sys; from engine.contract.recipe.schema import Choice; from engine.schedules import factor;"
        "factor(Choice(name='cosine', warmup=2.0), 10)(0.5); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_short_last_epoch_has_a_learning_rate_of_its_own():
    table = {"epochs": 2.6, "batch_size": 8, "model": "lenet", "optimizer": {"name": "sgd", "lr": 1.0}}
    recipe = resolve(table | {"schedule": {"name": "linear", "by": "epoch"}}, catalog())
    assert epoch_learning_rates(recipe) == pytest.approx([1.0, 1 - 1 / 2.6, 1 - 2 / 2.6])
    assert learning_rates(recipe, 3) == pytest.approx([1.0, 1 - 1 / 2.6, 1 - 2 / 2.6])
