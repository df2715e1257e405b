"""Samples of the machine during training: GPUs through NVML, the host through psutil. Does not import torch.

A GPU sample covers the whole card, with the memory of this process and of all others listed separately. Having no GPU
is not an error but noted in the sample. A sample takes about a millisecond and is taken every two seconds, in a
separate thread.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from engine.contract.run.events import Message, System
from engine.contract.text import file_size
from engine.launch import nvml
from engine.launch.slurm.node import node_name

Emit = Callable[[System | Message], None]
EVERY = 2.0  # seconds


class Sampler(Protocol):
    """Anything that returns samples."""

    def sample(self) -> System: ...


class MachineSampler:
    """Samples this machine.

    Args:
        disk: a folder on the file system whose free space is sampled, usually the run folder.
        gpus: UUIDs of the GPUs that the run uses; without any, no GPU is sampled.
        ours: returns the bytes of GPU memory that this process holds. It is used if the driver does not report them,
            as in containers and on WSL; every other rank holds about as much on its own GPU.
        ranks: whether this process is one of several ranks, which are all children of the same parent. The samples
            are then those of all ranks on this machine.
        node: the number of this machine among those of the run.
    """

    def __init__(
        self,
        disk: Path,
        gpus: Sequence[str] = (),
        ours: Callable[[], int] = lambda: 0,
        *,
        ranks: bool = False,
        node: int = 0,
    ) -> None:
        self._disk = disk
        self._ranks = ranks
        self._node, self._host = node, node_name()
        self._me = psutil.Process()
        self._ours = ours
        self._driver = nvml.Driver() if gpus else None
        self._gpus: dict[str, Any] = dict.fromkeys(gpus)  # the driver's handle for each, once known
        psutil.cpu_percent()  # the first call only starts the measurement

    def sample(self) -> System:
        memory = psutil.virtual_memory()
        cards, note = self._cards()
        ours = [self._me, *(one for one in self._children() if one.pid != self._me.pid)] if self._ranks else [self._me]
        return System(
            gpus=cards,
            cpu=psutil.cpu_percent() / 100,
            ram_used=float(memory.total - memory.available),
            ram_total=float(memory.total),
            ram_ours=float(sum(_resident(one) for one in ours)),
            disk_free=float(psutil.disk_usage(str(self._disk)).free),
            gpu_note=note,
        )

    def _cards(self) -> tuple[list[dict[str, Any]], str]:
        """Samples of the run's GPUs that respond, and a note about the others."""
        if self._driver is None:
            return [], "the run uses no GPU"
        if self._driver.problem:
            return [], f"no GPU samples: {self._driver.problem}"
        cards, notes = [], []
        for uuid in self._gpus:
            if card := self._gpu(self._driver, uuid):
                cards.append(card)
            else:
                notes.append(f"GPU {uuid} does not answer: {self._driver.refusal}")
        return cards, "; ".join(notes)

    def _gpu(self, driver: nvml.Driver, uuid: str) -> dict[str, Any] | None:
        """A sample of one GPU as stored in events, NaN for what it does not report; None if it reports nothing."""
        if self._gpus[uuid] is None:
            self._gpus[uuid] = driver.ask("nvmlDeviceGetHandleByUUID", uuid)
        handle = self._gpus[uuid]
        if handle is None:
            return None
        running = driver.ask("nvmlDeviceGetComputeRunningProcesses", handle) or []
        memory = driver.ask("nvmlDeviceGetMemoryInfo", handle)
        use = driver.ask("nvmlDeviceGetUtilizationRates", handle)
        temperature = driver.ask("nvmlDeviceGetTemperature", handle, 0)  # sensor 0 is the chip
        if memory is use is temperature is None:  # fallen off the bus
            return None
        used = float(memory.used) if memory else math.nan
        family = {os.getpid(), *(child.pid for child in self._children())}
        reported = sum(item.usedGpuMemory or 0 for item in running if item.pid in family)
        ours = float(reported or self._ours())
        return {
            "node": self._node,
            "host": self._host,
            "index": driver.ask("nvmlDeviceGetIndex", handle) or 0,
            "uuid": uuid,
            "name": nvml.text(driver.ask("nvmlDeviceGetName", handle)),
            "utilization": use.gpu / 100 if use else math.nan,
            "memory_used": used,
            "memory_total": float(memory.total) if memory else math.nan,
            "memory_ours": ours,
            "memory_others": max(used - ours, 0.0),
            "others": [_owner(item) for item in running if item.pid not in family],
            "power": _scaled(driver.ask("nvmlDeviceGetPowerUsage", handle), 1e-3),
            "power_limit": _scaled(driver.ask("nvmlDeviceGetEnforcedPowerLimit", handle), 1e-3),
            "temperature": _scaled(temperature, 1.0),
        }

    def _children(self) -> list[psutil.Process]:
        """The processes of the run apart from this one."""
        try:
            root = self._me.parent() if self._ranks else None
            return list((root or self._me).children(recursive=True))
        except psutil.Error:
            return []


def _resident(process: psutil.Process) -> int:
    """Bytes of RAM; 0 if the process has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _owner(item: Any) -> dict[str, Any]:
    """The owner and name of a process on the GPU; "?" if it is in another container or has ended."""
    user = name = "?"
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(item.pid)
        user, name = process.username(), process.name()
    return {"user": user, "name": name, "bytes": item.usedGpuMemory or 0}


def _scaled(value: float | None, unit: float) -> float:
    return math.nan if value is None else value * unit


def describe_others(gpu: dict[str, Any]) -> str:
    """Memory of other processes on a GPU for an out-of-memory message, as in "ada: python 17.2 GB"; "" without any.

    Args:
        gpu: a sample of the GPU, one of `System.gpus`.
    """
    held: dict[str, int] = {}
    for other in gpu["others"]:
        owner = f"{other['user']}: {other['name']}"
        held[owner] = held.get(owner, 0) + other["bytes"]
    return ", ".join(f"{owner} {file_size(size)}" for owner, size in held.items())


@contextlib.contextmanager
def sampling(sampler: Sampler, emit: Emit, every: float = EVERY) -> Iterator[None]:
    """Within the block, emit a sample at once and then every `every` seconds, from a separate thread.

    Sampling must never end a run, and one failure must not end the sampling. Whatever the machine or `emit` raises
    (for example on a full disk), a single warning is emitted and sampling is tried again at the next interval.
    """
    over = threading.Event()

    def watch() -> None:
        warned = False
        while True:
            try:
                emit(sampler.sample())
            except Exception as error:  # of the system, a driver or a library: only one sample is lost
                if not warned:
                    warned = _warn(emit, error)
            if over.wait(every):
                return

    thread = threading.Thread(target=watch, name="system", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _warn(emit: Emit, error: Exception) -> bool:
    """Emit a warning that there are no samples; False if even that could not be written."""
    why = str(error) or type(error).__name__
    try:
        emit(Message(level="warning", text=f"cannot sample the machine: {why}; will keep trying"))
    except Exception:  # for example a full disk, which the training loop reports
        return False
    return True
