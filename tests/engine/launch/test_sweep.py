"""The sweep's process: where it runs, what it says when it cannot start, and that it ends when it is told to."""

import sys

import pytest

from engine.contract.recipe.schema import Placement
from engine.contract.run.events import Failed
from engine.launch import devices, piped, sweep
from engine.launch.queue import DeviceRequest
from engine.launch.queue_entry import QueueEntry


def test_a_device_that_a_run_holds_is_called_busy(tmp_path):
    cpu = Placement(device="cpu")
    assert sweep.pick_device(cpu, tmp_path).busy == ""
    line = QueueEntry("20261122-101530-k3f9", tmp_path, DeviceRequest(("cpu",)), tmp_path)
    assert sweep.pick_device(cpu, tmp_path).busy == "", "it only waits"
    assert line.take(["cpu"])
    place = sweep.pick_device(cpu, tmp_path)
    assert place.busy == "run 20261122-101530-k3f9 trains on this CPU"
    assert (place.device, place.environment["CUDA_VISIBLE_DEVICES"]) == ("cpu", "")
    line.leave()


def gpu(index: int, *processes: devices.GpuProcess) -> devices.Gpu:
    return devices.Gpu(index, f"GPU-{index}", "made up", 24 * 10**9, 10**9 * len(processes), processes)


def test_the_gpu_that_no_run_holds_is_taken(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    other = devices.GpuProcess(1, "ada", "python", 10**9)
    monkeypatch.setattr(devices, "gpus", lambda: [gpu(0), gpu(1, other)])
    assert sweep.pick_device(Placement(), tmp_path).environment["CUDA_VISIBLE_DEVICES"] == "GPU-0"
    line = QueueEntry("run", tmp_path, DeviceRequest(("GPU-0",)), tmp_path)
    line.take(["GPU-0"])
    place = sweep.pick_device(Placement(), tmp_path)
    assert (place.device, place.environment["CUDA_VISIBLE_DEVICES"]) == ("cuda", "GPU-1")
    assert place.busy == "ada computes on this GPU"
    assert sweep.pick_device(Placement(device="cuda:0"), tmp_path).busy == "run run trains on this GPU"
    line.leave()


@pytest.fixture
def program(monkeypatch):
    """Puts a small program in the place of the sweep."""

    def put(code: str) -> sweep.Sweep:
        real = piped.subprocess.Popen
        monkeypatch.setattr(piped.subprocess, "Popen", lambda argv, **how: real([sys.executable, "-c", code], **how))
        return sweep.Sweep({"steps": 3}, {})

    return put


def test_a_process_that_dies_without_a_word_is_told_with_its_last_line(program):
    events = list(program("import sys; sys.exit('No module named torch')").events())
    assert [(type(event), event.message) for event in events] == [(Failed, "No module named torch")]


def test_it_gets_the_request_and_its_events_come_in_order(program):
    code = """import json, sys
steps = json.load(sys.stdin)["steps"]
for step in range(steps): print(json.dumps({"event": "step", "step": step, "loss": 1.5}))
print("no event")"""
    assert [event.step for event in program(code).events()] == [0, 1, 2]
