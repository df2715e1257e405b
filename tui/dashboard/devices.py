"""The devices in the samples of a run: which GPU is its own, and how busy that has been."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from engine.analysis.history import History
from engine.analysis.rows import Card, card_of
from engine.contract.run.events import System

BUSY_SECONDS: Final = 600.0
"""Length of the utilization history."""
_MISSING: Final = 2
"""How many missing samples in a row are bridged."""


def gpus(history: History) -> list[dict[str, Any]]:
    """The GPUs of the last sample, the run's own first; of a run on several, that of its first rank."""
    sample: System | None = history.latest
    if sample is None:
        return []
    started = history.started
    number = (started.device if started else "").partition(":")[2]

    def rank(gpu: dict[str, Any]) -> tuple[bool, bool]:
        ours = gpu.get("memory_ours")
        return not (isinstance(ours, int | float) and ours > 0), (gpu.get("node", 0), str(gpu.get("index"))) != (
            0,
            number,
        )

    return sorted(sample.gpus, key=rank)


def _own_card(history: History) -> Card | None:
    """The run's own GPU; None without one."""
    found = gpus(history)
    return card_of(found[0]) if found else None


def busy_lately(history: History, parts: int) -> list[float]:
    """Utilization of the GPU (or CPU) over the last ten minutes in `parts` equal parts, oldest first; NaN: unknown.

    A part without a sample repeats the last one, unless more than two samples are missing.
    """
    card = _own_card(history)
    t = history.host("t") if card is None else history.gpu(card, "t")
    use = history.host("cpu") if card is None else history.gpu(card, "utilization")
    seen = np.isfinite(use) & (t >= t[-1] - BUSY_SECONDS) if len(t) else np.zeros(0, dtype=bool)
    if not seen.any():
        return []
    end, t, use = t[-1], t[seen], use[seen]
    longest = (_MISSING + 0.5) * float(np.median(np.diff(t))) if len(t) > 1 else 0.0
    starts = end - BUSY_SECONDS * (1 - np.arange(parts) / parts)
    stops = starts + BUSY_SECONDS / parts
    first, last = np.searchsorted(t, starts), np.searchsorted(t, stops, side="right")
    busy = []
    for i, (a, b) in enumerate(zip(first, last, strict=True)):
        if b > a:
            busy.append(float(use[a:b].mean()))
        else:
            busy.append(float(use[a - 1]) if a and starts[i] - t[a - 1] <= longest else math.nan)
    return busy


def peak_ours(history: History) -> float:
    """The most GPU memory that the run held in any sample, bytes; NaN without a GPU."""
    card = _own_card(history)
    seen = np.empty(0) if card is None else history.gpu(card, "memory_ours")
    return float(np.nanmax(seen)) if np.isfinite(seen).any() else math.nan
