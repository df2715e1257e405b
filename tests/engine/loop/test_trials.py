"""What a run does without trials of its own: it reuses what was found lately, or is too short for any."""

import pytest
import torch
from torch import nn

from engine.loop import hardware, probe, trials
from engine.loop.workload import Workload

CPU = torch.device("cpu")
FEW = torch.ones(2, 3, 8, 8)
LONG, SHORT = 1_000_000, 200  # images that a run trains on


@pytest.fixture
def clock(monkeypatch):
    """Pretend that a step takes so long with one thread and with three, on a machine of three cores."""

    def set_times(one: float, three: float) -> None:
        times = {1: one, 2: 99.0, 3: three}
        monkeypatch.setattr(probe, "PROBE_SECONDS", 0.0)
        monkeypatch.setattr(hardware, "usable_cores", lambda: 3)
        monkeypatch.setattr(probe, "time_step", lambda *_, bf16: times[torch.get_num_threads()])

    return set_times


def find(images=LONG, key="", precision="fp32"):
    torch.set_num_threads(3)
    return trials.try_out(precision, 0, CPU, nn.Flatten(), work(images, key))


def work(images=LONG, key="", **more):
    return Workload(few=FEW, batch=lambda: FEW, steps=10, images=images, key=key, **more)


@pytest.mark.parametrize("load, threads", [(0.9, 3), (1.4, 2), (25.0, 1)])
def test_a_short_run_uses_the_cores_that_others_leave_without_trying(clock, monkeypatch, load, threads):
    clock(1.0, 10.0)
    monkeypatch.setattr("os.getloadavg", lambda: (load, 9.0, 9.0))
    found = find(SHORT)
    assert torch.get_num_threads() == threads
    assert (found.note, found.figures) == ("", {})


def test_threads_are_reused_for_ten_minutes(clock, monkeypatch):
    clock(1.0, 10.0)
    first = find(key="the same work")
    assert torch.get_num_threads() == 1 and "threads = 1" in first.note
    clock(10.0, 1.0)
    again = find(key="the same work")
    assert torch.get_num_threads() == 1
    assert again.note == first.note and again.figures.keys() == {"threads_age"}
    find(key="other work")
    assert torch.get_num_threads() == 3
    now = trials.time.time() + 601
    monkeypatch.setattr(trials.time, "time", lambda: now)
    find(key="the same work")
    assert torch.get_num_threads() == 3


def test_only_what_this_run_would_have_tried_is_reused(clock):
    clock(1.0, 10.0)
    find(key="the same work")
    torch.set_num_threads(3)
    given = trials.try_out("fp32", 3, CPU, nn.Flatten(), work(key="the same work"))
    assert torch.get_num_threads() == 3
    assert (given.precision, given.why, given.note, given.figures) == ("fp32", "set by the recipe", "", {})


def test_the_first_message_says_what_trials_cost():
    figures = {"seconds": 2.04, "run_seconds": 51.0, "images": 32, "milliseconds": {"bf16": 20.0}, "threads_age": 130.0}
    text = "trials took 2.0 s, 4.0% of the estimated training time; threads as an earlier run found 2 min ago"
    assert trials.describe(figures) == text
