"""System samples: a machine without a GPU, one with a GPU that others use, and a thread that never ends a run."""

import os
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Sequence
from types import SimpleNamespace

import psutil
import pytest

from engine.contract.run.event_file import decode, encode
from engine.contract.run.events import Message, System
from engine.loop import system
from engine.loop.system import MachineSampler, describe_others, sampling


class FakeSampler:
    """Repeats the given samples forever."""

    def __init__(self, samples: Sequence[System]) -> None:
        self._samples = samples
        self._next = 0

    def sample(self) -> System:
        self._next += 1
        return self._samples[(self._next - 1) % len(self._samples)]


GB = 10**9


class NVMLError(Exception):
    pass


def nvml(processes, missing=()):
    """A driver with one card; it raises for the questions in `missing`."""
    running = namedtuple("running", "pid usedGpuMemory")
    answers = {
        "nvmlInit": None,
        "nvmlDeviceGetHandleByUUID": "card",
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=12 * GB, total=24 * GB),
        "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=93),
        "nvmlDeviceGetComputeRunningProcesses": [running(*process) for process in processes],
        "nvmlDeviceGetIndex": 0,
        "nvmlDeviceGetUUID": b"GPU-1",
        "nvmlDeviceGetName": "RTX",
        "nvmlDeviceGetPowerUsage": 412_000,
        "nvmlDeviceGetEnforcedPowerLimit": 450_000,
        "nvmlDeviceGetTemperature": 58,
    }

    def answer(name):
        def ask(*_):
            if name in missing:
                raise NVMLError("Not Supported")
            return answers[name]

        return ask

    return SimpleNamespace(NVMLError=NVMLError, **{name: answer(name) for name in answers})


@pytest.fixture
def driver(monkeypatch):
    def install(*processes, missing=()):
        fake = nvml(processes, missing)
        monkeypatch.setitem(sys.modules, "pynvml", fake)
        return fake

    return install


def test_a_run_without_a_gpu_samples_the_host_and_says_so(tmp_path):
    sample = MachineSampler(tmp_path).sample()
    assert sample.gpus == []
    assert sample.gpu_note == "the run uses no GPU"
    assert 0 <= sample.cpu <= 1
    assert 0 < sample.ram_ours < sample.ram_used < sample.ram_total == psutil.virtual_memory().total
    assert sample.disk_free > 0
    assert decode(encode(sample)) == sample


def test_a_card_is_told_apart_into_ours_and_others(tmp_path, driver):
    driver((os.getpid(), 4 * GB), (os.getppid(), 6 * GB), (2**22 + 1, 1 * GB))
    (gpu,) = MachineSampler(tmp_path, ["GPU-1"]).sample().gpus
    parent = psutil.Process(os.getppid())
    assert (gpu["index"], gpu["uuid"], gpu["name"]) == (0, "GPU-1", "RTX")
    assert (gpu["utilization"], gpu["temperature"]) == (0.93, 58)
    assert (gpu["power"], gpu["power_limit"]) == (412.0, 450.0)
    assert (gpu["memory_used"], gpu["memory_total"], gpu["memory_ours"], gpu["memory_others"]) == (
        12 * GB,
        24 * GB,
        4 * GB,
        8 * GB,
    )
    assert gpu["others"] == [
        {"user": parent.username(), "name": parent.name(), "bytes": 6 * GB},
        {"user": "?", "name": "?", "bytes": GB},
    ]


