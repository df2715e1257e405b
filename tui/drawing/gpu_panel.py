"""The devices panel: each GPU and our share of it, other users by name, the parts of a step, and the host."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len

from engine.contract.text import one_line
from tui.drawing.bars import bar
from tui.drawing.format import NONE, Glyphs, gigabytes, percent
from tui.drawing.lines import Line, clip, heading, width_of
from tui.drawing.machine import Gpu, Machine, places
from tui.drawing.parts_of_step import parts_of_step
from tui.drawing.strip import strip

UNNAMED = 0.05 * 2**30
"""Bytes from which memory that no listed process holds is mentioned."""
HOT_CELSIUS, FULL_MEMORY, LOW_DISK = 84.0, 0.95, 5 * 2**30
"""Limits of warnings: a GPU close to throttling, memory nearly full (share), a disk nearly full (free bytes)."""
WIDE = 42
"""Width in cells from which the panel has the parts of a step and a line about the host."""
_LABEL, _FIGURE = 7, 15
"""Columns of the label and of the figure in a wide panel ..."""
_SHORT_LABEL, _SHORT_FIGURE = 4, 11
"""... and in a narrow one."""
_ROOMY = 50
"""Width in cells from which a line about the host has all its words."""
_LISTED = 3
"""Up to so many GPUs have a line each."""
_TALLEST = 5
_LEAST_BAR = 4
"""Rows of the history at most."""


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
    tail = _tail(machine, width) if wide else _narrow_tail(machine)
    if len(machine.gpus) > 1:
        each = every or len(machine.gpus) <= _LISTED
        cards = _table(machine.gpus, width, height - 1) if each else _summary(machine.gpus, width)
        lines = [_many_heading(machine.gpus, width), *cards, *_silent(machine), *tail]
    else:
        memory = _memory(machine, width) if machine.gpus else _ram(machine, width)
        rows = min(max(height - 1 - len(memory) - len(tail), 1), _TALLEST)
        lines = [_heading(machine, width), *_history(machine, width, rows, glyphs), *memory, *tail]
    return [clip(line, width) for line in lines[:height]]


def use_and_memory(machine: Machine, width: int, glyphs: Glyphs = "braille") -> list[Line]:
    """The use and the memory of a device in a line each, without a heading; nothing before its first sample."""
    if not machine.sampled:
        return []
    memory = _memory(machine, width) if machine.gpus else _ram(machine, width)
    return [clip(line, width) for line in (*_history(machine, width, 1, glyphs), memory[0])]


# --- one device ---------------------------------------------------------------------------------------------------


def _heading(machine: Machine, width: int) -> Line:
    if not machine.gpus:
        return heading("no GPU" if not machine.device else f"no GPU · {machine.device}", width)
    gpu = machine.gpus[0]
    degrees = _temperature(gpu)
    heat: Line = [(degrees, "warn" if gpu.temperature >= HOT_CELSIUS else "dim")]
    rights: list[Line] = [heat]
    if width >= WIDE and not math.isnan(gpu.power):
        limit = f" of {_whole(gpu.power_limit)} W" if not math.isnan(gpu.power_limit) else " W"
        rights.insert(0, [*heat, ("   ", ""), (_whole(gpu.power), ""), (limit, "dim")])
    gap = "  " if width >= WIDE else " "
    return heading(f"GPU {gpu.index}{gap}{gpu.short_name}", width, rights)


def _history(machine: Machine, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """The use over the last ten minutes, and now."""
    now = machine.gpus[0].utilization if machine.gpus else machine.cpu
    cells = max(history_cells(width), 1)
    drawn = strip(machine.busy, cells, rows, glyphs)
    rights = [f"{NONE if math.isnan(now) else percent(now, 0)} %", *[""] * (rows - 1)]
    if rows > 1 and width >= WIDE:
        rights[-1] = "10 min"
    label = "use" if machine.gpus else "cpu"
    lines = [
        _row(label if i == 0 else "", line, [(right, "dim")], width)
        for i, (line, right) in enumerate(zip(drawn, rights, strict=True))
    ]
    figure, unit = rights[0].split()
    lines[0] = _row(label, drawn[0], [(figure, "strong"), (f" {unit}", "dim")], width)
    return lines


def _row(label: str, middle: Line, right: Line, width: int) -> Line:
    """A label, a bar or strip, and a figure at the right end."""
    first = _LABEL if width >= WIDE else _SHORT_LABEL
    gap = width - first - width_of(middle) - width_of(right)
    return [(label.ljust(first), "dim"), *middle, (" " * max(gap, 1), ""), *right]


def _memory(machine: Machine, width: int) -> list[Line]:
    """How much memory is used, whose it is, and whether the GPU still answers."""
    gpu, wide = machine.gpus[0], width >= WIDE
    cells = history_cells(width)
    others = sum(size for _, _, size in gpu.others) if gpu.others else gpu.memory_used - gpu.memory_ours
    shares = (
        [(gpu.memory_ours / gpu.memory_total, "bar"), (others / gpu.memory_total, "warn")] if gpu.memory_total else []
    )
    digits = 1 if wide or gpu.memory_used < 99.95 * 2**30 else 0
    total = f" of {gigabytes(gpu.memory_total)} GB" if wide else f"/{gigabytes(gpu.memory_total)} GB"
    full = gpu.memory_total > 0 and gpu.memory_used / gpu.memory_total >= FULL_MEMORY
    figure: Line = [(gigabytes(gpu.memory_used, digits), "warn" if full else "strong"), (total, "dim")]
    if math.isnan(gpu.memory_used):
        figure, shares = [("unknown", "dim")], []
    lines = [_row("mem", _stacked(shares, cells), figure, width), _owners(machine, gpu, width)]
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


def _owners(machine: Machine, gpu: Gpu, width: int) -> Line:
    """Whose memory it is; sharing a machine is the normal case."""
    if width < WIDE:
        line: Line = [(f"    ours {gigabytes(gpu.memory_ours, 1)}", "bar")]
        for user, _, size in gpu.others[:1]:
            line += [(" · ", "dim"), (f"{user} {gigabytes(size, 1)} GB", "warn")]
        return line
    line = [(" " * _LABEL, ""), ("━ ", "bar"), (f"ours {gigabytes(gpu.memory_ours, 1)}", "bar")]
    if not math.isnan(machine.peak_ours):
        line.append((f" peak {gigabytes(machine.peak_ours, 1)}", "dim"))
    if gpu.others:
        who = ", ".join(f"{user}, {program}" for user, program, _ in gpu.others[:2])
        total = sum(size for _, _, size in gpu.others)
        others = [("  ━ ", "warn"), (f"others {gigabytes(total, 1)} {who}", "warn")]
        return [*line, *others] if width_of([*line, *others]) <= width else [*line[:3], *others]
    if gpu.memory_others < UNNAMED:
        return [*line, ("   no other processes", "dim")]
    hidden = "" if math.isnan(gpu.memory_others) else f"   {gigabytes(gpu.memory_others, 1)} GB driver or others"
    return [*line, (hidden, "dim")]


def _ram(machine: Machine, width: int) -> list[Line]:
    """The memory of the host, where there is no GPU."""
    share = machine.ram_used / machine.ram_total if machine.ram_total else math.nan
    figure: Line = [(gigabytes(machine.ram_used), "strong"), (f"/{gigabytes(machine.ram_total)} GB", "dim")]
    lines = [_row("ram", bar(share, history_cells(width)), figure, width)]
    indent = " " * (_LABEL if width >= WIDE else _SHORT_LABEL)
    if not math.isnan(machine.ram_ours):
        lines.append([(f"{indent}ours {gigabytes(machine.ram_ours, 1)} GB", "")])
    if machine.note:
        lines.append([(one_line(machine.note), "dim")])
    return lines


def _silent(machine: Machine) -> list[Line]:
    """Which of the run's GPUs no longer answers."""
    return [[(one_line(machine.note), "bad")]] if machine.note else []


