"""Events as rows of numbers: what of a step or a sample goes into the columns of a history."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import numpy as np

from engine.analysis.series import Array
from engine.contract.clock import LATEST
from engine.contract.run.course import LARGEST_EPOCH
from engine.contract.run.events import Step, System, read_event
from engine.contract.values import LARGEST as LARGEST_SIZE
from engine.contract.values import read_float, read_share, read_size

STEP_NAMES: Final = ("t", "epoch", "step", "loss", "lr", "images_per_second")
HOST_NAMES: Final = ("t", "cpu", "ram_used", "ram_total", "ram_ours", "disk_free")
GPU_NAMES: Final = (
    "t", "utilization", "memory_used", "memory_total", "memory_ours", "memory_others", "power", "power_limit",
    "temperature",
)  # fmt: skip
LARGEST_STEP: Final = 1 << 26  # so that epoch and step together fit the 53 exact bits of a key
MOST_GPUS: Final = 64

Number = TypeVar("Number", Array, int)


def step_key(epoch: Number, step: Number) -> Number:
    """One ascending number for a step of an epoch."""
    return epoch * LARGEST_STEP + step


def step_rows(tables: list[dict[str, Any]]) -> tuple[Array, int]:
    """Steps, as parsed from JSON, as rows (n, STEP_NAMES), and how many values in them were garbage.

    Impossible steps are left out. Whole columns are checked at once, a third of the time that an event object for each
    would take.
    """
    raw = [
        (
            table.get("t", 0.0),
            table.get("epoch", 0),
            table.get("step", 0),
            table.get("loss", math.nan),
            table.get("lr", math.nan),
            table.get("images_per_second", math.nan),
        )
        for table in tables
    ]
    garbage = 0
    try:
        if not set(map(type, itertools.chain.from_iterable(raw))) <= {int, float}:
            raise TypeError("not all are numbers")
        rows = np.array(raw, dtype=np.float64).reshape(-1, len(STEP_NAMES))
        garbage += _clear(rows[:, :1], LATEST, 0.0) + _clear(rows[:, 4:], LARGEST_SIZE, math.nan)
    except (TypeError, OverflowError):  # "nan", garbage, a number of hundreds of digits: look at each by itself
        read = [read_event(table) for table in tables]
        garbage += sum(bad for _, bad in read)
        named = [[getattr(event, name) for name in STEP_NAMES] for event, _ in read if isinstance(event, Step)]
        rows = np.array(named, dtype=np.float64).reshape(-1, len(STEP_NAMES))
    epoch, step = rows[:, 1], rows[:, 2]
    sound = (epoch >= 1) & (epoch <= LARGEST_EPOCH) & (step >= 0) & (step < LARGEST_STEP)
    sound &= (np.floor(epoch) == epoch) & (np.floor(step) == step)
    chosen: Array = rows[sound]
    return chosen, garbage + len(rows) - len(chosen)


def _clear(columns: Array, largest: float, instead: float) -> int:
    """Replace what is below 0 or too large, as reading single events does; how many there were. NaN may stay NaN."""
    bad = (columns < 0) | (columns > largest)
    bad |= np.isnan(columns) & ~np.isnan(instead)
    columns[bad] = instead
    return int(bad.sum())


def host_rows(samples: list[System]) -> Array:
    """Samples as rows (n, HOST_NAMES)."""
    return np.array([[getattr(sample, name) for name in HOST_NAMES] for sample in samples])


def gpu_rows(samples: list[System]) -> dict[int, Array]:
    """Samples as rows (n, GPU_NAMES) for each GPU index; NaN for what a card does not tell, or cannot have."""
    cards: dict[int, list[list[float]]] = {}
    for sample in samples:
        for gpu in sample.gpus:
            index = gpu.get("index")
            if type(index) is int and 0 <= index < MOST_GPUS:
                cards.setdefault(index, []).append([sample.t, *(gpu_figure(gpu, name) for name in GPU_NAMES[1:])])
    return {index: np.array(rows) for index, rows in cards.items()}


def number(value: Any) -> float:
    """A number of a JSON table; NaN for anything else."""
    try:
        return read_float(value)
    except TypeError:
        return math.nan


def gpu_figure(gpu: Mapping[str, Any], name: str) -> float:
    """A figure of a GPU's table in a sample: 0..1 for its use, else not negative; NaN for anything else."""
    try:
        return float((read_share if name == "utilization" else read_size)(gpu.get(name)))
    except TypeError:
        return math.nan
