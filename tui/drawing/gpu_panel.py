"""The devices panel: each GPU and our share of it, other users by name, and the host."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.contract.text import one_line
from tui.drawing.format import NONE, bar, gigabytes, percent, spark
from tui.drawing.lines import Line, clip, fit, heading
from tui.drawing.machine import Gpu, Machine

UNNAMED = 0.05 * 2**30
"""Bytes from which memory that no listed process holds is mentioned."""
HOT_CELSIUS, FULL_MEMORY, LOW_DISK = 84.0, 0.95, 5 * 2**30
"""Limits of warnings: a GPU close to throttling, memory nearly full (share), a disk nearly full (free bytes)."""


def gpu_panel(machine: Machine, footnote: str, width: int, height: int) -> list[Line]:
    """The panel in `height` lines. What does not fit is dropped from below, the `footnote` first."""
    wide = width >= 50
    if not machine.sampled:
        soon = clip([(f"{' ' if wide else ''}no sample yet", "dim")], width)
        return [heading("devices", width), soon][:height]
    lines = _gpus(machine, width, wide) if machine.gpus else _no_gpu(machine, width, wide)
    if wide:
        lines += _wide_tail(machine, width)
    if footnote and len(lines) < height:
        lines.append([(f"{' ' if wide else ''}{footnote}", "dim")])
    return [clip(line, width) for line in lines[:height]]


def _gpus(machine: Machine, width: int, wide: bool) -> list[Line]:
    first = machine.gpus[0]
    temperature = _temperature(first)
    if len(machine.gpus) > 1:
        return [
            heading(f"{len(machine.gpus)} GPUs {first.short_name}", width),
            *_table(machine.gpus, width),
            *_silent(machine, wide),
            *_host(machine),
        ]
    power = f"{_whole(first.power)} W / {_whole(first.power_limit)}" if not math.isnan(first.power) else ""
    rights = [f"{temperature}   {power}", temperature] if wide and power else [temperature]
    bar_width = width - (22 if wide else 13)
    share = first.memory_used / first.memory_total if first.memory_total else math.nan
    full = share >= FULL_MEMORY
    digits = 1 if wide else 0
    used = f"{gigabytes(first.memory_used, digits)}/{gigabytes(first.memory_total)} GB"
    if math.isnan(first.memory_used):
        used = "unknown"
    pad = " " if wide else ""
    lines: list[Line] = [
        heading(f"GPU {first.index} {first.short_name}", width, rights, ""),
        [(f"{pad}use ", "dim"), (bar(first.utilization, bar_width), "bar"), (_share(first.utilization), "strong")],
        [
            (f"{pad}mem ", "dim"),
            (bar(share, bar_width), "hot" if full else "bar"),
            (f"{used:>9}", "warn" if full else "strong"),
        ],
    ]
    rest = _silent(machine, wide) + ([] if wide else _host(machine))
    return [*lines, *_owners(machine, first, width, wide), *rest]


def _silent(machine: Machine, wide: bool) -> list[Line]:
    """Which of the run's GPUs no longer answers."""
    return [[(f"{' ' if wide else ''}{one_line(machine.note)}", "bad")]] if machine.note else []


def _owners(machine: Machine, gpu: Gpu, width: int, wide: bool) -> list[Line]:
    """Whose memory it is; sharing a machine is the normal case."""
    if wide:
        ours = f"      ours {gigabytes(gpu.memory_ours, 1)} GB"
        if not math.isnan(machine.peak_ours):
            ours += f" (peak {gigabytes(machine.peak_ours, 1)})"
        total = sum(size for _, _, size in gpu.others)
        who = ", ".join(f"{user}, {program}" for user, program, _ in gpu.others[:2])
        others = f"   others {gigabytes(total, 1)} GB: {who}" if gpu.others else _unnamed(gpu)
        return [clip([(ours, ""), (others, "warn" if gpu.others else "dim")], width)]
    line: Line = [(f"    ours {gigabytes(gpu.memory_ours, 1)}", "")]
    for user, program, size in gpu.others[:1]:
        line.append((f" · {user} {gigabytes(size, 1)} {program}", "warn"))
    return [clip(line, width)]


