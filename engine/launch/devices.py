"""The devices of this machine as the queue knows them: GPUs by UUID, `cpu` (one slot unless told more) and `mps`.

GPUs are numbered as nvidia-smi numbers them and as CUDA_VISIBLE_DEVICES allows. Without an NVIDIA driver there are
none, which is a state and not an error. A card that does not answer keeps its number and is given to no run.
"""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from engine.contract.errors import BadInput
from engine.contract.recipe.schema import Placement
from engine.contract.text import file_size
from engine.launch import nvml
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
    """One GPU as the driver sees it; memory in bytes, None where the driver does not tell (unified memory)."""

    index: int
    uuid: str
    name: str
    memory_total: int | None
    memory_used: int | None
    processes: tuple[GpuProcess, ...] = ()
    problem: str = ""
    """Why it does not answer (it then has no UUID and cannot be used); "" for a healthy card."""

    @property
    def memory_free(self) -> int | None:
        if self.memory_total is None or self.memory_used is None:
            return None
        return self.memory_total - self.memory_used

    @property
    def fault(self) -> str:
        """What is wrong with it, in words: "GPU 1 does not answer: GPU is lost"."""
        return f"GPU {self.index} does not answer: {self.problem}" if self.problem else ""


def gpus() -> list[Gpu]:
    """Every GPU of the machine, in the driver's order (a GPU cut by MIG counts as its parts); none without a driver.

    Never raises. A card that does not answer is in the list with its `problem`, so that the others keep their numbers.
    """
    return survey()[0]


def survey() -> tuple[list[Gpu], str]:
    """The GPUs, and why the driver cannot be asked at all ("" where it can, or where the machine has none)."""
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
    """The MIG instances of a card that is cut into them, else the card."""
    mode = driver.ask("nvmlDeviceGetMigMode", card)
    slots = driver.ask("nvmlDeviceGetMaxMigDeviceCount", card) if mode and mode[0] else None
    if slots is None:  # not cut, or a card that knows no MIG
        return [card]
    parts = (driver.ask("nvmlDeviceGetMigDeviceHandleByIndex", card, slot) for slot in range(slots))
    return [part for part in parts if part is not None]  # slots may be empty


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
    except (psutil.Error, ValueError):  # in another container, or gone meanwhile
        return GpuProcess(pid, "?", "?", int(used))


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
    candidates = _candidates(device, usable)
    if placement.gpus > len(candidates):
        faults = "".join(f" ({gpu.fault})" for gpu in usable if gpu.problem)
        raise BadInput([f"gpus = {placement.gpus}: device {device} offers {len(candidates)}{faults}"])
    if placement.wait_free_gb:
        _check_room(placement, candidates)
    return Want(tuple(gpu.uuid for gpu in candidates), placement.gpus)


def _candidates(device: str, usable: Sequence[Gpu]) -> list[Gpu]:
    """The healthy ones of the visible GPUs that `device` names; BadInput where there is none."""
    hidden = " by CUDA_VISIBLE_DEVICES" if "CUDA_VISIBLE_DEVICES" in os.environ else ""
    if not usable:
        raise BadInput([f"device {device}: no GPU is visible{hidden or ' on this machine'}; choose cpu or auto"])
    _, _, number = device.partition(":")
    if number and int(number) >= len(usable):
        last = f"cuda:0 to cuda:{len(usable) - 1}" if len(usable) > 1 else "only cuda:0"
        raise BadInput([f"device {device}: there is {last} here{f' (hidden{hidden})' if hidden else ''}"])
    named = [usable[int(number)]] if number else usable
    healthy = [gpu for gpu in named if not gpu.problem]
    if not healthy:  # never the CPU instead: a run of minutes would take days without anybody having asked for that
        raise BadInput(
            [f"device {device}: {'; '.join(gpu.fault for gpu in named)}; choose another device, such as cpu"]
        )
    return healthy


def _check_room(placement: Placement, candidates: Sequence[Gpu]) -> None:
    """BadInput where waiting for free memory could never end."""
    wish = f"wait_free_gb = {placement.wait_free_gb:g}"
    told = [gpu.memory_total for gpu in candidates if gpu.memory_free is not None and gpu.memory_total is not None]
    if len(told) < placement.gpus:
        silent = ", ".join(f"GPU {gpu.index}" for gpu in candidates if gpu.memory_free is None)
        raise BadInput([f"{wish}: the driver does not tell how much memory is free on {silent}; leave it out"])
    if sum(total >= placement.wait_free_gb * GB for total in told) < placement.gpus:
        raise BadInput([f"{wish} can never be: the largest GPU has {file_size(max(told))}"])


def usable(wanted: Want, wait_free_gb: float = 0.0) -> tuple[list[str], str]:
    """Which of the wanted devices have room now, best first, and a note on what others use or which card is silent.

    Best is a GPU where nobody computes, then the one with the most free memory; one whose memory is unknown comes last
    among its equals, and is not taken by a run that waits for free memory. Never raises for what a driver says.
    """
    if kind_of(wanted.candidates[0]) != "cuda":
        return list(wanted.candidates), ""
    seen = gpus()
    there = {gpu.uuid: gpu for gpu in seen if not gpu.problem}
    found = [there[key] for key in wanted.candidates if key in there]
    found.sort(key=lambda gpu: (bool(gpu.processes), -(gpu.memory_free or 0)))
    room = wait_free_gb * GB
    roomy = [gpu.uuid for gpu in found if not room or (gpu.memory_free is not None and gpu.memory_free >= room)]
    note = ""
    if len(found) < wanted.count:
        note = "; ".join(gpu.fault for gpu in seen if gpu.problem) or "the GPUs do not answer"
    elif len(roomy) < wanted.count:
        known = [gpu.memory_free for gpu in found if gpu.memory_free is not None]
        free = f"{file_size(max(known))} are{_others(found)}" if known else "but the driver does not tell what is free"
        note = f"waiting for {wait_free_gb:g} GB free, {free}"
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
