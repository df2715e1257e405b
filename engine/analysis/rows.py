"""Events as rows of numbers: what of a step or a sample goes into the columns of a history."""

from __future__ import annotations

import itertools
import math
from typing import Any, Final, TypeVar

import numpy as np

from engine.analysis.series import Array
from engine.contract.course import LARGEST_EPOCH
from engine.contract.events import Step, System, from_table
from engine.contract.values import read_float

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


def step_rows(tables: list[dict[str, Any]]) -> Array:
    """Steps, as parsed from JSON, as rows (n, STEP_NAMES); impossible ones are left out.

    Whole columns are checked at once, a third of the time that an event object for each would take.
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
    try:
        if not set(map(type, itertools.chain.from_iterable(raw))) <= {int, float}:
            raise TypeError("not all are numbers")
        rows = np.array(raw, dtype=np.float64).reshape(-1, len(STEP_NAMES))
    except (TypeError, OverflowError):  # "nan", garbage, a number of hundreds of digits: look at each by itself
        steps = [event for table in tables if isinstance(event := from_table(table), Step)]
        named = [[getattr(step, name) for name in STEP_NAMES] for step in steps]
        rows = np.array(named, dtype=np.float64).reshape(-1, len(STEP_NAMES))
    epoch, step = rows[:, 1], rows[:, 2]
    sound = (epoch >= 1) & (epoch <= LARGEST_EPOCH) & (step >= 0) & (step < LARGEST_STEP)
    sound &= (np.floor(epoch) == epoch) & (np.floor(step) == step)
    chosen: Array = rows[sound]
    return chosen


def host_rows(samples: list[System]) -> Array:
    """Samples as rows (n, HOST_NAMES)."""
    return np.array([[getattr(sample, name) for name in HOST_NAMES] for sample in samples])


def gpu_rows(samples: list[System]) -> dict[int, Array]:
    """Samples as rows (n, GPU_NAMES) for each GPU index; NaN for what a card does not tell."""
    cards: dict[int, list[list[float]]] = {}
    for sample in samples:
        for gpu in sample.gpus:
            index = gpu.get("index")
            if type(index) is int and 0 <= index < MOST_GPUS:
                cards.setdefault(index, []).append([sample.t, *(number(gpu.get(name)) for name in GPU_NAMES[1:])])
    return {index: np.array(rows) for index, rows in cards.items()}


def number(value: Any) -> float:
    """A number of a JSON table; NaN for anything else."""
    try:
        return read_float(value)
    except TypeError:
        return math.nan
