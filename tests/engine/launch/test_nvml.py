"""The driver's answers: no driver, lost GPUs, refused queries, MIG."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.launch import devices
from engine.launch.devices import Gpu, GpuProcess
from engine.launch.queue import DeviceRequest
from engine.loop.system import MachineSampler

GIB = 2**30


def gpu(index: int, used: int = 0, processes: tuple[GpuProcess, ...] = ()) -> Gpu:
    return Gpu(index, f"GPU-{index}aaa", "Fake GPU", 24 * GIB, used, processes)


class FakeDriver:
    """NVML with one card, or without a driver: the functions that `devices` calls, answering as the real ones do."""

    class NVMLError(Exception):
        pass

    def __init__(self, *, present: bool = True, mig: bool = False, processes: bool = True) -> None:
        self.present, self.mig, self.processes, self.closed = present, mig, processes, 0

    def nvmlInit(self) -> None:
        if not self.present:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlShutdown(self) -> None:
        self.closed += 1

    def nvmlDeviceGetCount(self) -> int:
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return f"GPU-{index}"

    def nvmlDeviceGetMigMode(self, handle: str) -> tuple[int, int]:
        if not self.mig:
            raise self.NVMLError("Not Supported")
        return 1, 1

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: str) -> int:
        return 3

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: str, slot: int) -> str:
        if slot == 1:
            raise self.NVMLError("Not Found")
        return f"MIG-{slot}"

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> SimpleNamespace:
        return SimpleNamespace(total=24 * GIB, used=2 * GIB)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[SimpleNamespace]:
        if not self.processes:
            raise self.NVMLError("Insufficient Permissions")
        return [SimpleNamespace(pid=2**22 + 1, usedGpuMemory=None)]

    def nvmlDeviceGetUUID(self, handle: str) -> bytes:
        return handle.encode()

    def nvmlDeviceGetName(self, handle: str) -> str:
        return "Fake"


def test_without_a_driver_there_are_no_gpus(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pynvml", FakeDriver(present=False))
    assert devices.gpus() == []


def test_a_card_is_read_with_the_processes_of_others(monkeypatch: pytest.MonkeyPatch):
    driver = FakeDriver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    (found,) = devices.gpus()
    assert found == Gpu(0, "GPU-0", "Fake", 24 * GIB, 2 * GIB, (GpuProcess(2**22 + 1, "?", "?", 0),))
    assert found.memory_free == 22 * GIB
    assert driver.closed == 1


def test_a_driver_that_hides_processes_is_no_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pynvml", FakeDriver(processes=False))
    assert devices.gpus()[0].processes == ()


def test_a_card_cut_into_instances_counts_as_its_instances(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pynvml", FakeDriver(mig=True))
    assert [(found.index, found.uuid) for found in devices.gpus()] == [(0, "MIG-0"), (1, "MIG-2")]


CASES = Path(__file__).parents[2] / "nvml"


def ask(case: str, code: str, *, lost: bool = False, tmp_path: Path) -> str:
    """What a process prints that sees the faulty cards of `tests/nvml/pynvml.py`."""
    mark = tmp_path / "lost"
    if lost:
        mark.touch()
    path = os.pathsep.join([str(CASES), str(Path(__file__).parents[3])])
    environment = os.environ | {"NVML_CASE": case, "CARD_LOST": str(mark), "PYTHONPATH": path}
    environment.pop("CUDA_VISIBLE_DEVICES", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


WANT = """
from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.launch import devices
def request(**placement):
    try:
        return devices.request(Placement(**placement))
    except BadInput as problem:
        return problem.problems[0]
"""


def test_a_lost_card_leaves_the_others_their_numbers(tmp_path: Path):
    code = WANT + "print([(gpu.index, gpu.uuid[:12], gpu.problem) for gpu in devices.gpus()])"
    assert ask("card_lost", code, tmp_path=tmp_path) == "[(0, 'GPU-00000000', ''), (1, '', 'GPU is lost')]"
    code = (
        WANT
        + "print(*request(device='auto').candidates, request(device='cuda:1'), request(device='cuda', gpus=2), sep='|')"
    )
    assert ask("card_lost", code, tmp_path=tmp_path).split("|") == [
        "GPU-00000000-aaaa-bbbb-cccc-dddddddddddd",
        "device cuda:1: GPU 1 does not answer: GPU is lost; choose another device, such as cpu",
        "gpus = 2, but device cuda provides 1 (GPU 1 does not answer: GPU is lost)",
    ]


def test_a_healthy_card_behind_a_lost_one_keeps_its_number(monkeypatch: pytest.MonkeyPatch):
    broken = Gpu(0, "", "", None, None, problem="GPU is lost")
    monkeypatch.setattr(devices, "gpus", lambda: [broken, gpu(1)])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert devices.request(Placement(device="cuda:1")) == DeviceRequest(("GPU-1aaa",))
    with pytest.raises(BadInput, match="device cuda:0: GPU 0 does not answer: GPU is lost"):
        devices.request(Placement(device="cuda:0"))
    monkeypatch.setattr(devices, "gpus", lambda: [broken])
    with pytest.raises(BadInput, match="device auto: GPU 0 does not answer"):  # and not silently the CPU
        devices.request(Placement())


def test_a_card_whose_memory_is_unknown_can_be_used(tmp_path: Path):
    code = WANT + "print(devices.usable(request(device='auto')), request(device='auto', wait_free_gb=20), sep='|')"
    assert ask("refuses_memory", code, tmp_path=tmp_path).split("|") == [
        "(['GPU-00000000-aaaa-bbbb-cccc-dddddddddddd'], '')",
        "wait_free_gb = 20: the driver does not report the free memory of GPU 0; leave the option out",
    ]


def test_a_card_that_is_lost_while_a_run_waits_for_it_is_a_note(tmp_path: Path):
    code = WANT + "print(devices.usable(devices.DeviceRequest(('GPU-00000001-aaaa-bbbb-cccc-dddddddddddd',))))"
    there = "(['GPU-00000001-aaaa-bbbb-cccc-dddddddddddd'], '')"
    assert ask("lost_later", code, tmp_path=tmp_path) == there
    assert ask("lost_later", code, lost=True, tmp_path=tmp_path) == "([], 'GPU 1 does not answer: GPU is lost')"


QUESTIONS = [name for name in vars(FakeDriver) if name.startswith("nvml")]


@pytest.mark.parametrize("refused", QUESTIONS)
@pytest.mark.parametrize("error", [FakeDriver.NVMLError("Unknown Error"), OSError(5, "odd"), ValueError("no UTF-8")])
def test_whatever_the_driver_refuses_nothing_is_raised(refused: str, error: Exception, monkeypatch: pytest.MonkeyPatch):
    driver = FakeDriver()

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(driver, refused, refuse)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    assert [found.index for found in devices.gpus()] in ([], [0])
    assert bool(devices.survey()[1]) == (refused == "nvmlInit")
    assert MachineSampler(Path(), ["GPU-0"]).sample().cpu >= 0
