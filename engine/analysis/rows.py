"""Steps and system samples as rows of numbers, for the columns of a history."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import numpy as np

from engine.analysis.series import Array
from engine.contract.clock import LATEST
from engine.contract.run.course import LARGEST_EPOCH
from engine.contract.run.event_file import read_event
from engine.contract.run.events import Step, System
from engine.contract.values import LARGEST as LARGEST_SIZE
from engine.contract.values import read_float, read_share, read_size

STEP_NAMES: Final = ("t", "epoch", "step", "loss", "lr", "images_per_second")
HOST_NAMES: Final = ("t", "cpu", "ram_used", "ram_total", "ram_ours", "disk_free")
GPU_NAMES: Final = (
    "t", "utilization", "memory_used", "memory_total", "memory_ours", "memory_others", "power", "power_limit",
    "temperature",
)  # fmt: skip
LARGEST_STEP: Final = 1 << 26  # so that epoch and step together fit into the 53 bits of a float
MOST_GPUS: Final = 64
"""On one node; a larger index is garbage, and so is a larger number of a node than the next line says."""
MOST_NODES: Final = 1024

Card = tuple[int, int]
"""A GPU of a run: the number of its node, and its index there."""

Number = TypeVar("Number", Array, int)


def step_key(epoch: Number, step: Number) -> Number:
    """A number that orders steps across epochs."""
    return epoch * LARGEST_STEP + step


def step_rows(tables: list[dict[str, Any]]) -> tuple[Array, int]:
    """Rows (n, STEP_NAMES) of steps parsed from JSON, and how many of their values were garbage.

    Invalid steps are left out. Whole columns are checked at once, which takes a third of the time of one event object
    per step.
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
        columns = list(zip(*raw, strict=True)) or [()] * len(STEP_NAMES)
        kinds = [set(map(type, column)) for column in columns]
        if not (set().union(*kinds) <= {int, float} and kinds[1] | kinds[2] <= {int}):
            raise TypeError("not all are numbers, or an epoch or a step is no integer")
        rows = np.array(raw, dtype=np.float64).reshape(-1, len(STEP_NAMES))
        garbage += _clear(rows[:, :1], LATEST, 0.0) + _clear(rows[:, 4:], LARGEST_SIZE, math.nan)
    except (TypeError, OverflowError):  # "nan", garbage, a number with hundreds of digits: check steps one by one
        read = [read_event(table) for table in tables]
        garbage += sum(bad for _, bad in read)
        named = [[getattr(event, name) for name in STEP_NAMES] for event, _ in read if isinstance(event, Step)]
        rows = np.array(named, dtype=np.float64).reshape(-1, len(STEP_NAMES))
    epoch, step = rows[:, 1], rows[:, 2]
    sound = (epoch >= 1) & (epoch <= LARGEST_EPOCH) & (step >= 0) & (step < LARGEST_STEP)
    chosen: Array = rows[sound]
    return chosen, garbage + len(rows) - len(chosen)


def _clear(columns: Array, largest: float, instead: float) -> int:
    """Replace values below 0 or above `largest`, as reading single events does; returns how many.

    NaN is replaced only if `instead` is a number.
    """
    bad = (columns < 0) | (columns > largest)
    bad |= np.isnan(columns) & ~np.isnan(instead)
    columns[bad] = instead
    return int(bad.sum())


def host_rows(samples: list[System]) -> Array:
    """Samples as rows (n, HOST_NAMES)."""
    return np.array([[getattr(sample, name) for name in HOST_NAMES] for sample in samples])


def gpu_rows(samples: list[System]) -> dict[Card, Array]:
    """Samples as rows (n, GPU_NAMES) by GPU; NaN for values that are missing or invalid."""
    cards: dict[Card, list[list[float]]] = {}
    for sample in samples:
        for gpu in sample.gpus:
            if card := card_of(gpu):
                cards.setdefault(card, []).append([sample.t, *(gpu_figure(gpu, name) for name in GPU_NAMES[1:])])
    return {card: np.array(rows) for card, rows in cards.items()}


def card_of(gpu: Mapping[str, Any]) -> Card | None:
    """Which GPU a table in a sample is about; None if it does not say so. Older samples are of one node, without it."""
    node, index = gpu.get("node", 0), gpu.get("index")
    if type(node) is not int or type(index) is not int:
        return None
    return (node, index) if 0 <= node < MOST_NODES and 0 <= index < MOST_GPUS else None


def number(value: Any) -> float:
    """A number from a JSON table; NaN for anything else."""
    try:
        return read_float(value)
    except TypeError:
        return math.nan


def gpu_figure(gpu: Mapping[str, Any], name: str) -> float:
    """A figure from a GPU's table in a sample: 0..1 for the utilization, else at least 0; NaN for anything else."""
    try:
        return float((read_share if name == "utilization" else read_size)(gpu.get(name)))
    except TypeError:
        return math.nan