# --- several devices, and the host --------------------------------------------------------------------------------


def _many_heading(gpus: Sequence[Gpu], width: int) -> Line:
    nodes = len({gpu.node for gpu in gpus})
    where = f" on {nodes} nodes" if nodes > 1 and width >= WIDE else ""
    return heading(f"{len(gpus)} GPUs{where} {gpus[0].short_name}", width)


def _table(gpus: Sequence[Gpu], width: int, height: int) -> list[Line]:
    """A line for each GPU: place, utilization, memory with our share of it, temperature. The last counts those left."""
    labels = places(gpus, hosts=width >= WIDE)
    first = max(2, *map(len, labels))
    lines = [
        _gpu_line(f"{label:>{first}} ", gpu, _temperature(gpu), width) for label, gpu in zip(labels, gpus, strict=True)
    ]
    if len(lines) <= max(height, 1):
        return lines
    shown = max(height - 1, 1)
    return [*lines[:shown], [(f" and {len(lines) - shown} more", "dim")]]


def _gpu_line(label: str, gpu: Gpu, last: str, width: int) -> Line:
    """A line with a GPU's utilization and memory; our share of the memory where there is room for it."""
    ours: Line = [(f"  ours {gigabytes(gpu.memory_ours)}", "")] if width >= WIDE else []
    memory: Line = [(f"{gigabytes(gpu.memory_used):>6}/{gigabytes(gpu.memory_total)} GB", "")]
    tail: Line = [(_share(gpu.utilization), "strong"), *memory, *ours]
    if len(label) + width_of(tail) + max(cell_len(last), 7) + _LEAST_BAR <= width:
        tail.append((f"{last:>7}", "dim"))
    room = max(width - len(label) - width_of(tail), 4)
    return [(label, ""), *bar(gpu.utilization, room), *tail]


