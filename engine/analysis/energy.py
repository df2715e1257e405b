"""The energy that a run's GPUs used, from the power in its samples."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from engine.analysis.history import History

LONGEST_GAP: Final = 30.0
"""Seconds between two samples, normally 2, beyond which the run was paused or not sampled."""
JOULES_PER_KWH: Final = 3.6e6


def energy(history: History) -> float:
    """kWh of all GPUs of a run over all attempts; NaN if no power was sampled.

    A sample covers the whole card, including what other processes did on it.
    """
    found = [joules(history.gpu(index, "t"), history.gpu(index, "power")) for index in history.gpus()]
    measured = [one for one in found if math.isfinite(one)]
    return sum(measured) / JOULES_PER_KWH if measured else math.nan


def joules(t: npt.NDArray[np.float64], watts: npt.NDArray[np.float64]) -> float:
    """The integral of power samples (n,) at times (n,) in seconds, ascending; NaN below two samples with a value."""
    known = np.isfinite(watts)
    t, watts = t[known], watts[known]
    if len(t) < 2:
        return math.nan
    gaps = np.diff(t)
    return float(np.sum(np.where(gaps <= LONGEST_GAP, gaps, 0.0) * (watts[1:] + watts[:-1]) / 2))
