"""The devices of this machine as the queue knows them: GPUs by UUID, `cpu` (one slot unless told more) and `mps`.

GPUs are numbered as nvidia-smi numbers them and as CUDA_VISIBLE_DEVICES allows. Without an NVIDIA driver there are
none, which is a state and not an error.
"""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from engine.contract.errors import BadInput
from engine.contract.recipe import Placement
from engine.contract.text import file_size
from engine.launch.queue import Want

GB = 1e9


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that computes on a GPU."""

    pid: int
    user: str
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as the driver sees it; memory in bytes."""

    index: int
    uuid: str
    name: str
    memory_total: int
    memory_used: int
    processes: tuple[GpuProcess, ...] = ()

    @property
    def memory_free(self) -> int:
        return self.memory_total - self.memory_used


def gpus() -> list[Gpu]:
    """Every GPU of the machine, in the driver's order (a GPU cut by MIG counts as its parts); none without a driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        cards = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        handles = [handle for card in cards for handle in _parts(pynvml, card)]
        return [_read(pynvml, index, handle) for index, handle in enumerate(handles)]
    finally:
        pynvml.nvmlShutdown()


def _parts(nvml: Any, card: Any) -> list[Any]:
    """The MIG instances of a card that is cut into them, else the card."""
    try:
        if not nvml.nvmlDeviceGetMigMode(card)[0]:
            return [card]
    except nvml.NVMLError:  # a card that knows no MIG
        return [card]
    parts = []
    for slot in range(nvml.nvmlDeviceGetMaxMigDeviceCount(card)):
        try:
            parts.append(nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, slot))
        except nvml.NVMLError:  # an empty slot
            continue
    return parts


def _read(nvml: Any, index: int, handle: Any) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except nvml.NVMLError:  # not permitted in some containers and not supported by some cards
        running = []
    processes = tuple(_process(item.pid, item.usedGpuMemory or 0) for item in running)
    uuid, name = (_text(get(handle)) for get in (nvml.nvmlDeviceGetUUID, nvml.nvmlDeviceGetName))
    return Gpu(index, uuid, name, int(memory.total), int(memory.used), processes)


def _process(pid: int, used: int) -> GpuProcess:
    try:
        process = psutil.Process(pid)
        return GpuProcess(pid, process.username(), process.name(), int(used))
    except psutil.Error:  # in another container, or gone meanwhile
        return GpuProcess(pid, "?", "?", int(used))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def visible(found: Sequence[Gpu]) -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, in its order; like CUDA, entries after an invalid one do not count."""
    setting = os.environ.get("CUDA_VISIBLE_DEVICES")
    if setting is None:
        return list(found)
    chosen: list[Gpu] = []
    for entry in (part.strip() for part in setting.split(",")):
        named = [gpu for gpu in found if entry in (str(gpu.index), gpu.uuid) or _is_short(entry, gpu.uuid)]
        if len(named) != 1 or named[0] in chosen:
            break
        chosen += named
    return chosen


def _is_short(entry: str, uuid: str) -> bool:
    return entry.startswith(("GPU-", "MIG-")) and len(entry) > len("GPU-") and uuid.startswith(entry)


def cpu_slots() -> tuple[str, ...]:
    """How many runs may use the CPU at once, as device names: one, or $CIFAR_TUI_CPU_SLOTS of them."""
    setting = os.environ.get("CIFAR_TUI_CPU_SLOTS", "1")
    if not setting.isdecimal() or int(setting) < 1:
        raise BadInput([f"CIFAR_TUI_CPU_SLOTS={setting}: a whole number of at least 1 is needed"])
    return ("cpu", *(f"cpu#{i}" for i in range(2, int(setting) + 1)))


def has_mps() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def kind_of(key: str) -> str:
    """What the trainer calls a device of the queue: "cpu", "mps" or "cuda"."""
    return key.partition("#")[0] if key.startswith(("cpu", "mps")) else "cuda"


def want(placement: Placement) -> Want:
    """What a run asks the queue for.

    Raises:
        BadInput: this machine (or CUDA_VISIBLE_DEVICES) has no such device.
    """
    device = placement.device
    usable = visible(gpus()) if device.startswith(("auto", "cuda")) else []
    if device == "auto" and not usable:
        device = "mps" if has_mps() else "cpu"
    if device in ("cpu", "mps"):
        if placement.gpus > 1:
            raise BadInput([f"gpus = {placement.gpus} needs that many GPUs, but the device is {device}"])
        if device == "mps" and not has_mps():
            raise BadInput(["device mps: needs a Mac with Apple silicon; choose cpu or auto"])
        return Want(cpu_slots() if device == "cpu" else ("mps",))
    hidden = " by CUDA_VISIBLE_DEVICES" if "CUDA_VISIBLE_DEVICES" in os.environ else ""
    if not usable:
        raise BadInput([f"device {device}: no GPU is visible{hidden or ' on this machine'}; choose cpu or auto"])
    _, _, number = device.partition(":")
    if number and int(number) >= len(usable):
        last = f"cuda:0 to cuda:{len(usable) - 1}" if len(usable) > 1 else "only cuda:0"
        raise BadInput([f"device {device}: there is {last} here{f' (hidden{hidden})' if hidden else ''}"])
    candidates = (usable[int(number)],) if number else tuple(usable)
    if placement.gpus > len(candidates):
        raise BadInput([f"gpus = {placement.gpus}: device {device} offers {len(candidates)}"])
    room = placement.wait_free_gb * GB
    if room and sum(gpu.memory_total >= room for gpu in candidates) < placement.gpus:
        largest = max(gpu.memory_total for gpu in candidates)
        too_much = f"wait_free_gb = {placement.wait_free_gb:g}"
        raise BadInput([f"{too_much} can never be: the largest GPU has {file_size(largest)}"])
    return Want(tuple(gpu.uuid for gpu in candidates), placement.gpus)


def usable(wanted: Want, wait_free_gb: float = 0.0) -> tuple[list[str], str]:
    """Which of the wanted devices have room now, best first, and a note on what others use.

    Best is a GPU where nobody computes, then the one with the most free memory.
    """
    if kind_of(wanted.candidates[0]) != "cuda":
        return list(wanted.candidates), ""
    there = {gpu.uuid: gpu for gpu in gpus()}
    found = [there[key] for key in wanted.candidates if key in there]
    found.sort(key=lambda gpu: (bool(gpu.processes), -gpu.memory_free))
    roomy = [gpu.uuid for gpu in found if gpu.memory_free >= wait_free_gb * GB]
    note = ""
    if len(found) < wanted.count:
        note = "the GPUs do not answer"
    elif len(roomy) < wanted.count:
        best = max((gpu.memory_free for gpu in found), default=0)
        note = f"waiting for {wait_free_gb:g} GB free, {file_size(best)} are{_others(found)}"
    return roomy, note


def _others(found: Sequence[Gpu]) -> str:
    """What others hold, by user: "; ada 17.2 GB, bob 3.0 GB"."""
    held: dict[str, int] = {}
    for process in (process for gpu in found for process in gpu.processes):
        held[process.user] = held.get(process.user, 0) + process.bytes
    return "; " + ", ".join(f"{user} {file_size(used)}" for user, used in held.items()) if held else ""


def environment(keys: Sequence[str]) -> dict[str, str]:
    """Variables that make a process see just these devices."""
    if kind_of(keys[0]) == "cuda":
        return {"CUDA_VISIBLE_DEVICES": ",".join(keys), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return {"CUDA_VISIBLE_DEVICES": ""}
