"""All cores are used, unless other programs keep some of them busy."""

import pytest
import torch
from torch import nn

from engine.contract.recipe.schema import ComputeConfig
from engine.loop import decisions, hardware, probe
from engine.loop.workload import Workload

CPU = torch.device("cpu")


@pytest.fixture
def clock(monkeypatch):
    """Pretend that a step takes so long with one thread, with two and with three."""

    def set_times(one: float, three: float, two: float = 9.0) -> None:
        times = {1: one, 2: two, 3: three}
        monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
        for module in (decisions, hardware):
            monkeypatch.setattr(module, "usable_cores", lambda: 3)
        monkeypatch.setattr(probe, "time_step", lambda *_, bf16: times[torch.get_num_threads()])

    return set_times


def decide(path, threads=0, images=1_000_000, key=""):
    compute = ComputeConfig(precision="fp32")
    few = torch.ones(2, 3, 8, 8)
    work = Workload(few=few, batch=lambda: few, steps=10, images=images, key=key)
    return decisions.decide(path, compute, threads, CPU, nn.Flatten(), work)


@pytest.mark.parametrize(("one", "three", "threads"), [(3.0, 1.0, 3), (1.0, 1.1, 3), (1.0, 1.3, 1), (1.0, 10.0, 1)])
def test_fewer_threads_are_taken_only_where_it_is_clearly_faster(tmp_path, clock, one, three, threads):
    clock(one, three)
    made, warnings = decide(tmp_path / "probe.json")
    assert made.threads == torch.get_num_threads() == threads
    text = f"using threads = 1, currently {three / one:.1f} times as fast on this machine as 3"
    assert warnings == ([text] if threads == 1 else [])


def test_threads_that_were_asked_for_are_used_whatever_the_crowd(tmp_path, clock):
    clock(1.0, 10.0)
    made, warnings = decide(tmp_path / "probe.json", threads=3)
    assert made.threads == 3
    assert not warnings


def test_one_core_that_is_busy_does_not_cost_the_others(tmp_path, clock):
    clock(one=3.0, two=2.0, three=9.0)
    assert decide(tmp_path / "probe.json")[0].threads == 2


def test_a_resume_keeps_the_threads_of_the_first_attempt(tmp_path, clock):
    clock(1.0, 10.0)
    decide(tmp_path / "probe.json")
    clock(10.0, 1.0)
    assert decide(tmp_path / "probe.json")[0].threads == 1


def test_a_step_that_takes_seconds_is_tried_once(tmp_path, clock, monkeypatch):
    """With other programs on all cores, a step of two threads was measured at 45 s."""
    clock(1.0, 40.0, 20.0)
    taken = []
    seconds = iter(range(0, 1000, 40))
    monkeypatch.setattr(probe.time, "monotonic", lambda: float(next(seconds)))
    step = probe.time_step
    monkeypatch.setattr(probe, "time_step", lambda *args, bf16: taken.append(1) or step(*args, bf16=bf16))
    assert decide(tmp_path / "probe.json")[0].threads == 1
    assert len(taken) == 3
