"""What the machine does while a run trains: GPUs through NVML, the host through psutil. No torch.

A GPU is sampled whole, with our own process and everyone else's apart. Not having one is a state with a note, not an
error. One sample takes about a millisecond, every two seconds, in a thread of its own.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from engine.contract.events import Message, System
from engine.contract.text import file_size

Emit = Callable[[System | Message], None]
EVERY = 2.0  # seconds


class Sampler(Protocol):
    """Anything that can be asked for a sample."""

    def sample(self) -> System: ...


class FakeSampler:
    """Gives the same samples in turn, for ever: tests of whatever shows or records them."""

    def __init__(self, samples: Sequence[System]) -> None:
        self._samples = samples
        self._next = 0

    def sample(self) -> System:
        self._next += 1
        return self._samples[(self._next - 1) % len(self._samples)]


class MachineSampler:
    """The real thing.

    Args:
        disk: a folder on the file system whose free space matters (the run's).
        gpus: UUIDs of the GPUs that the run uses; none gives no GPU samples.
        ours: bytes of GPU memory that this process holds, where the driver (in containers, on WSL) does not tell.
    """

    def __init__(self, disk: Path, gpus: Sequence[str] = (), ours: Callable[[], int] = lambda: 0) -> None:
        self._disk = disk
        self._me = psutil.Process()
        self._ours = ours
        self._nvml: Any
        self._nvml, self._note = _start_nvml() if gpus else (None, "the run uses no GPU")
        self._gpus = [handle for uuid in gpus if (handle := self._handle(uuid)) is not None]
        psutil.cpu_percent()  # the first call only starts the count

    def sample(self) -> System:
        memory = psutil.virtual_memory()
        return System(
            gpus=[self._gpu(handle) for handle in self._gpus],
            cpu=psutil.cpu_percent() / 100,
            ram_used=float(memory.total - memory.available),
            ram_total=float(memory.total),
            ram_ours=float(self._me.memory_info().rss),
            disk_free=float(psutil.disk_usage(str(self._disk)).free),
            gpu_note=self._note,
        )

    def _handle(self, uuid: str) -> Any:
        if self._nvml is None:
            return None
        try:
            return self._nvml.nvmlDeviceGetHandleByUUID(uuid)
        except self._nvml.NVMLError as error:
            self._note = f"GPU {uuid} cannot be read: {error}"
            return None

    def _gpu(self, handle: Any) -> dict[str, Any]:
        """One card as events carry it; NaN for what this card or driver does not tell."""
        ask = self._ask
        memory = ask("nvmlDeviceGetMemoryInfo", handle)
        use = ask("nvmlDeviceGetUtilizationRates", handle)
        used = float(memory.used) if memory else math.nan
        running = ask("nvmlDeviceGetComputeRunningProcesses", handle) or []
        family = {os.getpid(), *(child.pid for child in self._children())}
        told = sum(item.usedGpuMemory or 0 for item in running if item.pid in family)
        ours = float(told or self._ours())
        return {
            "index": ask("nvmlDeviceGetIndex", handle),
            "uuid": _text(ask("nvmlDeviceGetUUID", handle)),
            "name": _text(ask("nvmlDeviceGetName", handle)),
            "utilization": use.gpu / 100 if use else math.nan,
            "memory_used": used,
            "memory_total": float(memory.total) if memory else math.nan,
            "memory_ours": ours,
            "memory_others": max(used - ours, 0.0),
            "others": [_owner(item) for item in running if item.pid not in family],
            "power": _scaled(ask("nvmlDeviceGetPowerUsage", handle), 1e-3),
            "power_limit": _scaled(ask("nvmlDeviceGetEnforcedPowerLimit", handle), 1e-3),
            "temperature": _scaled(ask("nvmlDeviceGetTemperature", handle, 0), 1.0),  # sensor 0 is the chip
        }

    def _ask(self, question: str, *arguments: Any) -> Any:
        """NVML's answer, or None where it has none."""
        try:
            return getattr(self._nvml, question)(*arguments)
        except self._nvml.NVMLError:
            return None

    def _children(self) -> list[psutil.Process]:
        try:
            return list(self._me.children(recursive=True))
        except psutil.Error:
            return []


def _start_nvml() -> tuple[Any, str]:
    import pynvml  # a quarter of a second on machines without a driver, so only where a GPU is used

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return None, f"no GPU figures: {error}"
    return pynvml, ""


def _owner(item: Any) -> dict[str, Any]:
    """Who a process on the GPU belongs to; "?" for one in another container, or gone meanwhile."""
    user = name = "?"
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(item.pid)
        user, name = process.username(), process.name()
    return {"user": user, "name": name, "bytes": item.usedGpuMemory or 0}


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""


def _scaled(value: float | None, unit: float) -> float:
    return math.nan if value is None else value * unit


def describe_others(sample: System) -> str:
    """What other processes hold on the GPUs, for an out-of-memory message: "ada: python 17.2 GB"; "" for nothing."""
    held: dict[str, int] = {}
    for other in _flat(gpu["others"] for gpu in sample.gpus):
        owner = f"{other['user']}: {other['name']}"
        held[owner] = held.get(owner, 0) + other["bytes"]
    return ", ".join(f"{owner} {file_size(size)}" for owner, size in held.items())


def _flat(lists: Iterable[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    return (item for items in lists for item in items)


@contextlib.contextmanager
def sampling(sampler: Sampler, emit: Emit, every: float = EVERY) -> Iterator[None]:
    """Emit a sample now and then every so many seconds, from a thread, until the block is left.

    Watching must not end a run: when the machine or `emit` (a full disk) refuses, one warning is tried and it stops.
    """
    over = threading.Event()

    def watch() -> None:
        while True:
            try:
                emit(sampler.sample())
            except (OSError, psutil.Error) as error:
                with contextlib.suppress(OSError):
                    emit(Message(level="warning", text=f"system samples end here: {error}"))
                return
            if over.wait(every):
                return

    thread = threading.Thread(target=watch, name="system", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
