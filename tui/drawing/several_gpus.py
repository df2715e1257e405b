"""Several GPUs as lines of the devices panel: one for each, or their sum and the least busy one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from rich.cells import cell_len

from tui.drawing.bars import bar
from tui.drawing.format import NONE
from tui.drawing.lines import Line, heading, width_of
from tui.drawing.machine import GpuSample, places
from tui.drawing.machine_table import ALL, HEAT, OURS, POWER, TOTAL, USE, USED, of_gpu, together

Cells = Mapping[str, str]
"""The cells of the table of the devices by their labels."""
WIDE: Final = 42
"""Width in cells from which the panel has the parts of a step and a line about the host."""
_LEAST_BAR: Final = 4
"""Cells of a bar from which there is room for the temperature beside it."""


def many_heading(gpus: Sequence[GpuSample], width: int) -> Line:
    """How many GPUs there are, and what they are called."""
    nodes = len({gpu.node for gpu in gpus})
    where = f" on {nodes} nodes" if nodes > 1 and width >= WIDE else ""
    return heading(f"{len(gpus)} GPUs{where} {gpus[0].short_name}", width)


def each_gpu(gpus: Sequence[GpuSample], cells: Cells, width: int, height: int) -> list[Line]:
    """A line for each GPU: place, utilization, memory with our share of it, temperature. The last counts those left."""
    labels = places(gpus, hosts=width >= WIDE)
    first = max(2, *map(len, labels))
    lines = [
        _gpu_line(f"{label:>{first}} ", gpu, place, cells, degrees(cells[of_gpu(place, HEAT)]), width)
        for label, place, gpu in zip(labels, places(gpus), gpus, strict=True)
    ]
    if len(lines) <= max(height, 1):
        return lines
    shown = max(height - 1, 1)
    return [*lines[:shown], [(f" and {len(lines) - shown} more", "dim")]]


def _gpu_line(label: str, gpu: GpuSample, place: str, cells: Cells, last: str, width: int) -> Line:
    """A line with a GPU's utilization and memory; our share of the memory where there is room for it."""
    use, used, total, ours = (cells[of_gpu(place, figure)] for figure in (USE, USED, TOTAL, OURS))
    share: Line = [(f"  ours {ours}", "")] if width >= WIDE else []
    tail: Line = [(f"{use:>4} %", "strong"), (f"{used:>6}/{total} GB", ""), *share]
    if len(label) + width_of(tail) + max(cell_len(last), 7) + _LEAST_BAR <= width:
        tail.append((f"{last:>7}", "dim"))
    room = max(width - len(label) - width_of(tail), 4)
    return [(label, ""), *bar(gpu.utilization, room), *tail]


def least_busy(gpus: Sequence[GpuSample], cells: Cells, width: int) -> list[Line]:
    """Three lines for many GPUs: their sum, the least busy one, for which the others wait, and the key to list all."""
    at = min(range(len(gpus)), key=lambda i: 2.0 if math.isnan(gpus[i].utilization) else gpus[i].utilization)
    worst, place, label = gpus[at], places(gpus)[at], places(gpus, hosts=width >= WIDE)[at]
    first = max(3, len(label))
    sentences = f"GPU {label} is the least busy; d lists all", f"GPU {label} least busy; d: all"
    power = cells[of_gpu(ALL, POWER)]
    watts = f"{power} W" if together(gpus).power > 0 else ""
    return [
        _gpu_line(f"{'all':>{first}} ", together(gpus), ALL, cells, watts, width),
        _gpu_line(f"{label:>{first}} ", worst, place, cells, degrees(cells[of_gpu(place, HEAT)]), width),
        [(sentences[cell_len(sentences[0]) > width], "dim")],
    ]


def degrees(cell: str) -> str:
    """A temperature with its unit; nothing if it is unknown."""
    return "" if cell == NONE else f"{cell} °C"
