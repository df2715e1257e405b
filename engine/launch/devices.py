"""The devices of this machine as the queue knows them: GPUs by UUID, `cpu` (one slot by default) and `mps`.

GPUs are numbered as in nvidia-smi, among those that CUDA_VISIBLE_DEVICES leaves. A machine without an NVIDIA driver has
none, which is not an error. A GPU that does not answer keeps its number and is assigned to no run.
"""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from engine.contract.errors import BadInput
from engine.contract.recipe.ranks import not_on_nodes
from engine.contract.recipe.schema import Placement
from engine.contract.text import file_size
from engine.launch import nvml
from engine.launch.queue import DeviceRequest

GB = 1e9
CPU_RANKS = "CIFAR_TUI_CPU_RANKS"
"""For tests only: if set, a run on the CPU may have several ranks, which share one device of the queue."""


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that computes on a GPU."""

    pid: int
    user: str
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as the driver reports it; memory in bytes, None if the driver does not report it (unified memory)."""

    index: int
    uuid: str
    name: str
    memory_total: int | None
    memory_used: int | None
    processes: tuple[GpuProcess, ...] = ()
    problem: str = ""
    """Why it does not answer (it then has no UUID and cannot be used); "" for a healthy GPU."""

    @property
    def memory_free(self) -> int | None:
        if self.memory_total is None or self.memory_used is None:
            return None
        return self.memory_total - self.memory_used

    @property
    def fault(self) -> str:
        """The problem as a sentence: "GPU 1 does not answer: GPU is lost"; "" for a healthy GPU."""
        return f"GPU {self.index} does not answer: {self.problem}" if self.problem else ""


def gpus() -> list[Gpu]:
    """Every GPU of the machine in the driver's order, with MIG instances in place of their GPU; none without a driver.

    Never raises. A GPU that does not answer is listed with its `problem`, so that the others keep their numbers.
    """
    return survey()[0]


def survey() -> tuple[list[Gpu], str]:
    """The GPUs, and why the driver cannot be used ("" if it can, or if the machine has none)."""
    driver = nvml.Driver()
    try:
        found: list[Gpu] = []
        for slot in range(driver.ask("nvmlDeviceGetCount") or 0):
            card = driver.ask("nvmlDeviceGetHandleByIndex", slot)
            if card is None:
                found.append(Gpu(len(found), "", "", None, None, problem=driver.refusal))
                continue
            for handle in _parts(driver, card):
                found.append(_read(driver, len(found), handle))
        return found, "" if driver.absent else driver.problem
    finally:
        driver.close()


def _parts(driver: nvml.Driver, card: Any) -> list[Any]:
    """The MIG instances of a GPU that is partitioned, else the GPU itself."""
    mode = driver.ask("nvmlDeviceGetMigMode", card)
    slots = driver.ask("nvmlDeviceGetMaxMigDeviceCount", card) if mode and mode[0] else None
    if slots is None:  # not partitioned, or without MIG
        return [card]
    parts = (driver.ask("nvmlDeviceGetMigDeviceHandleByIndex", card, slot) for slot in range(slots))
    return [part for part in parts if part is not None]  # a slot may be empty


def _read(driver: nvml.Driver, index: int, handle: Any) -> Gpu:
    uuid = nvml.text(driver.ask("nvmlDeviceGetUUID", handle))
    if not uuid:
        return Gpu(index, "", "", None, None, problem=driver.refusal or "it has no UUID")
    memory = driver.ask("nvmlDeviceGetMemoryInfo", handle)
    running = driver.ask("nvmlDeviceGetComputeRunningProcesses", handle) or []
    return Gpu(
        index,
        uuid,
        nvml.text(driver.ask("nvmlDeviceGetName", handle)),
        int(memory.total) if memory else None,
        int(memory.used) if memory else None,
        tuple(_process(item.pid, item.usedGpuMemory or 0) for item in running),
    )


def _process(pid: int, used: int) -> GpuProcess:
    try:
        process = psutil.Process(pid)
        return GpuProcess(pid, process.username(), process.name(), int(used))
    except (psutil.Error, ValueError):  # in another container, or gone by now
        return GpuProcess(pid, "?", "?", int(used))


