"""The loop does what the schedule says: learning rate and momentum of every step."""

import pytest

from engine import train
from engine.schedules import plan

ONE_CYCLE = {"name": "one_cycle", "momentum_low": 0.5}


def test_every_step_is_taken_with_the_schedules_rate_and_momentum(make, monkeypatch):
    trial = make(schedule=ONE_CYCLE, optimizer={"name": "sgd", "lr": 0.05, "momentum": 0.9})
    taken = []

    def spy(setup, *rest, **options):
        group = setup.optimizer.param_groups[0]
        taken.append((group["lr"], group["momentum"]))
        return step(setup, *rest, **options)

    step = train.train_step
    monkeypatch.setattr(train, "train_step", spy)
    trial.go()
    at = plan(trial.recipe.schedule, 3)
    moves = [at(i / 15) for i in range(15)]
    assert taken == [pytest.approx((0.05 * move.factor, 0.9 - 0.4 * move.swing)) for move in moves]
    assert min(momentum for _, momentum in taken) < 0.55 < 0.85 < max(momentum for _, momentum in taken)


def test_a_run_stopped_while_its_momentum_moves_ends_with_the_same_bits(make):
    whole, broken = make(schedule=ONE_CYCLE), make(schedule=ONE_CYCLE)
    whole.go()
    broken.go(stop_after=8)
    broken.go()
    assert broken.ends_as(whole)
    assert broken.epochs() == whole.epochs()


def test_momentum_stands_still_where_nothing_is_said(make, monkeypatch):
    monkeypatch.setattr("engine.optim.param_groups._set_momentum", None)
    trial = make(schedule="one_cycle")
    trial.go()
    assert len(trial.epochs()) == 3
