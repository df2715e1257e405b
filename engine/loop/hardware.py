"""The device to train on, and what this machine's processors offer."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path

import torch

from engine.contract.errors import BadInput


def choose_device(name: str, number: int = 0) -> torch.device:
    """The torch device for a placement's `device`; "auto" is the first of CUDA, MPS and CPU that is available.

    Args:
        number: which of the visible CUDA devices stands for a name without a number.

    Raises:
        BadInput: this machine (or CUDA_VISIBLE_DEVICES) does not offer the device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name.startswith("cuda"):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        device = torch.device(name if ":" in name else f"cuda:{number}")
        if (device.index or 0) >= count:
            raise BadInput(f"device {name}: this machine offers {count or 'no'} CUDA device{'s' * (count != 1)}")
        return device
    if name == "mps" and not torch.backends.mps.is_available():
        raise BadInput("device mps: this machine has no Apple GPU")
    return torch.device(name)


def usable_cores() -> int:
    """CPU cores this process may use: torch's own count, limited by the CPU affinity and the container's quota."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(torch.get_num_threads(), allowed, cpu_quota())))


def quiet_cores() -> int:
    """Usable CPU cores that no other program needed in the last minute, at least 1.

    The system's load average counts what ran or waited, this process's own start included, so a part of a core is
    ignored.
    """
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, usable_cores() - int(load))


def cpu_quota(root: Path = Path("/sys/fs/cgroup")) -> float:
    """CPU cores granted by the control group (version 2, then version 1); infinite without a limit."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return math.inf
    return math.inf if quota in ("max", "-1") else int(quota) / int(period)


def device_name(device: torch.device) -> str:
    """The device's product name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_name()


def cpu_name() -> str:
    """The processor's model name and the vector instructions that torch uses on it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor() or platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"
