"""Devices: what the driver is asked, what CUDA_VISIBLE_DEVICES hides, which GPU `auto` takes."""

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
from engine.launch.queue import Want
from engine.loop.system import MachineSampler

GIB = 2**30
SOMEONE = GpuProcess(1, "ada", "python", 3 * GIB)


def gpu(index: int, used: int = 0, processes: tuple[GpuProcess, ...] = ()) -> Gpu:
    return Gpu(index, f"GPU-{index}aaa", "Fake GPU", 24 * GIB, used, processes)


@pytest.fixture
def three_gpus(monkeypatch: pytest.MonkeyPatch) -> list[Gpu]:
    """0 is used by someone but roomy, 1 has little room, 2 is free."""
    found = [gpu(0, 3 * GIB, (SOMEONE,)), gpu(1, 20 * GIB), gpu(2, 4 * GIB)]
    monkeypatch.setattr(devices, "gpus", lambda: found)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return found


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", list)
    monkeypatch.setattr(devices, "has_mps", lambda: False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


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
def want(**placement):
    try:
        return devices.want(Placement(**placement))
    except BadInput as problem:
        return problem.problems[0]
"""


def test_a_lost_card_leaves_the_others_their_numbers(tmp_path: Path):
    code = WANT + "print([(gpu.index, gpu.uuid[:12], gpu.problem) for gpu in devices.gpus()])"
    assert ask("card_lost", code, tmp_path=tmp_path) == "[(0, 'GPU-00000000', ''), (1, '', 'GPU is lost')]"
    code = WANT + "print(*want(device='auto').candidates, want(device='cuda:1'), want(device='cuda', gpus=2), sep='|')"
    assert ask("card_lost", code, tmp_path=tmp_path).split("|") == [
        "GPU-00000000-aaaa-bbbb-cccc-dddddddddddd",
        "device cuda:1: GPU 1 does not answer: GPU is lost; choose another device, such as cpu",
        "gpus = 2: device cuda offers 1 (GPU 1 does not answer: GPU is lost)",
    ]


def test_a_healthy_card_behind_a_lost_one_keeps_its_number(monkeypatch: pytest.MonkeyPatch):
    broken = Gpu(0, "", "", None, None, problem="GPU is lost")
    monkeypatch.setattr(devices, "gpus", lambda: [broken, gpu(1)])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert devices.want(Placement(device="cuda:1")) == Want(("GPU-1aaa",))
    with pytest.raises(BadInput, match="device cuda:0: GPU 0 does not answer: GPU is lost"):
        devices.want(Placement(device="cuda:0"))
    monkeypatch.setattr(devices, "gpus", lambda: [broken])
    with pytest.raises(BadInput, match="device auto: GPU 0 does not answer"):  # and not silently the CPU
        devices.want(Placement())


def test_a_card_whose_memory_is_unknown_can_be_used(tmp_path: Path):
    code = WANT + "print(devices.usable(want(device='auto')), want(device='auto', wait_free_gb=20), sep='|')"
    assert ask("refuses_memory", code, tmp_path=tmp_path).split("|") == [
        "(['GPU-00000000-aaaa-bbbb-cccc-dddddddddddd'], '')",
        "wait_free_gb = 20: the driver does not tell how much memory is free on GPU 0; leave it out",
    ]


def test_a_card_that_is_lost_while_a_run_waits_for_it_is_a_note(tmp_path: Path):
    code = WANT + "print(devices.usable(devices.Want(('GPU-00000001-aaaa-bbbb-cccc-dddddddddddd',))))"
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


@pytest.mark.parametrize(
    ("setting", "seen"),
    [
        ("2,0", [2, 0]),
        ("GPU-1aaa", [1]),
        ("GPU-1", [1]),
        ("1, 2", [1, 2]),
        ("", []),
        ("-1", []),
        ("1,9,0", [1]),  # CUDA stops at the first entry it does not know
        ("1,1", [1]),
        ("GPU-", []),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(
    setting: str, seen: list[int], three_gpus: list[Gpu], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", setting)
    assert [found.index for found in devices.visible(three_gpus)] == seen


def test_auto_wants_any_visible_gpu(three_gpus: list[Gpu], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,1")
    assert devices.want(Placement(device="auto")) == Want(("GPU-2aaa", "GPU-1aaa"), 1)
    assert devices.want(Placement(device="cuda", gpus=2)).count == 2
    assert devices.want(Placement(device="cuda:1")) == Want(("GPU-1aaa",))


@pytest.mark.usefixtures("no_gpu")
def test_auto_takes_the_cpu_where_there_is_no_gpu():
    assert devices.want(Placement(device="auto")) == Want(("cpu",))


def test_auto_takes_mps_on_a_mac(no_gpu: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(devices, "has_mps", lambda: True)
    assert devices.want(Placement(device="auto")) == Want(("mps",))


def test_the_cpu_has_as_many_slots_as_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIFAR_TUI_CPU_SLOTS", "3")
    assert devices.want(Placement(device="cpu")) == Want(("cpu", "cpu#2", "cpu#3"))
    assert {devices.kind_of(key) for key in devices.cpu_slots()} == {"cpu"}


def test_a_gpu_where_nobody_computes_comes_first_and_then_the_roomiest(three_gpus: list[Gpu]):
    wanted = devices.want(Placement(device="cuda"))
    assert devices.usable(wanted) == (["GPU-2aaa", "GPU-1aaa", "GPU-0aaa"], "")


def test_wait_free_leaves_out_gpus_without_room_and_says_who_has_it(three_gpus: list[Gpu]):
    wanted = devices.want(Placement(device="cuda"))
    assert devices.usable(wanted, wait_free_gb=21) == (["GPU-2aaa", "GPU-0aaa"], "")
    roomy, note = devices.usable(Want(("GPU-0aaa",)), wait_free_gb=23)
    assert roomy == []
    assert note == "waiting for 23 GB free, 22.5 GB are; ada 3.22 GB"


@pytest.mark.parametrize(
    ("placement", "message"),
    [
        (Placement(device="cuda:3"), "device cuda:3: there is cuda:0 to cuda:2 here"),
        (Placement(device="cuda", gpus=4), "gpus = 4: device cuda offers 3"),
        (Placement(device="cuda:1", gpus=2), "gpus = 2: device cuda:1 offers 1"),
        (Placement(device="cpu", gpus=2), "gpus = 2 needs that many GPUs, but the device is cpu"),
        (Placement(device="cuda", wait_free_gb=80), "wait_free_gb = 80 can never be: the largest GPU has 25.8 GB"),
    ],
)
def test_a_device_that_cannot_be_had_is_refused(placement: Placement, message: str, three_gpus: list[Gpu]):
    with pytest.raises(BadInput) as caught:
        devices.want(placement)
    assert caught.value.problems == [message]


@pytest.mark.usefixtures("no_gpu")
def test_cuda_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(BadInput, match="device cuda: no GPU is visible on this machine; choose cpu or auto"):
        devices.want(Placement(device="cuda"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(BadInput, match="no GPU is visible by CUDA_VISIBLE_DEVICES"):
        devices.want(Placement(device="cuda"))


@pytest.mark.parametrize("setting", ["0", "two", "-1", ""])
def test_a_senseless_number_of_cpu_slots_is_refused(setting: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIFAR_TUI_CPU_SLOTS", setting)
    with pytest.raises(BadInput, match="CIFAR_TUI_CPU_SLOTS"):
        devices.want(Placement(device="cpu"))


def test_the_trainer_sees_only_what_its_run_was_given():
    assert devices.environment(["GPU-b", "GPU-a"])["CUDA_VISIBLE_DEVICES"] == "GPU-b,GPU-a"
    assert devices.environment(["cpu#2"]) == {"CUDA_VISIBLE_DEVICES": ""}
