"""The devices panel: each GPU and our share of it, other users by name, the parts of a step, and the host.

Its figures are the cells of `devices_table`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from engine.contract.text import one_line
from tui.drawing import machine_table as figures
from tui.drawing.bars import bar
from tui.drawing.format import Glyphs, gigabytes
from tui.drawing.lines import Line, clip, heading, width_of
from tui.drawing.machine import Machine, places
from tui.drawing.machine_table import ALL, UNNAMED, devices_table, of_epoch, of_gpu, together
from tui.drawing.parts_of_step import parts_of_step
from tui.drawing.several_gpus import WIDE, Cells, degrees, each_gpu, least_busy, many_heading
from tui.drawing.strip import strip
from tui.drawing.typeset import by_label

HOT_CELSIUS, FULL_MEMORY, LOW_DISK = 84.0, 0.95, 5 * 2**30
"""Limits of warnings: a GPU close to throttling, memory nearly full (share), a disk nearly full (free bytes)."""
_LABEL, _FIGURE = 7, 15
"""Columns of the label and of the figure in a wide panel ..."""
_SHORT_LABEL, _SHORT_FIGURE = 4, 11
"""... and in a narrow one."""
_ROOMY = 50
"""Width in cells from which a line about the host has all its words."""
_LISTED = 3
"""Up to so many GPUs have a line each."""
_TALLEST = 5
"""Rows of the history at most."""
_LONGEST: Final = 4
"""Characters of the memory in use that a narrow panel has room for."""
_LEAST_SHARE: Final = 0.005
"""The share of an epoch from which a phase is listed."""


def history_cells(width: int) -> int:
    """How wide the history is in a panel of this width."""
    return width - (_LABEL + _FIGURE if width >= WIDE else _SHORT_LABEL + _SHORT_FIGURE)


def gpu_panel(
    machine: Machine, width: int, height: int, glyphs: Glyphs = "braille", *, every: bool = False
) -> list[Line]:
    """The panel in `height` lines. What does not fit is dropped from below.

    Args:
        every: a line for each GPU also where there are more than three, rather than their sum and the least busy one.
    """
    wide = width >= WIDE
    if not machine.sampled:
        return [heading("devices", width), clip([("no sample yet", "dim")], width)][:height]
    cells = by_label(devices_table(machine))
    tail = _tail(machine, cells, width) if wide else _narrow_tail(machine, cells)
    if len(machine.gpus) > 1:
        each = every or len(machine.gpus) <= _LISTED
        cards = each_gpu(machine.gpus, cells, width, height - 1) if each else least_busy(machine.gpus, cells, width)
        lines = [many_heading(machine.gpus, width), *cards, *_silent(machine), *tail]
    else:
        memory = _memory(machine, cells, width) if machine.gpus else _ram(machine, cells, width)
        rows = min(max(height - 1 - len(memory) - len(tail), 1), _TALLEST)
        lines = [_heading(machine, cells, width), *_history(machine, cells, width, rows, glyphs), *memory, *tail]
    return [clip(line, width) for line in lines[:height]]


def use_and_memory(machine: Machine, width: int, glyphs: Glyphs = "braille") -> list[Line]:
    """The use and the memory of a device in a line each, without a heading; nothing before its first sample."""
    if not machine.sampled:
        return []
    cells = by_label(devices_table(machine))
    memory = _memory(machine, cells, width) if machine.gpus else _ram(machine, cells, width)
    return [clip(line, width) for line in (*_history(machine, cells, width, 1, glyphs), memory[0])]


# --- one device ---------------------------------------------------------------------------------------------------


def _own(machine: Machine, cells: Cells, figure: str) -> str:
    """The cell of a figure of the only GPU."""
    return cells[of_gpu(places(machine.gpus)[0], figure)]


def _heading(machine: Machine, cells: Cells, width: int) -> Line:
    if not machine.gpus:
        return heading("no GPU" if not machine.device else f"no GPU · {machine.device}", width)
    gpu = machine.gpus[0]
    heat: Line = [(degrees(_own(machine, cells, figures.HEAT)), "warn" if gpu.temperature >= HOT_CELSIUS else "dim")]
    rights: list[Line] = [heat]
    if width >= WIDE and not math.isnan(gpu.power):
        limit = f" of {_own(machine, cells, figures.LIMIT)} W" if not math.isnan(gpu.power_limit) else " W"
        rights.insert(0, [*heat, ("   ", ""), (_own(machine, cells, figures.POWER), ""), (limit, "dim")])
    gap = "  " if width >= WIDE else " "
    return heading(f"GPU {gpu.index}{gap}{gpu.short_name}", width, rights)


def _history(machine: Machine, cells: Cells, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """The use over the last ten minutes, and now."""
    now = _own(machine, cells, figures.USE) if machine.gpus else cells[figures.CPU]
    drawn = strip(machine.busy, max(history_cells(width), 1), rows, glyphs)
    rights = [f"{now} %", *[""] * (rows - 1)]
    if rows > 1 and width >= WIDE:
        rights[-1] = "10 min"
    label = "use" if machine.gpus else "cpu"
    lines = [
        _row(label if i == 0 else "", line, [(right, "dim")], width)
        for i, (line, right) in enumerate(zip(drawn, rights, strict=True))
    ]
    lines[0] = _row(label, drawn[0], [(now, "strong"), (" %", "dim")], width)
    return lines


def _row(label: str, middle: Line, right: Line, width: int) -> Line:
    """A label, a bar or strip, and a figure at the right end."""
    first = _LABEL if width >= WIDE else _SHORT_LABEL
    gap = width - first - width_of(middle) - width_of(right)
    return [(label.ljust(first), "dim"), *middle, (" " * max(gap, 1), ""), *right]


def _memory(machine: Machine, cells: Cells, width: int) -> list[Line]:
    """How much memory is used, whose it is, and whether the GPU still answers."""
    gpu, wide = machine.gpus[0], width >= WIDE
    others = sum(size for _, _, size in gpu.others) if gpu.others else gpu.memory_used - gpu.memory_ours
    shares = (
        [(gpu.memory_ours / gpu.memory_total, "bar"), (others / gpu.memory_total, "warn")] if gpu.memory_total else []
    )
    used, total = _own(machine, cells, figures.USED), _own(machine, cells, figures.TOTAL)
    if not wide and len(used) > _LONGEST:  # rounded anew, as rounding the cell would round twice
        used = gigabytes(gpu.memory_used)
    whole = f" of {total} GB" if wide else f"/{total} GB"
    full = gpu.memory_total > 0 and gpu.memory_used / gpu.memory_total >= FULL_MEMORY
    figure: Line = [(used, "warn" if full else "strong"), (whole, "dim")]
    if math.isnan(gpu.memory_used):
        figure, shares = [("unknown", "dim")], []
    lines = [_row("mem", _stacked(shares, history_cells(width)), figure, width), _owners(machine, cells, width)]
    return lines + _silent(machine)


def _stacked(shares: Sequence[tuple[float, str]], cells: int) -> Line:
    """A bar of several shares (0..1, role) after each other, and its track."""
    line: Line = []
    left = cells
    for share, role in shares:
        part = min(max(round(share * cells), 1 if share > 0 else 0), left) if math.isfinite(share) else 0
        line.append(("━" * part, role))
        left -= part
    return [*line, ("━" * left, "track")]


def _owners(machine: Machine, cells: Cells, width: int) -> Line:
    """Whose memory it is; sharing a machine is the normal case."""
    gpu, ours = machine.gpus[0], _own(machine, cells, figures.OURS)
    if width < WIDE:
        line: Line = [(f"    ours {ours}", "bar")]
        for user, program, _ in gpu.others[:1]:
            size = _own(machine, cells, f"memory of {user}, {program}, GB")
            line += [(" · ", "dim"), (f"{user} {size} GB", "warn")]
        return line
    line = [(" " * _LABEL, ""), ("━ ", "bar"), (f"ours {ours}", "bar")]
    if not math.isnan(machine.peak_ours):
        line.append((f" peak {cells[figures.PEAK]}", "dim"))
    if gpu.others:
        who = ", ".join(f"{user}, {program}" for user, program, _ in gpu.others[:2])
        others = [("  ━ ", "warn"), (f"others {_own(machine, cells, figures.OTHERS)} {who}", "warn")]
        return [*line, *others] if width_of([*line, *others]) <= width else [*line[:3], *others]
    if gpu.memory_others < UNNAMED:
        return [*line, ("   no other processes", "dim")]
    hidden = "" if math.isnan(gpu.memory_others) else f"   {_own(machine, cells, figures.HIDDEN)} GB driver or others"
    return [*line, (hidden, "dim")]


def _ram(machine: Machine, cells: Cells, width: int) -> list[Line]:
    """The memory of the host, where there is no GPU."""
    share = machine.ram_used / machine.ram_total if machine.ram_total else math.nan
    figure: Line = [(cells[figures.RAM], "strong"), (f"/{cells[figures.RAM_TOTAL]} GB", "dim")]
    lines = [_row("ram", bar(share, history_cells(width)), figure, width)]
    indent = " " * (_LABEL if width >= WIDE else _SHORT_LABEL)
    if not math.isnan(machine.ram_ours):
        lines.append([(f"{indent}ours {cells[figures.RAM_OURS]} GB", "")])
    if machine.note:
        lines.append([(one_line(machine.note), "dim")])
    return lines


def _silent(machine: Machine) -> list[Line]:
    """Which of the run's GPUs no longer answers."""
    return [[(one_line(machine.note), "bad")]] if machine.note else []


