"""The time of the parts of a training step: of one step in two hundred, by name, and without waiting."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
import torch

import engine.train
from engine.contract.run.events import Epoch
from engine.loop import step_clock
from engine.loop.step_clock import StepClock
from tests.engine.conftest import CPU

PARTS = ["data", "forward", "backward", "optimizer"]


@pytest.fixture
def ticking(monkeypatch):
    """A host clock that advances by 1, 2, 3, ... milliseconds from reading to reading."""
    readings = count()
    times = (i * (i + 1) / 2 / 1000 for i in readings)
    monkeypatch.setattr(step_clock.time, "perf_counter", lambda: next(times))


def take(clock: StepClock, number: int, parts=tuple(PARTS)) -> None:
    clock.start(number)
    for part in parts:
        clock.lap(part)
    clock.stop()


def test_the_parts_of_a_step_add_up_by_name(ticking):
    clock = StepClock(CPU, every=2)
    take(clock, 1, ("data", "forward", "backward", "forward", "backward", "optimizer"))
    assert clock.read() == {"data": 1.0, "forward": 2.0 + 4.0, "backward": 3.0 + 5.0, "optimizer": 6.0}


def test_an_epoch_has_the_mean_over_its_timed_steps_and_the_next_one_starts_empty(ticking):
    clock = StepClock(CPU, every=2)
    take(clock, 1, ("data", "step"))  # 1 and 2 ms
    take(clock, 3, ("data", "step"))  # 4 and 5 ms, after 3 ms between the steps
    assert clock.read() == {"data": 2.5, "step": 3.5}
    assert clock.read() == {}


def test_one_step_in_two_hundred_is_timed():
    clock = StepClock(CPU)
    timed = []
    for number in range(1000):
        take(clock, number)
        timed += [number] if clock.read() else []
    assert timed == [100, 300, 500, 700, 900]


def test_a_device_whose_end_the_host_cannot_tell_is_not_timed():
    clock = StepClock(torch.device("meta"), every=1)
    take(clock, 0)
    assert clock.read() == {}


def test_on_cuda_events_are_read_only_at_the_end(monkeypatch):
    """Events that tick by 1, 2, 3 ... ms on a device of their own."""
    recorded = []

    class Event:
        def __init__(self, enable_timing=False):
            assert enable_timing

        def record(self):
            self.at = len(recorded) * (len(recorded) + 1) / 2
            recorded.append(self)

        def elapsed_time(self, later):
            return later.at - self.at

    monkeypatch.setattr(torch.cuda, "Event", Event)
    clock = StepClock(torch.device("cuda"), every=2)
    take(clock, 0)
    assert recorded == []
    take(clock, 1, ("data", "step"))
    assert len(recorded) == 3 and clock.read() == {"data": 1.0, "step": 2.0}


def test_a_captured_step_has_only_data_and_step(make, monkeypatch):
    """As on CUDA, with a recorder that runs the step instead of replaying it."""

    class Eager:
        def __init__(self, device):
            pass

        def run_eagerly(self, step):
            return step()

        def record(self, step):
            return step

    monkeypatch.setattr(StepClock.__init__, "__defaults__", (4,))
    monkeypatch.setattr("engine.train.CudaRecorder", Eager)
    monkeypatch.setattr("engine.loop.judge.CudaRecorder", Eager)
    prepare = engine.train.prepare

    def captured(*arguments, **options):
        setup = prepare(*arguments, **options)
        setup.decisions = replace(setup.decisions, graph=True)
        return setup

    monkeypatch.setattr("engine.train.prepare", captured)
    trial = make()
    trial.go()
    epochs = [event for event in trial.events if isinstance(event, Epoch)]
    assert [list(epoch.step_ms) for epoch in epochs] == [["data", "step"]] * 3


def test_the_epoch_event_has_the_parts_of_a_step(make, monkeypatch):
    monkeypatch.setattr(StepClock.__init__, "__defaults__", (4,))
    trial = make()
    trial.go()
    epochs = [event for event in trial.events if isinstance(event, Epoch)]
    assert [list(epoch.step_ms) for epoch in epochs] == [PARTS] * 3
    assert all(duration > 0 for epoch in epochs for duration in epoch.step_ms.values())


def test_timing_every_step_changes_no_weight(make, monkeypatch):
    plain, timed = make(), make()
    plain.go()
    monkeypatch.setattr(StepClock.__init__, "__defaults__", (1,))
    timed.go()
    assert timed.ends_as(plain)