def _summary(gpus: Sequence[Gpu], width: int) -> list[Line]:
    """Three lines for many GPUs: their sum, the least busy one, for which the others wait, and the key to list all."""
    busy = [gpu.utilization for gpu in gpus if not math.isnan(gpu.utilization)]
    power = sum(gpu.power for gpu in gpus if not math.isnan(gpu.power))
    whole = Gpu(
        utilization=sum(busy) / len(busy) if busy else math.nan,
        memory_used=sum(gpu.memory_used for gpu in gpus),
        memory_total=sum(gpu.memory_total for gpu in gpus),
        memory_ours=sum(gpu.memory_ours for gpu in gpus),
    )
    at = min(range(len(gpus)), key=lambda i: 2.0 if math.isnan(gpus[i].utilization) else gpus[i].utilization)
    worst, label = gpus[at], places(gpus, hosts=width >= WIDE)[at]
    first = max(3, len(label))
    sentences = f"GPU {label} is the least busy; d lists all", f"GPU {label} least busy; d: all"
    return [
        _gpu_line(f"{'all':>{first}} ", whole, f"{_whole(power)} W" if power else "", width),
        _gpu_line(f"{label:>{first}} ", worst, _temperature(worst), width),
        [(sentences[cell_len(sentences[0]) > width], "dim")],
    ]


def _tail(machine: Machine, width: int) -> list[Line]:
    """The parts of a step if they were measured, the phases of an epoch, and the host."""
    lines = parts_of_step(machine.step_ms, width, _LABEL)
    total = sum(second for second in machine.seconds.values() if second > 0)
    if total > 0 and not lines:
        shares = {one_line(name): second / total for name, second in machine.seconds.items()}
        parts = [f"{name} {percent(share, 0)} %" for name, share in shares.items() if share >= 0.005]
        lines.append([("epoch".ljust(_LABEL), "dim"), ("  ".join(parts), "")])
    host: Line = [("host".ljust(_LABEL), "dim")]
    gap = "   " if width >= _ROOMY else "  "
    if machine.gpus:
        host += [("cpu ", "dim"), (f"{_share(machine.cpu).strip()}{gap}", ""), ("ram ", "dim")]
        host += [(f"{gigabytes(machine.ram_used)}/{gigabytes(machine.ram_total)} GB{gap}", "")]
    disk = _disk(machine)
    return [*lines, [*host, *(disk if width >= _ROOMY else [*disk[:-1], (" GB", "dim")])]]


def _narrow_tail(machine: Machine) -> list[Line]:
    """The host in one short line, with the power of the GPUs; the disk without a GPU."""
    if not machine.gpus:
        return [_disk(machine)]
    power = sum(gpu.power for gpu in machine.gpus if not math.isnan(gpu.power))
    line: Line = [(_whole(power), ""), (" W ", "dim")] if power else []
    line += [("cpu ", "dim"), (_share(machine.cpu).strip(), ""), (" ram ", "dim")]
    return [[*line, (f"{gigabytes(machine.ram_used)}/{gigabytes(machine.ram_total)}", "")]]


def _disk(machine: Machine) -> Line:
    free = (gigabytes(machine.disk_free), "warn" if machine.disk_free < LOW_DISK else "")
    return [("disk ", "dim"), free, (" GB free", "dim")]


def _temperature(gpu: Gpu) -> str:
    return "" if math.isnan(gpu.temperature) else f"{gpu.temperature:.0f} °C"


def _share(fraction: float) -> str:
    return f"{NONE if math.isnan(fraction) else percent(fraction, 0):>4} %"


def _whole(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:.0f}"
