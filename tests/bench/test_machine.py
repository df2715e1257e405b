"""How busy other processes kept the machine, from CPU times that a test sets."""

import pytest

from bench import machine
from bench.machine import Load, warning


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The clock and the CPU seconds of all processes and of ours."""
    now = {"clock": 50.0, "all": 1000.0, "ours": 10.0}
    monkeypatch.setattr(machine.time, "monotonic", lambda: now["clock"])
    monkeypatch.setattr(machine, "_all_cpu_seconds", lambda: now["all"])
    monkeypatch.setattr(machine, "_our_cpu_seconds", lambda: now["ours"])
    return now


def test_others_have_what_is_not_ours(times: dict[str, float]):
    load = Load()
    times.update(clock=60.0, all=1025.0, ours=25.0)
    assert load.so_far()["cores of others"] == 1.0


def test_rounding_of_the_kernel_never_makes_it_negative(times: dict[str, float]):
    load = Load()
    times.update(clock=60.0, all=1010.0, ours=20.5)
    assert load.so_far()["cores of others"] == 0.0


def test_the_load_average_is_kept_from_the_start(times: dict[str, float], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (0.25, 0.0, 0.0))
    load = Load()
    monkeypatch.setattr(machine.os, "getloadavg", lambda: (1.75, 0.0, 0.0))
    assert load.so_far() == {"before": 0.25, "after": 1.75, "cores of others": 0.0}


def test_the_time_of_children_that_have_ended_is_ours():
    before = machine._our_cpu_seconds()
    machine.os.system("true")
    assert machine._our_cpu_seconds() >= before > 0


@pytest.mark.parametrize(("cores", "told"), [(0.0, False), (0.19, False), (0.2, True), (3.0, True)])
def test_a_fifth_of_a_core_is_worth_a_warning(cores: float, told: bool):
    assert bool(warning({"cores of others": cores})) == told


def test_the_machine_is_described():
    assert set(machine.machine()) == {"cpu", "gpu", "torch", "torchvision", "python"}
