"""The devices in the samples of a run: which GPU is its own, and how busy that has been."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from engine.analysis.history import History
from engine.contract.run.events import System

BUSY_SECONDS: Final = 600.0
"""Length of the utilization history."""


def gpus(history: History) -> list[dict[str, Any]]:
    """The GPUs of the last sample, the run's own first."""
    sample: System | None = history.latest
    if sample is None:
        return []
    started = history.started
    number = (started.device if started else "").partition(":")[2]

    def rank(gpu: dict[str, Any]) -> tuple[bool, bool]:
        ours = gpu.get("memory_ours")
        return not (isinstance(ours, int | float) and ours > 0), str(gpu.get("index")) != number

    return sorted(sample.gpus, key=rank)


def _own_index(history: History) -> int | None:
    """The index of the run's own GPU; None without one."""
    found = gpus(history)
    index = found[0].get("index") if found else None
    return index if isinstance(index, int) else None


def busy_lately(history: History, cells: int) -> list[float]:
    """Utilization of the GPU (or CPU) over the last ten minutes in `cells` equal parts, oldest first; NaN: unknown."""
    index = _own_index(history)
    t = history.host("t") if index is None else history.gpu(index, "t")
    use = history.host("cpu") if index is None else history.gpu(index, "utilization")
    if not len(t):
        return []
    part = np.floor((1 - (t[-1] - t) / BUSY_SECONDS) * cells).astype(np.int64)
    part = np.minimum(part, cells - 1)
    kept = (part >= 0) & np.isfinite(use)
    total = np.bincount(part[kept], weights=use[kept], minlength=cells)
    count = np.bincount(part[kept], minlength=cells)
    return [float(total[i] / count[i]) if count[i] else math.nan for i in range(cells)]


def peak_ours(history: History) -> float:
    """The most GPU memory that the run held in any sample, bytes; NaN without a GPU."""
    index = _own_index(history)
    seen = np.empty(0) if index is None else history.gpu(index, "memory_ours")
    return float(np.nanmax(seen)) if np.isfinite(seen).any() else math.nan
