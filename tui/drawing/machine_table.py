"""The figures of the devices as a table: the pane of the Dashboard prints its cells, and exports write it whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from engine.contract.text import one_line
from tui.drawing.format import NONE, gigabytes, percent
from tui.drawing.machine import GpuSample, Machine, places
from tui.drawing.parts_of_step import step_shares
from tui.drawing.typeset import FIGURES, Table

USE, USED, TOTAL, OURS = "use, %", "memory used, GB", "memory, GB", "memory of the run, GB"
OTHERS, HIDDEN = "memory of other processes, GB", "memory of the driver or others, GB"
POWER, LIMIT, HEAT = "power, W", "power limit, W", "temperature, °C"
ALL: Final = "all GPUs"
"""What several GPUs together are called in labels; see `of_gpu`."""
PEAK, CPU, DISK = "peak memory of the run, GB", "CPU use, %", "disk free, GB"
RAM, RAM_TOTAL, RAM_OURS = (
    "memory of the host in use, GB",
    "memory of the host, GB",
    "memory of the host used by the run, GB",
)
UNNAMED: Final = 0.05 * 2**30
"""Bytes from which memory that no listed process holds is mentioned."""


def of_gpu(place: str, figure: str) -> str:
    """The label of a figure of one GPU, by its place (see `places`), or of all of them."""
    return f"{place if place == ALL else f'GPU {place}'}, {figure}"


def of_epoch(phase: str) -> str:
    """The label of the share of a phase in the last epoch."""
    return f"{one_line(phase)}, % of an epoch"


def devices_table(machine: Machine, title: str = "devices") -> Table:
    """Every figure of the devices, the parts of a step, and the phases of an epoch.

    The memory of several GPUs is in whole GB, as the pane lists them.
    """
    gpus = machine.gpus
    rows = [row for gpu, place in zip(gpus, places(gpus), strict=True) for row in _gpu_rows(gpu, place, len(gpus) > 1)]
    rows += _sums(gpus) if len(gpus) > 1 else []
    spent = sum(second for second in machine.seconds.values() if second > 0)
    rows += [
        (PEAK, gigabytes(machine.peak_ours, 1)),
        (CPU, percent(machine.cpu, 0)),
        (RAM, gigabytes(machine.ram_used)),
        (RAM_TOTAL, gigabytes(machine.ram_total)),
        (RAM_OURS, gigabytes(machine.ram_ours, 1)),
        (DISK, gigabytes(machine.disk_free)),
        *((f"{part}, % of a step", share) for part, share in step_shares(machine.step_ms).items()),
        *((of_epoch(phase), percent(took / spent, 0)) for phase, took in machine.seconds.items() if spent),
    ]
    return Table(title, FIGURES, tuple(rows), legend=tuple(filter(None, (machine.device, machine.note))))


def _gpu_rows(gpu: GpuSample, place: str, is_one_of_several: bool) -> list[tuple[str, str]]:
    digits = 0 if is_one_of_several else 1
    known = not math.isnan(gpu.memory_others) and gpu.memory_others >= UNNAMED and not gpu.others
    cells = [
        (USE, percent(gpu.utilization, 0)),
        (USED, gigabytes(gpu.memory_used, digits)),
        (TOTAL, gigabytes(gpu.memory_total)),
        (OURS, gigabytes(gpu.memory_ours, digits)),
        *((f"memory of {user}, {program}, GB", gigabytes(size, 1)) for user, program, size in gpu.others),
        *([(OTHERS, gigabytes(sum(size for _, _, size in gpu.others), 1))] if gpu.others else []),
        *([(HIDDEN, gigabytes(gpu.memory_others, 1))] if known else []),
        (POWER, whole_number(gpu.power)),
        (LIMIT, whole_number(gpu.power_limit)),
        (HEAT, whole_number(gpu.temperature)),
    ]
    return [(f"GPU {place}", gpu.name), *((of_gpu(place, figure), cell) for figure, cell in cells)]


def _sums(gpus: Sequence[GpuSample]) -> list[tuple[str, str]]:
    """The mean use of several GPUs, and the sums of their memory and power."""
    whole = together(gpus)
    cells = [
        (USE, percent(whole.utilization, 0)),
        (USED, gigabytes(whole.memory_used)),
        (TOTAL, gigabytes(whole.memory_total)),
        (OURS, gigabytes(whole.memory_ours)),
        (POWER, whole_number(whole.power)),
    ]
    return [(of_gpu(ALL, figure), cell) for figure, cell in cells]


def together(gpus: Sequence[GpuSample]) -> GpuSample:
    """Several GPUs as one: the mean of their use, and the sums of their memory and of the power that is known."""
    busy = [gpu.utilization for gpu in gpus if not math.isnan(gpu.utilization)]
    power = [gpu.power for gpu in gpus if not math.isnan(gpu.power)]
    return GpuSample(
        utilization=sum(busy) / len(busy) if busy else math.nan,
        memory_used=sum(gpu.memory_used for gpu in gpus),
        memory_total=sum(gpu.memory_total for gpu in gpus),
        memory_ours=sum(gpu.memory_ours for gpu in gpus),
        power=sum(power) if power else math.nan,
    )


def whole_number(value: float) -> str:
    """A figure without decimals; a dash if it is unknown."""
    return NONE if math.isnan(value) else f"{value:.0f}"