def test_of_several_ranks_every_gpu_is_sampled_with_what_any_rank_holds_on_it(tmp_path, monkeypatch):
    waiting = [sys.executable, "-c", "print('ready', flush=True); input()"]
    ranks = [subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for rank in ranks:  # from here on, they neither start threads nor allocate memory
            assert rank.stdout and rank.stdout.readline() == b"ready\n"
        running = namedtuple("running", "pid usedGpuMemory")
        held = {uuid: [running(rank.pid, size * GB)] for uuid, rank, size in zip("ab", ranks, (3, 5), strict=True)}
        fake = nvml(())
        fake.nvmlDeviceGetHandleByUUID = fake.nvmlDeviceGetUUID = lambda uuid: uuid
        fake.nvmlDeviceGetComputeRunningProcesses = lambda handle: held[handle]
        fake.nvmlDeviceGetIndex = lambda handle: "ab".index(handle)
        monkeypatch.setitem(sys.modules, "pynvml", fake)
        sampler = MachineSampler(tmp_path, ["a", "b"], ranks=True)
        monkeypatch.setattr(sampler, "_me", psutil.Process(ranks[0].pid))
        sample = sampler.sample()
        assert [(gpu["index"], gpu["memory_ours"], gpu["others"]) for gpu in sample.gpus] == [
            (0, 3 * GB, []),
            (1, 5 * GB, []),
        ]
        assert sample.ram_ours >= sum(psutil.Process(rank.pid).memory_info().rss for rank in ranks)
    finally:
        for rank in ranks:
            rank.communicate()


def test_where_the_driver_hides_our_process_torch_says_what_is_ours(tmp_path, driver):
    driver((os.getpid(), None))
    (gpu,) = MachineSampler(tmp_path, ["GPU-1"], ours=lambda: 3 * GB).sample().gpus
    assert (gpu["memory_ours"], gpu["memory_others"], gpu["others"]) == (3 * GB, 9 * GB, [])


def test_a_card_that_tells_little_still_gives_a_sample(tmp_path, driver):
    driver(missing=[f"nvmlDeviceGet{name}" for name in ("UtilizationRates", "PowerUsage", "ComputeRunningProcesses")])
    sample = MachineSampler(tmp_path, ["GPU-1"]).sample()
    assert repr(sample.gpus[0]["utilization"]) == repr(sample.gpus[0]["power"]) == "nan"
    assert sample.gpus[0]["others"] == []
    assert encode(sample)


@pytest.mark.parametrize("missing", ["nvmlInit", "nvmlDeviceGetHandleByUUID"])
def test_no_driver_is_a_note(tmp_path, driver, missing):
    driver(missing=[missing])
    sample = MachineSampler(tmp_path, ["GPU-1"]).sample()
    assert sample.gpus == []
    assert "Not Supported" in sample.gpu_note


def test_a_card_that_falls_off_the_bus_is_a_note_and_comes_back(tmp_path, driver):
    everything = [f"nvmlDeviceGet{name}" for name in ("MemoryInfo", "UtilizationRates", "Temperature", "UUID", "Name")]
    fake = driver()
    sampler = MachineSampler(tmp_path, ["GPU-1"])
    assert len(sampler.sample().gpus) == 1
    broken = nvml((), everything)
    healthy = {name: getattr(fake, name) for name in everything}
    vars(fake).update({name: getattr(broken, name) for name in everything}, NVMLError=broken.NVMLError)
    sample = sampler.sample()
    assert (sample.gpus, sample.gpu_note) == ([], "GPU GPU-1 does not answer: Not Supported")
    vars(fake).update(healthy)
    assert len(sampler.sample().gpus) == 1


def test_a_card_whose_memory_is_unknown_is_sampled_without_it(tmp_path, driver):
    driver(missing=["nvmlDeviceGetMemoryInfo"])
    (gpu,) = MachineSampler(tmp_path, ["GPU-1"]).sample().gpus
    assert gpu["utilization"] == 0.93
    assert repr(gpu["memory_used"]) == repr(gpu["memory_total"]) == repr(gpu["memory_others"]) == "nan"
    assert decode(encode(System(gpus=[gpu]))) is not None


def test_others_are_summed_by_user_and_program():
    held = [("ada", "python", 2 * GB), ("bob", "tmux", GB), ("ada", "python", GB)]
    others = [{"user": user, "name": name, "bytes": size} for user, name, size in held]
    assert describe_others({"others": others}) == "ada: python 3 GB, bob: tmux 1 GB"
    assert describe_others({"others": []}) == ""


def test_samples_come_from_a_thread_that_ends_with_the_block():
    samples = [System(cpu=0.1), System(cpu=0.2)]
    seen, enough = [], threading.Event()

    def emit(sample):
        seen.append(sample)
        if len(seen) == 5:
            enough.set()

    with sampling(FakeSampler(samples), emit, every=0.001):
        assert enough.wait(10)
    assert [sample.cpu for sample in seen[:5]] == [0.1, 0.2, 0.1, 0.2, 0.1]
    assert not [thread for thread in threading.enumerate() if thread.name == "system"]


@pytest.mark.parametrize("error", [psutil.AccessDenied(1), FileNotFoundError(2, "gone"), ZeroDivisionError("odd")])
def test_a_sampler_that_breaks_warns_once_and_goes_on_when_it_works_again(error):
    turns = iter([System(cpu=0.1), error, error, System(cpu=0.2), error, System(cpu=0.3)])
    seen, enough = [], threading.Event()

    class Moody:
        def sample(self):
            turn = next(turns, System())
            if isinstance(turn, Exception):
                raise turn
            return turn

    def emit(event):
        seen.append(event)
        if getattr(event, "cpu", 0.0) == 0.3:
            enough.set()

    with sampling(Moody(), emit, every=0.001):
        assert enough.wait(10)
    assert [type(event) for event in seen[:4]] == [System, Message, System, System]
    assert seen[1].level == "warning"
    assert "cannot sample the machine" in seen[1].text and (str(error) or "AccessDenied") in seen[1].text
    assert not [thread for thread in threading.enumerate() if thread.name == "system"]


def test_a_full_disk_ends_neither_the_samples_nor_the_run():
    tried, enough = [], threading.Event()

    def emit(event):
        tried.append(type(event))
        if len(tried) < 5:
            raise OSError(28, "No space left on device")
        enough.set()

    with sampling(FakeSampler([System()]), emit, every=0.001):
        assert enough.wait(10)
    assert tried[:5] == [System, Message, System, Message, System]


def test_sampling_does_not_import_torch():
    code = "import sys, engine.loop.system; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert system.EVERY >= 1
