"""Devices: what the driver is asked, what CUDA_VISIBLE_DEVICES hides, which GPU `auto` takes."""

import pytest

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.launch import devices
from engine.launch.devices import Gpu, GpuProcess
from engine.launch.queue import DeviceRequest

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
    assert devices.request(Placement(device="auto")) == DeviceRequest(("GPU-2aaa", "GPU-1aaa"), 1)
    assert devices.request(Placement(device="cuda", gpus=2)).count == 2
    assert devices.request(Placement(device="cuda:1")) == DeviceRequest(("GPU-1aaa",))


@pytest.mark.usefixtures("no_gpu")
def test_auto_takes_the_cpu_where_there_is_no_gpu():
    assert devices.request(Placement(device="auto")) == DeviceRequest(("cpu",))


def test_auto_takes_mps_on_a_mac(no_gpu: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(devices, "has_mps", lambda: True)
    assert devices.request(Placement(device="auto")) == DeviceRequest(("mps",))


def test_the_cpu_has_as_many_slots_as_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIFAR_TUI_CPU_SLOTS", "3")
    assert devices.request(Placement(device="cpu")) == DeviceRequest(("cpu", "cpu#2", "cpu#3"))
    assert {devices.kind_of(key) for key in devices.cpu_slots()} == {"cpu"}


def test_a_gpu_where_nobody_computes_comes_first_and_then_the_roomiest(three_gpus: list[Gpu]):
    wanted = devices.request(Placement(device="cuda"))
    assert devices.usable(wanted) == (["GPU-2aaa", "GPU-1aaa", "GPU-0aaa"], "")


def test_wait_free_leaves_out_gpus_without_room_and_says_who_has_it(three_gpus: list[Gpu]):
    wanted = devices.request(Placement(device="cuda"))
    assert devices.usable(wanted, wait_free_gb=21) == (["GPU-2aaa", "GPU-0aaa"], "")
    roomy, note = devices.usable(DeviceRequest(("GPU-0aaa",)), wait_free_gb=23)
    assert roomy == []
    assert note == "waiting for 23 GB of free GPU memory; 22.5 GB is free; in use: ada 3.22 GB"


@pytest.mark.parametrize(
    ("placement", "message"),
    [
        (Placement(device="cuda:3"), "device cuda:3: there is cuda:0 to cuda:2 here"),
        (Placement(device="cuda", gpus=4), "gpus = 4, but device cuda provides 3"),
        (Placement(device="cuda:1", gpus=2), "gpus = 2, but device cuda:1 provides 1"),
        (Placement(device="cpu", gpus=2), "gpus = 2 needs GPUs, but the device is cpu"),
        (Placement(device="mps", gpus=2), "gpus = 2 needs GPUs, but the device is mps"),
        (Placement(device="cuda", wait_free_gb=80), "wait_free_gb = 80 is impossible: the largest GPU has 25.8 GB"),
    ],
)
def test_a_device_that_cannot_be_had_is_refused(placement: Placement, message: str, three_gpus: list[Gpu]):
    with pytest.raises(BadInput) as caught:
        devices.request(placement)
    assert caught.value.problems == [message]


@pytest.mark.usefixtures("no_gpu")
def test_cuda_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(BadInput, match="device cuda: no GPU is visible on this machine; choose cpu or auto"):
        devices.request(Placement(device="cuda"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(BadInput, match="no GPU is visible by CUDA_VISIBLE_DEVICES"):
        devices.request(Placement(device="cuda"))


@pytest.mark.parametrize("setting", ["0", "two", "-1", ""])
def test_a_senseless_number_of_cpu_slots_is_refused(setting: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CIFAR_TUI_CPU_SLOTS", setting)
    with pytest.raises(BadInput, match="CIFAR_TUI_CPU_SLOTS"):
        devices.request(Placement(device="cpu"))


def test_the_trainer_sees_only_what_its_run_was_given():
    assert devices.environment(["GPU-b", "GPU-a"])["CUDA_VISIBLE_DEVICES"] == "GPU-b,GPU-a"
    assert devices.environment(["cpu#2"]) == {"CUDA_VISIBLE_DEVICES": ""}
