"""How the GPUs of this machine reach one another, which decides how fast the ranks of one run exchange gradients."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import combinations
from typing import Final

from engine.launch import nvml
from engine.launch.devices import Gpu

READ: Final = 0
"""NVML_P2P_CAPS_INDEX_READ: whether one GPU can read the memory of another."""
OK: Final = 0
"""NVML_P2P_STATUS_OK."""
NCCL: Final = ("nvidia-nccl-cu13", "nvidia-nccl-cu12")
"""Packages with the NCCL that torch's CUDA wheels load."""


def backend(gpus: Sequence[Gpu]) -> str:
    """Which library the ranks of a run would use here, or why a run uses one process; never imports torch."""
    healthy = [gpu for gpu in gpus if not gpu.problem]
    if platform.system() == "Darwin":
        return "one process per run: a Mac has one GPU"
    if len(healthy) < 2:
        return f"one process per run: {'one GPU is' if healthy else 'no GPU is'} usable here"
    for package in NCCL:
        try:
            return f"--gpus 2 to {len(healthy)}, by NCCL {version(package)}"
        except PackageNotFoundError:
            continue
    return f"--gpus 2 to {len(healthy)}, by the NCCL built into torch, if it has one (no package {NCCL[0]} here)"


def peer_to_peer(gpus: Sequence[Gpu]) -> str:
    """Which pairs of GPUs read each other's memory directly; the others go through the memory of the host."""
    healthy = [gpu for gpu in gpus if not gpu.problem]
    driver = nvml.Driver()
    try:
        handles = {gpu.index: driver.ask("nvmlDeviceGetHandleByUUID", gpu.uuid) for gpu in healthy}
        pairs = list(combinations(handles, 2))
        found = {
            (a, b): driver.ask("nvmlDeviceGetP2PStatus", handles[a], handles[b], READ)
            for a, b in pairs
            if handles[a] is not None and handles[b] is not None
        }
    finally:
        driver.close()
    if any(found.get(pair) is None for pair in pairs):
        return "unknown: the driver does not report it"
    through_host = [f"{a} and {b}" for (a, b), status in found.items() if status != OK]
    if not through_host:
        return "between all GPUs"
    return f"not between {', '.join(through_host)}, which exchange through the memory of the host"
