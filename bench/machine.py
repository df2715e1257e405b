"""The machine that figures are measured on, and how busy other processes kept it meanwhile."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

BUSY: Final = 0.2  # cores used by others, on average, from which on a warning is given
WORKING: Final = ("user", "nice", "system", "irq", "softirq", "steal")
"""Kinds of CPU time that are not idle; "steal" went to other virtual machines on the same hardware."""


def machine() -> dict[str, str]:
    """The hardware and software that the figures are measured on."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    cpu = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    return {
        "cpu": f"{cpu}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}",
        "gpu": gpu,
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "python": platform.python_version(),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


class Load:
    """Watches the machine from its creation on."""

    def __init__(self) -> None:
        self._began, self._all, self._ours = time.monotonic(), _all_cpu_seconds(), _our_cpu_seconds()
        self.before = os.getloadavg()[0]

    def so_far(self) -> dict[str, float]:
        """The load average (over one minute) at the start and now, and how many cores others used on average."""
        passed = max(time.monotonic() - self._began, 1e-9)
        others = (_all_cpu_seconds() - self._all) - (_our_cpu_seconds() - self._ours)
        return {"before": self.before, "after": os.getloadavg()[0], "cores of others": max(others, 0.0) / passed}


def warning(load: dict[str, float]) -> str:
    """What a reader has to know about the load, or an empty string if other processes were quiet."""
    if load["cores of others"] < BUSY:
        return ""
    return (
        f"warning: other processes used {load['cores of others']:.1f} of {os.cpu_count()} cores on average, "
        "so the figures are too low and their spread is too wide; do not publish them"
    )


def _all_cpu_seconds() -> float:
    """CPU seconds that all processes of this machine have used since it was started."""
    times = psutil.cpu_times()
    return sum(float(getattr(times, kind, 0.0)) for kind in WORKING)


def _our_cpu_seconds() -> float:
    """CPU seconds that this process and its descendants have used, those that have ended included."""
    us = psutil.Process()
    total = 0.0
    for process in (us, *us.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # ended meanwhile; its time is in its parent's from then on
            times: Any = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total
