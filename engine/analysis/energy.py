"""The energy that a run's GPUs used, from the power in its samples."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.analysis.rows import Card, card_of, gpu_figure, number
from engine.contract.lines import LineReader
from engine.contract.values import parse_lines

LONGEST_GAP: Final = 30.0
"""Seconds between two samples, normally 2, beyond which the run was paused or not sampled."""
JOULES_PER_KWH: Final = 3.6e6
BLOCK_BYTES: Final = 4 << 20
_SAMPLE: Final = b'{"event": "system"'


def energy(events: Path) -> float:
    """kWh of all GPUs of a run, on all its nodes, over all attempts; NaN if no power was sampled.

    A sample covers the whole card, including what other processes did on it. Only the lines of samples are parsed.
    """
    reader = LineReader(events)
    watts: dict[Card, dict[float, float]] = {}  # by GPU and time, so that a sample counts once
    while block := reader.poll(BLOCK_BYTES):
        lines = [line for line in block.split(b"\n") if line.startswith(_SAMPLE) and b'"power"' in line]
        for table in parse_lines(b"\n".join(lines))[0]:
            t, gpus = number(table.get("t")), table.get("gpus")
            for gpu in gpus if isinstance(gpus, list) and t > 0 else ():
                if isinstance(gpu, dict) and (card := card_of(gpu)):
                    watts.setdefault(card, {})[t] = gpu_figure(gpu, "power")
    measured = [joules(*map(np.array, zip(*sorted(samples.items()), strict=True))) for samples in watts.values()]
    known = [one for one in measured if math.isfinite(one)]
    return sum(known) / JOULES_PER_KWH if known else math.nan


def joules(t: npt.NDArray[np.float64], watts: npt.NDArray[np.float64]) -> float:
    """The integral of power samples (n,) at times (n,) in seconds, ascending.

    NaN where no two samples with a value are close enough: they are too few to tell the energy.
    """
    known = np.isfinite(watts)
    t, watts = t[known], watts[known]
    if len(t) < 2:
        return math.nan
    gaps = np.diff(t)
    if not (gaps <= LONGEST_GAP).any():
        return math.nan
    return float(np.sum(np.where(gaps <= LONGEST_GAP, gaps, 0.0) * (watts[1:] + watts[:-1]) / 2))
