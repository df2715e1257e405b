"""Threads are a decision too: all cores, unless other programs hold them."""

import pytest
import torch
from torch import nn

from engine.contract.recipe.schema import ComputeConfig
from engine.loop import probe

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch):
    """Pretend that a step takes so long with one thread, with two and with three."""

    def set_times(one: float, three: float, two: float = 9.0) -> None:
        times = {1: one, 2: two, 3: three}
        monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
        monkeypatch.setattr(probe, "usable_cores", lambda: 3)
        monkeypatch.setattr(probe, "_time_step", lambda *_, bf16: times[torch.get_num_threads()])

    return set_times


def decide(path, threads=0):
    compute = ComputeConfig(precision="fp32")
    few = torch.ones(2, 3, 8, 8)
    return probe.decide(path, compute, threads, CPU, nn.Flatten(), probe.Work(few=few, batch=lambda: few, steps=10))


@pytest.mark.parametrize(("one", "three", "threads"), [(3.0, 1.0, 3), (1.0, 1.1, 3), (1.0, 1.3, 1), (1.0, 10.0, 1)])
def test_fewer_threads_are_taken_only_where_it_is_clearly_faster(tmp_path, clock, one, three, threads):
    clock(one, three)
    decisions, notes = decide(tmp_path / "probe.json")
    assert decisions.threads == torch.get_num_threads() == threads
    assert bool(notes) == (threads == 1)
    assert all(f"threads = 1 is {three / one:.1f} times as fast here and now as 3" in note for note in notes)


def test_threads_that_were_asked_for_are_used_whatever_the_crowd(tmp_path, clock):
    clock(1.0, 10.0)
    decisions, notes = decide(tmp_path / "probe.json", threads=3)
    assert decisions.threads == 3
    assert not notes


def test_one_core_that_is_busy_does_not_cost_the_others(tmp_path, clock):
    clock(one=3.0, two=2.0, three=9.0)
    assert decide(tmp_path / "probe.json")[0].threads == 2


def test_a_resume_keeps_the_threads_of_the_first_attempt(tmp_path, clock):
    clock(1.0, 10.0)
    decide(tmp_path / "probe.json")
    clock(10.0, 1.0)
    assert decide(tmp_path / "probe.json")[0].threads == 1