def _unnamed(gpu: Gpu) -> str:
    """Memory that no listed process holds. In a container, where the driver lists none, it may belong to others."""
    if gpu.memory_others < UNNAMED:
        return "   no other processes"
    return "" if math.isnan(gpu.memory_others) else f"   {gigabytes(gpu.memory_others, 1)} GB driver or others"


def _table(gpus: Sequence[Gpu], width: int) -> list[Line]:
    """A line for each GPU: index, utilization, memory, temperature."""
    bar_width = max(width - 28, 4)
    return [
        [
            (f"{gpu.index:>2} ", ""),
            (bar(gpu.utilization, bar_width), "bar"),
            (_share(gpu.utilization), "strong"),
            (f"{gigabytes(gpu.memory_used):>5}/{gigabytes(gpu.memory_total)} GB", ""),
            (f"{_temperature(gpu):>7}", "dim"),
        ]
        for gpu in gpus
    ]


def _no_gpu(machine: Machine, width: int, wide: bool) -> list[Line]:
    """CPU and RAM, if there is no GPU to show."""
    title = heading("no GPU" if not machine.device else f"no GPU · {machine.device}", width)
    bar_width = width - (22 if wide else 13)
    pad = " " if wide else ""
    share = machine.ram_used / machine.ram_total if machine.ram_total else math.nan
    used = f"{gigabytes(machine.ram_used)}/{gigabytes(machine.ram_total)} GB"
    lines: list[Line] = [
        title,
        [(f"{pad}cpu ", "dim"), (bar(machine.cpu, bar_width), "bar"), (_share(machine.cpu), "strong")],
        [(f"{pad}ram ", "dim"), (bar(share, bar_width), "bar"), (f"{used:>9}", "strong")],
    ]
    if not math.isnan(machine.ram_ours):
        lines.append([(f"{pad}    ours {gigabytes(machine.ram_ours, 1)} GB", "")])
    if not wide:
        lines.append([_disk(machine)])
    if machine.note:
        lines.append([(pad + fit(one_line(machine.note), width - len(pad)).rstrip(), "dim")])
    return lines


def _wide_tail(machine: Machine, width: int) -> list[Line]:
    """Utilization over the last ten minutes, the phases of the epoch, and the host."""
    lines: list[Line] = []
    if machine.busy:
        lines.append([(" last 10 min  ", "dim"), (spark(machine.busy, width - 15), "bar")])
    total = sum(second for second in machine.seconds.values() if second > 0)
    if total > 0:
        shares = {one_line(name): second / total for name, second in machine.seconds.items()}
        parts = [f"{name} {percent(share, 0)} %" for name, share in shares.items() if share >= 0.005]
        lines.append([(" epoch  ", "dim"), ("  ".join(parts), "")])
    if machine.gpus and len(machine.gpus) == 1:
        host: Line = [(" host   ", "dim"), (f"cpu {_share(machine.cpu).strip()}   ", "")]
        host.append((f"ram {gigabytes(machine.ram_used)}/{gigabytes(machine.ram_total)} GB   ", ""))
        lines.append([*host, _disk(machine)])
    elif not machine.gpus:
        lines.append([(" host   ", "dim"), _disk(machine)])
    return lines


def _host(machine: Machine) -> list[Line]:
    """The host in one short line, with the power of the GPUs."""
    line: Line = [
        (f"cpu {_share(machine.cpu).strip()}", ""),
        (f"  ram {gigabytes(machine.ram_used)}/{gigabytes(machine.ram_total)}", ""),
    ]
    power = sum(gpu.power for gpu in machine.gpus if not math.isnan(gpu.power))
    if power:
        line.append((f"  {_whole(power)} W", ""))
    return [line]


def _disk(machine: Machine) -> tuple[str, str]:
    low = machine.disk_free < LOW_DISK
    return f"disk {gigabytes(machine.disk_free)} GB free", "warn" if low else ""


def _temperature(gpu: Gpu) -> str:
    return "" if math.isnan(gpu.temperature) else f"{gpu.temperature:.0f} °C"


def _share(fraction: float) -> str:
    return f"{NONE if math.isnan(fraction) else percent(fraction, 0):>4} %"


def _whole(value: float) -> str:
    return NONE if math.isnan(value) else f"{value:.0f}"