# --- the host ---------------------------------------------------------------------------------------------------


def _tail(machine: Machine, cells: Cells, width: int) -> list[Line]:
    """The parts of a step if they were measured, the phases of an epoch, and the host."""
    lines = parts_of_step(machine.step_ms, width, _LABEL)
    total = sum(second for second in machine.seconds.values() if second > 0)
    if total > 0 and not lines:
        seen = [phase for phase, seconds in machine.seconds.items() if seconds / total >= _LEAST_SHARE]
        parts = [f"{one_line(phase)} {cells[of_epoch(phase)]} %" for phase in seen]
        lines.append([("epoch".ljust(_LABEL), "dim"), ("  ".join(parts), "")])
    host: Line = [("host".ljust(_LABEL), "dim")]
    gap = "   " if width >= _ROOMY else "  "
    if machine.gpus:
        host += [("cpu ", "dim"), (f"{cells[figures.CPU]} %{gap}", ""), ("ram ", "dim")]
        host += [(f"{cells[figures.RAM]}/{cells[figures.RAM_TOTAL]} GB{gap}", "")]
    disk = _disk(machine, cells)
    return [*lines, [*host, *(disk if width >= _ROOMY else [*disk[:-1], (" GB", "dim")])]]


def _narrow_tail(machine: Machine, cells: Cells) -> list[Line]:
    """The host in one short line, with the power of the GPUs; the disk without a GPU."""
    if not machine.gpus:
        return [_disk(machine, cells)]
    power = cells[of_gpu(ALL, figures.POWER)] if len(machine.gpus) > 1 else _own(machine, cells, figures.POWER)
    line: Line = [(power, ""), (" W ", "dim")] if together(machine.gpus).power > 0 else []
    line += [("cpu ", "dim"), (f"{cells[figures.CPU]} %", ""), (" ram ", "dim")]
    return [[*line, (f"{cells[figures.RAM]}/{cells[figures.RAM_TOTAL]}", "")]]


def _disk(machine: Machine, cells: Cells) -> Line:
    return [
        ("disk ", "dim"),
        (cells[figures.DISK], "warn" if machine.disk_free < LOW_DISK else ""),
        (" GB free", "dim"),
    ]