def visible(found: Sequence[Gpu]) -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, in its order; as in CUDA, entries after an invalid one are ignored."""
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
    """A device name for each run that may use the CPU at once: one, or $CIFAR_TUI_CPU_SLOTS of them."""
    setting = os.environ.get("CIFAR_TUI_CPU_SLOTS", "1")
    if not setting.isdecimal() or int(setting) < 1:
        raise BadInput([f"CIFAR_TUI_CPU_SLOTS={setting}: must be a whole number, at least 1"])
    return ("cpu", *(f"cpu#{i}" for i in range(2, int(setting) + 1)))


def has_mps() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def kind_of(key: str) -> str:
    """The device type that the trainer uses for a device of the queue: "cpu", "mps" or "cuda"."""
    return key.partition("#")[0] if key.startswith(("cpu", "mps")) else "cuda"


def request(placement: Placement) -> DeviceRequest:
    """What a run requests from the queue of one machine: with several nodes, the node's part of the GPUs.

    Raises:
        BadInput: this machine (or CUDA_VISIBLE_DEVICES) has no such device, or the GPUs do not divide among the nodes.
    """
    if problem := not_on_nodes(placement):
        raise BadInput(problem)
    device = placement.device
    usable = visible(gpus()) if device.startswith(("auto", "cuda")) else []
    if device == "auto" and not usable:
        device = "mps" if has_mps() else "cpu"
    if device in ("cpu", "mps"):
        if placement.gpus > 1 and not (device == "cpu" and os.environ.get(CPU_RANKS)):
            raise BadInput([f"gpus = {placement.gpus} needs GPUs, but the device is {device}"])
        if device == "mps" and not has_mps():
            raise BadInput(["device mps needs a Mac with Apple silicon; choose cpu or auto"])
        return DeviceRequest(cpu_slots() if device == "cpu" else ("mps",))
    candidates = _candidates(device, usable)
    count = placement.gpus // placement.nodes
    if count > len(candidates):
        faults = "".join(f" ({gpu.fault})" for gpu in usable if gpu.problem)
        raise BadInput([f"gpus = {count}, but device {device} provides {len(candidates)}{faults}"])
    if placement.wait_free_gb:
        _check_room(placement.wait_free_gb, count, candidates)
    return DeviceRequest(tuple(gpu.uuid for gpu in candidates), count)


def _candidates(device: str, usable: Sequence[Gpu]) -> list[Gpu]:
    """The healthy GPUs among the visible ones that `device` names. BadInput if there is none."""
    hidden = " by CUDA_VISIBLE_DEVICES" if "CUDA_VISIBLE_DEVICES" in os.environ else ""
    if not usable:
        raise BadInput([f"device {device}: no GPU is visible{hidden or ' on this machine'}; choose cpu or auto"])
    _, _, number = device.partition(":")
    if number and int(number) >= len(usable):
        last = f"cuda:0 to cuda:{len(usable) - 1}" if len(usable) > 1 else "only cuda:0"
        raise BadInput([f"device {device}: there is {last} here{f' (hidden{hidden})' if hidden else ''}"])
    named = [usable[int(number)]] if number else usable
    healthy = [gpu for gpu in named if not gpu.problem]
    if not healthy:  # no silent fall-back to the CPU, where a run of minutes would take days
        raise BadInput(
            [f"device {device}: {'; '.join(gpu.fault for gpu in named)}; choose another device, such as cpu"]
        )
    return healthy


def _check_room(wait_free_gb: float, count: int, candidates: Sequence[Gpu]) -> None:
    """BadInput if waiting for free memory could never end."""
    option = f"wait_free_gb = {wait_free_gb:g}"
    totals = [gpu.memory_total for gpu in candidates if gpu.memory_free is not None and gpu.memory_total is not None]
    if len(totals) < count:
        unknown = ", ".join(f"GPU {gpu.index}" for gpu in candidates if gpu.memory_free is None)
        raise BadInput([f"{option}: the driver does not report the free memory of {unknown}; leave the option out"])
    if sum(total >= wait_free_gb * GB for total in totals) < count:
        raise BadInput([f"{option} is impossible: the largest GPU has {file_size(max(totals))}"])


def usable(requested: DeviceRequest, wait_free_gb: float = 0.0) -> tuple[list[str], str]:
    """The requested devices with enough free memory, best first, and a note on used memory or GPUs that do not answer.

    Idle GPUs come first, then those with the most free memory; a GPU whose free memory is unknown comes last among its
    equals, and is not used by a run that waits for free memory. Never raises, whatever the driver reports.
    """
    if kind_of(requested.candidates[0]) != "cuda":
        return list(requested.candidates), ""
    seen = gpus()
    healthy = {gpu.uuid: gpu for gpu in seen if not gpu.problem}
    found = [healthy[key] for key in requested.candidates if key in healthy]
    found.sort(key=lambda gpu: (bool(gpu.processes), -(gpu.memory_free or 0)))
    room = wait_free_gb * GB
    roomy = [gpu.uuid for gpu in found if not room or (gpu.memory_free is not None and gpu.memory_free >= room)]
    note = ""
    if len(found) < requested.count:
        note = "; ".join(gpu.fault for gpu in seen if gpu.problem) or "the GPUs do not answer"
    elif len(roomy) < requested.count:
        known = [gpu.memory_free for gpu in found if gpu.memory_free is not None]
        free = f"{file_size(max(known))} is free{_others(found)}" if known else "the driver does not report it"
        note = f"waiting for {wait_free_gb:g} GB of free GPU memory; {free}"
    return roomy, note


def _others(found: Sequence[Gpu]) -> str:
    """GPU memory in use, by user: "; in use: ada 17.2 GB, bob 3.0 GB"."""
    held: dict[str, int] = {}
    for process in (process for gpu in found for process in gpu.processes):
        held[process.user] = held.get(process.user, 0) + process.bytes
    return "; in use: " + ", ".join(f"{user} {file_size(used)}" for user, used in held.items()) if held else ""


def environment(keys: Sequence[str]) -> dict[str, str]:
    """Environment variables that make a process see only these devices."""
    if kind_of(keys[0]) == "cuda":
        return {"CUDA_VISIBLE_DEVICES": ",".join(keys), "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    return {"CUDA_VISIBLE_DEVICES": ""}
