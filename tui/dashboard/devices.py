"""What the samples of a run say about its devices: which card is its own, and how busy that has been."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from engine.analysis.history import History
from engine.contract.run.events import System

BUSY_SECONDS: Final = 600.0


def gpus(history: History) -> list[dict[str, Any]]:
    """The cards of the last sample, the run's own first."""
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
    """The number of the run's own card; None without one."""
    cards = gpus(history)
    index = cards[0].get("index") if cards else None
    return index if isinstance(index, int) else None


def busy_lately(history: History, cells: int) -> list[float]:
    """Use of the card (or the CPU) over the last ten minutes in equal parts, oldest first; NaN where unknown."""
    index = _own_index(history)
    t = history.host("t") if index is None else history.gpu(index, "t")
    use = history.host("cpu") if index is None else history.gpu(index, "utilization")
    if not len(t):
        return []
    place = np.floor((1 - (t[-1] - t) / BUSY_SECONDS) * cells).astype(np.int64)
    place = np.minimum(place, cells - 1)
    kept = (place >= 0) & np.isfinite(use)
    total = np.bincount(place[kept], weights=use[kept], minlength=cells)
    count = np.bincount(place[kept], minlength=cells)
    return [float(total[i] / count[i]) if count[i] else math.nan for i in range(cells)]


def peak_ours(history: History) -> float:
    """The most of its card's memory that the run has had in any sample, bytes; NaN without a card."""
    index = _own_index(history)
    seen = np.empty(0) if index is None else history.gpu(index, "memory_ours")
    return float(np.nanmax(seen)) if np.isfinite(seen).any() else math.nan
